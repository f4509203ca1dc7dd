"""Verifiers: what they accept, by name and version; one that cannot judge says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.data.task import Task
from helder.errors import HelderError
from helder.evaluate.records import Example
from helder.evaluate.verifiers import VERIFIERS, find, last_number

TEXT = Task(kind="text", name="sums")
RECORD = Task(
    kind="record",
    name="doses",
    schema={
        "type": "object",
        "properties": {
            "dose": {"type": ["integer", "null"], "default": None},
            "form": {"type": ["string", "null"], "default": None},
        },
    },
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12 + 7 = 19", 19),
        ("The answer is 1,234.50 euros.", 1234.5),
        ("it is -3", -3),
        ("no number", None),
        ("", None),
        ("1,23", 23),
        ("19.", 19),
    ],
)
def test_the_last_number_of_a_text(text: str, number: float | None) -> None:
    assert last_number(text) == number


@given(number=st.integers(-(10**9), 10**9), before=st.sampled_from(["", "so 5 and ", "= "]))
def test_a_number_is_read_back_with_commas_or_without(number: int, before: str) -> None:
    assert last_number(f"{before}{number}") == number
    assert last_number(f"{before}{number:,}.") == number


@pytest.mark.parametrize(("text", "reward"), [("19", 1), ("12 + 7 = 19", 1), ("19 or 20", 0), ("", 0), ("190", 0)])
def test_number(text: str, reward: float) -> None:
    assert find("number").judge(TEXT, Example("a", "12 + 7", "12 + 7 = 19"), text) == reward


def test_number_without_a_number_in_the_right_answer_is_an_error_and_no_zero() -> None:
    with pytest.raises(HelderError, match="finds no number") as caught:
        find("number").judge(TEXT, Example("a7", "?", "none"), "5")
    assert "a7" in caught.value.what


@pytest.mark.parametrize(
    ("text", "right", "fields"),
    [
        ('{"dose":2,"form":"tablet"}', 1.0, 1.0),
        ('{"dose":2,"form":"puff"}', 0.0, 0.5),
        ('{"dose":2', 0.0, 0.0),
        ("two tablets", 0.0, 0.0),
    ],
)
def test_right_asks_for_the_whole_record_and_fields_for_its_parts(text: str, right: float, fields: float) -> None:
    item = Example("a", "2 tabs", {"dose": 2, "form": "tablet"})
    assert find("right").judge(RECORD, item, text) == right
    assert find("fields").judge(RECORD, item, text) == fields


def test_fields_of_an_answer_that_has_none_is_an_error() -> None:
    with pytest.raises(HelderError, match="judges records"):
        find("fields").judge(TEXT, Example("a", "?", "5"), "5")


def test_every_verifier_has_a_name_a_version_and_a_sentence() -> None:
    for name, verifier in VERIFIERS.items():
        assert verifier.identity == f"{name}@{verifier.version}"
        assert verifier.version >= 1
        assert verifier.what.endswith(".")


def test_a_verifier_that_is_not_known_is_an_error_that_names_those_that_are() -> None:
    with pytest.raises(HelderError, match="no verifier 'exact'") as caught:
        find("exact")
    assert all(name in caught.value.why for name in VERIFIERS)
