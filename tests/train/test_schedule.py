"""The learning rate rises, falls, and is a function of the step alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.train.schedule import learning_rate


@given(steps=st.integers(1, 500), warmup=st.floats(0, 0.9))
def test_the_rate_is_above_zero_and_never_above_the_peak(steps: int, warmup: float) -> None:
    rates = [learning_rate(step, steps, 0.01, warmup) for step in range(steps)]
    assert all(0 < rate <= 0.01 * (1 + 1e-12) for rate in rates)


def test_it_rises_to_the_peak_and_falls_to_almost_nothing() -> None:
    rates = [learning_rate(step, 100, 1.0, 0.1) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(1 / 90)
