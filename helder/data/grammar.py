"""From a task's form to a grammar that a decoder can hold a model to (Lark, in the dialect of llguidance).

The grammar accepts the encoded form and nothing else: keys in the schema's order, no white space, no property
that equals its default, numbers without superfluous digits. Three things it leaves to `Task.decode`:
`minimum` and `maximum`, a default that is a non-empty list or object, and `-0`.

The same text goes to llguidance in Python and, after a line `%llguidance {}`, to llama.cpp.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from helder.data.schema import FRACTION_DIGITS, INTEGER_DIGITS, same, types_of, value_text

# One character of a JSON string as `json.dumps(ensure_ascii=False)` writes it (RFC 8259, section 7).
_CHARACTER = r'([^"\\\x00-\x1f]|\\["\\bfnrt]|\\u00(0[0-7bef]|1[0-9a-f]))'
_DIGITS = rf"(0|[1-9][0-9]{{0,{INTEGER_DIGITS - 1}}})"
_FRACTION = rf"(\.[0-9]{{0,{FRACTION_DIGITS - 1}}}[1-9])?"


def label_grammar(texts: Sequence[str]) -> str:
    """A grammar that accepts exactly one of the texts."""
    return "start: LABEL\nLABEL: " + "\n  | ".join(_literal(text) for text in texts) + "\n"


def text_grammar() -> str:
    """A grammar that accepts any text that is not empty; special tokens stay excluded."""
    return "start: TEXT\nTEXT: /(?s:.)+/\n"


def record_grammar(schema: dict[str, Any], many: bool, least: int, most: int) -> str:
    """A grammar for one encoded record, or for a list of `least` to `most` of them.

    Args:
        schema: a resolved object schema.
    """
    rules = _Rules()
    record = rules.object(schema)
    rules.lines.insert(0, f"start: {_repeated(record, least, most) if many else record}")
    return "\n".join(rules.lines) + "\n"


def _literal(text: str) -> str:
    """A Lark string; a pattern where the text holds characters that Lark strings cannot."""
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else f"/{_exactly(text)}/"


def _exactly(text: str) -> str:
    """A pattern for one text, in Rust's syntax."""
    return "".join(
        character if character.isascii() and character.isalnum() else f"\\x{{{ord(character):X}}}" for character in text
    )


def _repeated(item: str, least: int, most: int) -> str:
    if most == 0:
        return '"[" "]"'
    body = f'{item} ("," {item}){{{max(least, 1) - 1},{most - 1}}}'
    return f'"[" {body} "]"' if least > 0 else f'"[" ({body})? "]"'


class _Rules:
    """Collects rules and terminals under fresh names."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._count = 0
        self._terminals: dict[str, str] = {}

    def _fresh(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _terminal(self, pattern: str, never: str | None) -> str:
        text = f"/{pattern}/"
        if never is not None:
            text += f" & ~/{_exactly(never)}/"
        if text not in self._terminals:
            self._terminals[text] = self._fresh("T")
            self.lines.append(f"{self._terminals[text]}: {text}")
        return self._terminals[text]

    def object(self, schema: dict[str, Any]) -> str:
        """A rule for an object: optional members in order, a comma only between members that are there."""
        members = []
        for name, rule in schema["properties"].items():
            value = self.value(rule)
            if value is not None:
                optional = "default" in rule or name not in schema["required"]
                key = value_text(name) + ":"
                member = self._fresh("m")
                self.lines.append(f"{member}: {_literal(key)} {value}")
                members.append((member, optional))
        # first: nothing was written yet; rest: a member was, so that the next one needs its comma.
        first, rest = '""', '""'
        for member, optional in reversed(members):
            first_name, rest_name = self._fresh("f"), self._fresh("r")
            comma = f'"," {member} {rest}'
            self.lines.append(f"{first_name}: {member} {rest}" + (f" | {first}" if optional else ""))
            self.lines.append(f"{rest_name}: {comma}" + (f" | {rest}" if optional else ""))
            first, rest = first_name, rest_name
        name = self._fresh("o")
        self.lines.append(f'{name}: "{{" {first} "}}"')
        return name

    def value(self, schema: dict[str, Any]) -> str | None:
        """An expression for the values that are written, i.e. all but the default; None when there is no
        other.
        """
        has_default = "default" in schema
        default = schema.get("default")
        if "enum" in schema:
            texts = [value_text(item) for item in schema["enum"] if not (has_default and same(item, default))]
            return "(" + " | ".join(_literal(text) for text in texts) + ")" if texts else None
        kinds = types_of(schema)
        options: list[str] = []
        for kind in kinds:
            if kind == "string":
                low, high = schema.get("minLength", 0), schema["maxLength"]
                never = value_text(default) if isinstance(default, str) else None
                options.append(self._terminal(f'"{_CHARACTER}{{{low},{high}}}"', never))
            elif kind in ("number", "integer"):
                if kind == "integer" and "number" in kinds:
                    continue
                numeric = isinstance(default, int | float) and not isinstance(default, bool)
                sign = "" if schema.get("minimum", -1) >= 0 else "-?"
                pattern = sign + _DIGITS + (_FRACTION if kind == "number" else "")
                options.append(self._terminal(pattern, value_text(default) if numeric else None))
            elif kind == "boolean":
                options += [f'"{text}"' for text, it in (("true", True), ("false", False)) if default is not it]
            elif kind == "null":
                if not (has_default and default is None):
                    options.append('"null"')
            elif kind == "array":
                least = 1 if default == [] else schema["minItems"]
                item = self.value({key: rule for key, rule in schema["items"].items() if key != "default"})
                if item is not None:
                    options.append(_repeated(item, max(least, schema["minItems"]), schema["maxItems"]))
                elif least == 0:
                    options.append('"[]"')
            elif kind == "object":
                options.append(self.object(schema))
        return "(" + " | ".join(options) + ")" if options else None
