"""pass@k: how probable it is that at least one of k programs for a problem is right.

The unbiased estimator of Chen et al. (2021, arXiv 2107.03374): of n programs for a problem c are right, and
1 - C(n - c, k) / C(n, k) is the share of all choices of k among them that hold a right one. Taking 1 - (1 - c/n)^k
instead is too small. Several problems give the mean.

Problems are what is drawn at random, not programs: programs for one problem go together, so that the interval is that
of a mean over problems (a Wilson interval at the effective number of trials, as `statistics.clustered`, with Student's
t for few problems: Korn and Graubard 1998).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from helder.evaluate.distributions import student_quantile
from helder.evaluate.statistics import Interval, wilson


def pass_at(n: int, right: int, k: int) -> float:
    """pass@k of one problem.

    Args:
        n: programs that were written; at least k.
        right: how many of them are right.

    Raises:
        ValueError: fewer than k programs, or numbers that fit no problem.
    """
    if not (1 <= k <= n and 0 <= right <= n):
        raise ValueError(f"pass@{k} of {right} right ones among {n} programs says nothing")
    return 1 - math.comb(n - right, k) / math.comb(n, k)


def pass_at_k(counts: Sequence[tuple[int, int]], k: int, confidence: float = 0.95) -> Interval:
    """The mean pass@k over problems, with its interval; nothing where a problem has fewer than k programs.

    Args:
        counts: (programs, right ones) of each problem.

    Raises:
        ValueError: as `pass_at`.
    """
    if not counts or any(n < k for n, _ in counts):
        return Interval(None, None, None)
    values = [pass_at(n, right, k) for n, right in counts]
    problems = len(values)
    mean = sum(values) / problems
    effective = float(problems)
    if problems > 1 and 0 < mean < 1:
        variance = sum((value - mean) ** 2 for value in values) / (problems - 1) / problems
        # No more than there are choices of k that share no program.
        most = float(sum(n // k for n, _ in counts))
        effective = min(mean * (1 - mean) / variance, most) if variance > 0 else most
    if problems > 1:
        z, t = NormalDist().inv_cdf(0.5 + confidence / 2), student_quantile(confidence, problems - 1)
        effective *= (z / t) ** 2
    found = wilson(mean * effective, effective, confidence)
    return Interval(mean, found.low, found.high)
