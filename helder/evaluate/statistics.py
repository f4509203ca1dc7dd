"""Intervals and paired tests, in closed form where there is one, else by a resampling that gives the same
numbers everywhere.

All take counts or per-item values; none knows what was measured. They assume that the items are independent
of each
other, except where clusters are given: items made from one template are not independent, and then the truth is less
certain than these intervals say.

Sources: Wilson (1927), JASA 22:209 for one share; Korn and Graubard (1998), Survey Methodology 24:193 for the
design effect of clustered shares; McNemar's exact test (binomial over the discordant pairs); Newcombe (1998),
Statistics in Medicine 17:2635, method 10, for the difference of paired shares; Efron's percentile bootstrap
for ratios of sums; cluster-robust standard errors with G / (G - 1) and Student's t with G - 1 degrees of freedom for
paired differences of clustered items (Miller 2024, arXiv 2411.00640, has the setting), and Fisher's sign flips beside
them; Holm (1979), Scandinavian Journal of Statistics 6:65, for several tests at once.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

from helder.evaluate.distributions import student_above, student_quantile, student_two_sided

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST = 20  # items below which a bootstrap interval is too narrow to claim anything (assumption)
FEWEST_CLUSTERS = 20  # below, nothing is claimed over clusters (assumption; bench/statistics.py measures from 20 on)
FLIPS = 9999  # sign flips of a test over clusters: its smallest p-value is then 1 in 10,000
RESAMPLES = 2000  # bootstrap samples: the 2.5 % point then varies by about 1 % of the interval's width

Verdict = Literal["better", "worse", "not worse by more than x", "not shown"]


@dataclass(frozen=True)
class Interval:
    """A value with its interval; None where there is nothing to measure."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """a against b on the same items.

    Attributes:
        difference: a - b, with the interval low..high.
        p_value: exact McNemar, two-sided; None for measures that are not right or wrong.
        only_a, only_b: items that only one of the two has right (or, for shares per item, more right).
        verdict: "better" when the interval lies above 0 (and the test agrees); "not worse by more than x"
            when it
            lies above -margin; "worse" when it lies below 0; else "not shown".
    """

    n: int
    a: float
    b: float
    difference: float
    low: float
    high: float
    p_value: float | None
    only_a: int
    only_b: int
    margin: float
    verdict: Verdict


@dataclass(frozen=True)
class Paired:
    """a against b on the same items, right or wrong, with what several tests at once need.

    Attributes:
        difference: share right of a - b, with its interval low..high.
        standard_error: of the difference; cluster-robust where items share a cluster.
        p_value: two-sided, that there is no difference: exact McNemar; over clusters the larger of Student's t and sign
            flips, because t alone claims too often where clusters differ in size (5.7 % for 5 %; docs/log.md).
        p_student: Student's t over the clusters alone; None where every item stands for itself.
        p_worse: one-sided, that a is worse than b by the margin or more: the level at which the interval's lower end
            reaches -margin.
        clusters: how many there are; n where every item stands for itself.
    """

    n: int
    clusters: int
    a: float
    b: float
    difference: float
    low: float
    high: float
    standard_error: float
    p_value: float
    p_student: float | None
    p_worse: float
    only_a: int
    only_b: int


def wilson(right: float, n: float, confidence: float = 0.95) -> Interval:
    """The Wilson score interval of a share.

    Args:
        right, n: 0 <= right <= n; may be fractional (an effective sample size).
    """
    if n <= 0:
        return Interval(None, None, None)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = right / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if right == 0 else max(0.0, centre - half)
    high = 1.0 if right == n else min(1.0, centre + half)
    return Interval(share, low, high)


def clustered(rights: Sequence[int], totals: Sequence[int], confidence: float = 0.95) -> Interval:
    """The interval of sum(rights) / sum(totals) where the parts of one item go together.

    Wilson's interval at the effective sample size: the number of parts divided by the design effect, which is
    the variance between items over that of independent parts. It is at most the number of parts, and where
    all parts are right or all are wrong (no variance to measure) it is the number of items.

    Args:
        rights, totals: per item, how many of its parts are right, and how many it has.
    """
    items = [(right, total) for right, total in zip(rights, totals, strict=True) if total > 0]
    parts = sum(total for _, total in items)
    if not items:
        return Interval(None, None, None)
    share = sum(right for right, _ in items) / parts
    effective = float(len(items))
    if len(items) > 1 and 0 < share < 1:
        residual = sum((right - share * total) ** 2 for right, total in items)
        variance = len(items) / (len(items) - 1) * residual / parts**2
        effective = min(share * (1 - share) / variance, float(parts)) if variance > 0 else float(parts)
    found = wilson(share * effective, effective, confidence)
    return Interval(share, found.low, found.high)


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided exact p-value that the discordant pairs fall on either side with probability 1/2."""
    n = only_a + only_b
    if n == 0:
        return 1.0
    tail = sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1))
    return float(min(1.0, 2 * tail / 2**n))


