"""Which of many rare words stand in a text, in one pass over it: what is not there need not be looked for.

Four bytes of the text are looked up in a table of the words' parts: at every place where a word has four bytes, at
every second where all have five or more, at every fourth where all have seven or more, since one of the first four
parts of such a word begins there. Searching a text for each word costs the C library as much as this does for all of
them together.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

SIZE = 4  # bytes that are looked up
_STEPS = {4: 1, 5: 2, 6: 2}  # bytes of the shortest word → places from one look to the next; four beyond
_MIX = 0x9E3779B1  # odd, its bits without a pattern: 2^32 divided by the golden ratio
_SHIFT = np.uint32(16)
_AT_ONCE = 1 << 15  # places: what is worked on stays in the processor's cache (assumption)


class Beginnings:
    """A set of words, or beginnings of words, each of `SIZE` bytes or more."""

    def __init__(self, words: Iterable[bytes]) -> None:
        known = sorted(set(words))
        shortest = min(map(len, known))
        if shortest < SIZE:
            raise ValueError(f"{min(known, key=len)!r} has less than {SIZE} bytes")
        self._step = _STEPS.get(shortest, 4)
        self._words: dict[int, set[bytes]] = {}  # four bytes → the words that have them
        for word in known:
            for first in range(self._step):
                part = int.from_bytes(word[first : first + SIZE], "little")
                self._words.setdefault(part, set()).add(word)
        parts = np.array(sorted(self._words), dtype=np.uint32)
        self._mix = np.uint32(_MIX)
        while len(np.unique(self._keys(parts))) < len(parts):
            self._mix += np.uint32(2)
        self._there = np.zeros(1 << 16, dtype=np.bool_)
        self._parts = np.zeros(1 << 16, dtype=np.uint32)
        self._there[self._keys(parts)] = True
        self._parts[self._keys(parts)] = parts

    def among(self, data: bytes) -> set[bytes]:
        """Those of which a part stands somewhere in the bytes: all that stand there, perhaps others, too."""
        return self.among_each(data, np.array([len(data)]))[0]

    def among_each(self, data: bytes, ends: NDArray[np.int64]) -> list[set[bytes]]:
        """As `among`, of each of several texts that stand one behind the other.

        Args:
            ends: where each text ends in the bytes: (texts,).
        """
        found: list[set[bytes]] = [set() for _ in ends]
        places = (len(data) - SIZE) // self._step + 1
        if places < 1:
            return found
        windows = np.ndarray((places,), dtype="<u4", buffer=data, strides=(self._step,))
        for first in range(0, places, _AT_ONCE):
            part = windows[first : first + _AT_ONCE]
            keys = self._keys(part)
            hits = np.flatnonzero(self._there.take(keys))
            hits = hits[self._parts[keys[hits]] == part[hits]]
            if len(hits):
                texts = np.searchsorted(ends, (first + hits) * self._step, side="right")
                for text, value in set(zip(texts.tolist(), part[hits].tolist(), strict=True)):
                    found[text] |= self._words[value]
        return found

    def _keys(self, parts: NDArray[np.uint32]) -> NDArray[np.uint32]:
        keys = parts * self._mix
        keys >>= _SHIFT
        return keys
