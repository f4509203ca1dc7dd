"""When two texts count as the same, and how alike two texts are."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.data.clean import forms
from helder.data.clean.forms import GRAM, exact_digest, exact_form, near_form, numbering, shingles, similarity

WORDS = st.lists(
    st.sampled_from(["de", "pomp", "draait", "niet", "het", "één", "pump", "runs"]), min_size=1, max_size=40
)


def naive(text: str) -> set[tuple[str, ...]]:
    words = text.split(" ")
    return {tuple(words[place : place + GRAM]) for place in range(max(1, len(words) - GRAM + 1))}


@pytest.mark.parametrize("other", ["de  pomp\n\n draait", " de pomp draait\t", "de\u00a0pomp draait"])
def test_white_space_makes_no_other_text(other: str) -> None:
    assert exact_digest(exact_form(other)) == exact_digest(exact_form("de pomp draait"))


@given(
    st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(" \n\t\x1c\u00a0\u3000\U00020000a")))
)
def test_long_texts_are_joined_as_short_ones_are(text: str) -> None:
    long = text * (forms.SHORT // max(1, len(text)) + 1)
    assert exact_form(long).decode() == " ".join(unicodedata.normalize("NFC", long).split())


@given(st.text())
def test_words_are_told_apart_in_every_script(text: str) -> None:
    folded = exact_form(text).decode().casefold()
    assert near_form(exact_form(text)).decode() == " ".join(" ".join(forms._UNSPACED.split(folded)).split())


def test_composed_characters_make_no_other_text_and_case_does() -> None:
    assert exact_form("cafe\u0301") == exact_form("caf\u00e9")
    assert exact_form("WHO says") != exact_form("who says")
    assert near_form("WHO says ÉÉN".encode()) == near_form("who says één".encode())


@given(one=WORDS, other=WORDS)
def test_similarity_is_that_of_sets_of_word_runs(one: list[str], other: list[str]) -> None:
    first, second = " ".join(one), " ".join(other)
    mine, theirs = naive(first), naive(second)
    numbers = numbering()
    found = similarity(shingles(first.encode(), numbers), shingles(second.encode(), numbers))
    assert found == len(mine & theirs) / len(mine | theirs)


def test_scripts_without_blanks_have_words_too() -> None:
    assert len(near_form("日本語のテキスト and more".encode()).split(b" ")) == 10
    assert near_form("한국어 텍스트".encode()).decode() == "한국어 텍스트"
