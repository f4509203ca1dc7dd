"""How often the statistics claim what is false, and how often intervals hold the truth, by simulation.

Bars: false claims at most 5 %, coverage 94 to 96 %. Each line draws comparisons whose truth is known, by a seed, and
takes the functions that `helder compare` takes. Coverage of discrete counts swings with the truth, so that it is also
shown over truths drawn anew each time, which is what the bar can mean.

    .venv/bin/python -m bench.statistics
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from bench import measuring

if TYPE_CHECKING:
    from helder.evaluate.statistics import Paired

MARGIN = 0.05


@dataclass(frozen=True)
class Row:
    """One setting: `share` of `draws`, and the bar's range."""

    what: str
    setting: str
    share: float
    draws: int
    low: float
    high: float

    @property
    def error(self) -> float:
        """Standard error of the share, from the number of draws."""
        return math.sqrt(max(self.share * (1 - self.share), 1e-9) / self.draws)

    @property
    def within(self) -> bool:
        """Whether the share lies in the range, give or take two standard errors of drawing."""
        return self.low - 2 * self.error <= self.share <= self.high + 2 * self.error


@cache
def _alone(both: int, only_a: int, only_b: int, neither: int) -> Paired:
    from helder.evaluate.statistics import compare_paired

    a = [True] * (both + only_a) + [False] * (only_b + neither)
    b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
    return compare_paired(a, b, MARGIN)


def rows(draws: int, seed: int) -> Iterator[Row]:
    """All settings."""
    import numpy as np

    from helder.evaluate.statistics import holm, verdict_of, wilson

    drawn = np.random.Generator(np.random.PCG64(seed))

    def share(what: str, setting: str, holds: Callable[[], bool], low: float, high: float, count: int = draws) -> Row:
        return Row(what, setting, sum(holds() for _ in range(count)) / count, count, low, high)

    def pair(n: int, discordant: float, difference: float) -> Paired:
        only_a, only_b = (discordant + difference) / 2, (discordant - difference) / 2
        rest = 1 - discordant
        return _alone(*(int(x) for x in drawn.multinomial(n, [rest * 0.7, only_a, only_b, rest * 0.3])))

    def claims(found: Paired) -> bool:
        return verdict_of(found, found.p_value, 1.0, 0.05) in ("better", "worse")

    for n in (50, 150, 500, 1500):
        for discordant in (0.05, 0.2, 0.4):
            setting = f"n = {n}, {discordant:.0%} discordant"

            def differs(n: int = n, discordant: float = discordant) -> bool:
                return claims(pair(n, discordant, 0.0))

            def not_worse(n: int = n, discordant: float = discordant) -> bool:
                return pair(n, discordant, -MARGIN).p_worse <= 0.025

            yield share("false claim, no difference (McNemar)", setting, differs, 0, 0.05)
            if discordant > MARGIN:
                yield share('false "not worse", worse by the margin', setting, not_worse, 0, 0.05)
    for n in (100, 200, 500, 1500):

        def held(n: int = n) -> bool:
            discordant = float(drawn.uniform(0.1, 0.4))
            difference = float(drawn.uniform(-0.08, 0.08))
            found = pair(n, discordant, difference)
            return found.low <= difference <= found.high

        yield share("coverage, paired difference (Newcombe)", f"n = {n}, truths drawn", held, 0.94, 0.96)

        def wilsons(n: int = n) -> bool:
            truth = float(drawn.uniform(0.1, 0.9))
            found = wilson(int(drawn.binomial(n, truth)), n)
            assert found.low is not None and found.high is not None
            return found.low <= truth <= found.high

        yield share("coverage, share (Wilson)", f"n = {n}, truths drawn", wilsons, 0.94, 0.96)

    def together() -> bool:
        found = [pair(150, 0.2, 0.0) for _ in range(5)]
        adjusted = holm([one.p_value for one in found])
        return any(verdict_of(one, p, 1.0, 0.05) in ("better", "worse") for one, p in zip(found, adjusted, strict=True))

    yield share("false claim in any of 5 tasks (Holm)", "n = 150, 20% discordant", together, 0, 0.05)
    for clusters in (20, 40, 100):
        for even in (True, False):
            for difference in (0.0, -MARGIN):
                outcomes = [_clustered(drawn, clusters, even, difference) for _ in range(draws)]
                setting = f"{clusters} clusters of {'5' if even else '1 to 15'}"
                covered = sum(one.low <= difference <= one.high for one in outcomes) / len(outcomes)
                if difference:
                    wrong = sum(one.p_worse <= 0.025 for one in outcomes) / len(outcomes)
                    yield Row('false "not worse", clustered', setting, wrong, len(outcomes), 0, 0.05)
                    yield Row("coverage, clustered, worse", setting, covered, len(outcomes), 0.94, 0.96)
                else:
                    wrong = sum(claims(one) for one in outcomes) / len(outcomes)
                    yield Row("false claim, clustered", setting, wrong, len(outcomes), 0, 0.05)
                    yield Row("coverage, clustered", setting, covered, len(outcomes), 0.94, 0.96)


def _clustered(drawn: Any, clusters: int, even: bool, difference: float) -> Paired:
    """A comparison whose items lean to one side by cluster; the truth over all clusters is `difference`."""
    import numpy as np

    from helder.evaluate.statistics import compare_paired

    discordant = 0.3
    sizes = np.full(clusters, 5) if even else drawn.integers(1, 16, clusters)
    own = np.repeat(difference + discordant * drawn.uniform(-0.7, 0.7, clusters), sizes)
    values = drawn.random(len(own))
    only_a = values < (discordant + own) / 2
    only_b = ~only_a & (values < discordant)
    a, b = (only_a | (values > 0.5)).tolist(), (only_b | (values > 0.5)).tolist()
    groups = np.repeat(np.arange(clusters), sizes).tolist()
    return compare_paired(a, b, MARGIN, clusters=groups)


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument(
        "--draws", type=measuring.positive, default=20_000, help="Of each line (default: %(default)s)."
    )
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    found = list(rows(given.draws, given.seed))
    if given.json:
        print(json.dumps([{**vars(row), "within": row.within} for row in found], indent=1))
        return
    for row in found:
        bar = f"<= {row.high:.0%}" if row.low == 0 else f"{row.low:.0%} to {row.high:.0%}"
        mark = "" if row.within else "   MISSED"
        print(f"{row.what:<40} {row.setting:<30} {row.share:7.2%} +- {row.error:.2%}   {bar}{mark}")


if __name__ == "__main__":
    main()
