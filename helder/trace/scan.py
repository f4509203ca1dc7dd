"""A string → an automaton that finds it in bytes in every form that people and programs write it in, in one pass.

What it is not fooled by: upper and lower case; accents, whether composed or not; letters in full width, ligatures and
the other forms that Unicode holds compatible (NFKD); any spaces, tabs and line breaks where the string has a space, or
none; line breaks, hyphens at line ends, soft hyphens and characters of no width inside a word; the signs of quoted
lines in mail; different hyphens, quotes and apostrophes; spaces, points, dashes, slashes and brackets between digits;
JSON's short escapes, such as \\n. So nothing has to be normalised before it is looked through. JSON with escapes by
number, such as \\u00e9, has to be decoded first (`plain_json`): their digits would be taken for digits of the text.

What it does not find: misspellings, other transliterations, words in another order, text in pictures. The string is
found inside longer words as well; each finding says so.

The automaton is built from the string in two steps, as in any textbook: one with many ways at once (states and edges),
then one with a single way for every byte, a table. Light: numpy only.
"""

from __future__ import annotations

import json
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from helder.errors import HelderError
from helder.trace.kernels import Kernels, kernels

MARKS = range(0x300, 0x370)  # combining accents
UNSEEN = [0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF, *range(0xFE00, 0xFE10)]
LINE_ENDS = [0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029]
SPACES = [0x09, 0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000]
ALIKE = ["-‐‑‒–—−﹣－", "'’‘ʼ′`´＇", '"“”„″＂']  # signs that are written for each other
HYPHENS = [ord(sign) for sign in ALIKE[0]]
BETWEEN_DIGITS = [*HYPHENS, *map(ord, "./()．／（）"), *SPACES]
MOST_BETWEEN = 3  # signs between two digits, as in "(06) 12": more would join the columns of a table
# Code points beyond these have neither case nor compatible forms that are letters of names (Unicode 16: supplementary
# ideographs, tags, private use).
LAST = 0x20000
LONGEST = 200  # characters of a string; a sentence. The table grows with it.
ROOM = 1 << 16  # findings that are taken up at a time
Bytes = tuple[frozenset[int], ...]


@dataclass(frozen=True)
class Hit:
    """One finding: first byte, and the one behind the last."""

    start: int
    stop: int


@dataclass
class _Ways:
    """An automaton with many ways: states are numbers, an edge is taken with a byte, a jump without one."""

    edges: dict[int, list[tuple[frozenset[int], int]]] = field(default_factory=lambda: defaultdict(list))
    jumps: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    states: int = 0

    def new(self) -> int:
        self.states += 1
        return self.states - 1

    def reversed(self) -> _Ways:
        back = _Ways(states=self.states)
        for start, edges in self.edges.items():
            for choice, stop in edges:
                back.edges[stop].append((choice, start))
        for start, stops in self.jumps.items():
            for stop in stops:
                back.jumps[stop].add(start)
        return back

    def closed(self, states: Iterable[int]) -> frozenset[int]:
        """States with all that can be reached from them without a byte."""
        found, open_ = set(states), list(states)
        while open_:
            for stop in self.jumps.get(open_.pop(), ()):
                if stop not in found:
                    found.add(stop)
                    open_.append(stop)
        return frozenset(found)

    def table(self, start: int, end: int, anywhere: bool) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """The automaton with a single way.

        Args:
            start, end: where a finding begins, and where it is one.
            anywhere: it may begin at every byte; else only at the first, and state 0 is the end of all hope.

        Returns:
            (256 * states,): the next state, times 256; (states,): whether a finding ends there. The first state is 0
            when it may begin anywhere, else 1.
        """
        begin = self.closed([start])
        order = [begin] if anywhere else [frozenset[int](), begin]
        numbers = {states: number for number, states in enumerate(order)}
        rows: list[NDArray[np.int32]] = []
        while len(rows) < len(order):
            by_byte: dict[int, set[int]] = defaultdict(set)
            for state in order[len(rows)]:
                for choice, stop in self.edges.get(state, ()):
                    for byte in choice:
                        by_byte[byte].add(stop)
            row = np.zeros(256, dtype=np.int32)
            seen: dict[frozenset[int], int] = {}
            for byte, stops in by_byte.items():
                raw = frozenset(stops)
                if raw not in seen:
                    states = self.closed(raw) | begin if anywhere else self.closed(raw)
                    if states not in numbers:
                        numbers[states] = len(order)
                        order.append(states)
                    seen[raw] = numbers[states] << 8
                row[byte] = seen[raw]
            rows.append(row)
        return np.concatenate(rows), np.array([end in states for states in order])


