"""Which of many rare words may stand in a text, in one pass over it: what is not there need not be looked for.

Four bytes at every place are looked up in a table of the words' beginnings. Searching a text for each word costs the
C library as much as this does for all of them together.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

SIZE = 4  # bytes of a beginning
_MIX = np.uint32(0x9E3779B1)  # odd, its bits without a pattern: 2^32 divided by the golden ratio
_SHIFT = np.uint32(16)
_AT_ONCE = 1 << 15  # places: what is worked on stays in the processor's cache (assumption)


class Beginnings:
    """A set of beginnings, each `SIZE` bytes long."""

    def __init__(self, words: Iterable[bytes]) -> None:
        self._words: dict[int, set[bytes]] = {}
        self._there = np.zeros(1 << 16, dtype=np.bool_)
        for word in words:
            if len(word) != SIZE:
                raise ValueError(f"{word!r} has not {SIZE} bytes")
            key = int(_keys(np.frombuffer(word, dtype="<u4"))[0])
            self._words.setdefault(key, set()).add(word)
            self._there[key] = True

    def among(self, data: bytes) -> set[bytes]:
        """Those that stand somewhere in the bytes; perhaps others, too."""
        found: set[int] = set()
        places = len(data) - SIZE + 1
        if places < 1:
            return set()
        windows = np.ndarray((places,), dtype="<u4", buffer=data, strides=(1,))
        for first in range(0, places, _AT_ONCE):
            keys = _keys(windows[first : first + _AT_ONCE])
            found.update(keys[self._there[keys]].tolist())
        return {word for key in found for word in self._words[key]}


def _keys(windows: np.ndarray[tuple[int], np.dtype[np.uint32]]) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    keys = windows * _MIX
    keys >>= _SHIFT
    return keys
