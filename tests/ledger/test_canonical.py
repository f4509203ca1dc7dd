from __future__ import annotations

import json
import math
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.ledger import canonical

text = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner) | st.dictionaries(text, inner),
    max_leaves=8,
)


@given(values)
def test_what_is_written_reads_back_as_the_same_value_of_the_same_type(value: Any) -> None:
    back = canonical.loads(canonical.dumps(value))
    assert repr(back) == repr(_sorted(value))


@given(st.dictionaries(text, values))
def test_the_order_in_which_keys_were_added_does_not_matter(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical.dumps(value) == canonical.dumps(turned)


@given(values, values)
def test_different_values_have_different_bytes(one: Any, other: Any) -> None:
    assert (canonical.dumps(one) == canonical.dumps(other)) == (repr(_sorted(one)) == repr(_sorted(other)))


def test_bytes_are_these_and_stay_these() -> None:
    value: canonical.Json = {"b": [1, 1.0, 1e-05, -0.0, True, None], "a": "é\u0065\u0301\n", "Z": {}, "ä": 2**70}
    expected = '{"Z":{},"a":"é\u0065\u0301\\n","b":[1,1.0,1e-05,-0.0,true,null],"ä":1180591620717411303424}'
    assert canonical.dumps(value) == expected.encode()


def test_keys_are_sorted_by_code_point_not_as_utf_16() -> None:
    # U+FF5E comes before U+1F600 as a code point, and after its surrogate pair in UTF-16.
    assert list(json.loads(canonical.dumps({"\U0001f600": 1, "\uff5e": 2}))) == ["\uff5e", "\U0001f600"]


class Colour(IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        {1, 2},
        b"bytes",
        Path("a"),
        Colour.RED,
        numpy.float64(1.0),
        numpy.int64(1),
        {1: "key"},
        {Colour.RED: 1},
        object(),
        "half a pair \ud800",
        {"half \ud800": 1},
    ],
    ids=lambda value: repr(value) if type(value) is not object else "object()",  # no address: names stay the same
)
def test_what_has_no_stable_encoding_is_refused_with_its_place(value: Any) -> None:
    with pytest.raises(canonical.NotCanonical, match=r"\$\.train\[1\]"):
        canonical.dumps({"train": [0, value]})


@pytest.mark.parametrize("data", [b'{"a":1,"a":2}', b"NaN", b"[Infinity]", b"\xff", b"{", b"", b"[1e999]",
                                  b'["\\ud800"]', b'{"\\uDFFFa": 1}', b"[" + b"9" * 5000 + b"]"])  # fmt: skip
def test_json_that_two_readers_could_understand_differently_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        canonical.loads(data)


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert canonical.loads(b'["\\ud83d\\ude00 \\u00e9"]') == ["😀 é"]


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value
