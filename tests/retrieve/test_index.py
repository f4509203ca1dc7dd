"""The index of passages: the same bytes each time, and BM25 as Lucene counts it."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.errors import HelderError
from helder.ledger.artifact import digest_path
from helder.retrieve.index import K1, B, Index, recall
from helder.retrieve.words import words
from tests.retrieve.conftest import HOUSE, LETTER, build, lines


def lucene(passages: list[str], question: str) -> list[float]:
    """BM25Similarity of Lucene 8 and later, said plainly."""
    tallies = [Counter(words(one)) for one in passages]
    mean = sum(sum(tally.values()) for tally in tallies) / len(tallies)
    found = []
    for tally in tallies:
        score = 0.0
        for word in words(question):
            holders = sum(word in other for other in tallies)
            often, length = tally[word], sum(tally.values())
            if often:
                idf = math.log(1 + (len(tallies) - holders + 0.5) / (holders + 0.5))
                score += idf * often / (often + K1 * (1 - B + B * length / mean))
        found.append(score)
    return found


def test_the_same_documents_give_the_same_bytes(house: Path, model: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "index", model, {"letter.txt": LETTER, "huis.md": HOUSE})
    assert digest_path(again) == digest_path(house)


def test_a_passage_is_the_bytes_of_its_document(house: Path, index: Index) -> None:
    texts = {"huis.md": HOUSE, "letter.txt": LETTER}
    for record in lines(house / "passages.jsonl"):
        data = texts[str(record["document"])].encode("utf-8")
        assert data[slice(int(str(record["start"])), int(str(record["stop"])))].decode("utf-8") == record["text"]
    (found,) = index.search("Hoeveel mensen in de Kas?", 1)
    assert found.document == "huis.md"
    assert found.id == f"huis.md#{found.start}-{found.stop}"
    assert "twaalf mensen" in found.text


@given(
    st.lists(
        st.sampled_from(["de", "kas", "kost", "euro", "uur", "the", "attic", "zoe", "niets", "open"]),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=60, deadline=None)
def test_scores_are_those_of_lucene(house: Path, asked: list[str]) -> None:
    index = Index(house)
    passages = [str(index.passage(place)["text"]) for place in range(len(index))]
    expected = lucene(passages, " ".join(asked))
    assert np.allclose(index.scores(" ".join(asked)), expected, rtol=1e-12, atol=1e-12)
    ranked = sorted((-score, place) for place, score in enumerate(expected) if score > 0)
    found = index.search(" ".join(asked), 3)
    assert [one.score for one in found] == pytest.approx([-score for score, _ in ranked[:3]])
    assert [(-one.score, one.place) for one in found] == sorted((-one.score, one.place) for one in found)


def test_how_much_of_a_question_stands_in_a_passage_is_told(index: Index) -> None:
    (whole, *_) = index.search("Kas twaalf mensen", 1)
    (part, *_) = index.search("Kas twaalf olifanten", 1)
    assert whole.share == pytest.approx(1)
    assert 0 < part.share < 0.8
    assert index.search("olifanten", 3) == []
    assert index.search("", 3) == []


def test_a_stem_finds_the_plural(model: Path, tmp_path: Path) -> None:
    made = Index(build(tmp_path / "index", model, {"a.txt": "The house has rooms."}, stem="en"))
    assert len(made.search("room", 1)) == 1


def test_planted_questions_are_found(index: Index) -> None:
    found = recall(index, [("When does it close on zaterdag?", "twee uur"), ("olifant", "twaalf")], [1, 3])
    assert found == {1: 0.5, 3: 0.5}


def test_documents_without_text_are_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="no passage to find"):
        build(tmp_path / "index", model, {"a.txt": "  \n"})


@pytest.mark.parametrize("file", ["index.json", "offsets.npy", "places.npy", "terms.txt", "passages.jsonl"])
def test_an_index_that_is_not_whole_is_refused(model: Path, tmp_path: Path, file: str) -> None:
    made = build(tmp_path / "index", model, {"a.txt": LETTER})
    (made / file).write_bytes((made / file).read_bytes()[:-4])
    with pytest.raises(HelderError):
        Index(made)
    (made / file).unlink()
    with pytest.raises(HelderError):
        Index(made)
