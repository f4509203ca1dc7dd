"""Paired comparisons, what compression cost, and which subject to use — in sentences that claim no more than
is shown.

Nothing is corrected for the number of comparisons: each sentence stands for itself at its confidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from helder.data.task import Task
from helder.evaluate.measure import Measured, measures_of
from helder.evaluate.statistics import Comparison, compare, compare_shares
from helder.retrieve import SUFFIX

TOLERATED = 0.5  # percentage points that a smaller file may lose and still be recommended (a bar of the project)
FILES = ("q4_0", "q8_0", "f16")  # smallest first
_WHOLE = {"record": "whole records right", "label": "labels right", "text": "texts right"}
_NAMES = {"fields": "fields right", "stated": "stated fields right", "text": "character F"}


def compare_measured(
    task: Task, a: Measured, b: Measured, measure: str, why: str, margin: float, confidence: float, seed: int
) -> dict[str, Any] | None:
    """One entry of `comparisons`, on the items that both answered; None when there are none to compare."""
    left, right = a.counts(task, measure), b.counts(task, measure)
    # An item in which neither says anything (measure "stated") has nothing to compare.
    shared = [id for id in a.ids if id in right and (left[id][1] or right[id][1])]
    if not any(left[id][1] for id in shared) or not any(right[id][1] for id in shared):
        return None
    if measure == "whole" or measure.startswith("group:"):
        found = compare([left[id][0] == 1 for id in shared], [right[id][0] == 1 for id in shared], margin, confidence)
    else:
        found = compare_shares([left[id] for id in shared], [right[id] for id in shared], margin, confidence, seed)
    return {
        "why": why,
        "a": a.subject.name,
        "b": b.subject.name,
        "test_set": a.test_set,
        "measure": measure,
        "n": found.n,
        "a_value": found.a,
        "b_value": found.b,
        "difference": found.difference,
        "low": found.low,
        "high": found.high,
        "p_value": found.p_value,
        "only_a": found.only_a,
        "only_b": found.only_b,
        "margin": margin,
        "verdict": found.verdict,
        "sentence": sentence(task, a, b, measure, found),
    }


def sentence(task: Task, a: Measured, b: Measured, measure: str, found: Comparison) -> str:
    """The comparison in words, with its numbers."""
    name = _measure_name(task, measure)
    numbers = (
        f"{name}: {found.a:.3f} against {found.b:.3f}, difference {100 * found.difference:+.1f} points "
        f"({100 * found.low:+.1f} to {100 * found.high:+.1f}), n = {found.n}"
    )
    if found.p_value is not None:
        numbers += f", p = {found.p_value:.2g}"
    said = {
        "better": f"{a.subject.title} is better than {b.subject.title}",
        "worse": f"{a.subject.title} is worse than {b.subject.title}",
        "not worse by more than x": f"{a.subject.title} is not worse than {b.subject.title} by more than "
        f"{points(100 * found.margin)}",
        "not shown": f"a difference between {a.subject.title} and {b.subject.title} is not shown",
    }[found.verdict]
    return f"On {a.test_set}, {said} ({numbers})."


def points(value: float) -> str:
    """ "1 point", "0.5 points"."""
    return f"{value:g} point{'' if value == 1 else 's'}"


def comparisons(
    task: Task, measured: Mapping[tuple[str, str], Measured], margin: float, confidence: float, seed: int
) -> list[dict[str, Any]]:
    """Ours against every baseline and the base model, and every file against the weights."""
    sets = list(dict.fromkeys(name for _, name in measured))
    models = [one for one in dict.fromkeys(name for name, _ in measured) if _role(measured, one) == "model"]
    found: list[dict[str, Any] | None] = []

    def add(a: str, b: str, why: str, measures: Sequence[str]) -> None:
        for test_set in sets:
            if (a, test_set) in measured and (b, test_set) in measured:
                for measure in measures:
                    pair = measured[a, test_set], measured[b, test_set]
                    found.append(compare_measured(task, *pair, measure, why, margin, confidence, seed))

    others = [
        one
        for one in dict.fromkeys(name for name, _ in measured)
        if one not in models and _role(measured, one) != "retrieval"
    ]
    for model in models:
        for other in others:
            why = "base" if _role(measured, other) == "base" else "baseline"
            # The weights are compared in every measure; the files, which differ little from them, in the main one.
            add(model, other, why, measures_of(task) if model == models[0] else ["whole"])
    if "weights" in models:
        for model in models:
            if model != "weights":
                add(model, "weights", "compression", measures_of(task))
    simple = [one for one in others if _role(measured, one) == "baseline"]
    for model in models:
        for other in simple:
            add(f"{model}{SUFFIX}", other, "baseline", ["whole"])
    for a, b in _beside_retrieval(models):
        add(a, b, "retrieval", ["whole", "text"] if task.kind == "text" else ["whole"])
    return [one for one in found if one is not None]


def _beside_retrieval(models: Sequence[str]) -> list[tuple[str, str]]:
    """Who is compared where subjects were asked with passages too."""
    weights, base = f"weights{SUFFIX}", f"base{SUFFIX}"
    four = [(weights, base), ("weights", base), (weights, "weights"), (base, "base")]
    files = [model for model in models if model != "weights"]
    return four + [(f"{file}{SUFFIX}", other) for file in files for other in (weights, file, base)]


def worth(
    task: Task,
    results: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
    titles: Mapping[str, str],
    test_set: str,
) -> dict[str, Any] | None:
    """Whether training was worth it beside passages; None where nobody was asked with passages.

    Decided by the tuned model with passages against the untrained one with passages, on the main measure.
    """
    shares = {row["subject"]: row["whole"] for row in results if row["test_set"] == test_set}
    if f"weights{SUFFIX}" not in shares:
        return None
    four = ("base", f"base{SUFFIX}", "weights", f"weights{SUFFIX}")
    name = _measure_name(task, "whole")
    told = "; ".join(f"{titles[one]} {_percent(shares[one])}" for one in four if one in shares)
    sentence = f"{name[0].upper()}{name[1:]} on {test_set}: {told}."
    rows = {(row["a"], row["b"]): row for row in found if row["test_set"] == test_set and row["measure"] == "whole"}

    def said(a: str, b: str) -> str | None:
        row = rows.get((a, b))
        return None if row is None else str(row["verdict"])

    training = said(f"weights{SUFFIX}", f"base{SUFFIX}")
    verdicts = {
        "better": ("worth it", "With passages, training was worth it: the tuned model is better than the untrained."),
        "worse": ("not worth it", "With passages, training was not worth it: the untrained model is better."),
        None: ("not shown", "What training was worth is not known: the untrained model was not asked with passages."),
    }
    unknown = ("not shown", "With passages, it is not shown that training was worth it.")
    chosen = verdicts.get(training, unknown)
    passages = {
        "better": "The passages are worth it: with them the tuned model is better than without.",
        "worse": "The passages are not worth it: without them the tuned model is better.",
    }.get(said(f"weights{SUFFIX}", "weights") or "", "For the tuned model it is not shown that passages are worth it.")
    return {"verdict": chosen[0], "text": f"{chosen[1]} {passages} {sentence}"}


def compression(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What each file lost against the weights, in percentage points (positive: lost)."""
    return [
        {
            "subject": one["a"],
            "test_set": one["test_set"],
            "measure": one["measure"],
            "points_lost": 100 * -one["difference"] + 0.0,  # + 0.0: no "-0.0"
            "low": 100 * -one["high"] + 0.0,
            "high": 100 * -one["low"] + 0.0,
        }
        for one in found
        if one["why"] == "compression"
    ]