class Scanner:
    """Finds one string in bytes.

    Raises:
        HelderError: the string is empty, or longer than `LONGEST` characters.
    """

    def __init__(self, text: str, loops: Kernels | None = None) -> None:
        self.text, self.loops = text, loops or kernels()
        self.units, self.gaps = _units(text)
        if not self.units:
            raise HelderError("There is nothing to look for.", f"{text!r} holds no letter, digit or sign.")
        if len(self.units) > LONGEST:
            raise HelderError(
                f"A string of {len(self.units)} characters is too long to look for.",
                f"At most {LONGEST} are.",
                "Give the part of it that nothing else holds.",
            )
        ways, start, end = _ways(self.units, self.gaps)
        self._table, self._accepts = ways.table(start, end, anywhere=True)
        self._idle = self._table[:256] == 0
        self._back = ways.reversed(), end, start

    @cached_property
    def _backwards(self) -> tuple[list[int], list[bool]]:
        ways, start, end = self._back
        table, accepts = ways.table(start, end, anywhere=False)
        return table.tolist(), accepts.tolist()

    def hits(self, data: bytes | NDArray[np.uint8]) -> list[Hit]:
        """Every place where the string stands, in order; from each end, the shortest."""
        view = np.frombuffer(data, dtype=np.uint8) if isinstance(data, bytes | bytearray) else data
        ends = np.empty(min(ROOM, max(1, len(view))), dtype=np.int64)
        found: list[Hit] = []
        read, state = 0, 0
        while read < len(view):
            count, more, state = self.loops.scan(self._table, self._accepts, self._idle, view[read:], state, ends)
            found += [self._hit(view, read + int(end)) for end in ends[:count]]
            read += more
        return found

    def _hit(self, view: NDArray[np.uint8], end: int) -> Hit:
        table, accepts = self._backwards
        state, start = 256, end
        while not accepts[state >> 8]:
            start -= 1
            state = table[state + int(view[start])]
        return Hit(start, end)


def form(data: bytes, hit: Hit, text: str) -> tuple[str, bool]:
    """How a finding is written: "as asked", "other case" or "other form"; and whether it is part of a longer word."""
    written = data[hit.start : hit.stop].decode("utf-8", "replace")
    before = data[max(0, hit.start - 4) : hit.start].decode("utf-8", "ignore")[-1:]
    after = data[hit.stop : hit.stop + 4].decode("utf-8", "ignore")[:1]
    inside = (before.isalnum() and written[:1].isalnum()) or (after.isalnum() and written[-1:].isalnum())
    if written == text:
        return "as asked", inside
    return "other case" if written.casefold() == text.casefold() else "other form", inside


def plain_json(line: bytes) -> bytes:
    """A line of JSON without escapes by number; a line that is no JSON as it is."""
    try:
        return json.dumps(json.loads(line), ensure_ascii=False).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return line


# -- from a string to ways ---------------------------------------------------------------------------------------------


