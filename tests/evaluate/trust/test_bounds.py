"""Limits of rates, against scipy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from helder.evaluate.trust.bounds import binomial_below, lower_limit, rate, upper_limit


@given(n=st.integers(1, 3000), part=st.floats(0, 1), rate=st.floats(1e-6, 1 - 1e-6))
def test_the_tail_of_the_binomial_is_that_of_scipy(n: int, part: float, rate: float) -> None:
    k = round(part * n)
    assert binomial_below(k, n, rate) == pytest.approx(float(binom.cdf(k, n, rate)), rel=1e-9, abs=1e-12)


@given(n=st.integers(1, 2000), part=st.floats(0, 1), confidence=st.sampled_from([0.8, 0.95, 0.999]))
def test_limits_are_those_of_clopper_and_pearson(n: int, part: float, confidence: float) -> None:
    k = round(part * n)
    above = binomtest(k, n, alternative="less").proportion_ci(confidence, method="exact")
    below = binomtest(k, n, alternative="greater").proportion_ci(confidence, method="exact")
    assert upper_limit(k, n, confidence) == pytest.approx(above.high, abs=1e-9)
    assert lower_limit(k, n, confidence) == pytest.approx(below.low, abs=1e-9)


def test_nothing_seen_in_n_trials_bounds_the_rate_at_about_three_in_n() -> None:
    assert [round(upper_limit(0, n), 4) for n in (300, 1000, 3000)] == [0.0099, 0.003, 0.001]


def test_no_trials_say_nothing() -> None:
    assert rate(0, 0) == {"seen": 0, "n": 0, "rate": None, "at_least": None, "at_most": None}
    with pytest.raises(ValueError, match="3 of 2"):
        upper_limit(3, 2)


@pytest.mark.parametrize(("n", "truth"), [(20, 0.1), (59, 0.05), (200, 0.02)])
def test_limits_fail_no_more_often_than_they_say(n: int, truth: float) -> None:
    # Summed over every outcome instead of drawn: exact.
    failing = sum(float(binom.pmf(k, n, truth)) for k in range(n + 1) if upper_limit(k, n, 0.95) < truth)
    assert failing <= 0.05
    failing = sum(float(binom.pmf(k, n, truth)) for k in range(n + 1) if lower_limit(k, n, 0.95) > truth)
    assert failing <= 0.05
