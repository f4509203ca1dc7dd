"""Which of many rare words may stand in a text, in one pass over it: what is not there need not be looked for.

Four bytes of the text are looked up in a table of the words' parts: at every place where a word has four bytes, at
every second where all have five or more, at every fourth where all have seven or more, since one of the first four
parts of such a word begins there. Searching a text for each word costs the C library as much as this does for all of
them together.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

SIZE = 4  # bytes that are looked up
_STEPS = {5: 2, 6: 2}  # bytes of the shortest word → places from one look to the next; four beyond
_MIX = np.uint32(0x9E3779B1)  # odd, its bits without a pattern: 2^32 divided by the golden ratio
_SHIFT = np.uint32(16)
_AT_ONCE = 1 << 15  # places: what is worked on stays in the processor's cache (assumption)


class Beginnings:
    """A set of words, or beginnings of words, each of `SIZE` bytes or more."""

    def __init__(self, words: Iterable[bytes]) -> None:
        known = sorted(set(words))
        shortest = min(map(len, known))
        if shortest < SIZE:
            raise ValueError(f"{min(known, key=len)!r} has less than {SIZE} bytes")
        self._step = 1 if shortest == SIZE else _STEPS.get(shortest, 4)
        self._words: dict[int, set[bytes]] = {}
        self._there = np.zeros(1 << 16, dtype=np.bool_)
        for word in known:
            for first in range(self._step):
                key = int(_keys(np.frombuffer(word, dtype="<u4", count=1, offset=first))[0])
                self._words.setdefault(key, set()).add(word)
                self._there[key] = True

    def among(self, data: bytes) -> set[bytes]:
        """Those that stand somewhere in the bytes; perhaps others, too."""
        found: set[int] = set()
        places = (len(data) - SIZE) // self._step + 1
        if places < 1:
            return set()
        windows = np.ndarray((places,), dtype="<u4", buffer=data, strides=(self._step,))
        for first in range(0, places, _AT_ONCE):
            keys = _keys(windows[first : first + _AT_ONCE])
            there = self._there.take(keys)
            if there.any():
                found.update(keys[there].tolist())
        return {word for key in found for word in self._words[key]}


def _keys(windows: np.ndarray[tuple[int], np.dtype[np.uint32]]) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    keys = windows * _MIX
    keys >>= _SHIFT
    return keys
