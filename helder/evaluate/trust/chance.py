"""Draws that are the same on every machine: SHA-256 of a name, counted on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """Numbers drawn under a name; another name, or another seed in it, draws others."""

    def __init__(self, *name: object) -> None:
        self._name, self._count = "\n".join(map(str, name)), 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to limit - 1."""
        self._count += 1
        digest = hashlib.sha256(f"helder chance {self._count}\n{self._name}".encode()).digest()
        return int.from_bytes(digest[:16]) % limit  # 128 bits: no limit here makes the remainder uneven

    def one_of(self, values: Sequence[T]) -> T:
        return values[self.below(len(values))]
