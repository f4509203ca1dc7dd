"""GGUF files in: a header that is checked against the file's length before the library maps it.

Format: ggml's docs/gguf.md, version 3, little endian: magic, version, tensor count, key count, the keys, the tensor
table, padding to the alignment, the data. Every count and length in it is a claim of whoever wrote the file; all are
checked in exact integers, and nothing is allocated before. Dequantising is left to the package `gguf`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from helder.errors import HelderError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
LARGEST_COUNT = 1 << 20  # tensors, keys; far above any model (assumption)
LARGEST_STRING = 1 << 24
DEEPEST_ARRAY = 4
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9


@dataclass(frozen=True)
class GgufTensor:
    """One entry of the tensor table.

    Attributes:
        name: as in the file.
        shape: row-major (the file stores it the other way round).
        kind: name of the ggml type, for example "Q4_1".
        size: bytes.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    size: int


class _Header:
    """Reads the header of one file and never past its end."""

    def __init__(self, path: Path, handle: BinaryIO) -> None:
        self.path, self.handle, self.length = path, handle, path.stat().st_size

    def take(self, count: int, what: str) -> bytes:
        if count > self.length - self.handle.tell():
            raise self.damaged(f"It ends within {what}: {count} bytes are announced, fewer are left.")
        data = self.handle.read(count)
        if len(data) < count:
            raise self.damaged(f"It ends within {what}.")
        return data

    def number(self, form: str, what: str) -> Any:
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}"), what))[0]

    def text(self, what: str) -> str:
        length = self.number("Q", what)
        if length > LARGEST_STRING:
            raise self.damaged(f"{what} claims to be {length} bytes long.")
        return self.take(length, what).decode("utf-8", "surrogateescape")

    def value(self, kind: int, what: str, depth: int = 0) -> Any:
        if kind == STRING:
            return self.text(what)
        if kind in SCALARS:
            return self.number(SCALARS[kind], what)
        if kind != ARRAY or depth == DEEPEST_ARRAY:
            raise self.damaged(f"{what} is of the unknown type {kind}.")
        inner, count = self.number("I", what), self.number("Q", what)
        if inner in SCALARS:
            data = self.take(count * struct.calcsize(f"<{SCALARS[inner]}"), what)
            return list(struct.unpack(f"<{count}{SCALARS[inner]}", data))
        if count * 8 > self.length - self.handle.tell():
            raise self.damaged(f"{what} claims {count} entries, more than the file can hold.")
        return [self.value(inner, what, depth + 1) for _ in range(count)]

    def damaged(self, why: str) -> HelderError:
        return HelderError(f"{self.path.name} is cut short, damaged, or not a GGUF file.", why, "Fetch the file again.")


def read_header(path: Path) -> tuple[dict[str, Any], list[GgufTensor]]:
    """Metadata and tensor table of a GGUF file, every claim checked against the file's length.

    Returns:
        (key → value, tensors in the order of the file)

    Raises:
        HelderError: cut short (the first tensor that is not whole is named), damaged, or of a type that is not known.
    """
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    with path.open("rb") as handle:
        header = _Header(path, handle)
        if header.take(4, "the first four bytes") != MAGIC:
            raise header.damaged('It does not begin with "GGUF".')
        version = header.number("I", "the version")
        if version not in VERSIONS:
            raise header.damaged(f"Its version is {version}; {VERSIONS[0]} and {VERSIONS[1]} are known.")
        tensors, keys = header.number("Q", "the tensor count"), header.number("Q", "the key count")
        if max(tensors, keys) > LARGEST_COUNT:
            raise header.damaged(f"It claims {tensors} tensors and {keys} keys.")
        fields: dict[str, Any] = {}
        for _ in range(keys):
            key = header.text("the name of a key")
            if key in fields:
                raise header.damaged(f"The key {key} stands there twice.")
            fields[key] = header.value(header.number("I", f"the type of {key}"), key)
        table: list[tuple[str, tuple[int, ...], int, int]] = []
        for _ in range(tensors):
            name = header.text("the name of a tensor")
            dimensions = header.number("I", f"the shape of {name}")
            if dimensions > 4:
                raise header.damaged(f"{name} claims {dimensions} dimensions.")
            shape = tuple(header.number("Q", f"the shape of {name}") for _ in range(dimensions))
            table.append((name, shape[::-1], header.number("I", name), header.number("Q", name)))
        alignment = fields.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 8 <= alignment <= 65536 or alignment & (alignment - 1):
            raise header.damaged(f"Its alignment is {alignment!r}.")
        begin = -(-handle.tell() // alignment) * alignment

    found: list[GgufTensor] = []
    for name, shape, kind, offset in sorted(table, key=lambda entry: entry[3]):
        try:
            known = GGMLQuantizationType(kind)
        except ValueError:
            raise header.damaged(f"{name} is of the unknown type {kind}.") from None
        block, block_bytes = GGML_QUANT_SIZES[known]
        if not shape or shape[-1] % block:
            raise header.damaged(f"{name} of shape {list(shape)} cannot be of type {known.name}.")
        size = prod(shape) // block * block_bytes
        if begin + offset + size > header.length:
            whole = max(0, header.length - begin - offset)
            raise header.damaged(f"The tensor {name} should have {size} bytes and has {whole}.")
        if any(other.name == name for other in found[-1:]):
            raise header.damaged(f"The tensor {name} stands there twice.")
        found.append(GgufTensor(name, shape, known.name, size))
    if len({tensor.name for tensor in found}) < len(found):
        raise header.damaged("A tensor stands there twice.")
    return fields, found
