"""A task turns answers into text and back, and says why when a text is no answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from helder.data.task import AnswerError, Task
from helder.errors import HelderError
from tests.data.forms import schemas_with_records

SCHEMA: dict[str, Any] = {
    "properties": {
        "form": {"type": ["string", "null"], "default": None, "description": "what is taken"},
        "dose": {"type": ["number", "null"], "default": None},
        "as_required": {"type": "boolean", "default": False},
    }
}
DOSE = Task(kind="record", name="dose", schema=SCHEMA, many=True, harm=("dose",), least=1)
ONE = Task(kind="record", name="dose", schema=SCHEMA)
COLOUR = Task(kind="label", name="colour", labels=("red", "dark blue"))
CODED = Task(
    kind="label",
    name="codes",
    labels=("A1", "B2"),
    texts=("Infections", "Neoplasms"),
    groups={"chapter": {"A1": "1", "B2": "2"}},
)


def test_a_record_is_written_without_its_defaults_in_the_order_of_the_schema() -> None:
    assert DOSE.encode([{"dose": 2.0, "form": "puff", "as_required": False}]) == '[{"form":"puff","dose":2}]'
    assert ONE.encode({"as_required": True}) == '{"as_required":true}'


def test_decoding_puts_the_defaults_back() -> None:
    assert DOSE.decode('[{"dose":0.5}]') == [{"form": None, "dose": 0.5, "as_required": False}]


def test_looser_json_is_read_too() -> None:
    assert ONE.decode(' { "as_required" : true, "form": null, "dose": 2.0 } ') == {
        "form": None,
        "dose": 2,
        "as_required": True,
    }


@settings(deadline=None)
@given(schemas_with_records())
def test_encoding_and_decoding_give_back_the_normal_form(drawn: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    schema, records = drawn
    task = Task(kind="record", name="any", schema=schema, many=True)
    assert task.decode(task.encode(records)) == task.normalise(records)


@pytest.mark.parametrize(
    ("task", "text", "said"),
    [
        (DOSE, "two tablets", "not JSON"),
        (DOSE, "", "not JSON"),
        (DOSE, '[{"dose":2}', "not JSON"),
        (DOSE, "{}", "a list of records"),
        (DOSE, "[]", "0 records"),
        (DOSE, '[{"dose":"2"}]', "record 0.dose"),
        (DOSE, '[{"dose":1},{"doses":2}]', "record 1"),
        (DOSE, '[{"dose":NaN}]', "NaN is not JSON"),
        (DOSE, '[{"dose":1,"dose":2}]', "stands twice"),
        (DOSE, "[" * 100_000, "not JSON"),
        (ONE, "[]", "is a list"),
        (COLOUR, "green", "not one of the 2 labels"),
        (COLOUR, "Red", "not one of the 2 labels"),
        (CODED, "A1", "not the text of one"),
        (Task(kind="text", name="t"), "  ", "empty"),
    ],
)
def test_a_text_that_is_no_answer_is_refused_with_the_reason(task: Task, text: str, said: str) -> None:
    with pytest.raises(AnswerError) as caught:
        task.decode(text)
    assert said in str(caught.value)


def test_a_label_is_written_as_it_is_or_by_its_name() -> None:
    assert COLOUR.encode("dark blue") == "dark blue"
    assert COLOUR.decode(" red\n") == "red"
    assert CODED.encode("B2") == "Neoplasms"
    assert CODED.decode("Neoplasms") == "B2"


@pytest.mark.parametrize("task", [DOSE, ONE, COLOUR, CODED, Task(kind="text", name="t", instruction="Say it.")])
def test_a_task_is_the_same_after_saving_and_loading(tmp_path: Path, task: Task) -> None:
    task.save(tmp_path / "task.json")
    loaded = Task.load(tmp_path / "task.json")
    assert loaded == task
    assert loaded.fields == task.fields  # the order of the fields carries meaning


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "label"}, "needs labels"),
        ({"kind": "label", "labels": ("a", "a")}, "stands there twice"),
        ({"kind": "label", "labels": (" a",)}, "white space"),
        ({"kind": "label", "labels": ("a", "b"), "texts": ("x",)}, "1 texts for 2 labels"),
        ({"kind": "record"}, "needs a schema"),
        ({"kind": "record", "schema": {"type": "string"}}, "type object"),
        ({"kind": "record", "schema": SCHEMA, "harm": ("doze",)}, "'doze'"),
        ({"kind": "record", "schema": SCHEMA, "least": 3, "most": 2}, "no range"),
        ({"kind": "picture"}, "unknown"),
    ],
)
def test_a_task_that_contradicts_itself_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(HelderError) as caught:
        Task(name="wrong", **wrong)
    assert said in caught.value.why


def test_a_task_file_of_another_version_is_refused() -> None:
    with pytest.raises(HelderError, match="cannot be used") as caught:
        Task.from_json({"kind": "text", "name": "t", "colour": "red"})
    assert "'colour'" in caught.value.why


def test_a_missing_task_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HelderError, match=r"task\.json"):
        Task.load(tmp_path / "task.json")


def test_the_json_schema_of_a_list_bounds_its_length() -> None:
    schema = DOSE.json_schema()
    assert (schema["type"], schema["minItems"]) == ("array", 1)
    assert COLOUR.json_schema()["enum"] == ["red", "dark blue"]


def test_an_untrained_model_is_told_the_form() -> None:
    told = DOSE.prompt_instruction()
    assert "what is taken" in told
    assert "- dose: number\n" in told
    assert "maxLength" not in told
    assert "red; dark blue" in COLOUR.prompt_instruction()
