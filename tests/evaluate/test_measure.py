"""What tables show of a `scores.json`: every measure of the task, wherever it stands in a result."""

from __future__ import annotations

from typing import Any

from helder.commands.scores import short_table
from helder.evaluate.measure import beside, score_at

SHARE = {"right": 3, "n": 4, "value": 0.75, "low": 0.3, "high": 0.95}
CHAPTER = {"right": 1, "n": 4, "value": 0.25, "low": 0.05, "high": 0.7}
ROW: dict[str, Any] = {
    "subject": "weights", "test_set": "test", "n": 4, "of": 4, "subset": None, "whole": SHARE, "fields": None,
    "groups": {"chapter": {"accuracy": CHAPTER, "macro_f1": 0.2}},
}  # fmt: skip
SCORES: dict[str, Any] = {
    "confidence": 0.95, "task": {"kind": "label"}, "measures": {"whole": "", "group:chapter": ""},
    "test_sets": [{"name": "test", "n": 4}], "subjects": [{"name": "weights", "title": "the tuned model"}],
    "results": [ROW],
}  # fmt: skip


def test_groupings_of_labels_stand_beside_the_labels_in_the_table() -> None:
    assert beside(SCORES) == {"chapter": "group:chapter"}
    assert score_at(ROW, "group:chapter") is CHAPTER
    table = short_table(SCORES)
    assert "test: right" in table and "test: chapter" in table
    assert "0.750 (0.300-0.950)" in table and "0.250 (0.050-0.700)" in table


def test_fields_stand_beside_whole_records_and_stated_fields_do_not() -> None:
    scores = {"measures": {"whole": "", "fields": "", "stated": ""}}
    assert beside(scores) == {"fields": "fields"}
    assert score_at({"fields": SHARE}, "fields") is SHARE
    assert score_at({"fields": None}, "fields") is None
