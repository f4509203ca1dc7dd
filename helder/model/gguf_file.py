"""GGUF files in: a header that is checked against the file's length before anything trusts it.

Format: ggml's docs/gguf.md, version 3, little endian: magic, version, tensor count, key count, the keys, the tensor
table, padding to the alignment, the data. Every count and length in it is a claim of whoever wrote the file; all are
checked in exact integers, and nothing is allocated before. The numpy code of the package `gguf` dequantises.
"""

from __future__ import annotations

import os
import struct
from collections import Counter
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from helder.errors import HelderError

if TYPE_CHECKING:
    import numpy as np

MAGIC = b"GGUF"
VERSIONS = (2, 3)
LARGEST_COUNT = 1 << 20  # tensors, keys; far above any model (assumption)
LARGEST_STRING = 1 << 24
LARGEST_NAME = 1 << 10  # bytes of a key's name; the format's own limit is 65,535, no key has more than 100 (assumption)
LONGEST_TENSOR = 63  # bytes of a tensor's name: what ggml keeps (GGML_MAX_NAME 64)
LARGEST_HEADER = 1 << 28  # bytes; a vocabulary of 256,000 tokens with its merges takes 10 million (assumption)
MOST_ENTRIES = 1 << 23  # of all lists together; such a vocabulary has 1.3 million: each costs about 60 bytes here
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
        start: first byte, counted from the beginning of the file.
        size: bytes.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    start: int
    size: int


