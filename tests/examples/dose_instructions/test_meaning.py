"""Wordings mean what a person says they mean: records written by hand against what the composers give."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest

from helder.examples.dose_instructions import dutch, english, english_dose, english_frequency
from helder.examples.dose_instructions.concepts import Language, Record, Said, Writer
from helder.examples.dose_instructions.generate import compose, key
from tests.examples.dose_instructions.hand_checked import PIECES, WHOLE, record

Meanings = dict[str, set[str]]


def _dose(form: str) -> Callable[[Writer], Said]:
    return lambda w: english_dose.dose(w, form)


# Who writes the wordings, and how many draws it takes to meet those that are looked for.
MAKERS: dict[Language, list[tuple[Callable[[Writer], Said], int]]] = {
    "en": [
        (english_frequency.frequency, 12_000),
        (english_frequency.duration, 12_000),
        (english_frequency._clock, 6_000),
        (english_frequency._moments, 40_000),
        (english_frequency._meals, 6_000),
        (english_frequency._every, 12_000),
        (english_frequency._long, 12_000),
        (english_frequency._times_every, 6_000),
        (english_frequency._range_of_times, 12_000),
        (lambda w: english_dose.dose(w, english_dose.pick_form(w)), 24_000),
        (_dose("tablet"), 12_000),
        (_dose("puff"), 12_000),
        (_dose("microgram"), 6_000),
        (_dose("mg"), 40_000),
        (_dose("ml"), 40_000),
        (english_dose._spoonfuls, 12_000),
        (lambda w: english.conditions(w, 0.7, 0.5), 12_000),
    ],
    "nl": [
        (dutch.frequency, 12_000),
        (dutch.duration, 12_000),
        (lambda w: dutch.dose(w, w.rng.choice(dutch._FORMS)), 12_000),
        (lambda w: dutch.dose(w, "tablet"), 12_000),
        (lambda w: dutch.conditions(w, 0.7, 0.5), 12_000),
    ],
}


def _text(records: list[Record]) -> str:
    return repr([record.to_json() for record in records])


@pytest.fixture(scope="module")
def pieces() -> dict[Language, Meanings]:
    """What each wording of a piece was given as its record, over many draws of both splits."""
    found: dict[Language, Meanings] = {"en": {}, "nl": {}}
    for language, makers in MAKERS.items():
        for make, draws in makers:
            for seed in range(draws):
                said = make(Writer(random.Random(seed), "test", language, unseen=(None, 0, None, 1)[seed % 4]))
                found[language].setdefault(said.text.lower(), set()).add(_text([said.record]))
    return found


@pytest.fixture(scope="module")
def whole() -> Meanings:
    """The same for whole instructions."""
    found: Meanings = {}
    for seed in range(40_000):
        languages: tuple[Language, ...] = ("en", "nl") if seed % 4 == 0 else ("en",)
        for language in languages:
            composed = compose(random.Random(seed), "train", language)
            if composed is not None:
                found.setdefault(composed[0].lower(), set()).add(_text(composed[1]))
    return found


@pytest.mark.parametrize("language", ["en", "nl"])
def test_a_piece_means_what_was_written_down_by_hand(pieces: dict[Language, Meanings], language: Language) -> None:
    wrong = {
        text: meanings
        for text, expected in PIECES[language]
        if (meanings := pieces[language].get(text, {"never written"})) != {repr([expected])}
    }
    assert not wrong


def test_a_whole_instruction_means_what_was_written_down_by_hand(whole: Meanings) -> None:
    meanings: Meanings = {}
    for text, found in whole.items():
        meanings.setdefault(key(text), set()).update(found)
    composed = [(text, expected) for text, expected in WHOLE if key(text) in meanings]
    assert len(composed) >= 12  # whole instructions are drawn from very many: not each of them comes up
    assert not {text: meanings[key(text)] for text, expected in composed if meanings[key(text)] != {repr(expected)}}


def test_there_are_enough_hand_checked_wordings() -> None:
    assert sum(len(pairs) for pairs in PIECES.values()) + len(WHOLE) >= 200


def test_no_wording_of_a_piece_has_two_meanings(pieces: dict[Language, Meanings]) -> None:
    for language in pieces:
        assert {text: found for text, found in pieces[language].items() if len(found) > 1} == {}


def test_no_whole_instruction_has_two_meanings(whole: Meanings) -> None:
    assert {text: found for text, found in whole.items() if len(found) > 1} == {}


def _draws(make: Callable[[Writer], tuple[str, list[Record]]], count: int = 3000) -> list[tuple[str, list[Record]]]:
    return [make(Writer(random.Random(seed), "train", "en")) for seed in range(count)]


def test_unequal_doses_of_one_day_add_up_and_equal_ones_are_counted() -> None:
    plain = re.compile(r"(\d) (?:mane|om|every morning) (?:and|\+|&|plus) (\d) (?:nocte|on|at night|every night)")
    sums, counts = 0, 0
    for text, records in _draws(english.additive, 30_000):
        found = plain.fullmatch(text)
        if found:
            first, second = int(found[1]), int(found[2])
            expected = record(None, first, 2, "day") if first == second else record(None, first + second, 1, "day")
            assert [part.to_json() for part in records] == [expected], text
            sums, counts = sums + (first != second), counts + (first == second)
    assert sums > 10
    assert counts > 3


def test_later_parts_inherit_form_and_conditions_of_the_first_and_nothing_else() -> None:
    first = Record(form="tablet", dose=2, times=2, per="day", for_=1, for_unit="week", as_required=True)
    assert english.inherited(first, Record(dose=1)) == Record(form="tablet", dose=1, as_required=True)
    assert english.inherited(first, Record(dose=1, as_directed=True)) == Record(
        form="tablet", dose=1, as_required=True, as_directed=True
    )


def test_every_sequence_has_a_record_for_each_part_with_the_form_of_the_first() -> None:
    for text, records in _draws(english.sequence):
        assert len(records) in (2, 3, 4), text
        if records[0].form is not None:
            assert {part.form for part in records} == {records[0].form}, text
        if records[0].as_required:
            assert all(part.as_required for part in records), text


def test_reduce_and_increase_tell_the_direction_of_the_doses() -> None:
    more = re.compile(r"increas|titrat| up to|rais|working up")
    less = re.compile(r"reduc|decreas| down to|taper|cut to|drop to|lower|wean")
    for text, records in _draws(english.change_after):
        before, after = (part.dose or 0 for part in records)
        assert bool(more.search(text)) == (after > before), text
        assert bool(less.search(text)) == (after < before), text


def test_a_maximum_beside_a_dose_is_left_out_of_the_record() -> None:
    beside = re.compile(r"(.*\d.*) (?:max|maximum|maximum of|no more than|do not exceed) (\d+) (?:in|per|a|daily).*")
    checked = 0
    for text, (only, *_) in _draws(english.single, 20_000):
        found = beside.fullmatch(text)
        said = found and re.findall(r"\d+|four|six|eight|ten|twelve|i+v", found[1])
        if (
            found
            and said
            and found[2] not in said
            and only.dose
            and only.form != "ml"  # two 5 ml spoonfuls are 10 ml, which the maximum may be too
            and not {"four", "six", "eight", "ten", "iv"} & {*said}
        ):
            assert float(found[2]) not in (only.dose, only.dose_to), text
            checked += 1
    assert checked > 50


def test_a_duration_is_never_shorter_than_the_period_of_its_frequency() -> None:
    order = ["hour", "day", "week", "month", "year"]
    for text, records in _draws(english.single, 20_000):
        only = records[0]
        if only.per and only.for_unit and only.per.split()[-1] in ("week", "month"):
            assert order.index(only.for_unit) > order.index(only.per.split()[-1]), text
