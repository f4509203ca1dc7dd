"""Words are compared folded."""

from __future__ import annotations

import pytest

from helder.retrieve.words import Stem, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("De KAS, één-op-één!", ["de", "kas", "een", "op", "een"]),
        ("Straße ﬁn x_y", ["strasse", "fin", "x", "y"]),
        ("東京 2026年", ["東", "京", "2026", "年"]),
        ("한국어", ["한", "국", "어"]),
        ("Ελλάδα", ["ελλαδα"]),
        ("…", []),
    ],
)
def test_case_marks_and_forms_do_not_matter(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("stem", "one", "many"),
    [
        ("en", "city", "cities"),
        ("en", "horse", "horses"),
        ("nl", "zal", "zalen"),
        ("de", "kind", "kinder"),
        ("fr", "cheval", "chevaux"),
    ],
)
def test_endings_of_the_plural_are_taken_off_on_request(stem: Stem, one: str, many: str) -> None:
    assert words(one, stem) == words(many, stem)
    assert words(one) != words(many)


@pytest.mark.parametrize("word", ["bus", "glass", "is", "us"])
def test_short_words_and_other_endings_stay(word: str) -> None:
    assert words(word, "en") == [word]
