"""Limits for the rate of something that was seen k times in n independent trials.

Exact and one-sided (Clopper and Pearson 1934, Biometrika 26:404): whatever the true rate, it lies above `at_most` with
probability 1 - confidence at the most. Nothing seen in n trials is no proof of nothing: at 95 % the limit is then about
3 / n ("rule of three").
"""

from __future__ import annotations

import math
from typing import Any

from helder.evaluate.distributions import incomplete_beta


def binomial_below(k: int, n: int, rate: float) -> float:
    """P(X <= k) for X of n trials that succeed with probability `rate`."""
    if k < 0 or k >= n:
        return 0.0 if k < 0 else 1.0
    # 1 - I would lose the digits of a small value: the other side of the beta function is asked for instead.
    return incomplete_beta(n - k, k + 1, 1 - rate)


def upper_limit(k: int, n: int, confidence: float = 0.95) -> float:
    """The rate above which k or fewer successes in n trials have a probability of less than 1 - confidence."""
    _check(k, n)
    if k == n:
        return 1.0
    if k == 0:
        return -math.expm1(math.log1p(-confidence) / n)
    return _bisected(lambda rate: binomial_below(k, n, rate) > 1 - confidence)


def lower_limit(k: int, n: int, confidence: float = 0.95) -> float:
    """The rate below which k or more successes in n trials have a probability of less than 1 - confidence."""
    _check(k, n)
    if k == 0:
        return 0.0
    if k == n:
        return math.exp(math.log1p(-confidence) / n)
    return _bisected(lambda rate: incomplete_beta(k, n - k + 1, rate) < 1 - confidence)


def rate(k: int, n: int, confidence: float = 0.95) -> dict[str, Any]:
    """A rate as `trust.json` has it: what was seen, and its limits, each at the whole confidence.

    Returns:
        {"seen": k, "n": n, "rate": k / n, "at_least", "at_most"}; None in place of the last three without trials.
    """
    if n == 0:
        return {"seen": 0, "n": 0, "rate": None, "at_least": None, "at_most": None}
    limits = {"at_least": lower_limit(k, n, confidence), "at_most": upper_limit(k, n, confidence)}
    return {"seen": k, "n": n, "rate": k / n, **limits}


def _check(k: int, n: int) -> None:
    if not 0 <= k <= n or n < 1:
        raise ValueError(f"{k} of {n} trials")


def _bisected(below: Any) -> float:
    """The rate at which `below` turns false."""
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        low, high = (middle, high) if below(middle) else (low, middle)
