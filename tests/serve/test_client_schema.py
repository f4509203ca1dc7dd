"""A client's schema for free text: what is taken holds the answer to it, and what cannot be bounded is refused."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from helder.data.task import Task
from helder.project import Project
from helder.serve.client_schema import PARAM, grammar
from helder.serve.constrain import follows
from helder.serve.refusals import Refused
from helder.serve.service import Service
from tests.serve import finished
from tests.serve.test_answers import posted, served
from tests.serve.tiny import Tiny

NOTE = Task(kind="text", name="note", purpose="Say it in plain words.")
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "tags": {"type": "array", "items": {"enum": ["a", "b", None, 3, True]}, "maxItems": 3},
        "more": {"type": "object", "properties": {"ok": {"type": "boolean"}}},
    },
    "required": ["name", "age"],
    "title": "A person",
}


def test_a_schema_that_is_taken_says_what_may_be_written() -> None:
    lark = grammar(PERSON)
    for good in ('{"name":"é","age":0}', '{"name":"x","age":130,"tags":["a",null,3],"more":{"ok":true}}'):
        assert follows(lark, good, complete=True), good
    for bad in (
        '{"name":"x"}', '{"name":"x","age":131}', '{"name":"x","age":1,"z":1}', '{"name":"abcdefghijklm","age":1}',
        '{"name":"x","age":1,"tags":["a","a","a","a"]}', '{"name":"x","age":1,"more":{"no":1}}', "[]", " {",
    ):  # fmt: skip
        assert not follows(lark, bad, complete=True), bad


def nested(depth: int) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": nested(depth - 1)}} if depth else {"type": "null"}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({}, "needs one `type`"),
        ({"type": ["string", "null"]}, "needs one `type`"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}}, "it.a needs one `type`"),
        ({"$ref": "http://169.254.169.254/"}, "needs one `type`"),
        ({"type": "string", "pattern": "(a+)+$"}, "`pattern`"),
        ({"type": "string", "format": "email"}, "`format`"),
        ({"type": "string", "maxLength": 10**9}, "it.maxLength is no number"),
        ({"type": "string", "minLength": -1}, "it.minLength is no number"),
        ({"type": "integer", "minimum": 10**30}, "it.minimum is no integer"),
        ({"type": "number", "maximum": True}, "it.maximum is no number"),
        ({"type": "integer", "multipleOf": 3}, "`multipleOf`"),
        ({"type": "array", "items": {"type": "null"}}, "needs `maxItems`"),
        ({"type": "array", "items": {"type": "null"}, "minItems": 3, "maxItems": 2}, "needs `maxItems`"),
        ({"type": "array", "maxItems": 2}, "it.items is no schema"),
        ({"type": "object", "additionalProperties": True}, "additionalProperties"),
        ({"type": "object", "patternProperties": {}}, "`patternProperties`"),
        ({"type": "object", "required": ["a"]}, "requires what it does not name"),
        ({"type": "object", "properties": []}, "no `properties`"),
        ({"anyOf": [{"type": "null"}]}, "needs one `type`"),
        ({"enum": []}, "enumeration"),
        ({"enum": [[1]]}, "enumerates something else"),
        ({"enum": ["a"], "not": {}}, "enumeration"),
        ({"const": 10**40}, "is no integer"),
        (nested(9), "8 in one another"),
        ({"type": "object", "properties": {str(n): {"type": "null"} for n in range(300)}}, "256 schemas"),
        ({"type": "string", "description": "a" * 20_000}, "16,000 characters"),
        ({"type": "string", "x\x1b": 1}, "`x�`"),
    ],
)
def test_what_cannot_be_bounded_is_refused_by_name(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as caught:
        grammar(schema)
    assert (caught.value.status, caught.value.param) == (400, PARAM)
    assert said in caught.value.message


def test_the_largest_that_is_taken_is_compiled_within_a_second() -> None:
    string = {"type": "string", "minLength": 1000, "maxLength": 1000}
    wide = {"type": "array", "items": string, "minItems": 64, "maxItems": 64}
    schema = {"type": "object", "properties": {f"k{n}": wide for n in range(60)}}
    begun = time.process_time()
    lark = grammar(schema)
    assert not follows(lark, "x", complete=False)
    assert time.process_time() - begun < 1


def test_free_text_is_held_to_the_schema_and_decoded_and_labels_and_records_are_not(
    model: Tiny, tmp_path: Path
) -> None:
    place = finished.make(tmp_path / "note", model, NOTE)
    schema = {
        "type": "object",
        "properties": {"urgent": {"type": "boolean"}, "who": {"enum": ["nurse", "doctor"]}},
        "required": ["urgent", "who"],
    }
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    body = {"model": "note", "messages": [{"role": "user", "content": "chest pain"}], "response_format": form}
    service = Service.open(Project.open(place).run_folder, "q8_0", threads=1, context=256)
    try:
        whole = posted(served(service), "/v1/chat/completions", body).json()
        assert json.loads(whole["choices"][0]["message"]["content"]) == whole["helder"]["answer"]
        assert set(whole["helder"]["answer"]) == {"urgent", "who"}
        again = posted(served(service), "/v1/chat/completions", {**body, "stream": True})
        assert '"finish_reason": "stop"' in again.text
        form["json_schema"] = {"name": "x", "schema": {"type": "string", "pattern": "a*"}}
        refused = posted(served(service), "/v1/chat/completions", body)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, PARAM)
    finally:
        service.close()
