"""A document → passages of at most so many tokens, cut where sentences, lines and headings end.

Passages follow each other and overlap by whole sentences. A paragraph that fits into a passage is not divided. A
heading begins a new passage, unless what stands before it is short; a sentence that is longer than a passage is cut
between words. Places are bytes of the document's text in
UTF-8, so that a passage can be read from it again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from helder.trace.words import Words

# The end of a sentence before what may begin one; and the end of a line.
_END = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*[ \t]+(?=[\"'“‘«(\[]?[^\W_a-zà-öø-ÿ])|\n+|(?<=[。！？])")
_HEADING = re.compile(r"#{1,6} \S")
SHORT = 4  # a heading does not end a passage that is shorter than a passage's length divided by this (assumption)


@dataclass(frozen=True)
class Passage:
    """A part of a document.

    Attributes:
        start, stop: bytes of the document's text.
        tokens: of it, counted in the whole document: by itself it may have one or two more.
    """

    start: int
    stop: int
    tokens: int


@dataclass(frozen=True)
class _Unit:
    """A sentence or a line: bytes, tokens, whether it is a heading, and the tokens of its paragraph from here on."""

    start: int
    stop: int
    tokens: int
    heading: bool
    rest: int


def passages(text: str, words: Words, length: int, overlap: int, ids: NDArray[np.int32] | None = None) -> list[Passage]:
    """The passages of a document, in order.

    Args:
        words: of the vocabulary whose tokens are counted.
        length: tokens of a passage.
        overlap: at most so many tokens of it stand at the beginning of the next one again.
        ids: the text's tokens, where they are known.
    """
    data = text.encode("utf-8")
    ends = words.offsets(words.encode(text) if ids is None else ids)
    parts = (part for unit in _units(text, ends) for part in _cut(data, unit, ends, length))
    units = [part for part in parts if data[part.start : part.stop].decode("utf-8").strip()]
    found: list[Passage] = []
    current: list[_Unit] = []
    fresh = 0  # units of `current` that are in no passage yet

    def close() -> None:
        if fresh:
            found.append(_passage(data, current))

    for unit in units:
        size = sum(one.tokens for one in current)
        needs = unit.rest if unit.rest <= length else unit.tokens
        if fresh and (size + needs > length or (unit.heading and size * SHORT >= length)):
            close()
            current, fresh = [] if unit.heading else _kept(current, min(overlap, length - unit.tokens)), 0
        current.append(unit)
        fresh += 1
    close()
    return found


def _units(text: str, ends: NDArray[np.int64]) -> list[_Unit]:
    """The sentences and lines of a text that say something."""
    found: list[_Unit] = []
    paragraphs: list[list[int]] = [[]]
    start, begun = 0, 0  # character, byte
    for match in [*_END.finditer(text), None]:
        stop = match.end() if match else len(text)
        part = text[start:stop]
        stopped = begun + len(part.encode("utf-8"))
        if part.strip():
            paragraphs[-1].append(len(found))
            found.append(_Unit(begun, stopped, _tokens(ends, begun, stopped), _HEADING.match(part) is not None, 0))
        if match and match[0].count("\n") > 1 and not (found and found[-1].heading):
            paragraphs.append([])
        start, begun = stop, stopped
    for paragraph in paragraphs:
        rest = 0
        for place in reversed(paragraph):
            rest += found[place].tokens
            found[place] = replace(found[place], rest=rest)
    return found


def _tokens(ends: NDArray[np.int64], start: int, stop: int) -> int:
    """The tokens that begin in some bytes."""
    first, last = np.searchsorted(ends[:-1], [start, stop])
    return int(last - first)


def _cut(data: bytes, unit: _Unit, ends: NDArray[np.int64], length: int) -> list[_Unit]:
    """A unit in parts of at most so many tokens, cut behind a space where there is one."""
    if unit.tokens <= length:
        return [unit]
    found: list[_Unit] = []
    start = unit.start
    while _tokens(ends, start, unit.stop) > length:
        first = int(np.searchsorted(ends[:-1], start))
        most = int(ends[first + length])
        space = data.rfind(b" ", start + 1, most)
        stop = space + 1 if space > start else most
        while stop > start + 1 and data[stop] & 0xC0 == 0x80:  # within a character
            stop -= 1
        tokens = _tokens(ends, start, stop)
        found.append(_Unit(start, stop, tokens, unit.heading and not found, tokens))
        start = stop
    left = _tokens(ends, start, unit.stop)
    return [*found, _Unit(start, unit.stop, left, False, unit.rest - unit.tokens + left)]


def _kept(units: Sequence[_Unit], most: int) -> list[_Unit]:
    """The last units that have at most so many tokens together."""
    kept: list[_Unit] = []
    for unit in reversed(units):
        most -= unit.tokens
        if most < 0:
            break
        kept.insert(0, unit)
    return kept if len(kept) < len(units) else kept[1:]


def _passage(data: bytes, units: Sequence[_Unit]) -> Passage:
    """Units as one passage, without the white space around it."""
    start, stop = units[0].start, units[-1].stop
    part = data[start:stop].decode("utf-8")
    start += len(part[: len(part) - len(part.lstrip())].encode("utf-8"))
    stop -= len(part[len(part.rstrip()) :].encode("utf-8"))
    return Passage(start, stop, sum(unit.tokens for unit in units))
