"""Power is what simulation and independent sums give, and plans say what they cannot show."""

from __future__ import annotations

import random

import pytest

from helder.evaluate import power
from helder.evaluate.statistics import mcnemar


@pytest.mark.parametrize(
    ("n", "difference", "discordant"), [(164, 0.05, 0.2), (164, 0.1, 0.2), (41, 0.2, 0.3), (60, 0.0, 0.4)]
)
def test_the_power_of_mcnemar_is_that_of_a_sum_over_scipys_binomials(
    n: int, difference: float, discordant: float
) -> None:
    stats = pytest.importorskip("scipy.stats")
    toward = (discordant + difference) / (2 * discordant)
    expected = sum(
        stats.binom.pmf(pairs, n, discordant)
        * sum(
            stats.binom.pmf(k, pairs, toward)
            for k in range(pairs + 1)
            if stats.binomtest(k, pairs).pvalue <= 0.05 + 1e-12
        )
        for pairs in range(1, n + 1)
        if stats.binom.pmf(pairs, n, discordant) > 1e-9
    )
    assert power.mcnemar_power(n, difference, discordant, 0.05) == pytest.approx(expected, abs=1e-6)


def test_the_power_of_mcnemar_is_what_drawing_gives() -> None:
    drawn, found = random.Random(5), 0
    for _ in range(2000):
        values = [drawn.random() for _ in range(120)]
        only_a, only_b = sum(value < 0.18 for value in values), sum(0.18 <= value < 0.24 for value in values)
        found += mcnemar(only_a, only_b) <= 0.05
    assert power.mcnemar_power(120, 0.12, 0.24, 0.05) == pytest.approx(found / 2000, abs=0.03)


def test_large_plans_go_over_into_the_normal_approximation_without_a_step() -> None:
    exact = power.mcnemar_power(power._EXACT, 0.03, 0.2, 0.05)
    assert power.mcnemar_power(power._EXACT + 1, 0.03, 0.2, 0.05) == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize(("difference", "needed"), [(0.10, 175), (0.05, 665), (0.03, 1808)])
def test_the_items_that_are_needed(difference: float, needed: int) -> None:
    assert power.items_needed(difference, 0.05, 0.2) == needed
    assert 0.80 <= power.mcnemar_power(needed, difference, 0.2, 0.05) <= 0.82


def test_clusters_are_worth_fewer_items() -> None:
    alone, together = power.plan(500, 0.05, 0.05), power.plan(500, 0.05, 0.05, items_per_cluster=5)
    assert together.effective == int(500 / (1 + 4 * power.CORRELATION))
    assert together.better < alone.better
    assert together.not_worse < alone.not_worse
    assert together.needed is not None
    assert alone.needed is not None
    assert together.needed > alone.needed


def test_what_is_beyond_planning_is_said_to_be() -> None:
    assert power.items_needed(0.0, 0.05, 0.2) is None
    assert power.items_needed(1e-4, 0.05, 0.2) is None
    assert power.plan(50, 0.3, 0.05, discordant=0.1).discordant == 0.3, "two cannot differ by more than they disagree"
