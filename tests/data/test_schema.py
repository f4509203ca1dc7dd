"""The part of JSON Schema that records may use, checked and derived."""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.data.schema import AnswerError, compact, conform, derive, number_text, resolve, same, value_text
from helder.errors import HelderError
from tests.data.forms import NUMBER, schemas_with_records

RECORD = {
    "type": "object",
    "properties": {
        "form": {"type": ["string", "null"], "default": None},
        "dose": {"type": "number", "minimum": 0},
        "per": {"enum": ["day", "week"], "default": "day"},
        "sites": {"type": "array", "items": {"type": "string"}, "maxItems": 2, "default": []},
    },
    "required": ["dose"],
}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2, "2"),
        (2.0, "2"),
        (-0.0, "0"),
        (0.5, "0.5"),
        (1e-7, "0.0000001"),
        (1e14, "100000000000000"),
        (0.1 + 0.2, None),
    ],
)
def test_numbers_have_one_shortest_text_without_exponent(value: float, text: str | None) -> None:
    if text is None:
        with pytest.raises(AnswerError, match="15 digits"):
            number_text(value)
    else:
        assert number_text(value) == text


@given(NUMBER)
def test_the_text_of_a_number_reads_back_as_the_same_number(value: float) -> None:
    text = number_text(value)
    assert json.loads(text) == value
    assert "e" not in text.lower()


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**15])
def test_numbers_that_cannot_be_written_are_refused(value: float) -> None:
    with pytest.raises(AnswerError):
        number_text(value)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(AnswerError, match="surrogate"):
        value_text("\ud800")


def test_true_is_not_one_but_two_is_two() -> None:
    assert same(2, 2.0)
    assert not same(True, 1)
    assert same({"a": 1, "b": [2.0]}, {"b": [2], "a": 1})
    assert not same([1], [1, 1])


def test_a_record_gets_its_defaults_and_the_order_of_the_schema() -> None:
    found = conform({"per": "week", "dose": 2.0}, resolve(RECORD))
    assert list(found.items()) == [("form", None), ("dose", 2), ("per", "week"), ("sites", [])]
    assert isinstance(found["dose"], int)


def test_compact_leaves_out_what_equals_its_default() -> None:
    schema = resolve(RECORD)
    assert compact(conform({"dose": 1, "per": "day", "sites": []}, schema), schema) == {"dose": 1}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"dose": "two"}, "dose: "),
        ({"dose": True}, "dose: "),
        ({"dose": -1}, "outside"),
        ({}, "field 'dose' is missing"),
        ({"dose": 1, "colour": "red"}, "'colour' is not in the schema"),
        ({"dose": 1, "per": "month"}, '"day", "week"'),
        ({"dose": 1, "sites": ["a", "b", "c"]}, "3 elements"),
        ({"dose": 1, "sites": [1]}, "sites[0]"),
        ({"dose": 1, "form": "x" * 201}, "201 characters"),
        ([], "is a list"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_place(record: Any, said: str) -> None:
    with pytest.raises(AnswerError) as caught:
        conform(record, resolve(RECORD))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "string", "pattern": "a"}, "'pattern' is not supported"),
        ({"type": "date"}, "'date' is unknown"),
        ({"type": "object"}, "needs its properties"),
        ({"type": "object", "properties": {"a": {}}}, "neither a type nor an enum"),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]}, "'b'"),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True}, "open fields"),
        ({"type": "object", "properties": {"a": {"type": "string", "default": 1}}}, "default does not fit"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "minLength 3 is above"),
        ({"enum": []}, "at least one"),
        ("string", "not str"),
    ],
)
def test_a_schema_that_cannot_be_enforced_is_refused_by_name(schema: Any, said: str) -> None:
    with pytest.raises(HelderError) as caught:
        resolve(schema)
    assert said in caught.value.why


def test_const_is_an_enum_of_one() -> None:
    assert resolve({"const": "a"})["enum"] == ["a"]


def test_resolving_twice_changes_nothing() -> None:
    once = resolve(RECORD)
    assert resolve(once) == once


@settings(deadline=None, max_examples=60)
@given(schemas_with_records())
def test_what_conforms_satisfies_the_schema_for_other_peoples_validators(
    drawn: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:
    schema, records = resolve(drawn[0]), drawn[1]
    for record in records:
        found = conform(record, schema)
        jsonschema.validate(found, schema)
        assert conform(found, schema) == found
        assert same(conform(compact(found, schema), schema), found)


def test_a_derived_schema_has_types_and_null_for_what_some_lack() -> None:
    schema, notes = derive([{"dose": 1, "form": "tablet"}, {"dose": 0.5, "for": None}, {"dose": 2, "days": ["ma"]}])
    properties = schema["properties"]
    assert list(properties) == ["dose", "form", "for", "days"]
    assert properties["dose"] == {"type": "number"}
    assert properties["form"]["type"] == ["string", "null"]
    assert properties["form"]["default"] is None
    assert properties["days"]["items"]["type"] == "string"
    assert schema["required"] == ["dose"]
    assert notes == []


def test_a_field_with_few_values_that_occur_often_becomes_an_enum_and_says_so() -> None:
    schema, notes = derive([{"per": "day"}] * 30 + [{"per": "week"}] * 30)
    assert schema["properties"]["per"] == {"enum": ["day", "week"]}
    assert "day, week" in notes[0]


def test_a_field_with_few_values_that_are_rare_stays_free() -> None:
    schema, _ = derive([{"per": "day"}] * 30 + [{"per": "week"}])
    assert schema["properties"]["per"]["type"] == "string"


@settings(deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from("abc"),
            st.recursive(
                st.one_of(
                    st.none(), st.booleans(), st.integers(-99, 99), st.text(st.characters(codec="utf-8"), max_size=3)
                ),
                lambda inner: st.one_of(
                    st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("xy"), inner, min_size=1, max_size=2)
                ),
                max_leaves=4,
            ),
            min_size=1,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_records_fit_the_schema_that_is_derived_from_them(records: list[dict[str, Any]]) -> None:
    schema = resolve(derive(records)[0])
    for record in records:
        found = conform(record, schema)
        assert all(same(found[name], conform(value, schema["properties"][name])) for name, value in record.items())
