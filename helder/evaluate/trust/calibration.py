"""Whether confidences mean what they say: of the answers with a confidence of 0.9, nine in ten should be right.

Ten bins of equal width. The expected calibration error (Naeini, Cooper and Hauskrecht 2015, AAAI) is the mean over all
answers of how far a bin's share of right answers lies from its mean confidence. Beside it stand an interval, a limit
that holds whatever the distribution and however few the answers, and the Brier score, the mean squared distance of
confidence from truth, which needs no bins.

A distance is never negative, so that noise alone makes an error: a percentile bootstrap never held the truth of a
calibrated model (docs/log.md). The interval knows that. Upwards it adds the normal error of the sum with the signs that
the bins have: what is measured is at least as large as with the true signs, so that this errs on the safe side.
Downwards it also takes off what noise adds to a bin at the most, sqrt(2 / pi) of its standard error.

The limit: the binned error is a convex function of means, so that its expectation is not below the true one (Jensen),
and no single answer moves it by more than 2 / n, so that it strays from its expectation by more than
sqrt(2 ln(1 / alpha) / n) with probability alpha at the most (McDiarmid 1989).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

from helder.evaluate.statistics import mean_interval, wilson
from helder.evaluate.trust.ranking import auc

BINS = 10


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


@dataclass(frozen=True)
class Error:
    """The expected calibration error with its interval."""

    value: float
    low: float
    high: float


def expected_calibration_error(confidences: Sequence[float], rights: Sequence[bool], confidence: float = 0.95) -> Error:
    """Mean distance of share right from mean confidence, over the bins, weighted by their answers."""
    n = len(confidences)
    gaps: list[list[float]] = [[] for _ in range(BINS)]
    for value, right in zip(confidences, rights, strict=True):
        gaps[place_of(value)].append(value - right)
    means = [math.fsum(inside) / n for inside in gaps]
    squares = [math.fsum(gap * gap for gap in inside) / n for inside in gaps]
    error = math.fsum(map(abs, means))
    deviation = math.sqrt(max(0.0, math.fsum(squares) - error * error) / n)
    noise = math.fsum(
        math.sqrt(2 / math.pi * max(0.0, square - mean * mean) / n) for square, mean in zip(squares, means, strict=True)
    )
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * deviation
    return Error(error, max(0.0, error - noise - half), min(1.0, error + half))


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
    error = expected_calibration_error(confidences, rights, confidence)
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
        "ece": {**asdict(error), "at_most": error_limit(error.value, n, confidence)},
        "brier": {"value": brier.value, "low": brier.low, "high": brier.high},
        "auc": {"value": told.value, "low": told.low, "high": told.high},
        "bins": [asdict(one) for one in bins(confidences, rights, confidence)],
    }
