"""The forms under which two texts count as the same, and how alike two texts are.

Exact: composed characters (Unicode's form C), every run of white space one blank. Case counts: a text in capitals is
another text. Near: case is folded, too, and characters of scripts that put no blanks between words count as words.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections import defaultdict
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

GRAM = 5  # words of a shingle (Lee et al. 2022, "Deduplicating training data makes language models better")
SHORT = 300  # characters below which a text is split and joined, which then is faster (assumption)
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, its bits without a pattern: 2^64 divided by the golden ratio
# Thai to Myanmar, kana, Han, and Hangul is left out: Korean has blanks.
_UNSPACED = re.compile("([\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff])")


def exact_form(text: str) -> str:
    """The text with composed characters, and with one blank for every run of white space."""
    plain = text.isascii()
    if not plain:
        text = unicodedata.normalize("NFC", text)
    if len(text) < SHORT:
        return " ".join(text.split())
    encoding = "ascii" if plain else "utf-16-le"
    units = np.frombuffer(text.encode(encoding), dtype="u1" if plain else "<u2")
    blank = _blanks(plain)[units]
    keep = np.empty(len(units), dtype=np.bool_)
    keep[0] = not blank[0]
    np.logical_and(blank[:-1], blank[1:], out=keep[1:])
    np.logical_not(keep[1:], out=keep[1:])
    made = np.where(blank, units.dtype.type(0x20), units)[keep]
    return made.tobytes().decode(encoding).rstrip(" ")


@lru_cache(2)
def _blanks(narrow: bool) -> NDArray[np.bool_]:
    """Which units of a text are white space, as `str.split` sees it; none lies beyond the first 65,536 characters."""
    return np.array([chr(point).isspace() for point in range(0x100 if narrow else 0x10000)], dtype=np.bool_)


def exact_digest(form: str) -> bytes:
    """What two texts share exactly when their exact forms are equal: 16 bytes of SHA-256."""
    return hashlib.sha256(form.encode("utf-8")).digest()[:16]


def near_form(form: str) -> str:
    """An exact form with folded case and with blanks between all words, those of Chinese and Japanese, too."""
    if form.isascii():
        return form.lower()
    folded = form.casefold()
    if not _may_be_unspaced(folded):
        return folded
    return " ".join(" ".join(_UNSPACED.split(folded)).split()) if _UNSPACED.search(folded) else folded


def _may_be_unspaced(text: str) -> bool:
    """Whether a character is perhaps one of `_UNSPACED`: a quick look, since most texts have none."""
    units = np.frombuffer(text.encode("utf-16-le"), dtype="<u2")
    low = units[units >= 0x0E00]
    return bool(((low < 0x0F00) | ((low >= 0x1000) & (low < 0x10A0)) | (low >= 0x3040)).any())


def numbering() -> defaultdict[str, int]:
    """Numbers for words, in the order in which they are first asked for."""
    return defaultdict(itertools.count().__next__)


def shingles(form: str, numbers: defaultdict[str, int]) -> NDArray[np.uint64]:
    """The different runs of `GRAM` words of a near form, all its words when there are fewer, as sorted 64-bit numbers.

    Args:
        numbers: word → number, from `numbering`, filled here; texts that are compared need the same one.
    """
    words = form.split(" ")
    ids = np.fromiter(map(numbers.__getitem__, words), np.uint64, len(words))
    # A polynomial of the words' numbers modulo 2^64: two different runs meet with a chance of about 10^-13 for a
    # million of them, and the same texts always give the same.
    runs = np.zeros(max(1, len(words) - GRAM + 1), np.uint64)
    for first in range(min(GRAM, len(words))):
        runs = runs * _BASE + ids[first : first + len(runs)] + np.uint64(1)
    return np.unique(runs)


def similarity(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    """Jaccard: the part that both have of what either has."""
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (len(one) + len(other) - both)
