"""The part of JSON Schema that a record may use: checking values against it, and deriving it from records.

A record is a flat or nested object. The supported keywords are those that a grammar can enforce while a model
writes (`helder/data/grammar.py`); anything else is refused by name rather than ignored. It does not resolve
`$ref`, and knows no formats: a date is a string.

Bounds that the schema leaves open are closed when it is resolved, since a model that may write forever
sometimes does: `maxLength` of a free string, `maxItems` of a list.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from helder.errors import HelderError

STRING_LIMIT = 200  # characters of a free string whose schema gives no maxLength (assumption: a short field)
LIST_LIMIT = 32  # elements of a list whose schema gives no maxItems (assumption)
INTEGER_DIGITS = 15  # digits before the decimal point; with 15 significant digits a double is exact (IEEE 754)
FRACTION_DIGITS = 15
ENUM_LIMIT = 12  # a derived schema lists a field's values only up to this many (assumption) …
ENUM_SUPPORT = 20  # … and only where each was seen this often on average (assumption)

_TYPES = ("string", "number", "integer", "boolean", "null", "array", "object")
_NOTES = ("$schema", "$id", "$comment", "title", "description", "examples")
_RULES = (
    *("type", "enum", "const", "default", "properties", "required", "additionalProperties", "items"),
    *("minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum"),
)


class AnswerError(ValueError):
    """A value or a text is not of the form that the task asks for; the message says where and why."""


def number_text(value: int | float) -> str:
    """The canonical text of a number: shortest digits that give it back, no exponent, `2` for 2.0, `0` for
    -0.0.

    Raises:
        AnswerError: not finite, or more than 15 digits before or after the point.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise AnswerError(f"{value} is not a number that JSON can hold")
    text = format(Decimal(value) if isinstance(value, int) else Decimal(repr(value)), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if text in ("-0", ""):
        text = "0"
    whole, _, fraction = text.lstrip("-").partition(".")
    if len(whole) > INTEGER_DIGITS or len(fraction) > FRACTION_DIGITS:
        raise AnswerError(f"{value!r} has more than {INTEGER_DIGITS} digits before or after the point")
    return text


def value_text(value: Any) -> str:
    """The canonical JSON text of a value: no spaces, keys in the given order, characters unescaped where JSON
    allows.

    Raises:
        AnswerError: a value that JSON cannot hold.
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise AnswerError(f"{value!r} holds half of a surrogate pair, which UTF-8 cannot write")
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return "[" + ",".join(value_text(element) for element in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{value_text(str(key))}:{value_text(item)}" for key, item in value.items()) + "}"
    raise AnswerError(f"a value of type {type(value).__name__} cannot be written as JSON")


def same(left: Any, right: Any) -> bool:
    """Whether two values are the same answer: 2 is 2.0, but `true` is not 1; the order of keys does not
    count.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def kind_of(value: Any) -> str:
    """The JSON Schema type of a value; a float without a fraction is an integer."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    for name, kinds in (("number", float), ("string", str), ("array", list), ("object", dict)):
        if isinstance(value, kinds):
            return name
    raise AnswerError(f"a value of type {type(value).__name__} is not JSON")


def types_of(schema: dict[str, Any]) -> list[str]:
    """The types a resolved schema allows (empty when an enum says it all)."""
    declared = schema.get("type", [])
    return [declared] if isinstance(declared, str) else list(declared)


def conform(value: Any, schema: dict[str, Any], where: str = "") -> Any:
    """The value in its normal form: defaults filled in, keys in the schema's order, whole floats as integers.

    Raises:
        AnswerError: the value does not fit; the message begins with the place, e.g. `dose: …`.
    """
    place = f"{where}: " if where else ""
    if "enum" in schema:
        for allowed in schema["enum"]:
            if same(value, allowed):
                return allowed
        shown = ", ".join(value_text(item) for item in schema["enum"][:12])
        raise AnswerError(f"{place}{_shown(value)} is not one of {shown}")
    kind = kind_of(value)
    allowed_types = types_of(schema)
    if kind not in allowed_types and not (kind == "integer" and "number" in allowed_types):
        raise AnswerError(f"{place}{_shown(value)} is {_named(kind)}, not {' or '.join(map(_named, allowed_types))}")
    if kind == "object":
        return _conform_object(value, schema, where)
    if kind == "array":
        if not schema["minItems"] <= len(value) <= schema["maxItems"]:
            raise AnswerError(f"{place}{len(value)} elements; {schema['minItems']} to {schema['maxItems']} fit")
        return [conform(item, schema["items"], f"{where}[{place_}]") for place_, item in enumerate(value)]
    if kind == "string":
        value_text(value)
        if not schema.get("minLength", 0) <= len(value) <= schema["maxLength"]:
            limits = f"{schema.get('minLength', 0)} to {schema['maxLength']}"
            raise AnswerError(f"{place}a string of {len(value)} characters; {limits} fit")
    elif kind in ("integer", "number"):
        number_text(value)
        value = int(value) if kind == "integer" else value
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            bounds = f"{schema.get('minimum', 'any')} to {schema.get('maximum', 'any')}"
            raise AnswerError(f"{place}{value} is outside {bounds}")
    return value


def _conform_object(value: dict[str, Any], schema: dict[str, Any], where: str) -> dict[str, Any]:
    properties: dict[str, Any] = schema["properties"]
    for key in value:
        if key not in properties:
            place = f"{where}: " if where else ""
            raise AnswerError(f"{place}field {key!r} is not in the schema (it has {', '.join(properties)})")
    result: dict[str, Any] = {}
    for name, rule in properties.items():
        if name in value:
            result[name] = conform(value[name], rule, f"{where}.{name}" if where else name)
        elif "default" in rule:
            result[name] = rule["default"]
        elif name in schema["required"]:
            raise AnswerError(f"{where + ': ' if where else ''}field {name!r} is missing")
    return result


def compact(value: Any, schema: dict[str, Any]) -> Any:
    """A conforming value without the properties that equal their default, at every depth."""
    if isinstance(value, dict) and "properties" in schema:
        return {
            name: compact(value[name], rule)
            for name, rule in schema["properties"].items()
            if name in value and not ("default" in rule and same(value[name], rule["default"]))
        }
    if isinstance(value, list) and "items" in schema:
        return [compact(item, schema["items"]) for item in value]
    return value


def resolve(schema: Any, where: str = "schema") -> dict[str, Any]:
    """The schema with every rule checked and every open bound closed.

    Raises:
        HelderError: a keyword or a type that cannot be enforced, or a default that does not fit.
    """
    if not isinstance(schema, dict):
        raise _refused(where, f"a schema is an object, not {type(schema).__name__}")
    for key in schema:
        if key not in _RULES and key not in _NOTES:
            raise _refused(where, f"the keyword {key!r} is not supported", f"supported: {', '.join(_RULES)}")
    result = {key: value for key, value in schema.items() if key != "const"}
    if "const" in schema:
        result["enum"] = [schema["const"]]
    if "enum" in result:
        if not isinstance(result["enum"], list) or not result["enum"]:
            raise _refused(where, "enum must be a list with at least one value")
    elif not types_of(result):
        if "properties" not in result:
            raise _refused(where, "it has neither a type nor an enum")
        result["type"] = "object"
    for kind in types_of(result):
        if kind not in _TYPES:
            raise _refused(where, f"the type {kind!r} is unknown", f"types: {', '.join(_TYPES)}")
    _resolve_parts(result, where)
    if "default" in result:
        checked = {key: value for key, value in result.items() if key != "default"}
        try:
            result["default"] = conform(result["default"], checked)
        except AnswerError as error:
            raise _refused(where, f"its default does not fit: {error}") from error
    return result


def _resolve_parts(result: dict[str, Any], where: str) -> None:
    kinds = types_of(result) if "enum" not in result else []
    if "object" in kinds:
        if result.get("additionalProperties", False) is not False:
            raise _refused(where, "additionalProperties must be false: a form with open fields cannot be enforced")
        properties = result.get("properties")
        if not isinstance(properties, dict) or not properties:
            raise _refused(where, "an object needs its properties")
        result["properties"] = {name: resolve(rule, f"{where}.{name}") for name, rule in properties.items()}
        result["required"] = list(result.get("required", []))
        for name in result["required"]:
            if name not in properties:
                raise _refused(where, f"required names {name!r}, which is not among the properties")
        result["additionalProperties"] = False
    if "array" in kinds:
        result["items"] = resolve(result.get("items"), f"{where}[]")
        result.setdefault("minItems", 0)
        result.setdefault("maxItems", max(LIST_LIMIT, result["minItems"]))
    if "string" in kinds:
        result.setdefault("maxLength", max(STRING_LIMIT, result.get("minLength", 0)))
    for low, high in (("minItems", "maxItems"), ("minLength", "maxLength"), ("minimum", "maximum")):
        if low in result and high in result and result[low] > result[high]:
            raise _refused(where, f"{low} {result[low]} is above {high} {result[high]}")


def derive(values: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """A schema that every one of the records fits, and sentences that say what was concluded.

    Types come from the values; a property that some records lack, or leave null, gets the default null; a
    string field with few values that all occur often becomes an enum, and a sentence says so. Property order:
    first seen.
    """
    notes: list[str] = []
    return _derive_object(values, "", notes), notes


def _derive_object(values: Sequence[dict[str, Any]], where: str, notes: list[str]) -> dict[str, Any]:
    names: dict[str, None] = {}
    for value in values:
        names.update(dict.fromkeys(value))
    properties: dict[str, Any] = {}
    for name in names:
        present = [value[name] for value in values if name in value]
        rule = _derive_value(present, f"{where}.{name}" if where else name, notes)
        if len(present) < len(values) or any(value is None for value in present):
            _allow_null(rule)
            rule["default"] = None
        properties[name] = rule
    required = [name for name, rule in properties.items() if "default" not in rule]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _allow_null(rule: dict[str, Any]) -> None:
    if "enum" in rule:
        rule["enum"] = [*[item for item in rule["enum"] if item is not None], None]
    elif "null" not in types_of(rule):
        rule["type"] = [*types_of(rule), "null"]


def _derive_value(values: Sequence[Any], where: str, notes: list[str]) -> dict[str, Any]:
    kinds = list(dict.fromkeys(kind_of(value) for value in values))
    if "number" in kinds and "integer" in kinds:
        kinds.remove("integer")
    strings = [value for value in values if isinstance(value, str)]
    distinct = sorted(set(strings))
    few = 1 < len(distinct) <= ENUM_LIMIT and len(strings) >= ENUM_SUPPORT * len(distinct)
    if few and set(kinds) <= {"string", "null"}:
        notes.append(f"field {where}: only these values are allowed, as seen in the data: {', '.join(distinct)}")
        return {"enum": [*distinct, *([None] if "null" in kinds else [])]}
    rule: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds}
    if strings:
        rule["maxLength"] = max(STRING_LIMIT, 2 * max(map(len, strings)))
    if "object" in kinds:
        rule |= _derive_object([value for value in values if isinstance(value, dict)], where, notes) | {
            "type": rule["type"]
        }
    if "array" in kinds:
        lists = [value for value in values if isinstance(value, list)]
        elements = [item for value in lists for item in value]
        rule["items"] = _derive_value(elements, f"{where}[]", notes) if elements else {"type": "null"}
        rule["maxItems"] = max(LIST_LIMIT, 2 * max(map(len, lists)))
    return rule


def leaves(values: Iterable[Any]) -> list[dict[str, Any]]:
    """All records of outputs that are records or lists of records, in order."""
    result: list[dict[str, Any]] = []
    for value in values:
        result.extend(value if isinstance(value, list) else [value])
    return result


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def _named(kind: str) -> str:
    return {"null": "null", "array": "a list", "object": "an object", "integer": "an integer"}.get(kind, f"a {kind}")


def _refused(where: str, why: str, fix: str = "") -> HelderError:
    return HelderError(f"The record schema cannot be used at {where}.", why, fix or "Change the schema file.")
