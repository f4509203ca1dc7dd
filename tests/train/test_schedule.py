"""The learning rate rises, falls, and is a function of the step alone."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.train.schedule import Shape, learning_rate


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


@given(
    steps=st.integers(1, 300),
    warmup=st.floats(0, 0.9),
    shape=st.sampled_from(["linear", "cosine", "constant"]),
    floor=st.floats(0, 1),
)
def test_no_rate_is_below_the_floor_and_after_warm_up_none_rises(
    steps: int, warmup: float, shape: Shape, floor: float
) -> None:
    rates = [learning_rate(step, steps, 1.0, warmup, shape, floor) for step in range(steps)]
    fallen = rates[round(steps * warmup) :]
    assert all(rate >= floor - 1e-12 for rate in fallen)
    assert all(after <= before + 1e-12 for before, after in pairwise(fallen))


def test_a_cosine_is_half_way_down_in_the_middle_and_flat_at_its_ends() -> None:
    rates = [learning_rate(step, 100, 1.0, 0.0, "cosine", 0.1) for step in range(100)]
    assert rates[0] == 1.0
    assert rates[50] == pytest.approx(0.55)
    assert rates[25] == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 4)) / 2)
    assert rates[0] - rates[1] < 0.1 * (rates[49] - rates[50])


def test_a_constant_rate_rises_and_stays() -> None:
    assert [learning_rate(step, 6, 1.0, 0.5, "constant") for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
