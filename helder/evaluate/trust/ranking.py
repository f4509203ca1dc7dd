"""Whether a number tells two groups apart: right answers from wrong ones, what was learnt from what was not.

AUC is the probability that a member of the first group has the larger number, ties counted half (Mann and Whitney).
Its standard error is that of DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44:837; where the groups are wholly
apart it is zero and says nothing, so that the interval is then the exact limit of the pairs of which none is tied to
another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from helder.evaluate.trust.bounds import lower_limit, upper_limit


@dataclass(frozen=True)
class Auc:
    """The area under the ROC curve, with its interval; None where a group is empty."""

    value: float | None
    low: float | None
    high: float | None
    first: int
    second: int


@dataclass(frozen=True)
class Found:
    """Members of the first group found at few false alarms.

    Attributes:
        false_alarms: members of the second group at or above the threshold, of `others`.
        false_rate: at most so often is a stranger at or above it.
        found: members of the first group at or above it, of `members`.
        rate, at_least, at_most: their share, with its exact limits.
    """

    threshold: float
    false_alarms: int
    others: int
    false_rate: float
    found: int
    members: int
    rate: float
    at_least: float
    at_most: float


def auc(first: Sequence[float], second: Sequence[float], confidence: float = 0.95) -> Auc:
    """How well a number tells the first group (larger) from the second."""
    if not first or not second:
        return Auc(None, None, None, len(first), len(second))
    over_second = _placed(first, second)
    over_first = [1 - place for place in _placed(second, first)]
    value = math.fsum(over_second) / len(first)
    error = math.sqrt(_variance(over_second) / len(first) + _variance(over_first) / len(second))
    if error == 0:  # as many independent pairs as the smaller group has, all on one side (or all tied)
        pairs = min(len(first), len(second))
        low = lower_limit(pairs, pairs, confidence) if value == 1 else 0.0
        high = upper_limit(0, pairs, confidence) if value == 0 else 1.0
        return Auc(value, low, high, len(first), len(second))
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * error
    return Auc(value, max(0.0, value - half), min(1.0, value + half), len(first), len(second))


def found_at(
    first: Sequence[float], second: Sequence[float], false_rate: float, confidence: float = 0.95
) -> Found | None:
    """Members of the first group that stand above all but a share of the second; None where a group is empty.

    The threshold is the lowest at which at most `false_rate` of the second group are at or above it. The second group
    decides it alone: the members found are then independent trials, and their limits are exact. That of the strangers
    is exact for an order statistic (Beta distributed whatever the distribution of the numbers).
    """
    if not first or not second:
        return None
    falling = sorted(second, reverse=True)
    allowed = min(int(false_rate * len(falling) + 1e-9), len(falling) - 1)
    # Just above the first one that would be one too many.
    threshold = math.nextafter(falling[allowed], math.inf)
    alarms = sum(value >= threshold for value in falling)
    found, members = sum(value >= threshold for value in first), len(first)
    return Found(
        threshold=threshold,
        false_alarms=alarms,
        others=len(falling),
        false_rate=upper_limit(allowed, len(falling), confidence),
        found=found,
        members=members,
        rate=found / members,
        at_least=lower_limit(found, members, confidence),
        at_most=upper_limit(found, members, confidence),
    )


def _placed(values: Sequence[float], others: Sequence[float]) -> list[float]:
    """Of each value, the share of the others below it, ties half."""
    from bisect import bisect_left, bisect_right

    ordered = sorted(others)
    return [(bisect_left(ordered, value) + bisect_right(ordered, value)) / (2 * len(ordered)) for value in values]


def _variance(values: Sequence[float]) -> float:
    """With n - 1; 0 for a single value, of which nothing is known."""
    if len(values) < 2:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
