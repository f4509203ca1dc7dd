"""What is fixed before anything is asked: who, which items, the margin, the tests, and what they could show.

The plan is sealed and its statement is in the ledger before the first question goes out; the result names its digest.
So a margin cannot be chosen after the answers are known. Other plans over the same items that lie beside it are counted
and told: whoever tries many margins shows it.

The first subject is compared with each of the others in each test set. Several such tests at once are held to one
chance of a false claim (Holm), "better" and "not worse" each. What can be changed without changing the answers,
the budget and how many are asked at once, is not part of the plan.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.evaluate import power
from helder.evaluate.compare import RECORDED
from helder.evaluate.compare.items import Asked
from helder.evaluate.compare.leaving import Leaving
from helder.evaluate.verifiers import Verifier
from helder.ledger import canonical

SAME = ("sets", "subjects", "judge", "examples")  # by which plans are about the same thing


@dataclass(frozen=True)
class Plan:
    """A plan as JSON, and its digest."""

    record: Mapping[str, Any]

    @property
    def digest(self) -> str:
        return canonical.digest(dict(self.record))

    @property
    def text(self) -> bytes:
        return (json.dumps(self.record, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def make(
    subjects: Sequence[Mapping[str, Any]],
    asked: Asked,
    leaving: Leaving,
    judge: Verifier,
    *,
    margin: float,
    confidence: float,
    discordant: float,
    seed: int,
) -> Plan:
    """The plan of a comparison.

    Args:
        subjects: how each is asked, the first one being compared with the others.
        margin: how much worse still counts as "not worse".
        discordant: the share of items that only one of two is expected to have right; for the power only.
    """
    tests = (len(subjects) - 1) * len(asked.sets)
    alpha = 1 - confidence
    sets = []
    for name in asked.sets:
        keys = [item.cluster for item in asked.items if item.test_set == name]
        clusters = len(set(keys))
        # The first step of Holm's way is the strictest: what holds there holds for every test.
        found = power.plan(len(keys), margin, alpha / tests, discordant, len(keys) / clusters)
        sets.append(
            {
                "name": name,
                "n": len(keys),
                "of": asked.of[name],
                "clusters": clusters,
                "items_sha256": asked.digest(name),
                "power": found.to_json(),
            }
        )
    return Plan(
        {
            "helder/comparison-plan": 1,
            "subjects": [dict(subject) for subject in subjects],
            "sets": sets,
            "judge": {"name": judge.identity, "what": judge.what},
            "examples": [example.id for example in asked.shots],
            "margin": margin,
            "confidence": confidence,
            "tests": {
                "number": tests,
                "which": "the first subject with each of the others, in each test set",
                "difference": "exact McNemar, two-sided; over clusters, Student's t and sign flips",
                "not_worse": "the interval's lower end above -margin (Newcombe; Student's t over clusters), one-sided",
                "together": "Holm over all of them, for each of the two claims",
            },
            "assumed": {"discordant": discordant, "correlation_in_clusters": power.CORRELATION},
            "seed": seed,
            "leaving": {"sha256": leaving.digest, "requests": len(leaving.requests)} if leaving.requests else None,
            "services_are": RECORDED if leaving.requests else None,
        }
    )


def others(plan: Plan, folder: Path) -> int:
    """How many other plans over the same items and subjects lie beside this one, and were asked.

    Args:
        folder: where comparisons lie, one folder each.
    """
    about = {key: plan.record[key] for key in SAME}
    about["sets"] = [one["items_sha256"] for one in plan.record["sets"]]
    found = 0
    for path in sorted(folder.glob("*/plan.json")):
        if not any((path.parent / name).is_file() for name in ("record.jsonl", "comparison.json")):
            continue  # looked at and never asked
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            same = {key: record[key] for key in SAME} | {"sets": [one["items_sha256"] for one in record["sets"]]}
        except (OSError, ValueError, LookupError, TypeError):
            continue  # no plan of ours
        found += same == about and canonical.digest(record) != plan.digest
    return found


def sentences(plan: Plan) -> list[str]:
    """What the plan can show, for people."""
    told = []
    for one in plan.record["sets"]:
        can = one["power"]
        shared = "" if one["clusters"] == one["n"] else f" in {one['clusters']:,} clusters"
        needed = "" if can["needed"] is None else f"; {power.WANTED:.0%} would take {can['needed']:,} items"
        told.append(
            f"{one['name']}: {one['n']:,} of {one['of']:,} items{shared}. If the two differ by "
            f"{100 * plan.record['margin']:g} points, the chance to show it is {can['better']:.0%}{needed}; if they do "
            f"not differ, the chance to show that one is not worse by more than that is {can['not_worse']:.0%} "
            f"(assumed: only one of the two right on {can['discordant']:.0%} of the items)."
        )
    return told
