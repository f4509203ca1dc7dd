"""Where a log lies in files: tiles of 256 digests, bundles of 256 records, and their names (C2SP tlog-tiles).

Level 0 holds the digests of the records, each level above the roots of whole tiles below it. What is full never
changes again; the last of a level is partial and carries its width in its name. A bundle is a row of records, each
behind its length in two bytes.

Format: https://c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH = 256  # tlog-tiles: tiles have height 8
HASH = 32  # bytes of a digest
LONGEST_RECORD = 65_535  # bytes; a bundle's length field has 16 bits
_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True)
class Tile:
    """One file of a log: a tile of digests, or (level None) a bundle of records.

    Attributes:
        level: 0 for the records' digests; None for the records themselves.
        number: which one in its level.
        width: how many digests or records are in it; 256 when it is full.
    """

    level: int | None
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        level = "entries" if self.level is None else str(self.level)
        partial = f".p/{self.width}" if self.width < WIDTH else ""
        return f"tile/{level}/{numbered(self.number)}{partial}"

    @classmethod
    def read(cls, path: str) -> Tile | None:
        """The tile that a path names; None when it names none."""
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        level, numbers, width = found.groups()
        number = int(numbers.replace("x", "").replace("/", ""))
        tile = cls(None if level == "entries" else int(level), number, int(width) if width else WIDTH)
        # One name for each tile: no needless x000, no width of 256 or more, no level above 63.
        fits = tile.path == path and (tile.level or 0) <= 63 and number < 1 << 62
        return tile if fits else None


def numbered(number: int) -> str:
    """A number as folders and a name, such as x001/x234/067."""
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[place : place + 3] for place in range(0, len(digits), 3)]
    return "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])


def of_size(size: int, since: int = 0) -> list[Tile]:
    """The tiles of a tree of `size` records that one of `since` records did not have, from below, bundles first.

    Every one that grew is named, so that `of_size(size)` is the whole log.
    """
    found = _rows(None, size, since)
    level = 0
    while size >> (8 * level):
        found += _rows(level, size >> (8 * level), since >> (8 * level))
        level += 1
    return found


def _rows(level: int | None, count: int, since: int) -> list[Tile]:
    if count == since:
        return []
    return [
        Tile(level, number, min(WIDTH, count - number * WIDTH)) for number in range(since // WIDTH, -(-count // WIDTH))
    ]


def bundle(records: Iterable[bytes]) -> bytes:
    """Records as a bundle."""
    return b"".join(len(record).to_bytes(2, "big") + record for record in records)


def unbundle(data: bytes) -> list[bytes]:
    """The records of a bundle.

    Raises:
        ValueError: it ends in the middle of a record.
    """
    found: list[bytes] = []
    place = 0
    while place < len(data):
        length = int.from_bytes(data[place : place + 2], "big")
        place += 2 + length
        if place > len(data):
            raise ValueError(f"it ends within its record {len(found)}")
        found.append(data[place - length : place])
    return found


def hashes(data: bytes) -> list[bytes]:
    """The digests of a tile.

    Raises:
        ValueError: the length is not a whole number of digests.
    """
    if len(data) % HASH:
        raise ValueError(f"its {len(data)} bytes are no whole number of digests")
    return [data[place : place + HASH] for place in range(0, len(data), HASH)]


def joined(found: Sequence[bytes]) -> bytes:
    return b"".join(found)
