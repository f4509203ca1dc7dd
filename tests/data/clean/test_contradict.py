"""Nearly the same texts that say different things are told from those that do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.data.clean.contradict import Words, contradictions

BASE = (
    "De vergoeding bedraagt 25 euro per dag. Aanvragen kan tot 1 maart 2024. Medewerkers mogen thuis werken. "
    "The dose is two tablets at night. Patients may not drive."
)


def differences(one: str, other: str) -> list[tuple[str, str]]:
    made = contradictions(Words.of(one), Words.of(other))
    return [
        (
            one.encode("utf-8")[difference.place[0] : difference.place[1]].decode("utf-8"),
            other.encode("utf-8")[difference.other_place[0] : difference.other_place[1]].decode("utf-8"),
        )
        for difference in made
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("25 euro", "30 euro"), ("25 euro", "25,50 euro"), ("1 maart", "1 april"), ("2024.", "2025."),
        ("two tablets", "three tablets"), ("mogen thuis", "mogen niet thuis"), ("may not drive", "may drive"),
        ("25 euro per dag", "30 dollar per dag"),
    ],
)  # fmt: skip
def test_a_number_a_date_an_amount_or_a_negation_contradicts(old: str, new: str) -> None:
    assert len(differences(BASE, BASE.replace(old, new))) == 1
    assert len(differences(BASE.replace(old, new), BASE)) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Medewerkers", "Werknemers"), ("  ", " "), ("25 euro", "25  Euro"), ("drive.", "drive"),
        ("Patients may not drive.", "Patients may not drive. Page 7 of 9 has 3 more."), ("Aanvragen kan", "Kan"),
    ],
)  # fmt: skip
def test_other_words_more_sentences_and_typography_do_not(old: str, new: str) -> None:
    assert differences(BASE, BASE.replace(old, new)) == []


def test_the_places_are_bytes_of_the_differing_words() -> None:
    one, other = "één café rekent € 3 per kop", "één café rekent € 4 per kop"
    assert differences(one, other) == [("3", "4")]


def test_what_is_shown_has_the_words_around_it() -> None:
    (found,) = contradictions(Words.of(BASE), Words.of(BASE.replace("25", "30")))
    assert found.one == "De vergoeding bedraagt 25 euro per dag. Aanvragen kan tot"
    assert found.other.startswith("De vergoeding bedraagt 30 euro")


@given(text=st.text(max_size=200))
def test_a_text_never_contradicts_itself(text: str) -> None:
    assert contradictions(Words.of(text), Words.of(text)) == []


def test_long_texts_are_compared_in_reasonable_time() -> None:
    words = [f"w{n % 97}" for n in range(20_000)]
    other = [*words[:10_000], "5", *words[10_001:]]
    words[10_000] = "4"
    assert len(differences(" ".join(words), " ".join(other))) == 1