class _Header:
    """Reads the header of one file and never past its end."""

    def __init__(self, path: Path, handle: BinaryIO) -> None:
        self.path, self.handle = path, handle
        self.length = os.fstat(handle.fileno()).st_size
        self.entries = 0  # of all lists
        self.at = 0  # bytes that were read

    def take(self, count: int, what: str) -> bytes:
        if count > self.length - self.at:
            raise self.damaged(f"It ends within {what}: {count} bytes are announced, fewer are left.")
        if self.at + count > LARGEST_HEADER:
            raise self.damaged(f"Its header has more than {LARGEST_HEADER} bytes, at {what}.")
        data = self.handle.read(count)
        if len(data) < count:
            raise self.damaged(f"It ends within {what}.")
        self.at += count
        return data

    def number(self, form: str, what: str) -> Any:
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}"), what))[0]

    def name(self, what: str, longest: int) -> str:
        """The name of a key or tensor: short, and nothing that a terminal would obey."""
        name = self.text(what, longest)
        if not name or not name.isprintable():
            raise self.damaged(f"{what[0].upper()}{what[1:]} is {name!r}.")
        return name

    def text(self, what: str, longest: int = LARGEST_STRING) -> str:
        length = self.number("Q", what)
        if length > longest:
            raise self.damaged(f"It claims {length} bytes for {what}.")
        try:
            return self.take(length, what).decode("utf-8")
        except UnicodeDecodeError:
            raise self.damaged(f"{what[0].upper()}{what[1:]} is not UTF-8.") from None

    def value(self, kind: int, what: str, depth: int = 0) -> Any:
        if kind == STRING:
            return self.text(what)
        if kind in SCALARS:
            return self.number(SCALARS[kind], what)
        if kind != ARRAY or depth == DEEPEST_ARRAY:
            raise self.damaged(f"{what} is of the unknown type {kind}.")
        inner, count = self.number("I", what), self.number("Q", what)
        self.entries += count
        if self.entries > MOST_ENTRIES:
            raise self.damaged(f"It claims {count} entries for {what}; all lists may have {MOST_ENTRIES} together.")
        if inner in SCALARS:
            # Exact integers first: a count that would overflow anything meets the file's length here.
            data = self.take(count * struct.calcsize(f"<{SCALARS[inner]}"), what)
            return list(struct.unpack(f"<{count}{SCALARS[inner]}", data))
        if count * 8 > self.length - self.at:
            raise self.damaged(f"It claims {count} entries for {what}, more than it can hold.")
        if inner == STRING:
            return self.texts(count, what)
        return [self.value(inner, what, depth + 1) for _ in range(count)]

    def texts(self, count: int, what: str) -> list[str]:
        """Many texts, as vocabularies have them: the checks of `text`, in one loop. A model starts with this."""
        read, found = self.handle.read, []
        last = min(self.length, LARGEST_HEADER)
        for _ in range(count):
            start = read(8)
            length = int.from_bytes(start, "little")
            self.at += 8 + length
            if self.at > last or len(start) < 8 or length > LARGEST_STRING:
                raise self.damaged(f"It claims {length} bytes for {what}, where it ends or its header would.")
            data = read(length)
            if len(data) < length:
                raise self.damaged(f"It ends within {what}.")
            try:
                found.append(data.decode("utf-8"))
            except UnicodeDecodeError:
                raise self.damaged(f"{what[0].upper()}{what[1:]} is not UTF-8.") from None
        return found

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
            key = header.name("the name of a key", LARGEST_NAME)
            if key in fields:
                raise header.damaged(f"The key {key} stands there twice.")
            fields[key] = header.value(header.number("I", f"the type of {key}"), key)
        table: list[tuple[str, tuple[int, ...], int, int]] = []
        for _ in range(tensors):
            name = header.name("the name of a tensor", LONGEST_TENSOR)
            dimensions = header.number("I", f"the shape of {name}")
            if dimensions > 4:
                raise header.damaged(f"{name} claims {dimensions} dimensions.")
            shape = tuple(header.number("Q", f"the shape of {name}") for _ in range(dimensions))
            table.append((name, shape[::-1], header.number("I", name), header.number("Q", name)))
        alignment = fields.get("general.alignment", 32)
        if (
            isinstance(alignment, bool)
            or not isinstance(alignment, int)
            or not 8 <= alignment <= 65536
            or alignment & (alignment - 1)
        ):
            raise header.damaged(f"Its alignment is {alignment!r}.")
        begin = -(-header.at // alignment) * alignment

    repeated = sorted(name for name, count in Counter(entry[0] for entry in table).items() if count > 1)
    if repeated:
        raise header.damaged(f"The tensor {repeated[0]} stands there twice.")
    found: list[GgufTensor] = []
    free = 0  # the first byte of the data that no tensor has yet
    for name, shape, kind, offset in sorted(table, key=lambda entry: entry[3]):
        try:
            known = GGMLQuantizationType(kind)
        except ValueError:
            raise header.damaged(f"{name} is of the unknown type {kind}.") from None
        block, block_bytes = GGML_QUANT_SIZES[known]
        if not shape or 0 in shape or shape[-1] % block:
            raise header.damaged(f"{name} of shape {list(shape)} cannot be of type {known.name}.")
        size = prod(shape) // block * block_bytes
        if begin + offset + size > header.length:
            whole = max(0, header.length - begin - offset)
            raise header.damaged(f"The tensor {name} should have {size} bytes and has {whole}.")
        if offset % alignment or offset < free:
            raise header.damaged(f"The tensor {name} begins at {offset}, within another or beside the alignment.")
        free = offset + size
        found.append(GgufTensor(name, shape, known.name, begin + offset, size))
    return fields, found


class GgufFile:
    """A GGUF file whose header was checked; tensors are read and dequantised one at a time.

    Attributes:
        path: the file.
        fields: metadata, key → value.
        tensors: tensor table, by the name in the file.
    """

    def __init__(self, path: Path) -> None:
        """Check the header.

        Raises:
            HelderError: see `read_header`.
        """
        self.path = path
        self.fields, table = read_header(path)
        self.tensors = {tensor.name: tensor for tensor in table}

    def raw(self, name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The bytes of one tensor: (..., bytes of a row).

        Raises:
            HelderError: the file became shorter since its header was read.
        """
        import numpy as np

        tensor = self.tensors[name]
        with self.path.open("rb") as handle:
            handle.seek(tensor.start)
            data = np.fromfile(handle, dtype=np.uint8, count=tensor.size)
        if data.size < tensor.size:
            raise HelderError(f"{self.path.name} became shorter while it was read.", fix="Fetch the file again.")
        return data.reshape(*tensor.shape[:-1], -1)

    def read(self, name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
        """One tensor as fp32, shape as in the table; the numbers are those of the package `gguf`.

        Raises:
            HelderError: it is of a type that the package cannot dequantise.
        """
        import gguf
        import numpy as np

        tensor = self.tensors[name]
        try:
            plain = gguf.quants.dequantize(self.raw(name), gguf.GGMLQuantizationType[tensor.kind])
        except NotImplementedError as error:  # what the package says of a type that it only knows by name
            raise HelderError(
                f"{name} in {self.path.name} is of type {tensor.kind}, which cannot be dequantised.",
                fix="Use a file in another format, for example Q8_0 or F16.",
            ) from error
        return np.ascontiguousarray(plain, dtype=np.float32).reshape(tensor.shape)
