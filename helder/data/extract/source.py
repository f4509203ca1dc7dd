"""A file as readers see it: an open descriptor and a name. No reader opens anything by its name."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from helder.data.extract.form import Refused
from helder.data.extract.walk import hashed

SMALL = 1 << 20  # bytes of a file that is read once, and kept (assumption)
HEAD = 8192  # bytes by which a file's kind is told


@dataclass
class Source:
    """A file that was opened by the walk.

    Args:
        descriptor: for reading; belongs to the caller.
        name: the last part of its path, as shown; only a hint.
        size: bytes, when it was opened.
        content: all bytes, when they were read already.
    """

    descriptor: int
    name: str
    size: int
    content: bytes | None = None

    @property
    def suffix(self) -> str:
        """The end of the name from its last dot on, in small letters."""
        stem, dot, end = self.name.rpartition(".")
        return f".{end.lower()}" if dot and stem else ""

    def head(self) -> bytes:
        """The first bytes."""
        if self.content is not None:
            return self.content[:HEAD]
        return os.pread(self.descriptor, HEAD, 0)

    def read(self, limit: int) -> bytes:
        """All bytes.

        Raises:
            Refused: there are more than `limit`.
        """
        if self.size > limit:
            raise Refused(f"it is larger than {limit:,} bytes, which is what is read of one file as a whole")
        if self.content is not None:
            return self.content
        parts, at = [], 0
        while part := os.pread(self.descriptor, 1 << 24, at):
            parts.append(part)
            at += len(part)
            if at > limit:
                raise Refused(f"it grew beyond {limit:,} bytes while it was read")
        return parts[0] if len(parts) == 1 else b"".join(parts)


def opened(descriptor: int, name: str) -> tuple[Source, str]:
    """A file that was opened, and its SHA-256; the bytes of a small one are kept, so that they are read once."""
    size = os.fstat(descriptor).st_size
    if size > SMALL:
        size, sha256 = hashed(descriptor)
        return Source(descriptor, name, size), sha256
    content = os.pread(descriptor, size + 1, 0)
    while part := os.pread(descriptor, HEAD, len(content)):  # it grew meanwhile
        content += part
    return Source(descriptor, name, len(content), content), hashlib.sha256(content).hexdigest()
