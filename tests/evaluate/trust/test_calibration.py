"""Confidences against how often they are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from helder.evaluate.trust import calibration

ANSWERS = st.lists(
    st.tuples(st.floats(0, 1).filter(lambda value: (value * 10) % 1 != 0 or value in (0, 1)), st.booleans()),
    min_size=1,
    max_size=80,
)


@given(ANSWERS)
def test_bins_and_brier_score_are_those_of_scikit_learn(answers: list[tuple[float, bool]]) -> None:
    confidences, rights = [value for value, _ in answers], [right for _, right in answers]
    found = calibration.calibration(confidences, rights)
    right, mean = calibration_curve(rights, confidences, n_bins=10)
    filled = [one for one in found["bins"] if one["n"]]
    assert [one["right"] for one in filled] == pytest.approx(list(right), abs=1e-9)
    assert [one["confidence"] for one in filled] == pytest.approx(list(mean), abs=1e-9)
    assert found["brier"]["value"] == pytest.approx(brier_score_loss(rights, confidences), abs=1e-9)
    weighted = sum(one["n"] * abs(one["right"] - one["confidence"]) for one in filled) / len(answers)
    assert found["ece"]["value"] == pytest.approx(weighted, abs=1e-9)


def test_the_limit_of_the_error_holds_and_the_error_of_a_calibrated_model_is_near_zero() -> None:
    drawn = np.random.default_rng(3)
    above = 0
    for _ in range(200):
        confidences = drawn.random(300)
        rights = drawn.random(300) < np.clip(confidences + 0.1, 0, 1)
        error = calibration.expected_calibration_error(list(confidences), list(rights))
        above += calibration.error_limit(error.value, 300) < 0.095  # the truth: 0.1, and less beyond 0.9
    assert above / 200 <= 0.05
    confidences = drawn.random(20_000)
    rights = drawn.random(20_000) < confidences
    assert calibration.expected_calibration_error(list(confidences), list(rights)).value < 0.02


@pytest.mark.parametrize("gap", [0.0, 0.05, 0.3])
def test_the_interval_of_the_error_holds_the_truth_as_often_as_it_says(gap: float) -> None:
    drawn, held = np.random.default_rng(9), 0
    for _ in range(200):
        confidences = drawn.uniform(0.1, 0.6, 200)
        rights = drawn.random(200) < confidences + gap
        error = calibration.expected_calibration_error(confidences.tolist(), rights.tolist())
        held += error.low <= gap + 1e-12 and gap <= error.high
    assert held / 200 >= 0.93


def test_the_same_answers_give_the_same_interval_and_another_seed_another() -> None:
    confidences, rights = [place / 50 for place in range(50)], [place % 3 > 0 for place in range(50)]
    first = calibration.calibration(confidences, rights, seed=1)
    assert first == calibration.calibration(confidences, rights, seed=1)
    assert first["brier"] != calibration.calibration(confidences, rights, seed=2)["brier"]
    assert first["ece"]["low"] <= first["ece"]["value"] <= first["ece"]["high"] <= first["ece"]["at_most"]


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="no probability"):
        calibration.bins([1.2], [True])
