"""How wrong `helder plan --on` is: published runs, what is estimated for them, and the error.

    python -m bench.fleet
    python -m bench.fleet --markdown      # the table of docs/fleet.md

Nothing is measured: the cases stand in `fleet_cases.toml` with their sources. Ends with 1 when an estimate is further
from what was published than its case allows.
"""

from __future__ import annotations

import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import measuring
from helder.commands.talk import table
from helder.fleet.estimate import Estimate, estimate, generation
from helder.fleet.machines import Fleet, parse
from helder.fleet.work import Architecture, Work

CASES = Path(__file__).with_name("fleet_cases.toml")
UNITS = {
    "tokens_per_second": "tokens/s a device",
    "generated_per_second": "generated/s a device",
    "hours": "hours",
    "device_hours": "device hours",
    "memory": "GiB a device",
    "energy": "MWh",
    "fits": "fits",
}


@dataclass(frozen=True)
class Case:
    """One published run; see `fleet_cases.toml`."""

    name: str
    fleet: Fleet
    work: Work
    published: dict[str, float | bool]
    within: float
    seen: bool
    source: str

    def estimated(self) -> dict[str, float | bool]:
        """What is estimated of each figure that was published."""
        made = estimate(self.work, self.fleet)
        return {figure: value_of(made, figure) for figure in self.published}

    def error(self, figure: str, estimated: float | bool) -> float:
        """The factor between the two, at least 1; infinite when one fits and the other does not."""
        published = self.published[figure]
        if figure == "fits":
            return 1.0 if published == estimated else float("inf")
        return max(estimated / published, published / estimated)


def cases() -> list[Case]:
    """All cases, in the order of the file."""
    read = tomllib.loads(CASES.read_text(encoding="utf-8"))
    models = {name: Architecture(**sizes) for name, sizes in read["models"].items()}
    return [
        Case(
            name=case["name"],
            fleet=parse(case["machines"]),
            work=Work(name=case["name"], architecture=models[case["model"]], **case["work"]),
            published=case["published"],
            within=case["within"],
            seen=case["seen"],
            source=case["source"],
        )
        for case in read["case"]
    ]


def value_of(made: Estimate, figure: str) -> float | bool:
    """One figure of an estimate, in the unit in which it is published."""
    if figure == "generated_per_second":
        said = made.work.prompts_per_step * made.work.group_size * made.work.generated_tokens
        return said / sum(generation(made.work, made.fleet).values()) / made.fleet.devices
    values: dict[str, float | bool] = {
        "tokens_per_second": made.tokens_per_second / made.fleet.devices,
        "hours": made.seconds / 3600,
        "device_hours": made.seconds / 3600 * made.fleet.devices,
        "memory": made.memory.total / 2**30,
        "energy": made.joules / 3.6e9,
        "fits": made.fits,
    }
    return values[figure]


def shown(value: float | bool) -> str:
    """A figure in three digits."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def rows() -> list[dict[str, Any]]:
    """Each published figure beside its estimate."""
    found: list[dict[str, Any]] = []
    for case in cases():
        for figure, estimated in case.estimated().items():
            found.append(
                {
                    "case": case.name,
                    "machines": str(case.fleet),
                    "figure": UNITS[figure],
                    "published": case.published[figure],
                    "estimated": estimated,
                    "factor": case.error(figure, estimated),
                    "within": case.within,
                    "seen": case.seen,
                    "source": case.source,
                }
            )
    return found


def error(row: dict[str, Any]) -> str:
    """How far the estimate is off: +12 %, or a factor where percents say little."""
    if isinstance(row["published"], bool):
        return "-" if row["published"] == row["estimated"] else "wrong"
    ratio = row["estimated"] / row["published"]
    return f"{ratio - 1:+.0%}" if 0.5 < ratio < 2 else f"{ratio:.2g} times"


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--markdown", action="store_true", help="Print the table as Markdown.")
    given = options.parse_args()
    found = rows()
    head = ["run", "machines", "figure", "published", "estimated", "error", "looked at"]
    cells = [
        [
            row["case"],
            row["machines"],
            row["figure"],
            shown(row["published"]),
            shown(row["estimated"]),
            error(row),
            "yes" if row["seen"] else "no",
        ]
        for row in found
    ]
    lines = ["| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *cells]]
    text = "\n".join(lines) if given.markdown else table(cells, head, right=(3, 4, 5))
    far = [row["case"] for row in found if row["factor"] > row["within"]]
    print(json.dumps({"rows": found, "too_far": far}, indent=1, ensure_ascii=False) if given.json else text)
    sys.exit(1 if far else 0)


if __name__ == "__main__":
    main()
