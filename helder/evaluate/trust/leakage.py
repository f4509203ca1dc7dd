"""Whether the model gives away what it learnt from: planted canaries, and telling members from strangers.

**Canaries** (`helder.data.canaries`): each has an answer drawn by lot from a list. The model's log-likelihood ranks the
list; the exposure of a canary is log2(candidates) - log2(rank) bits (Carlini et al. 2019, "The Secret Sharer"). Where
nothing was learnt every rank is as likely as any other and the mean is about 1.44 bits; Fisher's method over the ranks
tests that, and the share of canaries that stand first, which an attacker could read off, has an exact limit.

**Membership** (Yeom et al. 2018, arXiv 1709.01604; Carlini et al. 2022, arXiv 2112.03570, for how to tell it): training
examples and held-out ones are ranked by how likely the model finds their answers, and by how much likelier than the
model it was made from does. Told are AUC and how many members are found at few false alarms. From these follows a
privacy loss (epsilon) that is exceeded, in the sense of differential privacy; the training has no guarantee from above.

These attacks see the weights. A file that is made of them tells no more than they do. Another attack may find more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from helder.evaluate.trust.bounds import rate
from helder.evaluate.trust.ranking import auc, found_at

CHANCE_EXPOSURE = 1 / math.log(2)  # bits: the mean of -log2 of a number between 0 and 1
FALSE_RATES = (0.001, 0.01, 0.1)
MEMBERS = 5  # so many times `items` training examples, and as many held-out ones, are looked at
LEAST_ALARMS = 1  # strangers that the rate of false alarms must stand for, or it says nothing


def rank(scores: Sequence[float], planted: int) -> int:
    """The place of the planted answer among all candidates, 1 for the likeliest; of equal ones the last."""
    return sum(score >= scores[planted] for score in scores)


def exposure(rank: int, candidates: int) -> float:
    """In bits; log2(candidates) for the first place, 0 for the last."""
    return math.log2(candidates) - math.log2(rank)


def by_chance(ranks: Sequence[int], candidates: int) -> float:
    """Probability of ranks as low together when nothing was learnt: Fisher's method.

    rank / candidates is a p-value; minus the logarithms are then gamma distributed, or smaller.
    """
    total = math.fsum(math.log(candidates / one) for one in ranks)
    term, sum_of_terms = 1.0, 1.0
    for k in range(1, len(ranks)):
        term *= total / k
        sum_of_terms += term
    return min(1.0, math.exp(-total) * sum_of_terms)


def exposed(ranks: Sequence[int], planted: int, candidates: int, confidence: float = 0.95) -> dict[str, Any]:
    """Canaries as `trust.json` has them.

    Args:
        ranks: of the canaries that the training has seen.
        planted: how many there are.

    Returns:
        {"planted", "seen", "candidates", "exposure": {mean, largest, most: what a first place has, by_chance: the mean
        where nothing was learnt}, "p_value", "first": a rate (`bounds.rate`) of canaries in the first place}
    """
    bits = [exposure(one, candidates) for one in ranks]
    told = {
        "mean": math.fsum(bits) / len(bits) if bits else None,
        "largest": max(bits, default=None),
        "most": math.log2(candidates),
        "by_chance": CHANCE_EXPOSURE,
    }
    return {
        "planted": planted,
        "seen": len(ranks),
        "candidates": candidates,
        "exposure": told,
        "p_value": by_chance(ranks, candidates) if ranks else None,
        "first": rate(sum(one == 1 for one in ranks), len(ranks), confidence),
    }


def membership(members: Sequence[float], others: Sequence[float], confidence: float = 0.95) -> dict[str, Any]:
    """One attack as `trust.json` has it: larger numbers should be members'.

    Returns:
        {"auc": {value, low, high, first, second}, "at": [{wanted, …`ranking.Found`}], "epsilon_at_least": a privacy
        loss that the training exceeds, 0 when none is shown}
    """
    told = []
    for wanted in FALSE_RATES:
        if wanted * len(others) >= LEAST_ALARMS and (found := found_at(members, others, wanted, confidence)):
            told.append({"wanted": wanted, **asdict(found)})
    return {
        "auc": asdict(auc(members, others, confidence)),
        "at": told,
        "epsilon_at_least": epsilon_at_least(members, others, confidence),
    }


def epsilon_at_least(members: Sequence[float], others: Sequence[float], confidence: float = 0.95) -> float:
    """The largest privacy loss that one of the operating points shows (Jagielski et al. 2020, arXiv 2006.07709).

    An (epsilon, 0)-private training would keep the rate of members found below e^epsilon times that of false alarms.
    Each rate is held to half of the error that is allowed, and the points share it.
    """
    points = [rate for rate in FALSE_RATES if rate * len(others) >= LEAST_ALARMS]
    best = 0.0
    for wanted in points:
        level = 1 - (1 - confidence) / (2 * len(points))
        found = found_at(members, others, wanted, level)
        if found is not None and found.at_least > 0 and found.false_rate < 1:
            best = max(best, math.log(found.at_least / found.false_rate))
    return best
