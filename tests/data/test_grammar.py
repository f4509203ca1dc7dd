"""The grammar accepts the encoded answers of a task, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helder.data.task import AnswerError, Task
from helder.serve.constrain import check, follows
from tests.data.forms import schemas_with_records

NULL: dict[str, Any] = {"default": None}
DOSE = Task(
    kind="record",
    name="dose",
    many=True,
    least=1,
    most=3,
    schema={
        "properties": {
            "form": {"type": ["string", "null"], "maxLength": 20, **NULL},
            "dose": {"type": ["number", "null"], "minimum": 0, **NULL},
            "per": {"enum": ["day", "week", None], **NULL},
            "as_required": {"type": "boolean", "default": False},
            "site": {"type": "string", "default": "oral"},
        }
    },
)


@pytest.mark.parametrize(
    "text",
    [
        "[{}]",
        "[{},{},{}]",
        '[{"form":"tablet","dose":2,"per":"day","as_required":true,"site":"eye"}]',
        '[{"dose":0.5},{"as_required":true}]',
        '[{"form":"a \\"b\\" \\\\ \\n é","dose":0}]',
        '[{"site":"oral2"}]',
    ],
)
def test_encoded_records_follow(text: str) -> None:
    assert follows(DOSE.grammar(), text, complete=True)
    assert DOSE.encode(DOSE.decode(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "[]",  # at least one record
        "[{},{},{},{}]",  # at most three
        "{}",  # a list is asked for
        '[{"dose":2,"form":"tablet"}]',  # another order
        '[{"dose":2.0}]',
        '[{"dose":02}]',
        '[{"dose":-2}]',  # below the minimum
        '[{"dose":2e3}]',
        '[{"dose":1234567890123456}]',  # more than 15 digits
        '[{"dose":null}]',  # the default is left out
        '[{"as_required":false}]',
        '[{"per":null}]',
        '[{"site":"oral"}]',
        '[{"per":"month"}]',  # not in the enum
        '[{"colour":"red"}]',
        '[{"dose": 2}]',  # white space
        '[{"dose":2,}]',
        '[{,"dose":2}]',
        '[{"dose":2,"dose":2}]',
        f'[{{"form":"{"x" * 21}"}}]',  # too long
        '[{"form":"a\nb"}]',  # not escaped
        '[{"form":"\\u0041"}]',  # escaped without need
        '[{"form":"\\/"}]',
        "I think it is [{}]",
        "[{}] ",
    ],
)
def test_anything_else_does_not_follow(text: str) -> None:
    assert not follows(DOSE.grammar(), text, complete=True)


@settings(deadline=None, max_examples=80)
@given(schemas_with_records())
def test_every_encoded_output_of_every_schema_follows(drawn: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    schema, records = drawn
    task = Task(kind="record", name="any", schema=schema, many=True, most=3)
    text = task.encode(records)
    assert follows(task.grammar(), text, complete=True)
    assert task.decode(text) == task.normalise(records)


EDITS = st.tuples(
    st.sampled_from(["drop", "double", "put"]), st.integers(0, 200), st.sampled_from('{}[]",:.0-19 \\nulltrue')
)


def edited(text: str, edit: tuple[str, int, str]) -> str:
    kind, place, character = edit
    place %= len(text)
    middle = {"drop": "", "double": text[place] * 2, "put": character + text[place]}[kind]
    return text[:place] + middle + text[place + 1 :]


@settings(deadline=None, max_examples=150)
@given(schemas_with_records(), st.lists(EDITS, min_size=1, max_size=2))
def test_an_edited_output_follows_exactly_when_it_is_an_encoded_output_itself(
    drawn: tuple[dict[str, Any], list[dict[str, Any]]], edits: list[tuple[str, int, str]]
) -> None:
    schema, records = drawn
    task = Task(kind="record", name="any", schema=schema, many=True, most=3)
    text = task.encode(records)
    for edit in edits:
        text = edited(text, edit)
    assume("-0" not in text)  # the one number that the grammar lets through
    try:
        canonical = task.encode(task.decode(text)) == text
    except AnswerError:
        canonical = False
    assert follows(task.grammar(), text, complete=True) == canonical


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=6).map(str.strip).filter(bool), min_size=1,
                unique=True), st.text(max_size=6))  # fmt: skip
def test_labels_follow_and_nothing_else(labels: list[str], other: str) -> None:
    task = Task(kind="label", name="any", labels=tuple(labels))
    for label in labels:
        assert follows(task.grammar(), label, complete=True)
    if other not in labels and other.isprintable():
        assert not follows(task.grammar(), other, complete=True)


def test_a_label_that_begins_another_one_can_end_there() -> None:
    task = Task(kind="label", name="any", labels=("flu", "flu shot"))
    assert follows(task.grammar(), "flu", complete=True)
    assert follows(task.grammar(), "flu shot", complete=True)
    assert not follows(task.grammar(), "flu sh", complete=True)


def test_text_may_be_anything_but_empty() -> None:
    grammar = Task(kind="text", name="any").grammar()
    assert follows(grammar, "één\n\ntwee", complete=True)
    assert not follows(grammar, "", complete=True)


def test_the_grammar_of_a_wide_schema_is_read_by_llguidance() -> None:
    properties = {f"field {place}": {"type": ["string", "null"], "default": None} for place in range(60)}
    task = Task(kind="record", name="wide", schema={"properties": properties}, many=True)
    check(task.grammar())
    text = json.dumps([{f"field {place}": "x" for place in range(0, 60, 7)}], separators=(",", ":"))
    assert follows(task.grammar(), text, complete=True)
