"""Safetensors files: a header that is checked before anything trusts it, numpy in and out, one tensor at a time.

Format (github.com/huggingface/safetensors): 8 bytes header length, little endian; a JSON header name → dtype, shape,
data_offsets; the data. Pickled weights are refused elsewhere; nothing here runs code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from helder.errors import HelderError

LARGEST_HEADER = 100_000_000  # bytes; the limit of the reference implementation
SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
FLOATS = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "F64": np.dtype("<f8")}


@dataclass(frozen=True)
class TensorInfo:
    """Where a tensor lies.

    Attributes:
        file: the file that holds it.
        dtype: safetensors' name of the type.
        shape: its sizes.
        start: first byte, counted from the beginning of the file.
        size: its bytes.
    """

    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    size: int

    def read(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The tensor as fp32; other float types are converted, which loses nothing for F16 and BF16."""
        with self.file.open("rb") as handle:
            handle.seek(self.start)
            data = handle.read(self.size)
        if self.dtype == "BF16":
            wide = np.frombuffer(data, dtype="<u2").astype(np.uint32) << 16
            return wide.view(np.float32).reshape(self.shape)
        return np.frombuffer(data, dtype=FLOATS[self.dtype]).astype(np.float32).reshape(self.shape)


def read_header(path: Path) -> dict[str, TensorInfo]:
    """Name → place of every tensor of a file, every claim checked against the file's length.

    Raises:
        HelderError: the header is cut short, not JSON, or lies about a size, an offset or a shape.
    """
    length = path.stat().st_size
    with path.open("rb") as handle:
        first = handle.read(8)
        size = int.from_bytes(first, "little")
        if len(first) < 8 or size > min(LARGEST_HEADER, length - 8):
            raise _lies(path, f"It claims a header of {size} bytes and has {length} bytes in all.")
        text = handle.read(size)
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        return {name: _place(path, name, entry, 8 + size, length) for name, entry in sorted(header.items())}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _lies(path, f"Its header cannot be read: {error!r}.") from error


def _place(path: Path, name: str, entry: Mapping[str, Any], begin: int, length: int) -> TensorInfo:
    dtype, shape = entry["dtype"], tuple(entry["shape"])
    start, end = entry["data_offsets"]
    if dtype not in SIZES or not all(isinstance(size, int) and size >= 0 for size in (*shape, start, end)):
        raise _lies(path, f"The tensor {name} has the type {dtype} and the shape {list(shape)}.")
    if end - start != prod(shape) * SIZES[dtype]:
        raise _lies(path, f"The tensor {name} of {list(shape)} {dtype} cannot have {end - start} bytes.")
    if begin + end > length:
        raise _lies(path, f"The tensor {name} would end at byte {begin + end}; the file has {length}.")
    if dtype not in FLOATS and dtype != "BF16":
        raise HelderError(f"The tensor {name} in {path.name} is of type {dtype}.", "Weights are F32, F16 or BF16.")
    return TensorInfo(path, dtype, shape, begin + start, end - start)


def _lies(path: Path, why: str) -> HelderError:
    return HelderError(f"{path.name} is damaged or is not a safetensors file.", why, "Fetch the file again.")


def open_folder(folder: Path) -> dict[str, TensorInfo]:
    """Name → place of every tensor of a model folder, one file or several.

    Raises:
        HelderError: no weights, only pickled ones, a file that the index names is missing, or a tensor twice.
    """
    index = folder / "model.safetensors.index.json"
    if index.exists():
        named = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        files = [folder / name for name in sorted(set(named.values()))]
        for file in files:
            if file.parent != folder or not file.is_file():
                raise HelderError(f"{index.name} names {file.name}, which is not there.", fix="Fetch the model again.")
    else:
        files = sorted(folder.glob("*.safetensors"))
        files = [file for file in files if file.name != "adapter.safetensors"]
    if not files:
        pickled = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern))
        raise HelderError(
            f"{folder} holds no safetensors weights.",
            f"{pickled[0]} is a pickle, which can run code; Helder reads none." if pickled else "",
            "Use a copy of the model with *.safetensors files.",
        )
    tensors: dict[str, TensorInfo] = {}
    for file in files:
        for name, info in read_header(file).items():
            if name in tensors:
                raise HelderError(f"The tensor {name} stands in {tensors[name].file.name} and in {file.name}.")
            tensors[name] = info
    return tensors


def write(path: Path, shapes: Mapping[str, tuple[int, ...]], tensors: Iterable[tuple[str, Any]]) -> None:
    """Write fp32 tensors, one at a time, so that memory holds no more than one.

    Args:
        shapes: name → shape of all tensors; the file's order is that of the sorted names.
        tensors: (name, array) in the order of the sorted names.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in sorted(shapes):
        start, end = end, end + 4 * prod(shapes[name])
        header[name] = {"dtype": "F32", "shape": list(shapes[name]), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)  # data begin on a multiple of 8
    expected = iter(sorted(shapes))
    with path.open("wb") as handle:
        handle.write(len(text).to_bytes(8, "little") + text)
        for name, array in tensors:
            if name != next(expected) or array.shape != shapes[name]:
                raise ValueError(f"{name} {array.shape} is not the tensor that comes next")
            handle.write(np.ascontiguousarray(array, dtype="<f4").tobytes())
    if next(expected, None) is not None:
        raise ValueError("fewer tensors than announced")


def read_all(folder: Path) -> Iterator[tuple[str, Any]]:
    """Every tensor of a folder as fp32, in the order of the sorted names."""
    for name, info in sorted(open_folder(folder).items()):
        yield name, info.read()
