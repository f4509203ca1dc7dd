"""Student's t and the binomial, exact to about 12 digits, without a library for them.

The light install has numpy and no scipy. Student's t comes from the regularised incomplete beta function, which is
evaluated by its continued fraction (Lentz's way; Abramowitz and Stegun, 26.5.8); quantiles by bisection, which needs no
starting point and cannot run away.
"""

from __future__ import annotations

import math
from functools import lru_cache

_STEPS = 500  # terms of the continued fraction; it has converged after about sqrt(max(a, b)) of them
_TINY = 1e-300
_HALVINGS = 200  # more than a double has bits: bisection ends where no double lies between


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), a and b above 0, x in 0..1."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):  # there the fraction converges fast on the other side
        return 1.0 - incomplete_beta(b, a, 1 - x)
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(logarithm) * _fraction(a, b, x) / a


def student_two_sided(t: float, df: float) -> float:
    """P(|T| > |t|) of Student's t with `df` degrees of freedom."""
    if t * t < df:  # near 0 the small one of the two shares keeps its digits
        return 1.0 - incomplete_beta(0.5, df / 2, t * t / (df + t * t))
    return incomplete_beta(df / 2, 0.5, df / (df + t * t))


def student_above(t: float, df: float) -> float:
    """P(T > t)."""
    half = student_two_sided(t, df) / 2
    return half if t >= 0 else 1 - half


@lru_cache(maxsize=256)
def student_quantile(confidence: float, df: float) -> float:
    """The t that |T| exceeds with probability 1 - confidence."""
    low, high = 0.0, 1.0
    while student_two_sided(high, df) > 1 - confidence:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if student_two_sided(middle, df) > 1 - confidence else (low, middle)
    return high


def binomial(k: int, n: int, share: float) -> float:
    """P(X = k) of n trials that succeed with probability `share`."""
    if share <= 0 or share >= 1:
        return float(k == (0 if share <= 0 else n))
    logarithm = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(logarithm + k * math.log(share) + (n - k) * math.log1p(-share))


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of I_x(a, b)."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, _STEPS):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1 + step * d, 1 + step / c
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = c if abs(c) > _TINY else _TINY
            value *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return value
