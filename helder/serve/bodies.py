"""What the body of a request must be before anything is made of it: UTF-8, JSON, of bounded depth and size.

Depth and number of values are counted on the text without its strings, so that a body that would cost memory or stack
is refused before it is parsed. A key that stands twice in an object is refused, because two readers may understand it
differently; so are NaN, Infinity and half surrogate pairs, which are not JSON or not text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from helder.serve.refusals import Refused, shown

LARGEST = 4 << 20  # bytes; far above any context that a small model has
DEEPEST = 64  # objects and lists in one another; a schema has three for each level of a record
MOST_VALUES = 100_000  # a client may send the labels of a task back, and ICD-10-CM has 74,000
LONGEST_NUMBER = 40  # digits of a number; no field here takes more than 20
# Possessive, and a string without an end goes to the end of the text: linear in whatever stands there.
STRINGS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
BRACKETS = re.compile(r"[\[\]{}]")
LONG_NUMBER = re.compile(rf"[0-9.eE+-]{{{LONGEST_NUMBER + 1},}}")
SURROGATES = re.compile(r"[\ud800-\udfff]")


def check(body: bytes) -> None:
    """Refuse a body that no route should see.

    Raises:
        Refused: 400, with what is wrong and where.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(400, f"The body is not UTF-8: byte {error.start} cannot be read.") from None
    bare = STRINGS.sub("", text)
    if bare.count(",") + bare.count("[") + bare.count("{") > MOST_VALUES:
        raise Refused(400, f"The body has more than {MOST_VALUES:,} values.")
    depth = 0
    for bracket in BRACKETS.finditer(bare):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > DEEPEST:
            raise Refused(400, f"The body is nested more than {DEEPEST} levels deep.")
    if LONG_NUMBER.search(bare):
        raise Refused(400, f"A number in the body has more than {LONGEST_NUMBER} digits.")
    try:
        json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Refused(400, f"The body is not JSON: {error.msg} at character {error.pos + 1}.") from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Refused(400, f"The key `{shown(key)}` stands twice in one object.", shown(key))
        for text in (key, value):
            _whole(text)
        found[key] = value
    return found


def _whole(value: Any) -> None:
    """Half of a surrogate pair is no text; lists hold strings that no object's hook sees."""
    if isinstance(value, str):
        if SURROGATES.search(value):
            raise Refused(400, "A string in the body holds half of a surrogate pair, which is no text.")
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, (str, list)):
                _whole(inner)


def _no_constant(name: str) -> Any:
    raise Refused(400, f"The body is not JSON: {name} is no number of it.")
