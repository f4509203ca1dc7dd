"""The form that a client asks of a free text, as a JSON Schema: a closed part of the language, compiled within bounds.

Only tasks whose answers are free text take one; the forms of other tasks are fixed. What is taken is what can be
compiled in time that its size bounds: objects with named properties, lists with a largest length, strings, numbers,
enumerations. References, patterns, formats and combinations are refused by name, because what they cost is not bounded
by their size, or what they mean differs from one reader to another. No object has more properties than are named.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from helder.serve.constrain import check
from helder.serve.refusals import Refused, shown

LARGEST, DEEPEST, MOST_PARTS = 16_000, 8, 256  # characters, schemas in schemas, schemas in all
MOST_ITEMS, MOST_VALUES, LONGEST = 64, 256, 1000  # of a list, of an enumeration, characters of a string
LARGEST_NUMBER = 2**53  # beyond, readers of JSON differ
READ_BY_PEOPLE = ("title", "description", "$schema", "examples", "default")
OF_TYPE: Mapping[str, tuple[str, ...]] = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items", "minItems", "maxItems"),
    "string": ("minLength", "maxLength"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "boolean": (),
    "null": (),
}
PARAM = "response_format.json_schema.schema"


def grammar(schema: Mapping[str, Any]) -> str:
    """The Lark text of a client's schema.

    Raises:
        Refused: 400, it holds what is not taken; named with its place.
    """
    if len(json.dumps(schema, ensure_ascii=False)) > LARGEST:
        raise _refused("it", f"has more than {LARGEST:,} characters")
    kept = _Reader().read(schema, "it", 1)
    kept["x-guidance"] = {"whitespace_flexible": False}
    lark = f"start: %json {json.dumps(kept, ensure_ascii=False)}\n"
    check(lark)
    return lark


class _Reader:
    """Reads one schema and counts its parts."""

    def __init__(self) -> None:
        self.parts = 0

    def read(self, schema: Any, place: str, depth: int) -> dict[str, Any]:
        self.parts += 1
        if self.parts > MOST_PARTS or depth > DEEPEST:
            raise _refused(place, f"goes beyond {MOST_PARTS} schemas in all, or {DEEPEST} in one another")
        if not isinstance(schema, Mapping):
            raise _refused(place, "is no schema")
        said = {key: value for key, value in schema.items() if key not in READ_BY_PEOPLE}
        if "enum" in said or "const" in said:
            return self._values(said, place)
        kind = said.pop("type", None)
        if not isinstance(kind, str) or kind not in OF_TYPE:
            raise _refused(place, f"needs one `type` of {', '.join(OF_TYPE)}")
        for key in said:
            if key not in OF_TYPE[kind]:
                raise _refused(place, f"has `{shown(str(key))}`, which is not taken for type {kind}")
        if kind == "object":
            return self._object(said, place, depth)
        if kind == "array":
            most = _count(said, "maxItems", place, MOST_ITEMS)
            least = _count(said, "minItems", place, MOST_ITEMS) or 0
            if most is None or least > most:
                raise _refused(place, f"needs `maxItems`, at most {MOST_ITEMS} and not below `minItems`")
            items = self.read(said.get("items"), f"{place}.items", depth + 1)
            return {"type": "array", "items": items, "minItems": least, "maxItems": most}
        if kind == "string":
            lengths = {key: _count(said, key, place, LONGEST) for key in OF_TYPE["string"]}
            return {"type": "string"} | {key: length for key, length in lengths.items() if length is not None}
        return {"type": kind} | {key: _number(said[key], f"{place}.{key}", kind) for key in said}

    def _object(self, said: dict[str, Any], place: str, depth: int) -> dict[str, Any]:
        properties, required = said.get("properties", {}), said.get("required", [])
        if said.get("additionalProperties", False) is not False:
            raise _refused(place, "lets in properties that it does not name: set additionalProperties to false")
        if not isinstance(properties, Mapping) or not isinstance(required, list):
            raise _refused(place, "has no `properties` by name, or no list `required`")
        if any(not isinstance(name, str) or name not in properties for name in required):
            raise _refused(place, "requires what it does not name")
        kept = {name: self.read(one, f"{place}.{shown(name, 20)}", depth + 1) for name, one in properties.items()}
        return {"type": "object", "properties": kept, "required": required, "additionalProperties": False}

    def _values(self, said: dict[str, Any], place: str) -> dict[str, Any]:
        values = said.pop("enum") if "enum" in said else [said.pop("const")]
        said.pop("type", None)
        if said or not isinstance(values, list) or not 1 <= len(values) <= MOST_VALUES:
            raise _refused(place, f"is no enumeration of 1 to {MOST_VALUES} values and nothing else")
        for value in values:
            plain = value is None or isinstance(value, (str, bool, int))
            if not plain or (isinstance(value, str) and len(value) > LONGEST):
                raise _refused(place, f"enumerates something else than strings to {LONGEST}, integers, booleans, null")
            if isinstance(value, int):
                _number(int(value), place, "integer")
        return {"enum": values}


def _count(said: Mapping[str, Any], key: str, place: str, most: int) -> int | None:
    value = said.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most):
        raise _refused(f"{place}.{key}", f"is no number from 0 to {most}")
    return value


def _number(value: Any, place: str, kind: str) -> int | float:
    types = (int,) if kind == "integer" else (int, float)
    if isinstance(value, bool) or not isinstance(value, types) or not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise _refused(place, f"is no {kind} from -2^53 to 2^53")
    return value


def _refused(place: str, why: str) -> Refused:
    return Refused(400, f"The schema cannot be followed: {place} {why}.", PARAM)
