"""A Merkle tree that grows: RFC 6962, a leaf at a time, with the digests that its tiles will hold.

Only what is not yet in full tiles is kept in memory; the rest is read from tiles when a proof asks for it. Adding a
leaf costs about two hashes, the root log2(size), a proof log2(size) squared at worst.
"""

from __future__ import annotations

from collections.abc import Callable

from helder.ledger import merkle
from helder.serve.audit.tiles import WIDTH, Tile, joined

ReadTile = Callable[[int, int], list[bytes]]  # (level, number) -> digests of a full tile


class Tree:
    """The tree over the records so far.

    Args:
        read: reads a full tile that is no longer in memory.
    """

    def __init__(self, read: ReadTile) -> None:
        self.size = 0
        self._read = read
        self._levels: list[list[bytes]] = [[]]  # of each level of tiles, the digests from `_bases` on
        self._bases = [0]
        self._peaks: list[
            tuple[int, bytes]
        ] = []  # (height, root) of whole trees from the left, each lower than the last

    def append(self, leaf: bytes) -> None:
        """Add the digest of a record."""
        self._levels[0].append(leaf)
        height, digest = 0, leaf
        while self._peaks and self._peaks[-1][0] == height:
            digest = merkle.node(self._peaks.pop()[1], digest)
            height += 1
            if height % 8 == 0:
                self._level(height // 8).append(digest)
        self._peaks.append((height, digest))
        self.size += 1

    def root(self) -> bytes:
        if not self._peaks:
            return merkle.root([])
        digest = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            digest = merkle.node(peak, digest)
        return digest

    def resume(self, size: int, read: Callable[[Tile], list[bytes]]) -> None:
        """Take up a tree of `size` records from the last tile of each level.

        Args:
            read: reads a tile, partial or full.
        """
        self.size, self._levels, self._bases, self._peaks = size, [], [], []
        level = 0
        while level == 0 or size >> (8 * level):
            count = size >> (8 * level)
            base = count // WIDTH * WIDTH
            self._bases.append(base)
            self._levels.append(read(Tile(level, base // WIDTH, count - base)) if count > base else [])
            level += 1
        place = 0
        for height in reversed(range(size.bit_length())):
            if size >> height & 1:
                self._peaks.append((height, self.node(height, place >> height)))
                place += 1 << height

    def tile(self, tile: Tile) -> bytes | None:
        """A tile whose digests are all in memory; None for another."""
        if tile.level is None or tile.level >= len(self._levels):
            return None
        start = tile.number * WIDTH - self._bases[tile.level]
        found = self._levels[tile.level][start : start + tile.width] if start >= 0 else []
        return joined(found) if len(found) == tile.width else None

    def forget(self, size: int) -> None:
        """Let go of the digests that are in full tiles of a tree of `size` records."""
        for level, digests in enumerate(self._levels):
            base = (size >> (8 * level)) // WIDTH * WIDTH
            del digests[: base - self._bases[level]]
            self._bases[level] = base

    def node(self, height: int, place: int) -> bytes:
        """The root of the whole tree of 2^height records that begins at record `place` x 2^height."""
        level, within = divmod(height, 8)
        start = place << within
        number, offset = divmod(start, WIDTH)
        if start >= self._bases[level]:
            digests = self._levels[level][start - self._bases[level] :][: 1 << within]
        else:
            digests = self._read(level, number)[offset : offset + (1 << within)]
        return merkle.root(digests)

    def between(self, first: int, last: int) -> bytes:
        """The root over the records from `first` up to `last`, as RFC 6962 cuts them: `first` begins a tree."""
        count = last - first
        if count & (count - 1) == 0:
            height = count.bit_length() - 1
            return self.node(height, first >> height)
        split = merkle.split_of(count)
        return merkle.node(self.between(first, first + split), self.between(first + split, last))

    def inclusion(self, place: int, size: int) -> list[bytes]:
        """The digests that show that a record is in the tree of the first `size`, as `merkle.proof`."""
        if not 0 <= place < size <= self.size:
            raise IndexError(f"there is no record {place} in a tree of {size} of {self.size} records")
        first, last, beside = 0, size, []
        while last - first > 1:
            split = first + merkle.split_of(last - first)
            if place < split:
                beside.append(self.between(split, last))
                last = split
            else:
                beside.append(self.between(first, split))
                first = split
        return beside[::-1]

    def consistency(self, old: int, size: int) -> list[bytes]:
        """The digests that show that the first `old` records begin the tree of `size`, as `merkle.consistency`."""
        if not 0 < old <= size <= self.size:
            raise IndexError(f"there is no tree of {old} within {size} of {self.size} records")
        first, last, whole, beside = 0, size, True, []
        while old < last:
            split = first + merkle.split_of(last - first)
            if old <= split:
                beside.append(self.between(split, last))
                last = split
            else:
                beside.append(self.between(first, split))
                first, whole = split, False
        return ([] if whole else [self.between(first, last)]) + beside[::-1]

    def root_of(self, size: int) -> bytes:
        """The root when the log had `size` records."""
        return self.between(0, size) if size else merkle.root([])

    def _level(self, level: int) -> list[bytes]:
        if level == len(self._levels):
            self._levels.append([])
            self._bases.append(0)
        return self._levels[level]
