"""Whether confidences mean what they say: of the answers with a confidence of 0.9, nine in ten should be right.

Ten bins of equal width. The expected calibration error (Naeini, Cooper and Hauskrecht 2015, AAAI) is the mean over all
answers of how far a bin's share of right answers lies from its mean confidence. Three figures stand beside it: a
bootstrap interval, which leans upwards where the error is small, because a distance is never negative; a limit that
holds whatever the distribution and however few the answers; and the Brier score, the mean squared distance of
confidence from truth, which needs no bins.

The limit: the binned error is a convex function of means, so that its expectation is not below the true one (Jensen),
and no single answer moves it by more than 2 / n, so that it strays from its expectation by more than
sqrt(2 ln(1 / alpha) / n) with probability alpha at the most (McDiarmid 1989).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from helder.evaluate.statistics import RESAMPLES, mean_interval, percentiles, resamples, wilson
from helder.evaluate.trust.ranking import auc

BINS = 10
_BLOCK = 4_000_000  # resampled answers that are in memory at once


@dataclass(frozen=True)
class Bin:
    """The answers with a confidence in low..high: how sure they were, and how often right, with its interval."""

    low: float
    high: float
    n: int
    confidence: float | None
    right: float | None
    right_low: float | None
    right_high: float | None


def bins(confidences: Sequence[float], rights: Sequence[bool], confidence: float = 0.95) -> list[Bin]:
    """The reliability diagram: `BINS` bins of equal width; the last one holds 1 too."""
    members: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for value, right in zip(confidences, rights, strict=True):
        members[place_of(value)].append((value, right))
    found = []
    for place, inside in enumerate(members):
        share = wilson(sum(right for _, right in inside), len(inside), confidence)
        mean = math.fsum(value for value, _ in inside) / len(inside) if inside else None
        edges = place / BINS, (place + 1) / BINS
        found.append(Bin(*edges, len(inside), mean, share.value, share.low, share.high))
    return found


def place_of(confidence: float) -> int:
    """The bin of a confidence.

    Raises:
        ValueError: it is no probability.
    """
    if not 0 <= confidence <= 1:
        raise ValueError(f"{confidence} is no probability")
    return min(int(confidence * BINS), BINS - 1)


def expected_calibration_error(confidences: Sequence[float], rights: Sequence[bool]) -> float:
    """Mean distance of share right from mean confidence, over the bins, weighted by their answers."""
    sums = [0.0] * BINS
    for value, right in zip(confidences, rights, strict=True):
        sums[place_of(value)] += value - right
    return sum(map(abs, sums)) / len(confidences)


def error_limit(error: float, n: int, confidence: float = 0.95) -> float:
    """The true binned error lies above it with probability 1 - confidence at the most; see the module docstring."""
    return min(1.0, error + math.sqrt(2 * math.log(1 / (1 - confidence)) / n))


def calibration(
    confidences: Sequence[float], rights: Sequence[bool], confidence: float = 0.95, seed: int = 0
) -> dict[str, Any]:
    """One entry of `trust.json`.

    Args:
        confidences: of answers, in 0..1; not empty.
        rights: of the same answers.

    Returns:
        {"n", "mean_confidence", "right", "ece": {value, low, high, at_most}, "brier": {value, low, high},
        "auc": {value, low, high} (does a right answer have a higher confidence than a wrong one), "bins": [Bin]}
    """
    n = len(confidences)
    error = expected_calibration_error(confidences, rights)
    low, high = percentiles(_resampled(confidences, rights, seed), confidence)
    squares = [(value - right) ** 2 for value, right in zip(confidences, rights, strict=True)]
    brier = mean_interval(squares, confidence, seed)
    told = auc(
        [value for value, right in zip(confidences, rights, strict=True) if right],
        [value for value, right in zip(confidences, rights, strict=True) if not right],
        confidence,
    )
    return {
        "n": n,
        "mean_confidence": math.fsum(confidences) / n,
        "right": sum(rights) / n,
        "ece": {"value": error, "low": low, "high": high, "at_most": error_limit(error, n, confidence)},
        "brier": {"value": brier.value, "low": brier.low, "high": brier.high},
        "auc": {"value": told.value, "low": told.low, "high": told.high},
        "bins": [asdict(one) for one in bins(confidences, rights, confidence)],
    }


def _resampled(confidences: Sequence[float], rights: Sequence[bool], seed: int) -> Any:
    """The error of each bootstrap sample, (RESAMPLES,)."""
    import numpy as np

    n = len(confidences)
    values = np.array(confidences, dtype=np.float64) - np.array(rights, dtype=np.float64)
    places = np.array([place_of(value) for value in confidences])
    drawn = resamples(n, seed)
    errors = np.empty(RESAMPLES)
    step = max(1, _BLOCK // n)
    for first in range(0, RESAMPLES, step):
        block = drawn[first : first + step]
        rows = np.arange(len(block))[:, None] * BINS
        sums = np.bincount((rows + places[block]).ravel(), weights=values[block].ravel(), minlength=len(block) * BINS)
        errors[first : first + step] = np.abs(sums.reshape(len(block), BINS)).sum(axis=1) / n
    return errors
