"""Documents are cut where sentences and headings end, and nothing is lost."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.retrieve.passages import passages
from helder.trace.words import Words
from tests.retrieve.conftest import HOUSE

TEXTS = st.text(st.sampled_from("ab Zé.!?\n#“”，。中\t0"), max_size=200)


def cut(text: str, words: Words, length: int = 24, overlap: int = 0) -> list[str]:
    data = text.encode("utf-8")
    return [data[one.start : one.stop].decode("utf-8") for one in passages(text, words, length, overlap)]


def test_passages_end_where_sentences_and_headings_do(vocabulary: Words) -> None:
    assert cut(HOUSE, vocabulary, 40) == [
        "# Zalen\n\nDe Kas is er voor twaalf mensen.",
        "De Kas kost 15 euro per uur! Vraag het aan Zoë van de balie.",
        "# Openingstijden\n\nOp dinsdag gaat het huis om 9 uur open.",
        "Op zaterdag sluit het om twee uur 's middags.",
    ]


def test_the_end_of_a_passage_begins_the_next_one_again(vocabulary: Words) -> None:
    text = "Een is een. Twee is twee. Drie is drie. Vier is vier. Vijf is vijf. Zes is zes."
    found = cut(text, vocabulary, 36, 12)
    assert len(found) > 2
    for before, after in pairwise(found):
        shared = after.split(". ")[0]
        assert before.rstrip(".").endswith(shared)


def test_a_paragraph_that_fits_is_not_divided(vocabulary: Words) -> None:
    text = "Een is een. Twee is twee.\n\nDrie is drie. Vier is vier.\n\nVijf is vijf. Zes is zes."
    two = sum(one.tokens for one in passages(text.split("\n\n")[0], vocabulary, 100, 0))
    assert cut(text, vocabulary, int(two * 1.6)) == text.split("\n\n")


def test_a_sentence_that_is_too_long_is_cut_between_words(vocabulary: Words) -> None:
    text = " ".join(["woordje"] * 60)
    found = cut(text, vocabulary, 16)
    assert len(found) > 5
    assert " ".join(found) == text


@given(TEXTS, st.integers(4, 40), st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_every_character_that_says_something_is_in_a_passage(
    vocabulary: Words, text: str, length: int, overlap: int
) -> None:
    data = text.encode("utf-8")
    held = bytearray(len(data))
    for one in passages(text, vocabulary, length, min(overlap, length - 1)):
        assert one.tokens <= length
        assert data[one.start : one.stop].decode("utf-8").strip()
        held[one.start : one.stop] = b"\1" * (one.stop - one.start)
    missing = bytes(byte for byte, there in zip(data, held, strict=True) if not there).decode("utf-8")
    assert not missing.strip()


@pytest.mark.parametrize("text", ["", "  \n\n ", "\n"])
def test_a_document_that_says_nothing_has_no_passage(vocabulary: Words, text: str) -> None:
    assert cut(text, vocabulary) == []
