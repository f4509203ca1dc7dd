"""Only values of Python's own types pass, and they pass unchanged."""

import collections
import enum
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.evaluate.judge import plain

HASHABLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(st.characters()),
    st.binary(),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    HASHABLE | st.frozensets(HASHABLE) | st.sets(HASHABLE) | st.dictionaries(HASHABLE, HASHABLE),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(HASHABLE, inner),
    max_leaves=20,
)
OWN = {type(None), bool, int, float, complex, str, bytes, list, tuple, set, frozenset, dict}


def said(value: Any) -> Any:
    """A value with its types, and sets in an order that does not hang on addresses."""
    if isinstance(value, (set, frozenset)):
        return type(value), sorted(map(repr, map(said, value)))
    if isinstance(value, dict):
        return type(value), [(said(key), said(one)) for key, one in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [said(one) for one in value]
    return type(value), repr(value)


def types(value: Any) -> set[type]:
    found = {type(value)}
    if isinstance(value, dict):
        return found.union(*(types(one) for pair in value.items() for one in pair))
    if isinstance(value, (list, tuple, set, frozenset)):
        return found.union(*(types(one) for one in value))
    return found


@settings(max_examples=60)
@given(VALUES)
def test_values_pass_unchanged(value: Any) -> None:
    back = plain.decode(plain.encode(value))
    assert back == value and said(back) == said(value)


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_bytes_say_a_value_of_the_own_types_or_none(data: bytes) -> None:
    try:
        value = plain.decode(data)
    except plain.NotPlain:
        return
    assert types(value) <= OWN


@settings(max_examples=60)
@given(VALUES, st.data())
def test_a_message_cut_or_changed_says_a_value_or_none(value: Any, data: st.DataObject) -> None:
    whole = plain.encode(value)
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    for told in (whole[:at], changed, whole + b"N"):
        try:
            assert types(plain.decode(told)) <= OWN
        except plain.NotPlain:
            pass


class Equal(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class Colour(enum.IntEnum):
    RED = 3


def test_derived_classes_are_said_as_what_they_hold() -> None:
    named = collections.namedtuple("named", "a b")
    values = [Equal(4), Colour.RED, named(1, 2), collections.OrderedDict(a=1), collections.Counter("aa")]
    back = plain.decode(plain.encode(values))
    assert types(back) <= OWN and back == [4, 3, (1, 2), {"a": 1}, {"a": 2}]


def test_numbers_that_equal_nothing_and_signs_of_zero_pass() -> None:
    back = plain.decode(plain.encode([math.nan, -0.0, math.inf]))
    assert math.isnan(back[0]) and math.copysign(1, back[1]) == -1 and back[2] == math.inf


def test_integers_longer_than_python_reads_from_text_pass() -> None:
    assert plain.decode(plain.encode(-(7**9000))) == -(7**9000)


@pytest.mark.parametrize("value", [object(), lambda: 1, int, range(3), iter([]), [{1: object()}], Exception("no")])
def test_what_is_no_plain_value_does_not_pass(value: object) -> None:
    with pytest.raises(plain.NotPlain, match="of the type"):
        plain.encode(value)


def test_what_is_too_deep_or_too_long_does_not_pass() -> None:
    round_: list[Any] = []
    round_.append(round_)
    wide: list[Any] = []
    for _ in range(40):
        wide = [wide, wide]
    for value in (round_, wide, "x" * (plain.LONGEST + 1)):
        with pytest.raises(plain.NotPlain):
            plain.encode(value)
    deep = b"l\0\0\0\1" * (plain.DEEPEST + 2) + b"N"
    with pytest.raises(plain.NotPlain, match="deeper"):
        plain.decode(deep)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"?",
        b"i\0\0\0\x011_",
        b"i\0\0\0\x03 11",
        b"i\0\0\0\x011" + b"N",
        b"i\0\0\0\x00",
        b"i\0\0\0\x01-",
        b"S\0\0\0\x01l\0\0\0\x00",
        b"d\0\0\0\x01N",
        b"d\0\0\0\x01l\0\0\0\x02NN",
        b"s\0\0\0\x01\xff",
        b"l\xff\xff\xff\xffN",
        b"f123",
    ],
)
def test_bytes_that_say_no_value_are_refused(data: bytes) -> None:
    with pytest.raises(plain.NotPlain):
        plain.decode(data)
