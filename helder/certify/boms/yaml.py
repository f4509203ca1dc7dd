"""Writes YAML: maps, lists, texts, numbers, yes and no, nothing else. Reading YAML is not needed, nor a library.

Every text is in double quotes, so that none is taken for a number, a date or a command ("no", "1e3", "- x", "!tag").
What YAML does not take as it is stands there as an escape. Any reader of YAML 1.1 or 1.2 reads the same back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Yaml: TypeAlias = "Mapping[str, Yaml] | Sequence[Yaml] | str | int | float | bool | None"
# What may stand in a quoted text as it is: printable (YAML 1.2.2, 5.1), without quotes, backslash, and separators of
# lines and white space that a reader could fold.
ESCAPED = re.compile('["\\\\\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]')
SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
SIMPLE_KEY = 1000  # letters; a key that stands before its colon has at most 1,024 (YAML 1.2.2, 7.4.2)


def dump(value: Yaml) -> str:
    """A value as a YAML document.

    Raises:
        TypeError: it holds something else than the kinds above.
        ValueError: a number that is infinite or none.
    """
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Yaml) -> list[str]:
    if isinstance(value, Mapping) and value:
        return [line for key, item in value.items() for line in _under(_key(key), item)]
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return [line for item in value for line in _item(item)]
    return [_scalar(value)]


def _under(head: list[str], item: Yaml) -> list[str]:
    lines = _lines(item)
    if _is_scalar(item):
        return [*head[:-1], f"{head[-1]} {lines[0]}"]
    return [*head, *(f"  {line}" for line in lines)]


def _item(item: Yaml) -> list[str]:
    """The first line stands beside the dash, the others below it."""
    first, *others = _lines(item)
    return [f"- {first}", *(f"  {line}" for line in others)]


def _key(key: str) -> list[str]:
    """A key with its colon; a long one on a line of its own, as an explicit key."""
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} is {type(key).__name__}, not text")
    if re.fullmatch(r"[a-z][a-z_]{0,60}", key) and key not in (
        "null",
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
    ):
        return [f"{key}:"]
    quoted = _quoted(key)
    return [f"{quoted}:"] if len(quoted) <= SIMPLE_KEY else [f"? {quoted}", ":"]


def _is_scalar(value: Yaml) -> bool:
    return isinstance(value, str | int | float | None) or not value


def _scalar(value: Yaml) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a finite number")
        mantissa, e, exponent = repr(value).partition("e")  # Python gives every exponent a sign
        # YAML 1.1 takes a number with an exponent for a text unless it has a point as well.
        return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else repr(value)
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, Sequence) and not value:
        return "[]"
    raise TypeError(f"{type(value).__name__} cannot be written as YAML")


def _quoted(text: str) -> str:
    return f'"{ESCAPED.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    sign = found.group()
    return SHORT.get(sign) or (f"\\x{ord(sign):02x}" if ord(sign) < 0x100 else f"\\u{ord(sign):04x}")
