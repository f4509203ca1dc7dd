"""Questions changed a little: always in the same way, never in a digit, and compared in pairs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.evaluate.trust import robustness
from helder.evaluate.trust.robustness import Pair, changed, paired

TEXTS = st.text("abc XYZ 123 ß é-\n,.", max_size=60)


def digits(text: str) -> list[str]:
    return [character for character in text if character.isdigit()]


@given(text=TEXTS, kind=st.sampled_from(sorted(robustness.CHANGES)), seed=st.integers(0, 3))
def test_digits_and_the_number_of_words_stay_and_the_change_is_the_same_every_time(
    text: str, kind: str, seed: int
) -> None:
    once = changed(kind, text, seed, "item")
    assert once == changed(kind, text, seed, "item")
    assert digits(once) == digits(text)
    if kind != "typing":  # which may leave out a word of one letter
        assert len(once.split()) == len(text.split())


def test_another_seed_or_item_is_changed_otherwise() -> None:
    text = "take two tablets every morning with plenty of water"
    assert len({changed("typing", text, seed, "a") for seed in range(10)}) > 5
    assert len({changed("typing", text, 0, str(item)) for item in range(10)}) > 5


def test_typing_errors_are_one_in_twenty_letters_and_no_more() -> None:
    text = "take two tablets every morning with plenty of water"  # 43 letters
    for seed in range(50):
        wrong = changed("typing", text, seed, "a")
        assert wrong != text
        assert abs(len(wrong) - len(text)) <= 2


def test_words_with_digits_and_their_neighbours_keep_their_place() -> None:
    assert {changed("order", "2 tabs daily 3 weeks", seed, "a") for seed in range(20)} == {"2 daily tabs 3 weeks"}
    assert changed("order", "2 tabs 3", 0, "a") == "2 tabs 3"
    assert changed("order", "one\ttablet", 0, "a") == "tablet\tone"


def test_a_pair_is_compared_with_itself() -> None:
    pairs = [Pair(True, True, True)] * 70 + [Pair(True, False, False)] * 15 + [Pair(False, False, False)] * 15
    found = paired(pairs)
    assert (found["n"], found["before"], found["after"]) == (100, 0.85, 0.7)
    assert found["difference"]["value"] == pytest.approx(-0.15)
    assert found["difference"]["low"] < -0.15 < found["difference"]["high"] < 0
    assert found["p_value"] == pytest.approx(2 * 0.5**15)
    assert (found["changed"]["seen"], found["changed"]["n"]) == (30, 100)
    assert paired([])["n"] == 0
