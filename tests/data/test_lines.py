"""Lines of documents are read without their offsets, whatever stands in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.data import lines
from helder.data.lines import loads, without_offsets, written

TRAPS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(['"offsets": [[', '"offsets":[[', ']], "', ']],"', "x]], ", '\\"', "offsets"]),
)
PLACES = st.lists(st.tuples(st.integers(0, 99), st.one_of(st.integers(0, 99), TRAPS)).map(list), max_size=4)


@given(text=TRAPS, title=TRAPS, offsets=PLACES, held=st.one_of(st.none(), TRAPS))
def test_all_but_the_offsets_is_what_stands_there(text: str, title: str, offsets: list[Any], held: str | None) -> None:
    record = {"id": "a", "title": title, "text": text, "offsets": offsets, "held": held}
    for ascii_ in (True, False):
        for separators in ((",", ":"), (", ", ": ")):
            line = json.dumps(record, ensure_ascii=ascii_, separators=separators).encode("utf-8", "surrogatepass")
            assert without_offsets(line) == {**record, "offsets": []}


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(ValueError, match="delimiter|Unterminated"):
        without_offsets(b'{"offsets": [[1, 2]], "text": "a')


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
)


@given(value=VALUES, sort=st.booleans())
def test_a_line_is_the_same_bytes_whoever_writes_it(value: Any, sort: bool) -> None:
    own = json.dumps(value, ensure_ascii=False, sort_keys=sort, separators=(",", ":")).encode("utf-8")
    assert written(value, sort) == own
    assert loads(own) == value


def test_a_line_is_the_same_without_orjson(monkeypatch: pytest.MonkeyPatch) -> None:
    record = {"text": 'één\n\x07\x7f "twee" \u2028 😀', "offsets": [[0, 1]], "held": None}
    before = written(record)
    monkeypatch.setattr(lines, "_quick", lambda: None)
    assert written(record) == before
    assert without_offsets(before) == {**record, "offsets": []}
