"""A text → the longest parts of it that stand verbatim in an index, and the documents that hold them.

The rules are those of OLMoTrace (Liu et al. 2025, arXiv 2504.07096), each a named parameter: from every token on, the
longest match anywhere in the data; cut behind the first delimiter; shortened until it ends where a word ends; left out
when it is short, frequent, or no longer than what an earlier span reaches; and of all of them only the longest.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helder.trace.index import Index
from helder.trace.kernels import Kernels, kernels

K1, B = 1.5, 0.75  # of BM25: Robertson and Zaragoza 2009 recommend 1.2 to 2, and 0.5 to 0.8


@dataclass(frozen=True)
class Rules:
    """What counts as a span.

    Attributes:
        minimum_length: tokens; shorter matches are ordinary language. OLMoTrace shows any; it then keeps few.
        maximum_frequency: places; what stands in the data more often is left out. 0: nothing is.
        maximum_density: at most so many spans for each token of the text, the longest ones.
        delimiters: a span ends behind the first token that is one of these characters, or holds a line end if that is
            among them. Without any, spans are as long as they can be.
        word_starts: a span begins where a word begins and ends where one ends.
        documents: at most so many places of each span are shown.
    """

    minimum_length: int = 8
    maximum_frequency: int = 0
    maximum_density: float = 0.05
    delimiters: tuple[str, ...] = ()
    word_starts: bool = True
    documents: int = 10


USUAL = Rules()
# The defaults of OLMoTrace's service (allenai/infinigram-api).
OLMOTRACE = Rules(minimum_length=1, maximum_frequency=10, delimiters=(".", "\n"))


@dataclass(frozen=True)
class Span:
    """A part of a text that stands in the data.

    Attributes:
        start, stop: tokens of the text.
        count: places in the data.
        places: (at most `Rules.documents`,): where it begins in the stream; of many, some that lie evenly in the order
            of what follows them.
    """

    start: int
    stop: int
    count: int
    places: NDArray[np.int64]

    @property
    def length(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Found:
    """What stands of a text in the data.

    Attributes:
        spans: in the order of their beginning; none within another.
        longest: (tokens,): the longest match from each token on, whatever the rules say.
    """

    spans: tuple[Span, ...]
    longest: NDArray[np.int64]


def find(
    index: Index,
    ids: Sequence[int],
    rules: Rules = USUAL,
    *,
    delimiters: Collection[int] = (),
    word_starts: Sequence[bool] | None = None,
    loops: Kernels | None = None,
) -> Found:
    """The maximal spans of a text that stand in an index.

    Args:
        ids: the text's tokens; a negative one stands nowhere.
        rules: all but `maximum_density`, see `longest_only`.
        delimiters: the tokens that `rules.delimiters` stand for.
        word_starts: for each token, whether a word begins with it; None when words do not matter.
        loops: compiled or not; default: not, which is faster for one text.
    """
    loops = loops or kernels(compiled=False)
    query = np.asarray(ids, dtype=np.int64)
    lengths = np.zeros((len(index.shards), len(query)), dtype=np.int64)
    places = np.zeros_like(lengths)
    for number, part in enumerate(index.shards):
        loops.longest(part.tokens, part.suffixes, part.firsts, query, lengths[number], places[number])
    longest = lengths.max(axis=0, initial=0)
    starts, counts = _candidates(query.tolist(), longest.tolist(), rules, frozenset(delimiters), word_starts)
    if not starts:
        return Found((), longest)
    at, count = np.array(starts), np.array(counts)
    ranks = np.zeros((len(index.shards), 2, len(at)), dtype=np.int64)
    for number, part in enumerate(index.shards):
        here = np.where(lengths[number][at] >= count, count, 0)
        around = places[number][at]
        low, high = ranks[number]
        loops.ranges(part.tokens, part.suffixes, part.firsts, query, at, here, around, low, high)
    total = (ranks[:, 1] - ranks[:, 0]).sum(axis=0).tolist()
    spans = tuple(
        Span(start, start + length, how_often, _places(index, ranks[:, :, place], rules.documents))
        for place, (start, length, how_often) in enumerate(zip(starts, counts, total, strict=True))
        if not rules.maximum_frequency or how_often <= rules.maximum_frequency
    )
    return Found(spans, longest)


def occurrences(
    index: Index, ids: Sequence[int], most: int, loops: Kernels | None = None
) -> tuple[int, NDArray[np.int64]]:
    """(how often a run of tokens stands in an index, at most so many of the places)."""
    found = find(index, ids, Rules(minimum_length=len(ids), documents=most), loops=loops)
    return (found.spans[0].count, found.spans[0].places) if found.spans else (0, np.empty(0, dtype=np.int64))


def _candidates(
    query: Sequence[int],
    longest: Sequence[int],
    rules: Rules,
    delimiters: frozenset[int],
    word_starts: Sequence[bool] | None,
) -> tuple[list[int], list[int]]:
    """Spans as (starts, lengths) before they are counted.

    What lies within an earlier one is left out at once: it cannot be rarer, so that it would be left out for its
    frequency if the earlier one is.
    """
    starts: list[int] = []
    lengths: list[int] = []
    reached, end = 0, len(query)
    next_delimiter = [end] * (end + 1)
    for place in range(end - 1, -1, -1):
        next_delimiter[place] = place if query[place] in delimiters else next_delimiter[place + 1]
    for start, length in enumerate(longest):
        if word_starts is not None and not word_starts[start]:
            continue
        stop = min(start + length, next_delimiter[start] + 1)
        if word_starts is not None:
            while stop > start and stop < end and not word_starts[stop]:
                stop -= 1
        if stop - start < max(1, rules.minimum_length) or stop <= reached:
            continue
        starts.append(start)
        lengths.append(stop - start)
        reached = stop
    return starts, lengths


def _places(index: Index, ranks: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Where a span stands, from the ranks of its suffixes in each shard; (low and high,) for each of (shards,)."""
    if len(index.shards) == 1 and ranks[0, 1] - ranks[0, 0] <= most:  # the usual case
        (part,) = index.shards
        return np.sort(part.suffixes[ranks[0, 0] : ranks[0, 1]].astype(np.int64) + part.start)
    sizes = (ranks[:, 1] - ranks[:, 0]).tolist()
    total = sum(sizes)
    wanted = np.arange(total) if total <= most else np.arange(most) * total // most
    found = []
    before = 0
    for part, (low, _), size in zip(index.shards, ranks.tolist(), sizes, strict=True):
        here = wanted[(wanted >= before) & (wanted < before + size)] - before + low
        if len(here):
            found.append(part.start + part.suffixes[here].astype(np.int64))
        before += size
    return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)


