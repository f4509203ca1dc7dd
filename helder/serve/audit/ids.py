"""Where each id of the audit log is: eight bytes for a record in memory, and a file, so that a start is quick.

The file can be lost: what it does not hold is read from the records. It is bound to the log as it was when it was
written, so that one of another history is not taken.
"""

from __future__ import annotations

import array
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from helder.serve.audit.disk import Disk

WIDTH = 8  # bytes of the digest of an id; two ids that share them are told apart by their records
DIGEST = 32  # bytes at the end of the file


class Ids:
    """The ids of the records, in their order."""

    def __init__(self) -> None:
        self._short = array.array("Q")

    def __len__(self) -> int:
        return len(self._short)

    def add(self, id: str) -> None:
        """That of the next record."""
        self._short.append(_short(id))

    def places(self, id: str) -> list[int]:
        """Numbers of the records that may have this id."""
        import numpy as np

        return np.flatnonzero(np.frombuffer(self._short, np.uint64) == _short(id)).tolist() if self._short else []

    def load(
        self, path: Path, size: int, root_of: Callable[[int], bytes], rest: Callable[[int], Iterator[str]]
    ) -> None:
        """Those of a log of `size` records, from the file as far as it fits, then from the records.

        Args:
            root_of: the root of the tree over so many records.
            rest: the ids of the records from a number on.
        """
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = b""
        body, digest = data[:-DIGEST], data[-DIGEST:]
        if len(body) % WIDTH == 0 and len(body) // WIDTH <= size and _bound(body, root_of) == digest:
            self._short.frombytes(body)
        for id in rest(len(self)):
            self.add(id)

    def copy(self) -> Ids:
        """As they are now."""
        found = Ids()
        found._short = self._short[:]
        return found

    def save(self, path: Path, disk: Disk, root_of: Callable[[int], bytes]) -> None:
        """Write the file, whole or not at all."""
        body = self._short.tobytes()
        disk.replace(path, body + _bound(body, root_of))


def _bound(body: bytes, root_of: Callable[[int], bytes]) -> bytes:
    return hashlib.sha256(root_of(len(body) // WIDTH) + body).digest()


def _short(id: str) -> int:
    return int.from_bytes(hashlib.sha256(id.encode("utf-8")).digest()[:WIDTH], "little")
