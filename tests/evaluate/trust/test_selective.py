"""The risk-coverage curve, and thresholds that keep what they promise."""

from __future__ import annotations

import itertools
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.evaluate.trust import selective

ANSWERS = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 5).map(lambda number: number / 5)), st.booleans()),
    min_size=1,
    max_size=7,
)


def area_over_all_orders(answers: list[tuple[float | None, bool]]) -> float:
    """The mean risk over all coverages, averaged over every order that the confidences allow."""

    def key(one: tuple[float | None, bool]) -> float:
        return 1.0 if one[0] is None else -one[0]

    groups = [list(group) for _, group in itertools.groupby(sorted(answers, key=key), key)]
    areas = []
    for chosen in itertools.product(*(list(itertools.permutations(group)) for group in groups)):
        wrong = list(itertools.accumulate(int(not right) for _, right in itertools.chain(*chosen)))
        areas.append(statistics.fmean(count / k for k, count in enumerate(wrong, start=1)))
    return statistics.fmean(areas)


@given(ANSWERS)
def test_the_area_is_the_mean_over_every_order_of_equal_confidences(answers: list[tuple[float | None, bool]]) -> None:
    confidences, rights = [value for value, _ in answers], [right for _, right in answers]
    assert selective.aurc(confidences, rights) == pytest.approx(area_over_all_orders(answers), abs=1e-9)
    assert selective.best_aurc(rights) <= selective.aurc(confidences, rights) + 1e-12


def test_the_best_area_is_that_of_a_perfect_ranking() -> None:
    rights = [True, False, True, True, False]
    assert selective.best_aurc(rights) == pytest.approx(selective.aurc([0.9, 0.1, 0.8, 0.7, 0.2], rights), abs=1e-12)


def test_the_curve_gives_no_answer_without_a_confidence() -> None:
    points = selective.curve([0.5, None, 0.9, 0.5], [True, False, True, False])
    assert [(point.threshold, point.coverage, point.risk) for point in points] == [(0.9, 0.25, 0), (0.5, 0.75, 1 / 3)]


def drawn(random: np.random.Generator, n: int) -> tuple[list[float], list[bool]]:
    """Confidences of which those above 0.97 are overconfident: the order alone promises nothing."""
    confidences = random.random(n)
    chance = np.where(confidences > 0.97, 0.8, np.where(confidences > 0.4, 0.99, 0.5))
    return list(confidences), [bool(one) for one in random.random(n) < chance]


def true_risk(threshold: float) -> float:
    """Of `drawn`."""
    parts = [(max(0.0, 1 - max(threshold, 0.97)), 0.2), (max(0.0, 0.97 - max(threshold, 0.4)), 0.01)]
    parts.append((max(0.0, 0.4 - threshold), 0.5))
    return sum(share * risk for share, risk in parts) / sum(share for share, _ in parts)


def test_the_promised_risk_is_kept_as_often_as_promised() -> None:
    random, broken, chosen = np.random.default_rng(11), 0, 0
    for _ in range(150):
        confidences, rights = drawn(random, 600)
        found = selective.choose(confidences, rights, 0.05, 0.9)
        chosen += found.threshold is not None
        broken += found.threshold is not None and true_risk(found.threshold) > 0.05
    assert chosen > 100
    assert broken / 150 <= 0.1


def test_conformal_keeps_wrong_answers_rare_in_the_mean() -> None:
    random, shares = np.random.default_rng(5), []
    for _ in range(300):
        confidences, rights = drawn(random, 100)
        threshold = selective.conformal(confidences[:-1], rights[:-1], 0.1)
        shares.append(threshold is not None and confidences[-1] >= threshold and not rights[-1])
    assert statistics.fmean(shares) <= 0.1 + 2 * (0.1 * 0.9 / 300) ** 0.5
    assert selective.conformal([0.9] * 5, [True] * 5, 0.1) is None  # 1 in 6 is the least that 5 items can promise


def test_too_few_items_or_too_many_errors_choose_nothing_and_say_why() -> None:
    few = selective.choose([0.9] * 40, [True] * 40, 0.05, 0.95)
    assert few.threshold is None
    assert "too few" in few.why
    none = selective.choose([None] * 200, [True] * 200, 0.05, 0.95)
    assert none.threshold is None
    wrong = selective.choose([place / 200 for place in range(200)], [place % 4 > 0 for place in range(200)], 0.05, 0.95)
    assert wrong.threshold is None
    assert f"{wrong.wrong} of {wrong.given}" in wrong.why
    assert wrong.wrong > 0


def test_without_errors_everything_that_has_a_confidence_is_given() -> None:
    found = selective.choose([0.9] * 190 + [None] * 10, [True] * 200, 0.05, 0.95)
    assert found.threshold == 0
    assert (found.given, found.wrong, found.n) == (190, 0, 200)
    least = selective.choose([0.9] * 59, [True] * 59, 0.05, 0.95)  # 0.95 ** 59 < 0.05
    assert (least.threshold, least.tested) == (0, 1)
    assert selective.choose([0.9] * 58, [True] * 58, 0.05, 0.95).threshold is None


@given(n=st.integers(1, 5000), risk=st.sampled_from([0.01, 0.05, 0.2]), alpha=st.sampled_from([0.01, 0.05, 0.2]))
def test_every_number_that_is_tested_can_pass(n: int, risk: float, alpha: float) -> None:
    numbers = selective.ladder(n, risk, alpha)
    assert numbers == sorted(set(numbers))
    assert all((1 - risk) ** number <= alpha / len(numbers) for number in numbers)
    assert not numbers or numbers[-1] == n
    assert bool(numbers) == ((1 - risk) ** n <= alpha)


def test_the_choice_does_not_depend_on_the_order_of_the_items() -> None:
    confidences, rights = drawn(np.random.default_rng(2), 500)
    there = selective.choose(confidences, rights, 0.1, 0.95)
    assert there == selective.choose(confidences[::-1], rights[::-1], 0.1, 0.95)
    assert there.threshold is not None
    given = [right for value, right in zip(confidences, rights, strict=True) if value >= there.threshold]
    assert (there.given, there.wrong) == (len(given), given.count(False))


@given(ANSWERS)
def test_answers_with_one_confidence_are_given_together_or_not_at_all(answers: list[tuple[float | None, bool]]) -> None:
    many = answers * 40
    found = selective.choose([value for value, _ in many], [right for _, right in many], 0.2, 0.9)
    if found.threshold is not None:
        assert found.given == sum(value is not None and value >= found.threshold for value, _ in many)


def test_a_threshold_on_other_items_is_told_with_its_limits() -> None:
    found = selective.at([0.9, 0.4, None, 0.8], [True, False, False, False], 0.5)
    assert found["coverage"]["value"] == 0.5
    assert (found["risk"]["seen"], found["risk"]["n"]) == (1, 2)
    assert found["risk"]["at_least"] < 0.5 < found["risk"]["at_most"]
