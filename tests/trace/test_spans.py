"""The longest parts of a text that stand in an index."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.trace import spans
from helder.trace.kernels import kernels
from helder.trace.spans import Rules, Span
from tests.trace import streams

TOKENS = st.integers(0, 3)
DOCUMENTS = st.lists(st.lists(TOKENS, min_size=1, max_size=30), min_size=1, max_size=5)
ANY = Rules(minimum_length=1, documents=1000)


def expected(
    query: list[int], longest: list[int], rules: Rules, delimiters: set[int], starts: list[bool] | None
) -> list[tuple[int, int]]:
    """OLMoTrace's rules by the letter, frequency aside."""
    found: list[tuple[int, int]] = []
    for start, length in enumerate(longest):
        if starts is not None and not starts[start]:
            continue
        for place in range(start, start + length):
            if query[place] in delimiters:
                length = place + 1 - start
                break
        while starts is not None and length and start + length < len(query) and not starts[start + length]:
            length -= 1
        if length >= rules.minimum_length:
            found.append((start, start + length))
    return [one for one in found if not any(other[0] < one[0] and one[1] <= other[1] for other in found)]


@given(
    DOCUMENTS,
    st.lists(st.integers(-1, 4), min_size=1, max_size=25),
    st.integers(1, 40),
    st.integers(1, 3),
    st.integers(0, 3),
    st.sets(TOKENS, max_size=1),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_spans_counts_and_places_are_those_that_a_slow_search_finds(
    documents: list[list[int]],
    query: list[int],
    shard: int,
    minimum: int,
    frequency: int,
    delimiters: set[int],
    words: bool,
) -> None:
    starts = [place % 3 != 1 for place in range(len(query))] if words else None
    rules = Rules(minimum_length=minimum, maximum_frequency=frequency, documents=1000)
    with TemporaryDirectory() as folder:
        index = streams.opened(Path(folder) / "stream", documents, shard)
        found = spans.find(index, query, rules, delimiters=delimiters, word_starts=starts)
        longest = streams.longest(index, query)
        assert found.longest.tolist() == longest
        wanted = [
            (start, stop, streams.places(index, query[start:stop]))
            for start, stop in expected(query, longest, rules, delimiters, starts)
        ]
        assert [(one.start, one.stop, one.places.tolist()) for one in found.spans] == [
            one for one in wanted if not frequency or len(one[2]) <= frequency
        ]
        assert all(one.count == len(one.places) for one in found.spans)


def test_compiled_loops_find_the_same(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    random = np.random.default_rng(0)
    documents = [random.integers(0, 5, 200).tolist() for _ in range(5)]
    index = streams.opened(tmp_path / "stream", documents, 400)
    query = [*documents[1][20:60], *random.integers(0, 5, 40).tolist()]
    slow, fast = (spans.find(index, query, ANY, loops=kernels(compiled)) for compiled in (False, True))
    assert slow.longest.tolist() == fast.longest.tolist()
    assert max(span.length for span in slow.spans) >= 40
    for one, other in zip(slow.spans, fast.spans, strict=True):
        assert (one.start, one.stop, one.count) == (other.start, other.stop, other.count)
        assert one.places.tolist() == other.places.tolist()


def test_of_many_places_only_some_are_told_and_all_are_counted(tmp_path: Path) -> None:
    index = streams.opened(tmp_path / "stream", [[1, 2, 9]] * 30, 20)
    (span,) = spans.find(index, [1, 2], Rules(minimum_length=2, documents=4)).spans
    assert span.count == 30
    assert len(span.places) == 4
    assert set(span.places.tolist()) <= set(streams.places(index, [1, 2]))


def test_the_longest_spans_are_kept_in_the_order_of_the_text() -> None:
    found = [Span(start, start + length, 1, np.empty(0, np.int64)) for start, length in ((0, 3), (5, 9), (20, 4))]
    assert spans.longest_only(found, 40, Rules(maximum_density=0.05)) == found[1:]


def test_coverage_is_that_of_matches_that_are_long_enough() -> None:
    assert spans.covered(np.array([3, 2, 1, 0, 1]), 3).tolist() == [True, True, True, False, False]
    assert spans.covered(np.array([3, 2, 1, 0, 1]), 4).tolist() == [False] * 5


def test_what_stands_in_the_prompt_is_found_in_runs() -> None:
    inside = spans.shared([1, 2, 3, 4, 5], [9, 2, 3, 4, 9, 5, 9], 3)
    assert inside.tolist() == [False, True, True, True, False]


def test_the_document_with_more_of_the_rarer_words_fits_best() -> None:
    scores = spans.ranked([[1, 1, 1, 2], [2, 2, 3, 1], [1, 1, 1, 1]], [2, 3])
    assert scores[1] > scores[0] > scores[2] == 0
    assert spans.ranked([], [1]) == []