def paired_difference(both: int, only_a: int, only_b: int, neither: int, confidence: float = 0.95) -> Interval:
    """The difference of two shares on the same items, a - b: Newcombe's method 10."""
    n = both + only_a + only_b + neither
    if n == 0:
        return Interval(None, None, None)
    a, b = wilson(both + only_a, n, confidence), wilson(both + only_b, n, confidence)
    assert a.value is not None and b.value is not None
    assert a.low is not None and a.high is not None and b.low is not None and b.high is not None
    product = (both + only_a) * (neither + only_b) * (both + only_b) * (neither + only_a)
    association = float(both * neither - only_a * only_b)
    if association > 0:  # his correction, which keeps agreement in few pairs from narrowing the interval
        association = max(association - n / 2, 0.0)
    phi = association / math.sqrt(product) if product else 0.0
    a_low, a_high, b_low, b_high = a.value - a.low, a.high - a.value, b.value - b.low, b.high - b.value
    difference = a.value - b.value
    down = math.sqrt(max(0.0, a_low**2 - 2 * phi * a_low * b_high + b_high**2))
    up = math.sqrt(max(0.0, a_high**2 - 2 * phi * a_high * b_low + b_low**2))
    return Interval(difference, max(-1.0, difference - down), min(1.0, difference + up))


def compare_paired(
    a: Sequence[bool],
    b: Sequence[bool],
    margin: float,
    confidence: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
) -> Paired:
    """Right and wrong of two subjects on the same items, in the same order.

    Args:
        clusters: of each item, what it shares with others (its document, its problem); None, or all different, where
            items are independent: then Newcombe's interval and McNemar's test, which need no normal approximation.

    Raises:
        ValueError: of different length, or empty.
    """
    if not len(a) == len(b) == (len(a) if clusters is None else len(clusters)) or not a:
        raise ValueError("sequences of the same length, not empty, are compared")
    n = len(a)
    only_a = sum(x and not y for x, y in zip(a, b, strict=True))
    only_b = sum(y and not x for x, y in zip(a, b, strict=True))
    both = sum(x and y for x, y in zip(a, b, strict=True))
    groups = range(n) if clusters is None else clusters
    differences = [int(x) - int(y) for x, y in zip(a, b, strict=True)]
    sums: dict[Hashable, list[int]] = {}
    for group, value in zip(groups, differences, strict=True):
        sums.setdefault(group, [0, 0])
        sums[group][0] += value
        sums[group][1] += 1
    mean, error = clustered_error([one[0] for one in sums.values()], [one[1] for one in sums.values()])
    p_student = None
    if len(sums) == n:
        cells = (both, only_a, only_b, n - both - only_a - only_b)
        found = paired_difference(*cells, confidence)
        assert found.low is not None and found.high is not None
        low, high, p_value, p_worse = found.low, found.high, mcnemar(only_a, only_b), _p_worse(cells, margin)
    else:
        low, high, p_student, p_worse = _over_clusters(mean, error, len(sums), margin, confidence)
        p_value = max(p_student, flipped([one[0] for one in sums.values()])) if p_student < 1 else 1.0
    shares = ((both + only_a) / n, (both + only_b) / n)
    return Paired(n, len(sums), *shares, mean, low, high, error, p_value, p_student, p_worse, only_a, only_b)


