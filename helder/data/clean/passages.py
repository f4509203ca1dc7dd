"""Passages that stand in several documents, or twice in one: the second and later ones are taken out.

Page heads, disclaimers, quoted letters: documents that are not alike as a whole may share a page. The passages are
found with a suffix array (`helder.trace.repeats`, after Lee et al. 2022, who take out what is repeated for 50 tokens or
more). Here they are counted in words, because the tokenizer of a model may be learnt from these very documents: a word
is what stands between blanks, and a character of a script that puts no blanks between words. Two are the same with the
same composed characters; case counts.

The document that is preferred (`pick.preferred`) keeps a passage. Each word that is taken out stands in one that came
before, but where two passages overlap, not always in the same one.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from helder.data.clean.edits import Edit
from helder.data.clean.entries import Entry, Some
from helder.data.clean.forms import numbering

WORDS = 16_000_000  # that are looked at together: 67 bytes of memory each (docs/log.md), so 1.1 GB
COMPILE_FROM = 500_000  # words: below, compiling the loop (about three seconds) takes longer than doing without
# As in `helder.data.clean.forms`: Thai to Myanmar, kana, Han.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")


@dataclass(frozen=True)
class Cut:
    """A passage that is taken out of a document.

    Attributes:
        edit: its bytes, in the text as it came in.
        of: documents that hold it and come before; the document itself when it says it twice.
        whole: whether nothing of the document is left.
    """

    edit: Edit
    of: tuple[Entry, ...]
    whole: bool = False


def find(
    entries: Some, text_of: Callable[[Entry], str], length: int, at_once: int = WORDS
) -> tuple[dict[int, list[Cut]], int]:
    """(the cuts of each document by `Entry.at`, in how many parts the documents were looked at).

    Args:
        entries: the documents that are kept.
        text_of: reads the text of one.
        length: words of the shortest passage that counts.
        at_once: words that are held in memory together; what is repeated in another part is not found.
    """
    found: dict[int, list[Cut]] = {}
    parts = 0
    part: list[Entry] = []
    numbers: list[NDArray[np.uint32]] = []
    known, size = numbering(), 0
    for entry in entries.by_preference():
        said = _numbers(text_of(entry), known)
        if part and size + len(said) > at_once:
            found |= _cuts(part, numbers, text_of, length)
            part, numbers, size, parts, known = [], [], 0, parts + 1, numbering()
            said = _numbers(text_of(entry), known)
        part.append(entry)
        numbers.append(said)
        size += len(said)
    if part:
        found |= _cuts(part, numbers, text_of, length)
        parts += 1
    return found, parts


def _cuts(
    part: Sequence[Entry], numbers: Sequence[NDArray[np.uint32]], text_of: Callable[[Entry], str], length: int
) -> dict[int, list[Cut]]:
    from helder.trace.kernels import kernels
    from helder.trace.repeats import passages

    loops = kernels(compiled=sum(map(len, numbers)) >= COMPILE_FROM)
    found: dict[int, list[Cut]] = {}
    for entry, said, runs in zip(part, numbers, passages(numbers, length, loops), strict=True):
        if not runs:
            continue
        whole = sum(run.stop - run.start for run in runs) == len(said)
        edits = taken_out(text_of(entry), [(run.start, run.stop) for run in runs])
        found[entry.at] = [
            Cut(edit, tuple(part[number] for number in run.documents), whole)
            for edit, run in zip(edits, runs, strict=True)
        ]
    return found


def _numbers(text: str, known: Mapping[str, int]) -> NDArray[np.uint32]:
    words: Iterable[str] = _WORD.findall(text)
    if not text.isascii():  # each by itself, so that the words stay those of the text
        words = (word if word.isascii() else unicodedata.normalize("NFC", word) for word in words)
    return np.frombuffer(array("I", map(known.__getitem__, words)), dtype=np.uint32)


def taken_out(text: str, runs: Iterable[tuple[int, int]]) -> list[Edit]:
    """The edits that take runs of words (first, the one behind the last) out of a text.

    Of the white space on both sides, that with more line ends stays, so that paragraphs keep apart.
    """
    words = [match.span() for match in _WORD.finditer(text)]
    made, at, byte = [], 0, 0
    for first, stop in runs:
        start, end = words[first][0], words[stop - 1][1]
        before = words[first - 1][1] if first else 0
        behind = words[stop][0] if stop < len(words) else len(text)
        if first == 0 or (stop < len(words) and text.count("\n", before, start) >= text.count("\n", end, behind)):
            end = behind
        else:
            start = before
        byte += len(text[at:start].encode("utf-8"))
        size = len(text[start:end].encode("utf-8"))
        made.append(Edit(byte, byte + size))
        at, byte = end, byte + size
    return made
