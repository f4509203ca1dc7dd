"""Noise changes how an instruction is written and never what it says."""

from __future__ import annotations

import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from helder.examples.dose_instructions import noise
from helder.examples.dose_instructions.generate import _vocabulary, generate

TEXTS = [line["input"] for line in generate(21, 300, "train")]
ANY_TEXT = st.sampled_from(TEXTS)
SEEDS = st.integers(0, 10_000)


@settings(max_examples=300, deadline=None)
@given(text=ANY_TEXT, seed=SEEDS)
def test_no_noise_touches_a_digit(text: str, seed: int) -> None:
    digits = re.findall(r"\d+", text)
    rng = random.Random(seed)
    for change in (noise.capitals, noise.missing_space, noise.punctuation):
        assert re.findall(r"\d+", change(text, rng)) == digits
    assert re.findall(r"\d+", noise.typing_error(text, rng, _vocabulary())) == digits


@settings(max_examples=300, deadline=None)
@given(text=ANY_TEXT, seed=SEEDS)
def test_a_typing_error_changes_one_word_into_no_other_word(text: str, seed: int) -> None:
    before = re.findall(r"[a-z]+", text.lower())
    after = re.findall(r"[a-z]+", noise.typing_error(text.lower(), random.Random(seed), _vocabulary()))
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) <= 1
    for old, new in changed:
        assert new not in _vocabulary()
        assert len(old) >= 5
        assert old[0] == new[0]


@settings(max_examples=200, deadline=None)
@given(seed=SEEDS)
def test_number_words_are_never_misspelt(seed: int) -> None:
    text = "twice three half seven eight quarter twaalf anderhalve"
    assert noise.typing_error(text, random.Random(seed), _vocabulary()) == text


@settings(max_examples=200, deadline=None)
@given(text=ANY_TEXT, seed=SEEDS)
def test_capitals_change_nothing_but_capitals(text: str, seed: int) -> None:
    assert noise.capitals(text, random.Random(seed)).lower() == text.lower()


@settings(max_examples=200, deadline=None)
@given(text=ANY_TEXT, seed=SEEDS)
def test_at_most_one_space_is_missing_and_never_before_am_or_to(text: str, seed: int) -> None:
    changed = noise.missing_space(text, random.Random(seed))
    assert len(text) - len(changed) in (0, 1)
    assert changed.replace(" ", "") == text.replace(" ", "")
    joined = set(re.findall(r"\d(?:to|or|and|am|pm)\b", changed)) - set(re.findall(r"\d(?:to|or|and|am|pm)\b", text))
    assert not joined


@settings(max_examples=200, deadline=None)
@given(text=ANY_TEXT, seed=SEEDS)
def test_punctuation_keeps_the_words(text: str, seed: int) -> None:
    assert re.findall(r"\w+", noise.punctuation(text, random.Random(seed))) == re.findall(r"\w+", text)


def test_a_text_that_can_bear_no_noise_stays_as_it_is() -> None:
    rng = random.Random(0)
    assert noise.typing_error("2 bd", rng, _vocabulary()) == "2 bd"
    assert noise.missing_space("bd", rng) == "bd"
