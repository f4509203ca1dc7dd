"""The small writer of YAML: whatever it writes, another reader reads the same back."""

from __future__ import annotations

from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from helder.certify.boms import yaml

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=15
)


def read(text: str) -> Any:
    return pyyaml.safe_load(text.encode("utf-8"))


@given(VALUES)
def test_what_is_written_is_read_back(value: Any) -> None:
    found = read(yaml.dump(value))
    assert found == value
    assert repr(found) == repr(value), "with the same types"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "no",
            "Yes",
            "null",
            "~",
            "1e3",
            "0x10",
            "2026-11-25",
            "1:30",
            "- a",
            "a: b",
            "#",
            "!x",
            "&a *a",
            "%",
            "@",
            "`",
        ),
        *(
            " a ",
            "a\nb",
            "a\r\nb\n",
            "\t",
            "\x00\x07\x85\xa0\u2028\u2029\ufeff",
            '"',
            "\\",
            "'",
            "{}",
            "[",
            "...",
            "---",
        ),
        *("\N{RIGHT-TO-LEFT OVERRIDE}abc", "\U0001f40d", "=", "<<", "x" * 5000, ""),
    ],
)
def test_texts_stay_texts(text: str) -> None:
    assert read(yaml.dump({"a": [text, {text: text}]})) == {"a": [text, {text: text}]}


def test_numbers_stay_numbers() -> None:
    numbers = [1e-05, 1e22, 5e-324, -0.0, 1.5, 10**30, True, None]
    assert repr(read(yaml.dump(numbers))) == repr(numbers)


def test_a_key_of_any_length_is_read_back() -> None:
    assert read(yaml.dump([{"k" * 3000: {"a": [1, []]}, "b": {}}])) == [{"k" * 3000: {"a": [1, []]}, "b": {}}]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        yaml.dump({"a": value})


@pytest.mark.parametrize("value", [{1: "a"}, {"a": {1, 2}}, [object()]])
def test_what_yaml_has_no_form_for_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        yaml.dump(value)
