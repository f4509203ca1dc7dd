"""Passages that stand in the data several times."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from helder.trace.kernels import kernels
from helder.trace.repeats import repeated_passages, repeats
from tests.trace import streams

SLOW = kernels(compiled=False)
DOCUMENTS = st.lists(st.lists(st.integers(0, 2), max_size=20), max_size=5)


@given(DOCUMENTS, st.integers(2, 4))
@settings(max_examples=80, deadline=None)
def test_what_is_marked_stands_earlier_and_what_stands_earlier_is_marked(
    documents: list[list[int]], length: int
) -> None:
    marked = repeated_passages(documents, length, SLOW)
    assert len(marked) == len(documents)
    inside = [
        [any(start <= place < stop for start, stop in runs) for place in range(len(document))]
        for document, runs in zip(documents, marked, strict=True)
    ]
    seen: set[tuple[int, ...]] = set()
    must: list[list[bool]] = [[False] * len(document) for document in documents]
    may: list[list[bool]] = [[False] * len(document) for document in documents]
    for number, document in enumerate(documents):
        last: dict[tuple[int, ...], int] = {}
        for place in range(len(document) - length + 1):
            passage = tuple(document[place : place + length])
            if passage in seen:
                may[number][place : place + length] = [True] * length
                # One that overlaps the first of its kind may be marked in part.
                if place >= last.get(passage, -length) + length:
                    must[number][place : place + length] = [True] * length
            else:
                seen.add(passage)
                last[passage] = place
    for number in range(len(documents)):
        for place, marked_here in enumerate(inside[number]):
            assert not must[number][place] or marked_here
            assert may[number][place] or not marked_here


def test_the_first_of_equal_passages_stays_and_documents_keep_apart(tmp_path: Path) -> None:
    passage = list(range(10, 20))
    documents = [[1, *passage, 2], [3, *passage, 4], [*passage]]
    found = repeats(streams.opened(tmp_path / "stream", documents), 8, SLOW)
    assert [(one.document, one.start, one.stop, one.first) for one in found] == [(1, 13, 23, 1), (2, 24, 34, 1)]
    assert repeated_passages(documents, 8, SLOW) == [[], [(1, 11)], [(0, 10)]]


def test_one_of_a_passage_that_overlaps_itself_stays_whole() -> None:
    assert repeated_passages([[7] * 20], 5, SLOW) == [[(5, 20)]]


def test_no_passage_goes_over_the_end_of_a_document(tmp_path: Path) -> None:
    documents = [[1, 2], [3, 4], [1, 2], [3, 4]]
    assert repeats(streams.opened(tmp_path / "stream", documents), 3, SLOW) == []
    assert repeated_passages(documents, 3, SLOW) == [[]] * 4


def test_no_documents_have_no_repeats() -> None:
    assert repeated_passages([], 3, SLOW) == []
