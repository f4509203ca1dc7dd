"""Test items in training texts: found word for word, whatever the case and the punctuation, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from helder.data.contamination import GRAM, LEAST, Index, Question, contaminated, items_of

WORDS = [f"word{n}" for n in range(60)]
ITEM = Question("exam", "q1", " ".join(WORDS[:20]))


def test_an_item_that_stands_in_a_text_is_named_with_its_share_and_its_documents() -> None:
    texts = [("a", "nothing here"), ("b", "before " + ITEM.text + " behind"), ("c", ITEM.text)]
    (found,) = contaminated([ITEM], texts)
    assert (found.set, found.name, found.share) == ("exam", "q1", 1.0)
    assert (found.documents, found.in_documents) == (("b", "c"), 2)


def test_case_and_punctuation_do_not_hide_an_item() -> None:
    hidden = ", ".join(WORDS[:20]).upper() + "!"
    assert contaminated([ITEM], [("a", hidden)])[0].share == 1.0


def test_the_share_is_that_of_the_runs_of_words_that_stand_there() -> None:
    (found,) = contaminated([ITEM], [("a", " ".join(WORDS[:14]))])
    assert found.share == 2 / 8  # 14 words hold two of the item's eight runs of 13
    assert not contaminated([ITEM], [("a", " ".join(WORDS[: GRAM - 1]))])


@given(size=st.integers(LEAST, GRAM - 1))
def test_a_short_item_counts_when_it_stands_there_whole(size: int) -> None:
    item = Question("exam", "q", " ".join(WORDS[:size]))
    assert contaminated([item], [("a", "x " + item.text + " y")])
    assert not contaminated([item], [("a", " ".join(WORDS[: size - 1]))])


def test_items_that_are_too_short_are_counted_as_not_checked() -> None:
    index = Index.of([Question("exam", "q", "two words"), ITEM])
    index.look_in("a", "two words")
    told = index.told()["sets"]["exam"]
    assert told == {"items": 2, "not_checked": 1, "contaminated": 0, "found": []}


def test_two_items_that_share_words_are_both_named() -> None:
    other = Question("other", "q2", " ".join(WORDS[5:25]))
    found = contaminated([ITEM, other], [("a", " ".join(WORDS[5:20]))])
    assert [one.name for one in found] == ["q1", "q2"]


def test_items_come_from_files_with_all_that_is_text_in_them(tmp_path: Path) -> None:
    lines = [{"id": "e7", "input": "What is it?", "output": {"name": "A pump", "parts": ["seal"]}}, {"input": "second"}]
    path = tmp_path / "test.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    first, second = items_of(path, "exam")
    assert (first.name, first.text) == ("e7", "What is it?\nA pump\nseal")
    assert second.name == "test.jsonl:2"
