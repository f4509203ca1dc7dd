"""The result: every answer judged by one judge, paired statistics, and what each subject took.

Shares stand with their intervals, differences with theirs, and verdicts claim no more than is shown over all tests at
once. Energy is estimated from CPU time unless a counter could be read; for a service it is not known, nor is its
memory, and no number stands in their place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.evaluate.compare import RECORDED
from helder.evaluate.compare.items import Asked, Item
from helder.evaluate.compare.local import NOT_STATED, Answers
from helder.evaluate.compare.plan import Plan
from helder.evaluate.statistics import Interval, Paired, clustered, compare_paired, holm, verdict_of, wilson
from helder.evaluate.verdict import points
from helder.evaluate.verifiers import Verifier

FEW = 100  # items below which a warning says that the intervals are wide
# An answer that is one fenced block and nothing else: chat models wrap what they were asked to write alone.
FENCED = re.compile(r"\A\s*```[\w+-]*\n(.*?)\n?```\s*\Z", re.DOTALL)
CUT = ("length", "max_tokens")  # the protocols' words for an answer that ran into its limit


def judged(judge: Verifier, asked: Asked, answers: Answers) -> dict[str, bool]:
    """item → whether the answer is right, for the items that have one.

    Raises:
        HelderError: the judge cannot judge; no item counts as wrong for that.
    """
    return {
        item.key: judge.judge(asked.task, item.example, plain(answers.texts[item.key])) >= 1
        for item in asked.items
        if item.key in answers.texts
    }


def plain(text: str) -> str:
    """An answer without the fence around it, for everyone alike; two blocks, or words beside one, stay as they are."""
    found = FENCED.match(text)
    return text if found is None or "```" in found[1] else found[1]


def comparison(
    plan: Plan,
    asked: Asked,
    answers: Mapping[str, Answers],
    right: Mapping[str, Mapping[str, bool]],
    left: Mapping[str, Mapping[str, Any]],
    missing_allowed: int,
    other_plans: int,
) -> dict[str, Any]:
    """comparison.json.

    Args:
        answers, right: subject → its answers, and which are right; subjects in the plan's order.
        left: service → {"host", "requests", "bytes", "items"} that were sent.
        missing_allowed: how many items may be left out for all because some service refuses them.

    Raises:
        HelderError: code 4, more items than that have no answer.
    """
    names = [str(subject["name"]) for subject in plan.record["subjects"]]
    missing = sorted({item.key for item in asked.items for name in names if item.key not in right[name]})
    if len(missing) > missing_allowed:
        raise HelderError(
            f"{len(missing)} of {len(asked.items)} items have no answer of every subject ({', '.join(missing[:3])}…).",
            "An answer that was refused is not a wrong answer, so the planned comparison cannot be made.",
            f"Leave them out for everyone, which the result then says: --may-miss {len(missing)}",
            ExitCode.UNCHECKED,
        )
    items = [item for item in asked.items if item.key not in set(missing)]
    confidence, margin = float(plan.record["confidence"]), float(plan.record["margin"])
    sets = {name: [item for item in items if item.test_set == name] for name in asked.sets}
    if empty := [name for name, chosen in sets.items() if not chosen]:
        raise HelderError(f"No item of {empty[0]} has an answer of every subject.", code=ExitCode.UNCHECKED)
    found = _comparisons(names, sets, right, margin, confidence)
    subjects = [
        _subject(record, answers[name], left.get(name), [_share(test_set, chosen, right[name], confidence)
                                                         for test_set, chosen in sets.items()])
        for record, name in zip(plan.record["subjects"], names, strict=True)
    ]  # fmt: skip
    return {
        "helder/comparison": 1,
        "plan": plan.digest,
        "label": RECORDED if left else None,
        "judge": plan.record["judge"],
        "margin": margin,
        "confidence": confidence,
        "tests": plan.record["tests"],
        "sets": [{**one, "compared": len(sets[one["name"]])} for one in plan.record["sets"]],
        "subjects": subjects,
        "comparisons": found,
        "left_out": missing,
        "other_plans": other_plans,
        "warnings": _warnings(plan, subjects, found, sets, missing, other_plans, asked),
    }


def answer_lines(asked: Asked, answers: Mapping[str, Answers], right: Mapping[str, Mapping[str, bool]]) -> list[Any]:
    """Every answer with its judgement, an object each."""
    return [
        {"subject": name, "item": item.key, "cluster": item.cluster, "right": right[name][item.key]}
        | {"answer": given.texts[item.key]}
        for name, given in answers.items()
        for item in asked.items
        if item.key in given.texts
    ]


def _comparisons(
    names: Sequence[str],
    sets: Mapping[str, Sequence[Item]],
    right: Mapping[str, Mapping[str, bool]],
    margin: float,
    confidence: float,
) -> list[dict[str, Any]]:
    pairs: list[tuple[str, str, Paired]] = []
    for test_set, items in sets.items():
        for other in names[1:]:
            a, b = ([right[name][item.key] for item in items] for name in (names[0], other))
            clusters = [item.cluster for item in items]
            pairs.append((other, test_set, compare_paired(a, b, margin, confidence, clusters)))
    different = holm([paired.p_value for _, _, paired in pairs])
    worse = holm([paired.p_worse for _, _, paired in pairs])
    rows = []
    for (other, test_set, paired), p_value, p_worse in zip(pairs, different, worse, strict=True):
        verdict = verdict_of(paired, p_value, p_worse, 1 - confidence)
        rows.append(
            {
                "a": names[0],
                "b": other,
                "test_set": test_set,
                "n": paired.n,
                "clusters": paired.clusters,
                "a_value": paired.a,
                "b_value": paired.b,
                "difference": paired.difference,
                "low": paired.low,
                "high": paired.high,
                "standard_error": paired.standard_error if paired.clusters > 1 else None,
                "p_value": paired.p_value,
                "p_value_holm": p_value,
                "p_student": paired.p_student,
                "p_worse": paired.p_worse,
                "p_worse_holm": p_worse,
                "only_a": paired.only_a,
                "only_b": paired.only_b,
                "discordant": (paired.only_a + paired.only_b) / paired.n,
                "margin": margin,
                "verdict": verdict,
                "sentence": _sentence(names[0], other, test_set, paired, p_value, margin, verdict),
            }
        )
    return rows


def _sentence(a: str, b: str, test_set: str, paired: Paired, p_value: float, margin: float, verdict: str) -> str:
    said = {
        "better": f"{a} is better than {b}",
        "worse": f"{a} is worse than {b}",
        "not worse by more than x": f"{a} is not worse than {b} by more than {points(100 * margin)}",
        "not shown": f"it is not shown that {a} is better or worse than {b}, nor that it is not worse by more than "
        f"{points(100 * margin)}",
    }[verdict]
    shared = "" if paired.clusters == paired.n else f" in {paired.clusters} clusters"
    return (
        f"On {test_set}, {said} ({paired.a:.3f} against {paired.b:.3f}, "
        f"difference {100 * paired.difference:+.1f} points ({100 * paired.low:+.1f} to {100 * paired.high:+.1f}), "
        f"n = {paired.n}{shared}, p = {p_value:.2g} over all tests)."
    )


def _share(test_set: str, items: Sequence[Item], right: Mapping[str, bool], confidence: float) -> dict[str, Any]:
    groups: dict[str, list[int]] = {}
    for item in items:
        group = groups.setdefault(item.cluster, [0, 0])
        group[0], group[1] = group[0] + right[item.key], group[1] + 1
    hits = sum(group[0] for group in groups.values())
    found: Interval = (
        wilson(hits, len(items), confidence)
        if len(groups) == len(items)
        else clustered([group[0] for group in groups.values()], [group[1] for group in groups.values()], confidence)
    )
    return {"test_set": test_set, "right": hits, "n": len(items), "value": found.value} | {
        "low": found.low,
        "high": found.high,
    }


def _subject(
    record: Mapping[str, Any], given: Answers, left: Mapping[str, Any] | None, results: list[dict[str, Any]]
) -> dict[str, Any]:
    taken = given.taken
    each = sorted(taken.each)
    service = "protocol" in record
    return {
        "name": record["name"],
        "kind": "service" if service else record["kind"],
        "model": record["model"] if service else record["artifact"]["sha256"],
        "prompt": "the same conversation" if service else record["prompt"],
        "held_to_form": False if service else record["constrained"],
        "results": results,
        "cost": None if taken.cost is None else {"value": taken.cost[0], "currency": taken.cost[1]},
        "energy": dict(taken.energy) if taken.energy else None,
        "seconds": taken.seconds,
        "seconds_each": None if not each else each[len(each) // 2],
        "memory": taken.memory,
        "licence": record.get("licence") or NOT_STATED,
        "openness": record.get("openness") or NOT_STATED,
        "left": dict(left) if left else None,
        "recorded": RECORDED if service else None,
        "facts": dict(given.facts),
    }


def _warnings(
    plan: Plan,
    subjects: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
    sets: Mapping[str, Sequence[Item]],
    missing: Sequence[str],
    other_plans: int,
    asked: Asked,
) -> list[str]:
    told = [f"{name} has {len(items)} items only: the intervals are wide." for name, items in sets.items()
            if len(items) < FEW]  # fmt: skip
    assumed = plan.record["assumed"]["discordant"]
    if any(row["discordant"] > assumed for row in found):
        most = max(row["discordant"] for row in found)
        told.append(
            f"Only one of two was right on up to {most:.0%} of the items; the power was planned with {assumed:.0%} "
            "and was lower than stated."
        )
    if missing:
        told.append(
            f"{len(missing)} of {len(asked.items)} items were left out for everyone, because a service refused them: "
            f"{', '.join(missing[:10])}{' …' if len(missing) > 10 else ''}."
        )
    if other_plans:
        told.append(
            f"Other plans over the same items and subjects that lie beside this one: {other_plans}. "
            "Its margin, its confidence or its seed was perhaps not the first that was tried."
        )
    for one in subjects:
        if (cut := one["facts"].get("cut")) and one["kind"] != "run":
            told.append(f"{one['name']}: {cut} answer{'s' * (cut > 1)} ran into the length limit, judged as cut off.")
        if len(served := one["facts"].get("served_models", ())) > 1:
            told.append(f"{one['name']} answered under several names: {', '.join(served)}.")
    if len({(one["prompt"], one["held_to_form"]) for one in subjects}) > 1:
        told.append("Not everyone was asked in the same way; the table says how.")
    return told
