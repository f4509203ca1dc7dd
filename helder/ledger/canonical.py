"""Canonical JSON: one value, one sequence of bytes.

Every digest and signature of Helder is taken over these bytes. Keys are sorted by code point, there is no
white space, text is UTF-8 and left exactly as it is (no normalisation), floats are written as the shortest
text that reads back to the same float, and integers keep every digit. What has no stable encoding is
refused, never turned into `str(x)`: NaN, infinities, sets, bytes, paths, dates, numpy scalars, keys that
are not text.

This is not RFC 8785: there numbers follow ECMAScript (`1.0` becomes `1`) and keys are sorted as UTF-16.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

HALF = re.compile(rb"\\u[dD][89a-fA-F]")  # how JSON spells a surrogate, half of a pair or not
Json: TypeAlias = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None


class NotCanonical(TypeError):
    """A value without a stable encoding; the message names the place and the type."""


def dumps(value: Json) -> bytes:
    """Encode a value.

    Args:
        value: dicts with text keys, lists, tuples (written as lists), str, int, float, bool, None. Subclasses
            are refused as well: what they would print is theirs to change.

    Raises:
        NotCanonical: the value holds something else; the message names the place, as in `$.train.rate`.
    """
    _check(value, "$")
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8")


def digest(value: Json) -> str:
    """SHA-256 over the canonical bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(dumps(value)).hexdigest()


def loads(data: bytes) -> Any:
    """Decode JSON, refusing what two readers could understand differently.

    Raises:
        ValueError: not UTF-8, not JSON, a key given twice, NaN or an infinity, a number that becomes one, or half of a
            surrogate pair: what `dumps` would not write.
    """
    found = json.loads(
        data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
    )
    if HALF.search(data):
        try:
            _check(found, "$")
        except NotCanonical as error:
            raise ValueError(str(error)) from error
    return found


def _check(value: Any, place: str) -> None:
    kind = type(value)
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise NotCanonical(f"{place}: the key {key!r} is {type(key).__name__}, not text")
            _check_text(key, place)
            _check(item, f"{place}.{key}")
    elif kind is list or kind is tuple:
        for index, item in enumerate(value):
            _check(item, f"{place}[{index}]")
    elif kind is str:
        _check_text(value, place)
    elif kind is float:
        if not math.isfinite(value):
            raise NotCanonical(f"{place}: {value} is not a finite number")
    elif not (kind is int or kind is bool or value is None):
        raise NotCanonical(f"{place}: {kind.__module__}.{kind.__qualname__} has no stable encoding")


def _check_text(text: str, place: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotCanonical(f"{place}: text with half a surrogate pair cannot be written as UTF-8") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {key!r} is given twice")
        result[key] = value
    return result


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is larger than any number that is read")
    return number


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
