"""Intervals and paired tests, in closed form where there is one, else by a resampling that gives the same
numbers everywhere.

All take counts or per-item values; none knows what was measured. They assume that the items are independent
of each
other: items made from one template are not, and then the truth is less certain than these intervals say.

Sources: Wilson (1927), JASA 22:209 for one share; Korn and Graubard (1998), Survey Methodology 24:193 for the
design effect of clustered shares; McNemar's exact test (binomial over the discordant pairs); Newcombe (1998),
Statistics in Medicine 17:2635, method 10, for the difference of paired shares; Efron's percentile bootstrap
for ratios of sums.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST = 20  # items below which a bootstrap interval is too narrow to claim anything (assumption)
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


def _resamples(n: int, seed: int) -> NDArray[np.int64]:
    """(RESAMPLES, n) places drawn with replacement: raw PCG64 words modulo n, which no numpy version changes."""
    import numpy as np

    words = np.random.PCG64(seed).random_raw(RESAMPLES * n)
    return (words % np.uint64(n)).astype(np.int64).reshape(RESAMPLES, n)


def _percentiles(values: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    import numpy as np

    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
