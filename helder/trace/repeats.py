"""Passages that stand in the data several times: all but the first are found, from the same suffix array.

Suffixes that begin with the same `length` tokens are neighbours in the array (Lee et al. 2022, "Deduplicating training
data makes language models better"; they cut 50 tokens). Of each group of equal passages the first in the order of the
stream stays. Everything in a later one is repeated, so that what is left holds no two equal passages of that length
that do not overlap themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helder.trace.index import Index, sorted_suffixes
from helder.trace.kernels import Kernels, kernels

LENGTH = 50  # tokens (Lee et al. 2022)


@dataclass(frozen=True)
class Repeat:
    """A passage that stands elsewhere as well.

    Attributes:
        document: its number in the stream.
        start, stop: tokens of the stream.
        first: a place that holds the beginning of it and stays.
    """

    document: int
    start: int
    stop: int
    first: int


def repeats(index: Index, length: int = LENGTH, loops: Kernels | None = None) -> list[Repeat]:
    """The repeated passages of an index, in the order of the stream, whole runs of tokens within documents.

    Shards are looked at one by one: what stands once in each of two is not found.

    Args:
        length: tokens of the shortest passage that counts.
    """
    loops = loops or kernels()
    found = []
    for part in index.shards:
        starts = index.starts[(index.starts >= part.start) & (index.starts < part.start + len(part.tokens))]
        inside, firsts = _repeated(part.tokens, part.suffixes, starts - part.start, length, loops)
        found += _runs(index, part.start, inside, firsts)
    return found


@dataclass(frozen=True)
class Passage:
    """A passage of a document that is not indexed.

    Attributes:
        start, stop: tokens of the document.
        documents: numbers of those that hold it, or a part of it, before; ascending.
    """

    start: int
    stop: int
    documents: tuple[int, ...]


def passages(
    documents: Sequence[NDArray[np.integer[Any]]], length: int = LENGTH, loops: Kernels | None = None
) -> list[list[Passage]]:
    """The repeated passages of documents that are not indexed yet, for each document.

    For stages that clean documents before anything is learnt from them: passages that lie in one document twice, or in
    several, are repeated everywhere but at the first place. Documents are taken in their order.

    Args:
        documents: tokens of each; none negative.
        length: tokens of the shortest passage that counts.
    """
    if not documents:
        return []
    # A number that occurs once stands behind each document, so that no passage goes over its end.
    largest = max((int(document.max()) for document in documents if len(document)), default=0)
    starts = np.cumsum([0, *(len(document) + 1 for document in documents)])
    tokens = np.empty(starts[-1], dtype=np.int64)
    for number, (start, document) in enumerate(zip(starts, documents, strict=False)):
        tokens[start : start + len(document)] = document
        tokens[start + len(document)] = largest + 1 + number
    inside, firsts = _repeated(tokens, sorted_suffixes(tokens), starts[:-1], length, loops or kernels())
    found: list[list[Passage]] = []
    for start, document in zip(starts.tolist(), documents, strict=False):
        runs = []
        for begin, stop in _bounds(inside[start : start + len(document)]):
            # Every window that ends in the run began at most one length before it.
            places = firsts[start + max(0, begin - length + 1) : start + stop]
            places = places[places >= 0]
            where = np.unique(np.searchsorted(starts, places, side="right") - 1)
            runs.append(Passage(begin, stop, tuple(where.tolist())))
        found.append(runs)
    return found


def repeated_passages(
    documents: Sequence[Sequence[int]], length: int = LENGTH, loops: Kernels | None = None
) -> list[list[tuple[int, int]]]:
    """The repeated passages of documents as tokens (start, stop) of each document; see `passages`."""
    arrays = [np.asarray(document, dtype=np.int64) for document in documents]
    return [[(one.start, one.stop) for one in runs] for runs in passages(arrays, length, loops)]


def _repeated(
    tokens: NDArray[np.integer[Any]],
    suffixes: NDArray[np.integer[Any]],
    starts: NDArray[np.int64],
    length: int,
    loops: Kernels,
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """(which tokens lie in a repeated passage, for each a place that its passage repeats, or -1): (tokens,) each.

    Args:
        starts: of documents; a passage that goes over one is none.
    """
    group = np.zeros(len(suffixes), dtype=np.uint8)
    loops.repeats(tokens, suffixes, length, group)
    ranks = np.flatnonzero(group | np.append(group[1:], 0))  # of all that have an equal neighbour
    places = suffixes[ranks].astype(np.int64)
    number = np.cumsum(group[ranks] == 0) - 1  # of the group of equal passages that each belongs to
    last = np.searchsorted(starts, places + length - 1, side="right")
    within = np.searchsorted(starts, places, side="right") == last
    places, number = places[within], number[within]
    covered = np.zeros(len(tokens) + 1, dtype=np.int32)
    firsts = np.full(len(tokens), -1, dtype=np.int64)
    if len(places):
        heads = np.flatnonzero(np.diff(number, prepend=-1))
        first = np.repeat(np.minimum.reduceat(places, heads), np.diff(heads, append=len(places)))
        later, first = places[places != first], first[places != first]
        # A passage that overlaps itself, such as a row of dashes: one of it stays whole.
        np.add.at(covered, np.maximum(later, first + length), 1)
        np.add.at(covered, later + length, -1)
        firsts[later] = first
    return np.cumsum(covered[:-1]) > 0, firsts


def _bounds(inside: NDArray[np.bool_]) -> Iterable[tuple[int, int]]:
    """Runs of True as (start, stop)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _runs(index: Index, offset: int, inside: NDArray[np.bool_], firsts: NDArray[np.int64]) -> list[Repeat]:
    runs = np.array(list(_bounds(inside)), dtype=np.int64).reshape(-1, 2)
    documents = index.document_of(offset + runs[:, 0]).tolist()
    found = []
    for (start, stop), document in zip(runs.tolist(), documents, strict=True):
        begin, number = start, document
        while begin < stop:  # a run may go on in the next document
            end = min(stop, index.bounds(number)[1] - offset)
            first = int(firsts[begin])
            found.append(Repeat(number, offset + begin, offset + end, -1 if first < 0 else offset + first))
            begin, number = end, number + 1
    return found
