"""Words that may stand in a text, told in one pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.data import beginnings
from helder.data.beginnings import Beginnings

WORDS = (b"born", b"geb.", b"stra", b"\xc3\xa9e ")
FOUR = Beginnings(WORDS)


@given(st.lists(st.one_of(st.binary(max_size=9), st.sampled_from(WORDS))).map(b"".join))
def test_what_stands_in_the_bytes_is_always_named(data: bytes) -> None:
    assert {word for word in WORDS if word in data} <= FOUR.among(data)


@pytest.mark.parametrize("words", [(b"birth", b"avenue"), (b"diagnos", b"blood pressure", b"lab result")])
@given(data=st.data())
def test_longer_words_are_looked_for_at_fewer_places(words: tuple[bytes, ...], data: st.DataObject) -> None:
    pieces = st.one_of(st.binary(max_size=9), st.sampled_from(words))
    text = b"".join(data.draw(st.lists(pieces)))
    assert {word for word in words if word in text} <= Beginnings(words).among(text)


def test_what_is_not_there_is_hardly_ever_named() -> None:
    assert FOUR.among(bytes(range(256)) * 4) == set()
    assert FOUR.among(b"bor") == FOUR.among(b"") == set()


def test_a_word_across_the_border_of_two_parts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginnings, "_AT_ONCE", 7)
    assert all(FOUR.among(b"." * place + b"born" + b"." * 9) == {b"born"} for place in range(30))


def test_a_shorter_word_is_refused() -> None:
    with pytest.raises(ValueError, match="less than 4 bytes"):
        Beginnings([b"dob"])
