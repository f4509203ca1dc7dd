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
from typing import Any

import numpy as np
from numpy.typing import NDArray

GRAM = 5  # words of a shingle (Lee et al. 2022, "Deduplicating training data makes language models better")
SHORT = 300  # bytes below which a text is split and joined, which then is faster (assumption)
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, its bits without a pattern: 2^64 divided by the golden ratio
_MIX = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))
_MASKS = np.array([(1 << (8 * size)) - 1 for size in range(9)], dtype=np.uint64)
LONG = np.uint64(0xFF << 56)  # no word of eight bytes ends with 255, which is no byte of UTF-8
# Thai to Myanmar, kana, Han, and Hangul is left out: Korean has blanks.
_UNSPACED = re.compile("([\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff])")


def exact_form(text: str) -> bytes:
    """The text in UTF-8, with composed characters, and with one blank for every run of white space."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        for point in np.unique(_marked(text, _tables()[0])).tolist():
            text = text.replace(chr(point), " ")
    data = text.encode("utf-8").translate(_WHITE)
    if len(data) < SHORT:
        return b" ".join(data.split())
    units = np.frombuffer(data, dtype=np.uint8)
    blank = units == 32
    keep = np.empty(len(units), dtype=np.bool_)
    keep[0] = True
    np.logical_and(blank[:-1], blank[1:], out=keep[1:])
    np.logical_not(keep[1:], out=keep[1:])
    return units[keep].tobytes().strip(b" ")


_WHITE = bytes(0x20 if byte < 0x80 and chr(byte).isspace() else byte for byte in range(256))


def _marked(text: str, table: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """The units of a text in UTF-16, those of ASCII left out, that are marked in a table: most texts have none."""
    units = np.frombuffer(text.encode("utf-16-le"), dtype="<u2")
    high: NDArray[np.uint16] = units[units >= 0x80]
    marked: NDArray[np.uint16] = high[table[high]]
    return marked


@lru_cache(1)
def _tables() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(which units are white space, as `str.split` sees it; which must be looked at to fold case or to part words).

    White space lies in the first 65,536 characters, so no unit of it is half of a pair; every half is looked at.
    """
    white, looked_at = np.zeros((2, 0x10000), dtype=np.bool_)
    high = "".join(map(chr, range(0x80, 0xD800))) + "".join(map(chr, range(0xE000, 0x10000)))
    looked_at[0xD800:0xE000] = True
    for character in high:
        if character.casefold() != character:
            looked_at[ord(character)] = True
    looked_at[[ord(character) for character in _UNSPACED.findall(high)]] = True
    white[[ord(character) for character in high if character.isspace()]] = True
    return white, looked_at


def exact_digest(form: bytes) -> bytes:
    """What two texts share exactly when their exact forms are equal: 16 bytes of SHA-256."""
    return hashlib.sha256(form).digest()[:16]


def near_form(form: bytes) -> bytes:
    """An exact form with folded case and with blanks between all words, those of Chinese and Japanese, too."""
    if form.isascii() or not len(_marked(text := form.decode("utf-8"), _tables()[1])):
        return form.lower()
    folded = text.casefold()
    if _UNSPACED.search(folded):
        folded = " ".join(" ".join(_UNSPACED.split(folded)).split())
    return folded.encode("utf-8")


def numbering() -> defaultdict[Any, int]:
    """Numbers for words, in the order in which they are first asked for."""
    return defaultdict(itertools.count().__next__)


def shingles(form: bytes, numbers: defaultdict[Any, int]) -> NDArray[np.uint64]:
    """The different runs of `GRAM` words of a near form, all its words when there are fewer, as sorted 64-bit numbers.

    Args:
        numbers: long word → number, from `numbering`, filled here; texts that are compared need the same one.
    """
    words = _mixed(_numbered(form, numbers))
    # A polynomial of the words' numbers modulo 2^64: two different runs meet with a chance of about 10^-13 for a
    # million of them, and the same texts always give the same.
    runs = np.zeros(max(1, len(words) - GRAM + 1), np.uint64)
    for first in range(min(GRAM, len(words))):
        runs *= _BASE
        runs += words[first : first + len(runs)]
    runs.sort()
    different = np.empty(len(runs), dtype=np.bool_)
    different[0] = True
    np.not_equal(runs[1:], runs[:-1], out=different[1:])
    return runs[different]


def _numbered(form: bytes, numbers: defaultdict[Any, int]) -> NDArray[np.uint64]:
    """A number for each word: the bytes of one of up to eight; `LONG` and the number of a longer one."""
    blanks = np.flatnonzero(np.frombuffer(form, dtype=np.uint8) == 32)
    starts = np.concatenate([[0], blanks + 1])
    ends = np.concatenate([blanks, [len(form)]])
    sizes = ends - starts
    eights = np.ndarray((len(form) + 1,), dtype="<u8", buffer=form + bytes(8), strides=(1,))
    words: NDArray[np.uint64] = eights[starts]
    words &= _MASKS[np.minimum(sizes, 8)]
    long = np.flatnonzero(sizes > 8)
    spans = zip(starts[long].tolist(), ends[long].tolist(), strict=True)
    found = np.fromiter((numbers[form[start:end]] for start, end in spans), np.uint64, len(long))
    words[long] = found | LONG
    return words


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The numbers with all their bits spread, each to one of its own (MurmurHash3's last step): texts have few bits."""
    for factor in _MIX:
        words ^= words >> np.uint64(33)
        words *= factor
    words ^= words >> np.uint64(33)
    return words


def similarity(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    """Jaccard: the part that both have of what either has."""
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (len(one) + len(other) - both)
