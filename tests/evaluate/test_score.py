"""What counts as right, part by part."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.data.task import Task
from helder.evaluate.records import Example
from helder.evaluate.score import character_f, group_pairs, macro_f1, normal_text, score_item

SCHEMA: dict[str, Any] = {
    "properties": {
        "form": {"type": ["string", "null"], "default": None},
        "dose": {"type": ["number", "null"], "default": None},
        "as_required": {"type": "boolean", "default": False},
    }
}
LIST = Task(kind="record", name="dose", schema=SCHEMA, many=True)
ONE = Task(kind="record", name="dose", schema=SCHEMA)
LABEL = Task(kind="label", name="l", labels=("a", "b", "c"), groups={"kind": {"a": "1", "b": "1", "c": "2"}})


def records(*found: dict[str, Any]) -> list[dict[str, Any]]:
    return list(LIST.normalise(list(found)))


def example(output: Any, scored: tuple[str, ...] | None = None) -> Example:
    return Example("1", "question", output, scored)


def test_the_same_records_are_right_in_everything() -> None:
    score = score_item(LIST, example(records({"dose": 2}, {"dose": 1})), records({"dose": 2.0}, {"dose": 1}))
    assert score.whole
    assert score.counts("fields") == (6, 6)
    assert score.counts("stated") == (2, 2)


def test_one_wrong_field_makes_the_whole_wrong_and_is_named() -> None:
    score = score_item(LIST, example(records({"dose": 2, "form": "puff"})), records({"dose": 3, "form": "puff"}))
    assert not score.whole
    assert score.counts("fields") == (2, 3)
    (wrong,) = [field for field in score.fields if not field.right]
    assert (wrong.record, wrong.field, wrong.expected, wrong.got, wrong.error) == (0, "dose", 2, 3, "wrong")


def test_missed_and_invented_values_are_told_apart() -> None:
    score = score_item(LIST, example(records({"dose": 2})), records({"form": "puff", "as_required": True}))
    errors = {field.field: field.error for field in score.fields}
    assert errors == {"dose": "missed", "form": "invented", "as_required": "invented"}
    assert score.counts("stated") == (0, 3)


def test_truth_is_not_one() -> None:
    task = Task(kind="record", name="t", schema={"properties": {"x": {"type": ["boolean", "integer"]}}})
    assert not score_item(task, example({"x": 1}), {"x": True}).whole


def test_a_missing_record_has_all_its_fields_wrong() -> None:
    score = score_item(LIST, example(records({"dose": 2}, {"dose": 1})), records({"dose": 2}))
    assert (score.missing, score.extra, score.whole) == (1, 0, False)
    assert score.counts("fields") == (3, 6)
    assert {field.error for field in score.fields if field.record == 1} == {"no record"}


def test_a_superfluous_record_adds_its_fields_as_wrong() -> None:
    score = score_item(LIST, example(records({"dose": 2})), records({"dose": 2}, {"dose": 1}))
    assert (score.missing, score.extra, score.whole) == (0, 1, False)
    assert score.counts("fields") == (3, 6)
    assert score.counts("stated") == (1, 2)


def test_lists_are_compared_by_position() -> None:
    score = score_item(LIST, example(records({"dose": 2}, {"dose": 1})), records({"dose": 1}, {"dose": 2}))
    assert score.counts("stated") == (0, 2)


def test_an_empty_list_is_right_only_where_one_is_expected() -> None:
    assert score_item(LIST, example([]), []).whole
    assert not score_item(LIST, example([]), records({"dose": 1})).whole
    assert not score_item(LIST, example(records({"dose": 1})), []).whole


def test_no_answer_is_wrong_in_every_field() -> None:
    score = score_item(LIST, example(records({"dose": 2}, {})), None)
    assert (score.valid, score.whole, score.missing) == (False, False, 2)
    assert score.counts("fields") == (0, 6)
    assert {field.error for field in score.fields} == {"no answer"}
    assert not score_item(LIST, example([]), None).whole


def test_only_the_scored_fields_are_compared_where_they_are_named() -> None:
    score = score_item(LIST, example(records({"dose": 2}), ("dose",)), records({"dose": 2, "form": "puff"}))
    assert score.whole
    assert score.counts("fields") == (1, 1)
    assert not score_item(LIST, example(records({"dose": 2}), ("dose",)), records({"dose": 2}, {})).whole


def test_a_single_record_needs_no_list() -> None:
    assert score_item(ONE, example(ONE.normalise({"dose": 2})), ONE.normalise({"dose": 2})).whole


def test_an_optional_field_that_is_absent_counts_as_its_absence() -> None:
    task = Task(kind="record", name="t", schema={"properties": {"x": {"type": "integer"}}, "required": []})
    assert score_item(task, example({}), {}).whole
    assert not score_item(task, example({}), {"x": 1}).whole


def test_labels_are_right_or_wrong() -> None:
    assert score_item(LABEL, example("a"), "a").whole
    assert not score_item(LABEL, example("a"), "b").whole
    assert not score_item(LABEL, example("a"), None).valid


def test_a_group_may_be_right_where_the_label_is_not() -> None:
    assert group_pairs(LABEL, "kind", [("a", "b"), ("a", "c"), ("c", None)]) == [("1", "1"), ("1", "2"), ("2", None)]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1))
def test_macro_f1_agrees_with_scikit_learn(pairs: list[tuple[str, str | None]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    expected = metrics.f1_score([a for a, _ in pairs], [b for _, b in pairs], average="macro", zero_division=0)
    assert macro_f1(pairs) == pytest.approx(expected)


def test_a_missing_label_is_a_miss_and_no_false_alarm() -> None:
    assert macro_f1([("a", "a"), ("b", None)]) == pytest.approx(0.5)
    assert macro_f1([]) == 0.0


def test_texts_are_equal_after_normal_form() -> None:
    task = Task(kind="text", name="t")
    assert score_item(task, example("e\u0301e\u0301n  twee\n"), "één twee").whole
    assert not score_item(task, example("Een"), "een").whole
    assert normal_text(" a \n b ") == "a b"
    assert score_item(task, example("a"), None).text == 0.0


@pytest.mark.parametrize(
    ("expected", "got", "value"),
    [
        ("abc", "abc", 1.0),
        ("abc", "xyz", 0.0),
        ("a b c", "abc", 1.0),  # white space does not count
        # n=1: 3 shared of 4 and 3; n=2: 2 of 3 and 2; n=3: 1 of 2 and 1; n=4: 0 of 1, none expected
        ("abc", "abcd", 5 * (23 / 48) * 0.75 / (4 * (23 / 48) + 0.75)),
        ("", "", 1.0),
        ("", "a", 0.0),
    ],
)
def test_character_f_is_computed_by_hand(expected: str, got: str, value: float) -> None:
    assert character_f(expected, got) == pytest.approx(value)


@given(st.text(max_size=20), st.text(max_size=20))
def test_character_f_is_a_share_and_is_one_for_the_same_text(left: str, right: str) -> None:
    assert 0.0 <= character_f(left, right) <= 1.0
    assert character_f(left, left) == 1.0