def folded(text: str) -> str:
    """A text without case, accents, and differences that Unicode holds compatible."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(_ALIKE.get(character, character) for character in plain if ord(character) not in MARKS)


_ALIKE = {sign: signs[0] for signs in ALIKE for sign in signs}


def _units(text: str) -> tuple[str, list[str]]:
    """(the characters that have to be there, what may stand before each of them: "space", "digits" or "word")."""
    units, gaps, pending = "", list[str](), ""
    for character in folded(text):
        if ord(character) in UNSEEN:
            continue
        if character.isspace():
            pending += " "
            continue
        units += character
        gaps.append("space" if pending else "word")
        pending = ""
    # Signs between digits are no part of a number: "06-1234" is found as "06 1234".
    kept, kinds = "", list[str]()
    for place, (unit, gap) in enumerate(zip(units, gaps, strict=True)):
        rest = units[place:].lstrip("-./()")
        if unit in "-./()" and kept[-1:].isdigit() and rest[:1].isdigit():
            continue
        kinds.append("digits" if kept[-1:].isdigit() and unit.isdigit() else gap)
        kept += unit
    return kept, kinds


def _ways(units: str, gaps: Sequence[str]) -> tuple[_Ways, int, int]:
    """(the ways, where they begin, where they end)."""
    ways = _Ways()
    # A gap stands before each unit: `left` is before it, `right` behind it. None stands before the first.
    left, right = [ways.new() for _ in range(len(units) + 1)], [ways.new() for _ in units]
    for place in range(len(units)):
        ways.jumps[left[place]].add(right[place])
        if place:
            _gap(ways, left[place], right[place], gaps[place])
    for plain, codes in _codes(set(units)).items():
        place = units.find(plain)
        while place >= 0:
            _way(ways, right[place], codes, left[place + len(plain)])
            place = units.find(plain, place + 1)
    return ways, right[0], left[len(units)]


def _gap(ways: _Ways, left: int, right: int, kind: str) -> None:
    """What may stand between two characters."""
    hyphen, trailing, line = ways.new(), ways.new(), ways.new()
    _loop(ways, left, [*UNSEEN, *MARKS])
    _way(ways, left, HYPHENS, hyphen)  # which counts only where a line ends behind it
    for state in (left, hyphen, trailing):
        _way(ways, state, LINE_ENDS, line)
    for state in (hyphen, trailing):
        _loop(ways, state, [*SPACES, *UNSEEN])
    _way(ways, left, SPACES, trailing)
    _loop(ways, line, [*LINE_ENDS, *SPACES, *UNSEEN, ord(">")])
    ways.jumps[line].add(right)
    if kind == "space":
        ways.jumps[trailing].add(right)
    if kind == "digits":
        state = left
        for _ in range(MOST_BETWEEN):
            after = ways.new()
            _way(ways, state, BETWEEN_DIGITS, after)
            ways.jumps[after].add(right)
            state = after


def _way(ways: _Ways, start: int, codes: Collection[int], stop: int) -> None:
    _branch(ways, start, [written for code in codes for written in _written(code)], stop)


def _branch(ways: _Ways, start: int, several: Collection[Bytes], stop: int) -> None:
    """Ways over several rows of bytes, with what they begin with in common."""
    rests: dict[frozenset[int], list[Bytes]] = defaultdict(list)
    last: set[int] = set()
    for written in several:
        if len(written) == 1:
            last |= written[0]
        else:
            rests[written[0]].append(written[1:])
    if last:
        ways.edges[start].append((frozenset(last), stop))
    for choice, rest in rests.items():
        after = ways.new()
        ways.edges[start].append((choice, after))
        _branch(ways, after, rest, stop)


def _loop(ways: _Ways, state: int, codes: Collection[int]) -> None:
    _way(ways, state, codes, state)


def _codes(units: Collection[str]) -> dict[str, list[int]]:
    """For some characters, and runs of them that are one code point somewhere, every code point that stands for it."""
    found: dict[str, list[int]] = defaultdict(list)
    for plain, codes in _all_codes().items():
        if all(one in units for one in plain):
            found[plain] += codes
    return found


@cache
def _all_codes() -> dict[str, list[int]]:
    """What is left of each code point → all that it is left of."""
    found: dict[str, list[int]] = defaultdict(list)
    for code in range(LAST):
        if not (0xD800 <= code < 0xE000 or code in MARKS or code in UNSEEN) and (plain := folded(chr(code))):
            found[plain].append(code)
    return found


_SHORT = {0x08: "b", 0x09: "t", 0x0A: "n", 0x0C: "f", 0x0D: "r", 0x22: '"', 0x2F: "/", 0x5C: "\\"}


def _written(code: int) -> Iterator[Bytes]:
    """The ways to write a code point: in UTF-8, and with the short ones of JSON's escapes."""
    yield tuple(frozenset({byte}) for byte in chr(code).encode("utf-8"))
    if code in _SHORT:
        yield tuple(frozenset({byte}) for byte in b"\\" + _SHORT[code].encode("ascii"))
