"""Lines of documents are read without their offsets, whatever stands in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.data.lines import without_offsets

TRAPS = st.one_of(st.text(max_size=12), st.sampled_from(['"offsets": [[', ']], "', "x]], ", '\\"', "offsets"]))
PLACES = st.lists(st.tuples(st.integers(0, 99), st.one_of(st.integers(0, 99), TRAPS)).map(list), max_size=4)


@given(text=TRAPS, title=TRAPS, offsets=PLACES, held=st.one_of(st.none(), TRAPS))
def test_all_but_the_offsets_is_what_stands_there(text: str, title: str, offsets: list[Any], held: str | None) -> None:
    record = {"id": "a", "title": title, "text": text, "offsets": offsets, "held": held}
    for ascii_ in (True, False):
        line = json.dumps(record, ensure_ascii=ascii_).encode("utf-8", "surrogatepass")
        assert without_offsets(line) == {**record, "offsets": []}


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(ValueError, match="delimiter|Unterminated"):
        without_offsets(b'{"offsets": [[1, 2]], "text": "a')