def clustered_error(sums: Sequence[float], sizes: Sequence[int]) -> tuple[float, float]:
    """The mean over all items and its cluster-robust standard error.

    Args:
        sums, sizes: of each cluster, the sum of its items' values, and how many items it has.
    """
    n, groups = sum(sizes), len(sums)
    mean = sum(sums) / n
    if groups < 2:
        return mean, math.inf
    squares = math.fsum((total - mean * size) ** 2 for total, size in zip(sums, sizes, strict=True))
    return mean, math.sqrt(groups / (groups - 1) * squares) / n


def flipped(sums: Sequence[int], seed: int = 0) -> float:
    """Two-sided p-value that the sums of clusters lie on one side no more than with signs drawn by a coin.

    Exact where neither subject is favoured, whatever the sizes of the clusters: each cluster's sum could then as well
    have had the other sign. The signs are raw PCG64 bits, which no numpy version changes.
    """
    import numpy as np

    values = np.array(sums, dtype=np.float64)
    values = values[values != 0]
    words = -(-FLIPS * len(values) // 64)
    bits = np.unpackbits(np.random.PCG64(seed).random_raw(words).view(np.uint8))[: FLIPS * len(values)]
    totals = bits.reshape(FLIPS, len(values)).astype(np.float64) @ values  # of those that keep their sign
    as_far = np.abs(2 * totals - values.sum()) >= abs(values.sum())  # whole numbers: compared exactly
    return float(1 + as_far.sum()) / (1 + FLIPS)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: all at most alpha are claimed, and any false claim comes with probability alpha."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def verdict_of(found: Paired, p_value: float, p_worse: float, alpha: float) -> Verdict:
    """The verdict over p-values that were adjusted for all that is compared at once.

    Args:
        p_value, p_worse: those of `found`, adjusted; the second is one-sided and held against alpha / 2.
    """
    shown = p_value <= alpha
    if shown and found.low > 0:
        return "better"
    if p_worse <= alpha / 2:
        return "not worse by more than x"
    return "worse" if shown and found.high < 0 else "not shown"


def mean_interval(values: Sequence[float], confidence: float = 0.95, seed: int = 0) -> Interval:
    """The mean of per-item values in 0..1 with its percentile bootstrap interval."""
    if not values:
        return Interval(None, None, None)
    import numpy as np

    column = np.array(values, dtype=np.float64)
    means = column[_resamples(len(values), seed)].mean(axis=1)
    low, high = _percentiles(means, confidence)
    return Interval(float(column.mean()), low, high)


def compare(a: Sequence[bool], b: Sequence[bool], margin: float, confidence: float = 0.95) -> Comparison:
    """Right and wrong of two subjects on the same items, in the same order.

    Raises:
        ValueError: of different length, or empty.
    """
    if len(a) != len(b) or not a:
        raise ValueError("two sequences of the same length, not empty, are compared")
    both = sum(x and y for x, y in zip(a, b, strict=True))
    only_a = sum(x and not y for x, y in zip(a, b, strict=True))
    only_b = sum(y and not x for x, y in zip(a, b, strict=True))
    neither = len(a) - both - only_a - only_b
    found = paired_difference(both, only_a, only_b, neither, confidence)
    assert found.value is not None and found.low is not None and found.high is not None
    p_value = mcnemar(only_a, only_b)
    verdict = judge(found.low, found.high, margin, p_value < 1 - confidence)
    shares = ((both + only_a) / len(a), (both + only_b) / len(a))
    return Comparison(len(a), *shares, found.value, found.low, found.high, p_value, only_a, only_b, margin, verdict)


def compare_shares(
    a: Sequence[tuple[float, float]],
    b: Sequence[tuple[float, float]],
    margin: float,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Sums of parts of two subjects on the same items: per item (right, n), or (value, 1) for a mean.

    A percentile bootstrap over the items; fewer than `FEWEST` of them show nothing. Where no item differs, nothing
    can be resampled: the interval is then the largest share of differing items that would still go unseen with
    probability 1 - confidence.

    Raises:
        ValueError: of different length, or empty.
    """
    if len(a) != len(b) or not a:
        raise ValueError("two sequences of the same length, not empty, are compared")
    import numpy as np

    left, right = np.array(a, dtype=np.float64), np.array(b, dtype=np.float64)
    if left[:, 1].sum() == 0 or right[:, 1].sum() == 0:
        raise ValueError("the items have nothing to compare")
    value_a, value_b = left[:, 0].sum() / left[:, 1].sum(), right[:, 0].sum() / right[:, 1].sum()
    shares = [
        np.divide(side[:, 0], side[:, 1], out=np.zeros(len(side)), where=side[:, 1] > 0) for side in (left, right)
    ]
    more_a, more_b = int((shares[0] > shares[1]).sum()), int((shares[1] > shares[0]).sum())
    if bool((left == right).all()):
        unseen = 1 - (1 - confidence) ** (1 / len(a))
        low, high = -unseen, unseen
    else:
        places = _resamples(len(a), seed)
        sums_a, sums_b = left[places].sum(axis=1), right[places].sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            differences = sums_a[:, 0] / sums_a[:, 1] - sums_b[:, 0] / sums_b[:, 1]
        low, high = _percentiles(differences[np.isfinite(differences)], confidence)
    verdict = judge(low, high, margin, True) if len(a) >= FEWEST else "not shown"
    difference = float(value_a - value_b)
    return Comparison(
        len(a), float(value_a), float(value_b), difference, low, high, None, more_a, more_b, margin, verdict
    )


def judge(low: float, high: float, margin: float, test_agrees: bool) -> Verdict:
    """The verdict over an interval of a - b; see `Comparison`."""
    if low > 0 and test_agrees:
        return "better"
    if low > -margin:
        return "not worse by more than x"
    if high < 0 and test_agrees:
        return "worse"
    return "not shown"


def _over_clusters(
    mean: float, error: float, clusters: int, margin: float, confidence: float
) -> tuple[float, float, float, float]:
    """Low, high, p_value and p_worse of a mean difference over clusters; too few of them show nothing."""
    if clusters < FEWEST_CLUSTERS:
        return -1.0, 1.0, 1.0, 1.0
    if error == 0:  # no cluster differs from another: what differs in few clusters may have gone unseen
        unseen = 1 - (1 - confidence) ** (1 / clusters)
        sign = min(1.0, 2 * 0.5**clusters) if mean else 1.0  # all clusters on one side
        worse = (1 - margin) ** clusters if mean > -margin else 1.0
        return max(-1.0, mean - unseen), min(1.0, mean + unseen), sign, worse
    df = clusters - 1
    half = student_quantile(confidence, df) * error
    p_value = student_two_sided(mean / error, df)
    return max(-1.0, mean - half), min(1.0, mean + half), p_value, student_above((mean + margin) / error, df)


def _p_worse(cells: tuple[int, int, int, int], margin: float) -> float:
    """Half of 1 - the largest confidence at which Newcombe's interval still lies above -margin, by bisection."""

    def lies_above(confidence: float) -> bool:
        low = paired_difference(*cells, confidence).low
        return low is not None and low > -margin

    below, above = 0.0, 1 - 1e-12
    if not lies_above(1e-9):
        return 1.0  # the difference itself is not above -margin
    for _ in range(60):
        middle = (below + above) / 2
        below, above = (middle, above) if lies_above(middle) else (below, middle)
    return (1 - below) / 2


def _resamples(n: int, seed: int) -> NDArray[np.int64]:
    """(RESAMPLES, n) places drawn with replacement: raw PCG64 words modulo n, which no numpy version changes."""
    import numpy as np

    words = np.random.PCG64(seed).random_raw(RESAMPLES * n)
    return (words % np.uint64(n)).astype(np.int64).reshape(RESAMPLES, n)


def _percentiles(values: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    import numpy as np

    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