def longest_only(spans: Sequence[Span], tokens: int, rules: Rules) -> list[Span]:
    """At most `maximum_density` spans a token of the text, the longest ones, in the order of their beginning."""
    most = math.ceil(tokens * rules.maximum_density)
    kept = sorted(spans, key=lambda span: (-span.length, span.start))[:most]
    return sorted(kept, key=lambda span: span.start)


def covered(longest: NDArray[np.int64], minimum_length: int) -> NDArray[np.bool_]:
    """Which tokens of a text lie in a match of at least `minimum_length` tokens: (tokens,)."""
    inside = np.zeros(len(longest) + 1, dtype=np.int64)
    starts = np.flatnonzero(longest >= minimum_length)
    np.add.at(inside, starts, 1)
    np.add.at(inside, starts + longest[starts], -1)
    return np.cumsum(inside[:-1]) > 0


def shared(ids: Sequence[int], other: Sequence[int], length: int) -> NDArray[np.bool_]:
    """Which tokens of a text lie in a run of at least `length` tokens that stands in another text: (tokens,)."""
    runs = {tuple(other[place : place + length]) for place in range(len(other) - length + 1)}
    inside = np.zeros(len(ids), dtype=np.bool_)
    for place in range(len(ids) - length + 1):
        if tuple(ids[place : place + length]) in runs:
            inside[place : place + length] = True
    return inside


def ranked(documents: Sequence[Sequence[int] | NDArray[Any]], query: Sequence[int]) -> list[float]:
    """How well each of some documents fits a text: BM25 over these documents alone, with tokens as terms.

    Args:
        documents: tokens of each.
        query: the text's tokens.
    """
    if not documents:
        return []
    terms = np.unique(np.asarray(query, dtype=np.int64))
    often = np.zeros((len(documents), len(terms)))
    for row, document in enumerate(documents):
        values, counts = np.unique(np.asarray(document, dtype=np.int64), return_counts=True)
        place = np.searchsorted(terms, values)
        there = (place < len(terms)) & (terms[np.minimum(place, len(terms) - 1)] == values) if len(terms) else place < 0
        often[row, place[there]] = counts[there]
    sizes = np.array([len(document) for document in documents], dtype=np.float64)
    holders = (often > 0).sum(axis=0)
    weight = np.log(1 + (len(documents) - holders + 0.5) / (holders + 0.5))
    room = K1 * (1 - B + B * sizes / max(1.0, float(sizes.mean())))
    scores: list[float] = (weight * often * (K1 + 1) / (often + room[:, None])).sum(axis=1).tolist()
    return scores


def without_limits(rules: Rules) -> Rules:
    """The same rules for a text that is shorter than a span has to be."""
    return replace(rules, minimum_length=1)
