"""The inner loops of trace, written in the part of Python that numba compiles.

Each is used in two manners: compiled, for many texts or many megabytes, and as it stands, for one text at a time, where
compiling would take longer than the search. Both give the same numbers. No compiled code is kept on disk: numba would
keep it as a pickle. Light: numba is imported only to compile.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

TOGETHER = 16  # searches side by side: 8 are 1.1 times as slow, 32 no faster (docs/log.md)


@dataclass(frozen=True)
class Kernels:
    """The loops, compiled or not.

    Attributes:
        longest: see `_make`.
        ranges: see `_make`.
        scan: see `_make`.
        repeats: see `_make`.
    """

    longest: Callable[..., None]
    ranges: Callable[..., None]
    scan: Callable[..., Any]
    repeats: Callable[..., None]


@cache
def kernels(compiled: bool = True) -> Kernels:
    """The loops.

    Args:
        compiled: with numba where it is installed; else they are the same, and slower: 15 times for spans.
    """
    if compiled and can_compile():
        import numba

        return _make(numba.njit(nogil=True))
    return _make(lambda function: function)


def can_compile() -> bool:
    """Whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


def _make(jit: Callable[[Any], Any]) -> Kernels:
    @jit
    def longest(tokens: Any, suffixes: Any, firsts: Any, query: Any, lengths: Any, places: Any) -> None:
        """How many tokens from each place of a query on stand together somewhere in the stream.

        A binary search for the rest of the query among the suffixes that begin with its first token; the longest match
        is with one of the two neighbours, both of which the search looks at. What a bound shares with the query is not
        compared again (Manber and Myers 1990).

        Args:
            tokens: (tokens,), the stream.
            suffixes: (tokens,), its suffix array.
            firsts: (largest token + 2,), where in `suffixes` those with each first token begin.
            query: (n,), int64; a negative number matches nothing.
            lengths, places: (n,), filled: the longest match, and where in `suffixes` the rest of the query would stand.
        """
        end, size = len(query), len(tokens)
        left, right, at = np.zeros(TOGETHER, np.int64), np.zeros(TOGETHER, np.int64), np.zeros(TOGETHER, np.int64)
        with_left, with_right = np.zeros(TOGETHER, np.int64), np.zeros(TOGETHER, np.int64)
        known, after = np.zeros(TOGETHER, np.int64), np.zeros(TOGETHER, np.int64)
        for base in range(0, end, TOGETHER):
            group, open_ = min(TOGETHER, end - base), 0
            for one in range(group):
                first = query[base + one]
                lengths[base + one] = 0
                left[one], right[one], with_left[one], with_right[one] = 0, 0, 1, 1
                if first >= 0 and first + 1 < len(firsts):
                    left[one], right[one] = int(firsts[first]) - 1, int(firsts[first + 1])
                if right[one] - left[one] > 1:
                    lengths[base + one] = 1
                    open_ += 1
            while open_ > 0:
                open_ = 0
                # Several searches side by side: what one waits for in memory is fetched while the others are looked at.
                for one in range(group):
                    if right[one] - left[one] > 1:
                        at[one] = suffixes[(left[one] + right[one]) // 2]
                for one in range(group):
                    if right[one] - left[one] > 1:
                        known[one] = min(with_left[one], with_right[one])
                        after[one] = tokens[min(at[one] + known[one], size - 1)]
                for one in range(group):
                    if right[one] - left[one] <= 1:
                        continue
                    start, place, same = base + one, at[one], known[one]
                    if start + same < end and place + same < size and after[one] == query[start + same]:
                        same += 1
                        while (
                            start + same < end and place + same < size and tokens[place + same] == query[start + same]
                        ):
                            same += 1
                    lengths[start] = max(lengths[start], same)
                    middle = (left[one] + right[one]) // 2
                    if start + same == end or (place + same < size and tokens[place + same] > query[start + same]):
                        right[one], with_right[one] = middle, same
                    else:
                        left[one], with_left[one] = middle, same
                    if right[one] - left[one] > 1:
                        open_ += 1
            for one in range(group):
                places[base + one] = right[one]

    @jit
    def begins(tokens: Any, at: int, query: Any, start: int, length: int) -> bool:
        """Whether the stream goes on at `at` with `length` tokens of the query from `start` on."""
        if at + length > len(tokens):
            return False
        for place in range(length):  # noqa: SIM110 - numba compiles no generator
            if tokens[at + place] != query[start + place]:
                return False
        return True

    @jit
    def ranges(
        tokens: Any,
        suffixes: Any,
        firsts: Any,
        query: Any,
        starts: Any,
        counts: Any,
        places: Any,
        lows: Any,
        highs: Any,
    ) -> None:
        """Which suffixes begin with each of some parts of a query that are known to occur.

        They stand around the place that `longest` found, and are looked for from there outwards in growing steps.

        Args:
            starts, counts, places: (parts,): first token and length of each part, and its place from `longest`; a
                length of 0 has no suffix.
            lows, highs: (parts,), filled: `suffixes[low:high]` begin with the part.
        """
        for part in range(len(starts)):
            start, length, place = starts[part], counts[part], places[part]
            if length == 0:
                lows[part] = highs[part] = 0
                continue
            least, most = int(firsts[query[start]]), int(firsts[query[start] + 1])
            good, step = place, 1
            while good - step >= least and begins(tokens, int(suffixes[good - step]), query, start, length):
                good -= step
                step *= 2
            bad = max(least - 1, good - step)
            while good - bad > 1:
                middle = (good + bad) // 2
                if begins(tokens, int(suffixes[middle]), query, start, length):
                    good = middle
                else:
                    bad = middle
            lows[part] = good
            good, step = place - 1, 1
            while good + step < most and begins(tokens, int(suffixes[good + step]), query, start, length):
                good += step
                step *= 2
            bad = min(most, good + step)
            while bad - good > 1:
                middle = (good + bad) // 2
                if begins(tokens, int(suffixes[middle]), query, start, length):
                    good = middle
                else:
                    bad = middle
            highs[part] = good + 1

    @jit
    def scan(table: Any, accepts: Any, idle: Any, data: Any, state: int, ends: Any) -> tuple[int, int, int]:
        """Run an automaton over bytes until they or the room for findings end.

        Most bytes begin nothing: they are passed over without the table, whose look-ups wait for one another (4 times
        as fast, docs/log.md).

        Args:
            table: (256 * states,): the next state, times 256, by state and byte.
            accepts: (states,): whether a finding ends in a state.
            idle: (256,): whether a byte leaves state 0 where it is.
            data: (bytes,), uint8.
            state: the state to begin in, times 256.
            ends: (room,), filled with the places behind findings.

        Returns:
            (findings, bytes read, state behind them times 256)
        """
        found, place, size = 0, 0, len(data)
        while place < size:
            if state == 0:
                while place < size and idle[data[place]]:
                    place += 1
                if place == size:
                    break
            state = table[state + data[place]]
            place += 1
            if accepts[state >> 8]:
                ends[found] = place
                found += 1
                if found == len(ends):
                    break
        return found, place, state

    @jit
    def repeats(tokens: Any, suffixes: Any, length: int, group: Any) -> None:
        """Which suffixes share their first `length` tokens with the one before them in the suffix array.

        Args:
            group: (tokens,), filled: 1 where a suffix, by its rank, begins as the one before it does.
        """
        size = len(tokens)
        for rank in range(1, len(suffixes)):
            first, second = int(suffixes[rank - 1]), int(suffixes[rank])
            group[rank] = 0
            if max(first, second) + length > size:
                continue
            # The last token first: neighbours that differ mostly differ late.
            same = tokens[first + length - 1] == tokens[second + length - 1]
            place = 0
            while same and place < length - 1:
                same = tokens[first + place] == tokens[second + place]
                place += 1
            if same:
                group[rank] = 1

    return Kernels(longest, ranges, scan, repeats)
