"""Only what stands verbatim in a passage counts as a quotation."""

from __future__ import annotations

import pytest

from helder.retrieve.quotes import quotations, quoted, support

PASSAGE = "De Kas is er\n voor twaalf mensen. Zij kost 15 euro per uur."


@pytest.mark.parametrize(
    ("answer", "verbatim"),
    [
        ('Er staat: "voor twaalf mensen".', [True]),
        ("Er staat: “er voor  twaalf”.", [True]),
        ("Er staat „voor dertien mensen“ en «15 euro».", [False, True]),
        ('"Twaalf mensen"', [False]),
        ('"aal"', [False]),
        ("twaalf", []),
    ],
)
def test_quotations_are_verbatim_or_named(answer: str, verbatim: list[bool]) -> None:
    found = quotations(answer, [PASSAGE])
    assert [one.verbatim for one in found] == verbatim
    assert all(answer[one.start - 1] in '"“„«' for one in found)


def test_quoted_parts_of_a_passage_are_the_same_but_for_white_space() -> None:
    (place,) = quoted("“er voor twaalf”!", PASSAGE)
    assert PASSAGE[slice(*place)].split() == ["er", "voor", "twaalf"]
    (place,) = quoted("15 euro", PASSAGE)
    assert PASSAGE[slice(*place)] == "15 euro"
    assert quoted("16 euro", PASSAGE) == []
    assert quoted("5", PASSAGE) == []
    assert quoted('""', PASSAGE) == []


def test_support_is_the_share_of_words_that_stand_there() -> None:
    assert support("Twaalf mensen", PASSAGE) == 1
    assert support("twaalf olifanten", PASSAGE) == 0.5
    assert support("…", PASSAGE) == 0
