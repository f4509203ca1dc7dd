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

INDEX = "model.safetensors.index.json"
LARGEST_HEADER = 100_000_000  # bytes; the limit of the reference implementation
PIECE = 1 << 24  # weights of a piece: 64 MB in fp32
MOST_SIZES, LARGEST_TENSOR = 8, 1 << 48  # sizes of a shape, and weights; far above any model's (assumption)
FLOATS = {"F32": 4, "F16": 2, "BF16": 2}  # bytes of one weight
TORCH_NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}  # as config.json writes them


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

    def read(self, first: int = 0, count: int | None = None) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The tensor as fp32, a copy of its own; F16 and BF16 are widened, which loses nothing.

        Args:
            first, count: only so many rows from this one on; a row is what the first size counts.
        """
        rows = self.shape[0] if self.shape else 1
        count = rows - first if count is None else count
        row = self.size // rows if rows else 0
        data = self._bytes(self.start + first * row, count * row)
        shape = (count, *self.shape[1:]) if self.shape else ()
        if self.dtype == "BF16":
            wide = np.frombuffer(data, dtype="<u2").astype(np.uint32) << 16
            return wide.view(np.float32).reshape(shape)
        kind = np.dtype("<f4") if self.dtype == "F32" else np.dtype("<f2")
        return np.frombuffer(data, dtype=kind).astype(np.float32).reshape(shape)

    def pieces(self) -> Iterator[np.ndarray[Any, np.dtype[np.float32]]]:
        """The tensor as fp32, some rows at a time, in order: the embedding of a large model has gigabytes."""
        rows = self.shape[0] if self.shape else 1
        step = max(1, PIECE // max(1, prod(self.shape) // max(1, rows)))
        for first in range(0, rows, step):
            yield self.read(first, min(step, rows - first))

    def raw(self) -> bytearray:
        """Its bytes as they stand in the file.

        Raises:
            HelderError: the file became shorter since its header was read.
        """
        return self._bytes(self.start, self.size)

    def _bytes(self, start: int, size: int) -> bytearray:
        data = bytearray(size)
        with self.file.open("rb", buffering=0) as handle:
            handle.seek(start)
            view, done = memoryview(data), 0
            while done < size and (count := handle.readinto(view[done:])):
                done += count
        if done < size:
            raise _lies(self.file, "It became shorter while it was read.")
        return data


def read_header(path: Path) -> dict[str, TensorInfo]:
    """Name → place of every tensor of a file, every claim checked against the file's length.

    Raises:
        HelderError: the header is cut short, not JSON, or lies about a size, an offset or a shape; tensors overlap,
            or bytes belong to none.
    """
    length = path.stat().st_size
    with path.open("rb") as handle:
        first = handle.read(8)
        size = int.from_bytes(first, "little")
        if len(first) < 8 or size > length - 8:
            raise _lies(path, f"It claims a header of {size} bytes and has {length} bytes in all.")
        if size > LARGEST_HEADER:
            raise _lies(path, f"It claims a header of {size} bytes; {LARGEST_HEADER} are the most that is allowed.")
        text = handle.read(size)
    try:
        header = json.loads(text, object_pairs_hook=_without_repeats)
        header.pop("__metadata__", None)
        found = {name: _place(path, name, entry, 8 + size, length) for name, entry in sorted(header.items())}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _lies(path, f"Its header cannot be read: {error!r}.") from error
    _check_cover(path, found, 8 + size, length)
    return found


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a name stands there twice")
    return record


def _place(path: Path, name: str, entry: Mapping[str, Any], begin: int, length: int) -> TensorInfo:
    dtype, shape = entry["dtype"], tuple(entry["shape"])
    start, end = entry["data_offsets"]
    if not all(type(number) is int and number >= 0 for number in (*shape, start, end)):
        raise _lies(path, f"The tensor {name} has the shape {list(shape)} and the offsets {[start, end]}.")
    if dtype not in FLOATS:
        raise HelderError(
            f"The tensor {name} in {path.name} is of type {dtype}.",
            f"Weights are read as {', '.join(FLOATS)}.",
            "Use a copy of the model in one of these types.",
        )
    if end - start != prod(shape) * FLOATS[dtype]:
        raise _lies(path, f"The tensor {name} of {list(shape)} {dtype} cannot have {end - start} bytes.")
    if begin + end > length:
        raise _lies(path, f"The tensor {name} would end at byte {begin + end}; the file has {length}.")
    # Where one of the sizes is 0 there are no bytes whose number would bound the others.
    if len(shape) > MOST_SIZES or prod(size for size in shape if size) > LARGEST_TENSOR:
        raise _lies(path, f"The tensor {name} has the sizes {', '.join(map(str, shape[:MOST_SIZES]))}.")
    return TensorInfo(path, dtype, shape, begin + start, end - start)


def _check_cover(path: Path, found: Mapping[str, TensorInfo], begin: int, length: int) -> None:
    """Every byte of the data belongs to one tensor, as the format demands: no overlap, no place to hide in."""
    last = "the header"
    for name, info in sorted(found.items(), key=lambda item: (item[1].start, item[1].size)):
        if info.start != begin:
            kind = "overlap" if info.start < begin else "leave a gap"
            raise _lies(path, f"The data of {last} and {name} {kind} at byte {info.start}.")
        begin, last = begin + info.size, name
    if begin != length:
        raise _lies(path, f"{length - begin} bytes at its end belong to no tensor.")


def _lies(path: Path, why: str) -> HelderError:
    return HelderError(f"{path.name} is damaged or is not a safetensors file.", why, "Fetch the file again.")


def files(folder: Path) -> list[Path]:
    """The files that hold the weights of a model folder: one, or those that its index names.

    Raises:
        HelderError: there are none, only pickled ones, the index is damaged or names a file that is not there.
    """
    index = folder / INDEX
    if index.exists():
        found = [folder / name for name in sorted(set(_read_index(index).values()))]
        for file in found:
            if file.parent != folder or not file.is_file():
                raise HelderError(
                    f"{index.name} names {file.name}, which is not in {folder.name}.", fix="Fetch the model again."
                )
        return found
    found = [file for file in sorted(folder.glob("*.safetensors")) if file.name != "adapter.safetensors"]
    if not found:
        pickled = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern))
        raise HelderError(
            f"{folder} holds no safetensors weights.",
            f"{pickled[0]} is a pickle, which can run code; Helder reads none." if pickled else "",
            "Use a copy of the model with *.safetensors files.",
        )
    return found


def open_folder(folder: Path) -> dict[str, TensorInfo]:
    """Name → place of every tensor of a model folder.

    Raises:
        HelderError: see `files` and `read_header`; a tensor stands in two files, or not where the index says.
    """
    tensors: dict[str, TensorInfo] = {}
    for file in files(folder):
        for name, info in read_header(file).items():
            if name in tensors:
                raise HelderError(
                    f"The tensor {name} stands in {tensors[name].file.name} and in {file.name}.",
                    "Which of the two is meant cannot be known.",
                    "Keep the files of one model in a folder.",
                )
            tensors[name] = info
    index = folder / INDEX
    for name, file_name in sorted(_read_index(index).items()) if index.exists() else []:
        if name not in tensors or tensors[name].file.name != file_name:
            raise HelderError(
                f"{index.name} says that {name} is in {file_name}, and it is not.", fix="Fetch the model again."
            )
    return tensors


def _read_index(index: Path) -> dict[str, str]:
    try:
        named = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        if not all(isinstance(name, str) and isinstance(file, str) for name, file in named.items()):
            raise ValueError("names and files must be text")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HelderError(f"{index} cannot be read.", repr(error), "Fetch the model again.") from error
    return dict(named)


def header(layout: Mapping[str, tuple[str, tuple[int, ...]]]) -> tuple[bytes, dict[str, tuple[int, int]]]:
    """(what stands before the data of a file with these tensors, name → first byte and end of each in the file).

    Args:
        layout: name → (type, shape); the file's order is that of the sorted names.
    """
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}  # transformers asks for it
    end = 0
    for name, (dtype, shape) in sorted(layout.items()):
        start, end = end, end + FLOATS[dtype] * prod(shape)
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(entries, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)  # data begin on a multiple of 8
    head = len(text).to_bytes(8, "little") + text
    offsets = ((name, entries[name]["data_offsets"]) for name in layout)
    return head, {name: (len(head) + start, len(head) + end) for name, (start, end) in offsets}


def write(path: Path, layout: Mapping[str, tuple[str, tuple[int, ...]]], tensors: Iterable[tuple[str, Any]]) -> None:
    """Write tensors, one at a time, so that memory holds no more than one.

    Args:
        layout: name → (type, shape) of all tensors; the file's order is that of the sorted names.
        tensors: (name, buffer of little-endian numbers) in the order of the sorted names.
    """
    head, places = header(layout)
    expected = iter(sorted(layout))
    with path.open("wb") as handle:
        handle.write(head)
        for name, buffer in tensors:
            data = memoryview(buffer).cast("B")
            start, end = places[name]
            if name != next(expected, None) or len(data) != end - start:
                raise ValueError(f"{name}, {len(data)} bytes, is not the tensor that comes next")
            handle.write(data)
    if next(expected, None) is not None:
        raise ValueError("fewer tensors than announced")


def read_all(folder: Path) -> Iterator[tuple[str, Any]]:
    """Every tensor of a folder as fp32, in the order of the sorted names."""
    for name, info in sorted(open_folder(folder).items()):
        yield name, info.read()
