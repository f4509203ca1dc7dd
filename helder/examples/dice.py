"""Draws for made-up data: pure functions of names, the same on every machine and with every version of Python."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Dice:
    """Draws that depend on their names and on how many were made before, and on nothing else."""

    def __init__(self, *names: object) -> None:
        self._names, self._count = names, 0

    def below(self, bound: int) -> int:
        """A number from 0 to `bound` - 1."""
        self._count += 1
        return int(number(*self._names, self._count) * bound)

    def between(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def of(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[self.below(len(items))]


def number(*names: object) -> float:
    """A number in [0, 1) that depends on `names` (integers and strings) and nothing else."""
    digest = hashlib.sha256("/".join(map(str, names)).encode("utf-8")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
