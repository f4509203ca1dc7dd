"""What a comparison could show at all: the power of paired tests, before anything is asked.

Power is a promise about the plan, not about the result: with n items, the probability that a true difference of a given
size is found. It depends on how often the two disagree, which nobody knows before; `DISCORDANT` is the assumption
where nothing else is said, and the result shows the share that was seen.

Sources: exact McNemar, summed over what can come (Connor 1987, Biometrics 43:207, has the setting); the design effect
of clusters (Kish 1965), 1 + (items a cluster - 1) x correlation.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any

from helder.evaluate.distributions import binomial

DISCORDANT = 0.2  # share of items that only one of the two has right (assumption; the result shows what it was)
CORRELATION = 0.2  # of right and wrong between items of one cluster (assumption)
WANTED = 0.8  # power that is called enough (Cohen 1988: the convention)
_MOST = 200_000  # items beyond which nobody plans
_NEGLIGIBLE = 1e-12  # outcomes this improbable change no printed digit
_EXACT = 2000  # items up to which the power is summed exactly; above, the normal approximation is as good


@dataclass(frozen=True)
class Power:
    """What n items can show.

    Attributes:
        n, effective: items, and how many independent ones they are worth.
        difference: the true difference that is looked for.
        discordant: the share of items that only one has right, assumed.
        better: the probability to find "better" when the difference is true (exact McNemar, two-sided).
        not_worse: the probability to find "not worse by more than the margin" when there is no difference.
        needed: items for `WANTED` power to find the difference; None where it is beyond planning.
    """

    n: int
    effective: int
    difference: float
    discordant: float
    alpha: float
    better: float
    not_worse: float
    needed: int | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def plan(
    n: int, difference: float, alpha: float, discordant: float = DISCORDANT, items_per_cluster: float = 1.0
) -> Power:
    """The power of a comparison of n items with this margin, which is also the difference that is looked for."""
    design = 1 + max(0.0, items_per_cluster - 1) * CORRELATION
    effective = max(1, math.floor(n / design))
    discordant = max(discordant, difference)
    needed = items_needed(difference, alpha, discordant)
    return Power(
        n, effective, difference, discordant, alpha,
        better=mcnemar_power(effective, difference, discordant, alpha),
        not_worse=not_worse_power(effective, difference, discordant, alpha),
        needed=None if needed is None else math.ceil(needed * design),
    )  # fmt: skip


def mcnemar_power(n: int, difference: float, discordant: float, alpha: float) -> float:
    """The probability that exact McNemar, two-sided, is at most alpha.

    Args:
        difference: true share right of a minus that of b, at most `discordant`.
        discordant: share of items that only one of the two has right.
    """
    if discordant <= 0:
        return 0.0
    toward = (discordant + difference) / (2 * discordant)
    if n > _EXACT:
        z = NormalDist().inv_cdf(1 - alpha / 2)
        spread = math.sqrt(max(discordant - difference**2, 1e-300))
        # The exact test is more careful than the normal one by half a pair on each side.
        distance = max(0.0, abs(difference) * n - 1) / math.sqrt(n)
        return NormalDist().cdf((distance - z * math.sqrt(discordant)) / spread)
    power = 0.0
    for pairs in range(n + 1):
        weight = binomial(pairs, n, discordant)
        if weight > _NEGLIGIBLE:
            fewest = _critical(pairs, alpha)
            power += weight * sum(
                binomial(k, pairs, toward) + binomial(pairs - k, pairs, toward) for k in range(fewest)
            )
    return min(1.0, power)


def not_worse_power(n: int, margin: float, discordant: float, alpha: float) -> float:
    """The probability that the interval lies above -margin when there is no difference (normal approximation)."""
    if discordant <= 0:
        return 1.0
    z = NormalDist().inv_cdf(1 - alpha / 2)
    return NormalDist().cdf(margin * math.sqrt(n / discordant) - z)


def items_needed(difference: float, alpha: float, discordant: float, wanted: float = WANTED) -> int | None:
    """The items that give the wanted power; None above `_MOST`.

    By the normal approximation and a correction for the carefulness of an exact test, which is checked against exact
    sums: with these items the exact power is 80 to 82 % for 10, 5 and 3 points at 20 % discordant.
    """
    if difference <= 0:
        return None
    z = NormalDist()
    first = z.inv_cdf(1 - alpha / 2) * math.sqrt(discordant)
    second = z.inv_cdf(wanted) * math.sqrt(max(0.0, discordant - difference**2))
    plain = ((first + second) / difference) ** 2
    found = math.ceil(plain / 4 * (1 + math.sqrt(1 + 4 / (plain * difference))) ** 2)
    return found if found <= _MOST else None


@lru_cache(maxsize=8192)
def _critical(pairs: int, alpha: float) -> int:
    """How many of 0, 1, 2 … pairs on the smaller side are few enough for McNemar at alpha."""
    fewest, tail, way = 0, 1, 1  # ways in which at most `fewest` of the pairs lie on the smaller side
    while 2 * fewest < pairs and 2 * tail / 2**pairs <= alpha:
        fewest += 1
        way = way * (pairs - fewest + 1) // fewest
        tail += way
    return fewest
