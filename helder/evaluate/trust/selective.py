"""Which answers to withhold, so that few of those that are given are wrong.

The risk is the share of wrong ones among the answers given, the coverage how many are given. An answer is given when
its confidence reaches a threshold. An answer without a confidence is never given.

`choose` finds a threshold on development data whose risk is at most the stated one, with the stated confidence,
whatever the distribution of confidences and errors, by testing several and correcting for it (Angelopoulos et al. 2021,
arXiv 2110.01052, "Learn then Test"). Which are tested is fixed before any item is looked at: the thresholds just below
the k surest items, for k that grow by a quarter. Given the confidence of the item behind them, those k are drawn
independently from all questions above it, so that the wrong ones among them are binomial with the risk of that
threshold, and the exact tail is a p-value (as in the bound of Clopper and Pearson). With m thresholds each is tested at
(1 - confidence) / m.

A fixed sequence, whose order a part of the items decides, was tried and dropped: with 400 items it found no threshold
in a third of the simulated cases, this in a twelfth (docs/log.md).

`conformal` finds a threshold for another promise, which needs no confidence beside it: of all questions, at most a
share gets a wrong answer, in the mean over development data (conformal risk control; Angelopoulos et al. 2022, arXiv
2208.02814).

Both promises are about questions that are drawn like the development items. Nothing is promised about others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from helder.evaluate.statistics import wilson
from helder.evaluate.trust.bounds import binomial_below, rate

GROWTH = 1.25  # from one number of answers given to the next that is tested (simulated: bench/trust.py)

Confidence = float | None


@dataclass(frozen=True)
class Point:
    """One threshold: the answers whose confidence reaches it, and the wrong ones among them."""

    threshold: float
    given: int
    wrong: int
    n: int

    @property
    def coverage(self) -> float:
        return self.given / self.n

    @property
    def risk(self) -> float:
        return self.wrong / self.given


@dataclass(frozen=True)
class Chosen:
    """The threshold that was chosen, and on what.

    Attributes:
        threshold: an answer is given when its confidence is at least this; None when no threshold met the risk.
        n: development items.
        given, wrong: of them, at the threshold; at the one nearest to passing when none met the risk.
        p_value: of so few wrong ones or fewer, were the risk as large as stated.
        level: a threshold passes when its p-value is at most this.
        tested: how many thresholds were tested.
        why: one sentence.
    """

    threshold: float | None
    n: int
    given: int
    wrong: int
    p_value: float
    level: float
    tested: int
    why: str


def curve(confidences: Sequence[Confidence], rights: Sequence[bool]) -> list[Point]:
    """The risk-coverage curve: a point for each confidence that occurs, the highest first."""
    n = len(confidences)
    ranked = _ranked(confidences, rights)
    points: list[Point] = []
    given = wrong = 0
    for place, (value, right) in enumerate(ranked):
        given, wrong = given + 1, wrong + (not right)
        if place + 1 == len(ranked) or ranked[place + 1][0] != value:
            points.append(Point(value, given, wrong, n))
    return points


def aurc(confidences: Sequence[Confidence], rights: Sequence[bool]) -> float:
    """Area under the risk-coverage curve: the mean risk over all coverages 1 / n, 2 / n, … (Geifman and El-Yaniv 2019).

    Answers with one confidence are taken in every order alike; those without a confidence come last.
    """
    n = len(confidences)
    blocks = [(point.given, point.wrong) for point in curve(confidences, rights)]
    blocks.append((n, sum(not right for right in rights)))
    total, given, wrong = 0.0, 0, 0
    for upto, wrongs in blocks:
        total += sum((wrong + (wrongs - wrong) * (k - given) / (upto - given)) / k for k in range(given + 1, upto + 1))
        given, wrong = upto, wrongs
    return total / n


def best_aurc(rights: Sequence[bool]) -> float:
    """The area when every right answer comes before every wrong one: no confidence can do better."""
    n, wrong = len(rights), sum(not right for right in rights)
    return sum((k - (n - wrong)) / k for k in range(n - wrong + 1, n + 1)) / n


def choose(confidences: Sequence[Confidence], rights: Sequence[bool], risk: float, confidence: float) -> Chosen:
    """The lowest threshold that was shown to have a risk of at most `risk`; see the module docstring.

    It has a larger one with probability 1 - confidence at the most. The order of the items does not matter.
    """
    n = len(rights)
    numbers = ladder(n, risk, 1 - confidence)
    if not numbers:
        why = f"{n} items are too few to show a risk of at most {100 * risk:g} % at {100 * confidence:g} % confidence."
        return Chosen(None, n, 0, 0, 1.0, 1 - confidence, 0, why)
    level = (1 - confidence) / len(numbers)
    points = curve(confidences, rights)
    rungs = [_rung(points, n, number, risk) for number in numbers]
    passed = [rung for rung in rungs if rung[0] <= level]
    if not passed:
        p_value, _, given, wrong = min(rungs, key=lambda rung: rung[0])
        why = (
            f"No threshold was shown to have a risk of at most {100 * risk:g} % at {100 * confidence:g} % confidence: "
            f"at the nearest {wrong} of {given} answers were wrong."
        )
        return Chosen(None, n, given, wrong, p_value, level, len(numbers), why)
    p_value, threshold, given, wrong = passed[-1]
    why = f"At most {100 * risk:g} % of the answers given are wrong, at {100 * confidence:g} % confidence."
    return Chosen(threshold, n, given, wrong, p_value, level, len(numbers), why)


def ladder(n: int, risk: float, alpha: float) -> list[int]:
    """How many of n items are given at each threshold that is tested; empty when n items can show nothing.

    The first is the least that can pass, with no wrong answer among them; the last is all.
    """
    for rungs in range(1, n + 1):
        number = math.ceil(math.log(alpha / rungs) / math.log1p(-risk))
        if number > n:
            break
        found: list[int] = []
        while number < n:
            found.append(number)
            number = math.ceil(number * GROWTH)
        found.append(n)
        if len(found) <= rungs:
            return found
    return [n] if n * math.log1p(-risk) <= math.log(alpha) else []


def _rung(points: Sequence[Point], n: int, number: int, risk: float) -> tuple[float, float, int, int]:
    """(p-value, threshold, given, wrong) of the threshold just above the item that follows the `number` surest ones.

    Of answers with the same confidence as that item none is given.
    """
    within = [point for point in points if point.given <= number]
    if not within:
        return 1.0, 1.0, 0, 0
    last = within[-1]
    following = points[len(within)].threshold if len(within) < len(points) else None
    threshold = 0.0 if following is None else math.nextafter(following, math.inf)
    return binomial_below(last.wrong, last.given, risk), threshold, last.given, last.wrong


def conformal(confidences: Sequence[Confidence], rights: Sequence[bool], risk: float) -> float | None:
    """The lowest threshold at which the next question gets a wrong answer with probability `risk` at the most.

    Over development data and the next question together, when they are exchangeable. None when even the highest
    threshold promises too little: with n items nothing below 1 / (n + 1) can be promised.
    """
    n, found = len(confidences), None
    for point in curve(confidences, rights):
        if (point.wrong + 1) / (n + 1) > risk:
            break
        found = point.threshold
    return found


def at(
    confidences: Sequence[Confidence], rights: Sequence[bool], threshold: float, confidence: float = 0.95
) -> dict[str, Any]:
    """What a fixed threshold does to some items.

    Returns:
        {"coverage": {value, low, high, n}, "risk": a rate of wrong ones among the given (`bounds.rate`)}
    """
    given = [
        right for value, right in zip(confidences, rights, strict=True) if value is not None and value >= threshold
    ]
    covered = wilson(len(given), len(rights), confidence)
    return {
        "coverage": {"value": covered.value, "low": covered.low, "high": covered.high, "n": len(rights)},
        "risk": rate(sum(not right for right in given), len(given), confidence),
    }


def _ranked(confidences: Sequence[Confidence], rights: Sequence[bool]) -> list[tuple[float, bool]]:
    """Answers with a confidence, the highest first."""
    pairs = zip(confidences, rights, strict=True)
    return sorted(((value, right) for value, right in pairs if value is not None), key=lambda pair: -pair[0])