def choose_model(models: Sequence[str], lost: Sequence[Mapping[str, Any]], test_set: str) -> str | None:
    """The model to hand over: the smallest file within the tolerated loss, else q8_0, else the first there
    is.
    """
    points = {
        row["subject"]: row["points_lost"] for row in lost if row["test_set"] == test_set and row["measure"] == "whole"
    }
    for name in FILES:
        if name in models and points.get(name, TOLERATED + 1) <= TOLERATED:
            return name
    return "q8_0" if "q8_0" in models else next(iter(models), None)


def recommend(
    task: Task,
    results: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
    titles: Mapping[str, str],
    roles: Mapping[str, str],
    model: str | None,
    test_set: str,
) -> dict[str, Any]:
    """Which subject to use, decided on the main measure of the main test set."""
    name = _measure_name(task, "whole")
    shares = {row["subject"]: row["whole"] for row in results if row["test_set"] == test_set}
    simple = [one for one in shares if roles[one] == "baseline"]
    best = max(simple, key=lambda one: (shares[one]["value"] or 0.0, one != "trivial", one), default=None)
    considered = {"model": model, "baseline": best}
    if model is None or best is None:
        use = model or best
        text = f"Only one way was measured on {test_set}; nothing can be recommended over something else."
        found_share = shares.get(use) if use else None
        return {"use": use, "verdict": "not shown", "text": text, "accuracy": found_share} | considered
    against = {(row["a"], row["b"]): row for row in found if row["test_set"] == test_set and row["measure"] == "whole"}
    row = against[model, best]
    numbers = (
        f"{name[0].upper()}{name[1:]}: {_percent(shares[model])} for {titles[model]}, "
        f"{_percent(shares[best])} for {titles[best]}; "
        f"difference {100 * row['difference']:+.1f} points ({100 * row['low']:+.1f} to {100 * row['high']:+.1f}), "
        f"n = {row['n']}"
    )
    if row["verdict"] == "better":
        text = f"Use {titles[model]}: it is better than {titles[best]}, the best simple way. {numbers}."
        return {"use": model, "verdict": "model", "text": text, "accuracy": shares[model]} | considered
    if row["verdict"] == "worse":
        text = f"Use {titles[best]}, not the language model: it is better, and far cheaper. {numbers}."
        return {"use": best, "verdict": "baseline", "text": text, "accuracy": shares[best]} | considered
    text = (
        f"It is not shown that the language model is better than {titles[best]}, which is far cheaper: "
        f"use that, unless more test examples or a longer training show otherwise. {numbers}."
    )
    return {"use": None, "verdict": "not shown", "text": text, "accuracy": None} | considered


def _percent(share: Mapping[str, Any]) -> str:
    return f"{100 * share['value']:.1f} % ({100 * share['low']:.1f}–{100 * share['high']:.1f})"


def _measure_name(task: Task, measure: str) -> str:
    if measure.startswith("group:"):
        return f"{measure.removeprefix('group:')} right"
    return _WHOLE[task.kind] if measure == "whole" else _NAMES[measure]


def _role(measured: Mapping[tuple[str, str], Measured], name: str) -> str:
    return next(one.subject.role for (subject, _), one in measured.items() if subject == name)
