"""How often what `helder eval` promises of answers is broken, by simulation with known truths.

Bars: the risk of a threshold is above the promise in at most 1 - confidence of the cases, whatever the distribution;
limits are exceeded in at most 5 %; intervals hold the truth in 94 to 96 %, that of the calibration error more often.
The thresholds are those that `helder serve` obeys, and each line draws by a seed.

    .venv/bin/python -m bench.trust
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator
from typing import Any

from bench import measuring
from bench.statistics import Row

RISK, CONFIDENCE = 0.05, 0.95
POINTS = 200_001  # of a distribution, for the truth at a threshold

Pair = tuple[Any, Any]  # confidences and the chance that each is right


def _distributions() -> dict[str, Callable[[Any], Pair]]:
    """Name → from numbers spread evenly over 0..1 to confidences and the chance of a right answer."""
    import numpy as np

    def calibrated(u: Any) -> Pair:
        spread = 3 + 3 * np.log(u / (1 - u)) / 1.7
        sure = 1 / (1 + np.exp(-spread))
        return sure, sure

    def too_sure(u: Any) -> Pair:
        sure, right = calibrated(u)
        return sure**0.3, right

    def surest_are_wrong(u: Any) -> Pair:
        return u, np.where(u > 0.97, 0.80, np.where(u > 0.3, 0.985, 0.5))

    def blind(u: Any) -> Pair:
        return u, np.full(len(u), 0.9499)

    def five_values(u: Any) -> Pair:
        sure = np.ceil(5 * u) / 5
        return sure, 0.6 + 0.39 * sure

    found = (calibrated, too_sure, surest_are_wrong, blind, five_values)
    return {one.__name__.replace("_", " "): one for one in found}


def rows(draws: int, seed: int) -> Iterator[tuple[Row, str]]:
    """All lines, each with what stands beside it."""
    import numpy as np

    from helder.evaluate.trust import calibration, leakage, selective
    from helder.evaluate.trust.bounds import lower_limit, upper_limit
    from helder.evaluate.trust.ranking import auc, found_at

    drawn = np.random.Generator(np.random.PCG64(seed))

    def line(what: str, setting: str, share: float, low: float, high: float, count: int = draws) -> Row:
        return Row(what, setting, share, count, low, high)

    for name, shape in _distributions().items():
        sure, right = shape((np.arange(POINTS) + 0.5) / POINTS)
        order = np.argsort(sure)
        ranked, wrong = sure[order], (1 - right[order])[::-1].cumsum()[::-1]
        for n in (150, 400, 1500):
            broken, covered, none, shares = 0, [], 0, []
            for _ in range(draws):
                values, chance = shape(drawn.random(n))
                answers = (drawn.random(n) < chance).tolist()
                found = selective.choose(values.tolist(), answers, RISK, CONFIDENCE)
                above = 0.0
                if found.threshold is None:
                    none += 1
                else:
                    place = int(np.searchsorted(ranked, found.threshold))
                    above = (POINTS - place) / POINTS
                    broken += bool(wrong[place] / (POINTS - place) > RISK)
                covered.append(above)
                threshold = selective.conformal(values[:-1].tolist(), answers[:-1], RISK)
                shares.append(threshold is not None and values[-1] >= threshold and not answers[-1])
            beside = f"given {statistics.fmean(covered):.1%}, no threshold {none / draws:.1%}"
            setting = f"{name}, n = {n}"
            yield line("risk of the threshold above 5%", setting, broken / draws, 0, 1 - CONFIDENCE), beside
            yield line("conformal: a wrong answer is given", setting, statistics.fmean(shares), 0, RISK), ""

    for n in (59, 300, 1000):
        truths = drawn.uniform(0, 0.2, draws)
        seen = [int(drawn.binomial(n, truth)) for truth in truths]
        over = sum(upper_limit(k, n) < truth for k, truth in zip(seen, truths, strict=True))
        under = sum(lower_limit(k, n) > truth for k, truth in zip(seen, truths, strict=True))
        yield line("rate above its limit", f"n = {n}, truths drawn", over / draws, 0, 0.05), ""
        yield line("rate below its limit", f"n = {n}, truths drawn", under / draws, 0, 0.05), ""

    some = max(1, draws // 4)
    for gap in (0.0, 0.05, 0.1, 0.3):
        limits = inside = 0
        # Confidences lie over 0.1..0.6 so that the chance of a right answer stays below 1: the truth is the gap.
        for _ in range(some):
            values = drawn.uniform(0.1, 0.6, 300)
            answers = (drawn.random(300) < values + gap).tolist()
            told = calibration.calibration(values.tolist(), answers)["ece"]
            limits += told["at_most"] < gap
            inside += told["low"] <= gap <= told["high"]
        setting = f"error {gap:g}, n = 300"
        yield line("calibration error above its limit", setting, limits / some, 0, 0.05, some), ""
        yield line("coverage, calibration error", setting, inside / some, 0.94, 1, some), ""

    for members, others in ((60, 90), (300, 300)):
        held = alarms = missed = 0
        truth = statistics.NormalDist().cdf(1 / 2**0.5)
        for _ in range(some):
            first, second = drawn.normal(1, 1, members).tolist(), drawn.normal(0, 1, others).tolist()
            area = auc(first, second)
            assert area.low is not None and area.high is not None
            held += area.low <= truth <= area.high
            at = found_at(first, second, 0.1)
            assert at is not None
            real = statistics.NormalDist()
            alarms += 1 - real.cdf(at.threshold) > at.false_rate
            missed += 1 - real.cdf(at.threshold - 1) > at.at_most
        setting = f"{members} against {others}"
        yield line("coverage, AUC (DeLong)", setting, held / some, 0.94, 0.96, some), ""
        yield line("false alarms above their limit", setting, alarms / some, 0, 0.05, some), ""
        yield line("members found above their limit", setting, missed / some, 0, 0.05, some), ""

    called = sum(leakage.by_chance(drawn.integers(1, 129, 16).tolist(), 128) <= 0.05 for _ in range(draws))
    yield line("canaries called known, not learnt", "16 canaries, 128 candidates", called / draws, 0, 0.05), ""
    claimed = sum(
        leakage.epsilon_at_least(drawn.normal(size=300).tolist(), drawn.normal(size=300).tolist()) > 0
        for _ in range(some)
    )
    yield line("privacy loss claimed, none there", "300 against 300", claimed / some, 0, 0.05, some), ""


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--draws", type=measuring.positive, default=2000, help="Of each line (default: %(default)s).")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    found = list(rows(given.draws, given.seed))
    if given.json:
        print(json.dumps([{**vars(row), "within": row.within, "beside": beside} for row, beside in found], indent=1))
        return
    for row, beside in found:
        bar = f"<= {row.high:.0%}" if row.low == 0 else f"{row.low:.0%} to {row.high:.0%}"
        mark = "" if row.within else "   MISSED"
        print(f"{row.what:<36} {row.setting:<30} {row.share:7.2%} +- {row.error:.2%}   {bar}  {beside}{mark}")


if __name__ == "__main__":
    main()
