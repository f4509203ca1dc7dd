"""Intervals and tests give the published and the independently computed numbers."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.evaluate import statistics
from helder.evaluate.statistics import (
    clustered,
    compare,
    compare_paired,
    compare_shares,
    flipped,
    holm,
    judge,
    mcnemar,
    mean_interval,
    paired_difference,
    verdict_of,
    wilson,
)

COUNTS = st.integers(0, 400)


def near(*values: float | None, places: float = 1e-4) -> object:
    return pytest.approx(values, abs=places)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(right: int, n: int, low: float, high: float) -> None:
    found = wilson(right, n)
    assert (found.low, found.high) == near(low, high)


@given(COUNTS, COUNTS)
def test_wilson_agrees_with_scipy(right: int, wrong: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    n = right + wrong
    if n == 0:
        assert wilson(0, 0).value is None
        return
    expected = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    found = wilson(right, n)
    assert (found.low, found.high) == near(expected.low, expected.high, places=1e-9)


@given(COUNTS, COUNTS)
def test_mcnemar_agrees_with_scipys_exact_binomial_test(only_a: int, only_b: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert mcnemar(only_a, only_b) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("cells", "low", "high"),
    [
        # both, only a, only b, neither; the first two from Newcombe (1998), Statistics in Medicine 17:2635
        ((36, 12, 2, 0), 0.0569, 0.3404),
        ((36, 14, 0, 0), 0.1528, 0.4167),
        ((30, 0, 0, 0), -0.1135, 0.1135),  # by hand: Wilson's interval of 30 in 30 begins at 0.8865
    ],
)
def test_paired_differences_give_the_published_intervals(
    cells: tuple[int, int, int, int], low: float, high: float
) -> None:
    found = paired_difference(*cells)
    assert (found.low, found.high) == near(low, high, places=2e-4)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_a_paired_difference_turns_round_with_its_sides(both: int, only_a: int, only_b: int, neither: int) -> None:
    there, back = paired_difference(both, only_a, only_b, neither), paired_difference(both, only_b, only_a, neither)
    if there.value is None:
        return
    assert back.low is not None and back.high is not None
    assert (there.low, there.high) == near(-back.high, -back.low, places=1e-9)
    assert there.low is not None and there.low <= there.value <= (there.high or 0.0)


def test_fields_that_go_together_widen_the_interval() -> None:
    together = clustered([10, 0] * 50, [10] * 100)
    apart = clustered([5, 5] * 50, [10] * 100)
    independent = wilson(500, 1000)
    assert together.value == apart.value == independent.value == 0.5
    # all ten fields of an item right or wrong together: as sure as 100 items, not as 1,000 fields
    assert (together.low, together.high) == near(
        *(getattr(wilson(50, 100), side) for side in ("low", "high")), places=2e-3
    )
    assert (apart.low, apart.high) == near(independent.low or 0.0, independent.high or 0.0, places=1e-9)


def test_all_fields_right_is_as_sure_as_the_number_of_items() -> None:
    assert clustered([12] * 40, [12] * 40).low == wilson(40, 40).low
    assert clustered([0] * 40, [12] * 40).high == wilson(0, 40).high


def test_a_clustered_interval_covers_as_often_as_it_says() -> None:
    rng = random.Random(7)
    covered = 0
    for _ in range(400):
        # items of 10 fields: nine of ten items have each field right with 0.95, the tenth with 0.3
        shares = [0.95 if rng.random() < 0.9 else 0.3 for _ in range(120)]
        rights = [sum(rng.random() < share for _ in range(10)) for share in shares]
        found = clustered(rights, [10] * 120)
        assert found.low is not None and found.high is not None
        covered += found.low <= 0.9 * 0.95 + 0.1 * 0.3 <= found.high
    assert 0.92 <= covered / 400 <= 0.98


def test_nothing_measured_has_no_value() -> None:
    assert clustered([], []).value is None
    assert clustered([0], [0]).value is None
    assert mean_interval([]).value is None
    assert paired_difference(0, 0, 0, 0).value is None


def test_a_mean_has_an_interval_that_agrees_with_the_normal_one() -> None:
    rng = random.Random(3)
    values = [rng.random() for _ in range(500)]
    found = mean_interval(values)
    half = 1.96 * math.sqrt(1 / 12 / 500)
    assert found.value == pytest.approx(sum(values) / 500)
    assert (found.low, found.high) == near(sum(values) / 500 - half, sum(values) / 500 + half, places=3e-3)
    assert mean_interval(values) == found


def test_a_clear_lead_is_better() -> None:
    found = compare([True] * 90 + [False] * 10, [True] * 60 + [False] * 40, 0.02)
    assert (found.verdict, found.only_a, found.only_b) == ("better", 30, 0)
    assert found.difference == pytest.approx(0.3)
    assert found.p_value is not None and found.p_value < 1e-8
    assert compare([True] * 60 + [False] * 40, [True] * 90 + [False] * 10, 0.02).verdict == "worse"


def test_the_same_answers_are_not_worse_only_when_there_are_enough_of_them() -> None:
    assert compare([True] * 1000, [True] * 1000, 0.01).verdict == "not worse by more than x"
    assert compare([True] * 30, [True] * 30, 0.01).verdict == "not shown"


def test_a_small_lead_is_not_shown() -> None:
    a = [True] * 12 + [False] * 10 + [True] * 78
    b = [False] * 12 + [True] * 10 + [True] * 78
    found = compare(a, b, 0.01)
    assert found.difference == pytest.approx(0.02)
    assert found.verdict == "not shown"


def test_items_are_paired_by_place_and_all_must_be_there() -> None:
    with pytest.raises(ValueError, match="same length"):
        compare([True], [True, False], 0.01)
    with pytest.raises(ValueError, match="not empty"):
        compare_shares([], [], 0.01)
    with pytest.raises(ValueError, match="nothing to compare"):
        compare_shares([(0, 0)], [(0, 0)], 0.01)


def test_shares_are_compared_by_resampling_items_the_same_on_every_run() -> None:
    rng = random.Random(5)
    b = [(rng.randint(5, 9), 10) for _ in range(200)]
    a = [(right + (rng.random() < 0.5), 10) for right, _ in b]
    found = compare_shares(a, b, 0.01)
    assert found.verdict == "better"
    assert found.difference == pytest.approx(sum(x - y for (x, _), (y, _) in zip(a, b, strict=True)) / 2000)
    assert found.low < found.difference < found.high
    assert found == compare_shares(a, b, 0.01)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.05 / math.sqrt(200), rel=0.1)


def test_equal_shares_leave_room_for_what_so_few_items_cannot_show() -> None:
    few, many = [compare_shares([(9, 10)] * n, [(9, 10)] * n, 0.01) for n in (50, 1000)]
    assert few.high == pytest.approx(1 - 0.05 ** (1 / 50))
    assert (few.verdict, many.verdict) == ("not shown", "not worse by more than x")


@pytest.mark.parametrize(
    ("low", "high", "agrees", "verdict"),
    [
        (0.01, 0.1, True, "better"),
        (0.001, 0.1, False, "not worse by more than x"),
        (-0.01, 0.1, True, "not worse by more than x"),
        (-0.03, 0.1, True, "not shown"),
        (-0.1, -0.01, True, "worse"),
        (-0.1, -0.01, False, "not shown"),
    ],
)
def test_a_verdict_claims_no_more_than_the_interval_and_the_test(
    low: float, high: float, agrees: bool, verdict: str
) -> None:
    assert judge(low, high, 0.02, agrees) == verdict


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.95])
def test_a_paired_interval_covers_at_least_as_often_as_it_says(correlation: float) -> None:
    rng = random.Random(11)
    covered = 0
    for _ in range(1000):
        cells = [0, 0, 0, 0]
        for _ in range(150):
            a = rng.random() < 0.9
            b = a if rng.random() < correlation else rng.random() < 0.9
            cells[0 if a and b else 1 if a else 2 if b else 3] += 1
        found = paired_difference(*cells)
        assert found.low is not None and found.high is not None
        covered += found.low <= 0 <= found.high
    assert covered / 1000 >= 0.935


def test_a_handful_of_items_shows_nothing_however_they_fall() -> None:
    found = compare_shares([(9, 10)] * 6, [(1, 10), (2, 10)] * 3, 0.01)
    assert found.low > 0
    assert found.verdict == "not shown"


PAIRS = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 30)), min_size=1, max_size=200)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    expected = multitest.multipletests(p_values, method="holm")[1] if p_values else []
    assert holm(p_values) == pytest.approx(list(expected), abs=1e-9)


def test_holm_gives_the_values_computed_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(COUNTS, COUNTS)
def test_wilson_and_mcnemar_agree_with_statsmodels(x: int, y: int) -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    if x + y:
        low, high = proportion.proportion_confint(x, x + y, 0.05, "wilson")
        assert (wilson(x, x + y).low, wilson(x, x + y).high) == near(low, high, places=1e-9)
    assert mcnemar(x, y) == pytest.approx(tables.mcnemar([[5, x], [y, 5]], exact=True).pvalue, abs=1e-9)


@given(PAIRS)
def test_clustered_differences_agree_with_statsmodels(rows: list[tuple[bool, bool, int]]) -> None:
    models = pytest.importorskip("statsmodels.regression.linear_model")
    np = pytest.importorskip("numpy")
    a, b, groups = ([row[place] for row in rows] for place in range(3))
    found = compare_paired(a, b, 0.05, clusters=groups)
    if found.clusters < 20 or found.clusters == found.n or not found.standard_error > 0:
        return
    values = np.array(a, dtype=float) - np.array(b, dtype=float)
    fitted = models.OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(groups), "use_correction": True}, use_t=True
    )
    # statsmodels also takes (n - 1) / (n - 1) for the one mean: the same.
    assert found.difference == pytest.approx(float(fitted.params[0]), abs=1e-9)
    assert found.standard_error == pytest.approx(float(fitted.bse[0]), abs=1e-9)
    assert found.p_student == pytest.approx(float(fitted.pvalues[0]), abs=1e-9)
    assert found.p_value >= found.p_student
    low, high = fitted.conf_int(0.05)[0]
    assert (found.low, found.high) == near(max(-1.0, float(low)), min(1.0, float(high)), places=1e-9)
    assert found.p_worse == pytest.approx(
        _above(found.difference + 0.05, found.standard_error, found.clusters), abs=1e-9
    )


def _above(value: float, error: float, clusters: int) -> float:
    return float(pytest.importorskip("scipy.stats").t.sf(value / error, clusters - 1))


@given(PAIRS)
def test_items_that_stand_alone_are_compared_as_before(rows: list[tuple[bool, bool, int]]) -> None:
    a, b = [row[0] for row in rows], [row[1] for row in rows]
    before, found = compare(a, b, 0.05), compare_paired(a, b, 0.05, clusters=list(range(len(a))))
    assert (found.difference, found.low, found.high) == near(before.difference, before.low, before.high, places=1e-12)
    assert found.p_value == before.p_value
    assert compare_paired(a, b, 0.05) == found


@given(PAIRS, st.floats(0.005, 0.4))
def test_not_worse_is_shown_exactly_when_the_interval_lies_above_the_margin(
    rows: list[tuple[bool, bool, int]], margin: float
) -> None:
    found = compare_paired([row[0] for row in rows], [row[1] for row in rows], margin)
    if abs(found.low + margin) > 1e-9:
        assert (found.p_worse <= 0.025) == (found.low > -margin)


@given(PAIRS)
def test_paired_comparisons_turn_round_with_their_sides(rows: list[tuple[bool, bool, int]]) -> None:
    a, b, groups = ([row[place] for row in rows] for place in range(3))
    found, turned = compare_paired(a, b, 0.05, clusters=groups), compare_paired(b, a, 0.05, clusters=groups)
    assert (found.low, found.high, found.p_value) == near(-turned.high, -turned.low, turned.p_value, places=1e-9)


def test_few_clusters_show_nothing_however_many_items_they_hold() -> None:
    found = compare_paired([True] * 500, [False] * 500, 0.05, clusters=[place // 50 for place in range(500)])
    assert (found.low, found.high, found.p_value, found.p_worse) == (-1.0, 1.0, 1.0, 1.0)
    assert verdict_of(found, found.p_value, found.p_worse, 0.05) == "not shown"


def test_a_difference_that_is_the_same_in_every_cluster_is_tested_by_its_sign() -> None:
    found = compare_paired([True] * 60, [False] * 60, 0.05, clusters=[place // 2 for place in range(60)])
    assert found.p_student == pytest.approx(2 * 0.5**30)
    assert found.p_value == 1 / (1 + statistics.FLIPS), "the smallest that so many flips can show"
    assert verdict_of(found, found.p_value, found.p_worse, 0.05) == "better"


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ((80, 40, 10, 70), "better"),
        ((80, 10, 40, 70), "worse"),
        ((950, 12, 14, 24), "not worse by more than x"),
        ((30, 5, 5, 10), "not shown"),
    ],
)
def test_verdicts_over_one_test(counts: tuple[int, int, int, int], verdict: str) -> None:
    both, only_a, only_b, neither = counts
    a = [True] * (both + only_a) + [False] * (only_b + neither)
    b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
    found = compare_paired(a, b, 0.02)
    assert verdict_of(found, found.p_value, found.p_worse, 0.05) == verdict


def test_a_claim_that_does_not_hold_over_all_tests_is_not_made() -> None:
    a, b = [True] * 100 + [False] * 6, [True] * 90 + [False] * 10 + [True] * 2 + [False] * 4
    found = compare_paired(a, b, 0.05)
    assert 0.01 < found.p_value < 0.05
    assert verdict_of(found, found.p_value, found.p_worse, 0.05) == "better"
    many = holm([found.p_value] * 5)
    assert verdict_of(found, many[0], 1.0, 0.05) == "not shown"


@pytest.mark.parametrize(
    "sums", [[3, -1, 2, 2, 5, -4, 1], [1] * 12, [-2, 7, 0, 0, 1, 1, 1, 3, -1], [9, -1, -1, -1, -2]]
)
def test_sign_flips_draw_near_what_all_of_them_give(sums: list[int]) -> None:
    signs = list(itertools.product((1, -1), repeat=len(sums)))
    as_far = [abs(sum(s * x for s, x in zip(one, sums, strict=True))) >= abs(sum(sums)) for one in signs]
    assert flipped(sums) == pytest.approx(sum(as_far) / len(signs), abs=0.02)


def test_sign_flips_of_nothing_show_nothing() -> None:
    assert flipped([0, 0, 0]) == 1.0
    assert flipped([5, -5]) == 1.0
