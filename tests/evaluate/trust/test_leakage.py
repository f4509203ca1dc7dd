"""Exposure of canaries, and telling members from strangers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import combine_pvalues

from helder.evaluate.trust import leakage


@given(st.lists(st.integers(1, 128), min_size=1, max_size=40))
def test_ranks_are_tested_as_fisher_does(ranks: list[int]) -> None:
    expected = combine_pvalues([one / 128 for one in ranks], method="fisher").pvalue
    assert leakage.by_chance(ranks, 128) == pytest.approx(float(expected), rel=1e-9, abs=1e-12)


def test_by_chance_ranks_are_called_too_low_no_more_often_than_allowed() -> None:
    drawn = np.random.default_rng(2)
    low = sum(leakage.by_chance([int(one) for one in drawn.integers(1, 129, 16)], 128) <= 0.05 for _ in range(2000))
    assert low / 2000 <= 0.06


def test_a_canary_learnt_by_heart_has_all_bits_and_an_unknown_one_few() -> None:
    assert leakage.exposure(1, 128) == 7
    assert leakage.exposure(128, 128) == 0
    mean = sum(leakage.exposure(one, 4096) for one in range(1, 4097)) / 4096
    assert mean == pytest.approx(leakage.CHANCE_EXPOSURE, abs=0.002)
    known = leakage.exposed([1] * 10, 12, 128)
    assert (known["exposure"]["mean"], known["first"]["seen"], known["seen"], known["planted"]) == (7, 10, 10, 12)
    assert known["p_value"] < 1e-9
    unseen = leakage.exposed([], 12, 128)
    assert (unseen["exposure"]["mean"], unseen["p_value"]) == (None, None)


def test_equal_scores_never_make_a_canary_look_known() -> None:
    assert leakage.rank([0.0] * 5, 2) == 5
    assert leakage.rank([0.0, -1.0, 3.0], 2) == 1


def test_members_that_are_no_different_are_not_told_apart() -> None:
    drawn, claimed = np.random.default_rng(4), 0
    for _ in range(60):
        found = leakage.membership(list(drawn.normal(size=150)), list(drawn.normal(size=150)))
        claimed += found["epsilon_at_least"] > 0
    assert claimed <= 4


def test_members_that_stand_out_are_found_and_the_privacy_loss_has_a_limit_from_below() -> None:
    drawn = np.random.default_rng(4)
    found = leakage.membership(list(drawn.normal(2, 1, 1000)), list(drawn.normal(0, 1, 1000)))
    assert found["auc"]["low"] > 0.9
    assert [one["wanted"] for one in found["at"]] == [0.001, 0.01, 0.1]
    assert found["at"][1]["at_least"] > 0.25
    # The true ratio at 1 % false alarms is P(N(2) > 2.33) / 0.01 = 37, so epsilon is at least 3.6 there.
    assert 1 < found["epsilon_at_least"] < math.log(0.63 / 0.005)


def test_rates_for_which_there_are_too_few_strangers_are_not_told() -> None:
    found = leakage.membership([1.0, 2.0], [0.0] * 20)
    assert [one["wanted"] for one in found["at"]] == [0.1]
