"""AUC against scikit-learn, and how many are found at few false alarms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta
from sklearn.metrics import roc_auc_score, roc_curve

from helder.evaluate.trust.ranking import auc, found_at

GROUP = st.lists(st.integers(0, 12).map(lambda number: number / 4), min_size=1, max_size=40)


@given(first=GROUP, second=GROUP)
def test_the_area_is_that_of_scikit_learn(first: list[float], second: list[float]) -> None:
    expected = roc_auc_score([1] * len(first) + [0] * len(second), first + second)
    found = auc(first, second)
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert found.low is not None and found.value is not None and found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1


@given(first=GROUP, second=GROUP, rate=st.sampled_from([0.0, 0.01, 0.1, 0.25]))
def test_members_found_are_those_of_the_roc_curve(first: list[float], second: list[float], rate: float) -> None:
    found = found_at(first, second, rate)
    assert found is not None
    false, true, _ = roc_curve([1] * len(first) + [0] * len(second), first + second, drop_intermediate=False)
    assert found.rate == pytest.approx(max(true[false <= rate + 1e-9]), abs=1e-9)
    assert found.false_alarms / len(second) <= rate + 1e-9


def test_the_limit_of_false_alarms_is_that_of_an_order_statistic() -> None:
    drawn = np.random.default_rng(1)
    found = found_at(list(drawn.normal(1, 1, 100)), list(drawn.normal(0, 1, 400)), 0.01)
    assert found is not None
    assert found.false_rate == pytest.approx(float(beta.ppf(0.95, 5, 396)), abs=1e-9)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    drawn = np.random.default_rng(7)
    truth = 0.5 * (1 + math.erf(0.5))  # of two normal distributions with variance 1 whose means are 1 apart
    held = 0
    for _ in range(400):
        found = auc(list(drawn.normal(1, 1, 60)), list(drawn.normal(0, 1, 90)))
        assert found.low is not None and found.high is not None
        held += found.low <= truth <= found.high
    assert 0.92 <= held / 400 <= 0.975


def test_groups_that_are_wholly_apart_still_have_an_interval() -> None:
    found = auc([2.0] * 20, [1.0] * 30)
    assert found.value == found.high == 1
    assert found.low == pytest.approx(0.05 ** (1 / 20), abs=1e-9)
    assert auc([], [1.0]).value is None
    assert found_at([], [1.0], 0.1) is None
