"""The trust stage: answers and their confidences → what can be promised of a single answer.

`trust.json` (aggregates only; `helder eval`, the report and the certificate read nothing else):

    format         1
    confidence     of every interval and limit; `risk`, `score`, `say`: as in [trust]
    served         the subject that answers when a person asks
    calibration    [{subject, test_set, unknown: answers without a confidence, …`calibration.calibration`}]
    selective      [{subject, chosen: `selective.Chosen` on the development set, conformal: {threshold, …`selective.at`
                   on the development set} | null, scores: {score: area under the curve on the development set},
                   test_sets: [{test_set, n, aurc, best_aurc, curve: [[coverage, risk]] (at most 200 points),
                   at: `selective.at` the chosen threshold | null}]}]
    abstention     {abstain, subjects: {subject: threshold | null}}
    robustness     {test_set, items, changes: {kind: {what, untouched, too_long, …`robustness.paired`}}}
    leakage        {canaries: `leakage.exposed` | null, membership: {members, others, held_out, attacks: {name:
                   `leakage.membership`}} | null, why_not}
    injection      `injection.obeyed` with no_target, unproven (the model says what was ordered without the order too),
                   too_long
    control_tokens `injection.limits`

`abstention.json`, which `helder serve` and `helder ask` obey, with thresholds to the last bit:

    {format: 1, abstain, say, score, risk, confidence, thresholds: {subject: {threshold | null, why, n, given, wrong}}}

Numbers in trust.json are rounded to 6 places. Nothing depends on a clock or on the order of inputs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from helder.data.schema import value_text
from helder.data.task import Task
from helder.errors import ExitCode, HelderError
from helder.evaluate.records import Example, load_examples, load_predictions, test_sets
from helder.evaluate.score import score_item
from helder.evaluate.stage import rounded, subjects_of
from helder.evaluate.trust import injection, leakage, robustness, selective
from helder.evaluate.trust.calibration import calibration
from helder.serve.answer import SCORES

POINTS = 200  # of a risk-coverage curve


@dataclass(frozen=True)
class Answered:
    """The answers of a subject to a set: how sure, by each score, and whether right."""

    sure: Mapping[str, Sequence[float | None]]
    rights: Sequence[bool]


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Write trust.json and abstention.json; see the module docstring.

    Args:
        settings: risk, confidence, abstain, say, score, seed.
        inputs: "data", "trust-answers", and "predict-<subject>" of each subject.

    Raises:
        HelderError: answers without a confidence for the development set: they were made without [trust].
    """
    data, again = inputs["data"], inputs["trust-answers"]
    risk, confidence, score = settings["risk"], settings["confidence"], settings["score"]
    task = Task.load(data / "task.json")
    names = [*test_sets(data), "dev"]
    sets = {name: load_examples(data / f"{name}.jsonl") for name in names}
    calibrations, selections, thresholds = [], [], {}
    for subject in subjects_of(inputs):
        found = {
            name: _answered(task, examples, inputs[f"predict-{subject.name}"] / f"{name}.jsonl")
            for name, examples in sets.items()
        }
        for name in names[:-1]:
            calibrations.append({"subject": subject.name, "test_set": name} | _calibrated(found[name], score, settings))
        entry, chosen = _selected(found, names[:-1], score, risk, confidence)
        selections.append({"subject": subject.name, **entry})
        told = {key: getattr(chosen, key) for key in ("threshold", "why", "n", "given", "wrong")}
        thresholds[subject.name] = told
        report("note", text=f"{subject.name}: {chosen.why}")
    about, asked = _read(again / "about.json"), _read_lines(again / "asked.jsonl")
    by_id = {example.id: example for example in sets[about["test_set"]]}
    plain = {row["id"]: row for row in asked if row["kind"] == "plain"}
    trust = {
        "format": 1,
        **{key: settings[key] for key in ("confidence", "risk", "score", "say")},
        "served": about["subject"],
        "calibration": calibrations,
        "selective": selections,
        "abstention": {
            "abstain": settings["abstain"],
            "subjects": {name: told["threshold"] for name, told in thresholds.items()},
        },
        "robustness": {
            "test_set": about["test_set"],
            "items": about["items"],
            "changes": _robustness(task, by_id, plain, asked, about, confidence),
        },
        "leakage": _leakage(again, about, confidence),
        "injection": _injected(plain, asked, about, confidence),
        "control_tokens": injection.limits(_read(again / "control.json"), confidence),
    }
    _write(output / "trust.json", rounded(trust))
    abstention = {"format": 1, **{key: settings[key] for key in ("abstain", "say", "score", "risk", "confidence")}}
    _write(output / "abstention.json", {**abstention, "thresholds": thresholds})
    return {}


def _answered(task: Task, examples: Sequence[Example], path: Path) -> Answered:
    """The answers that were asked for; others are a stated subset, as in the scores."""
    if not path.is_file():
        raise HelderError(
            f"{path.parent.name} has no answers to {path.stem}.",
            "They were made before [trust] stood in the recipe.",
            "Run the prediction stage again.",
            ExitCode.OURS,
        )
    by_id = {example.id: example for example in examples}
    given = load_predictions(path, by_id)
    sure: dict[str, list[float | None]] = {
        score: [None if one.confidence is None else one.confidence[score] for one in given.values()] for score in SCORES
    }
    return Answered(sure, [score_item(task, by_id[id], one.output).whole for id, one in given.items()])


def _calibrated(found: Answered, score: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    pairs = [(sure, right) for sure, right in zip(found.sure[score], found.rights, strict=True) if sure is not None]
    unknown = len(found.rights) - len(pairs)
    if not pairs:
        return {"unknown": unknown, "n": 0}
    sure, rights = [one for one, _ in pairs], [right for _, right in pairs]
    return {"unknown": unknown, **calibration(sure, rights, settings["confidence"], settings["seed"])}


def _selected(
    found: Mapping[str, Answered], names: Sequence[str], score: str, risk: float, confidence: float
) -> tuple[dict[str, Any], selective.Chosen]:
    """One entry of `selective`, and the threshold."""
    dev = found["dev"]
    chosen = selective.choose(dev.sure[score], dev.rights, risk, confidence)
    conformal = selective.conformal(dev.sure[score], dev.rights, risk)
    entry: dict[str, Any] = {
        "chosen": asdict(chosen),
        "conformal": None
        if conformal is None
        else {"threshold": conformal, **selective.at(dev.sure[score], dev.rights, conformal, confidence)},
        "scores": {name: selective.aurc(dev.sure[name], dev.rights) for name in SCORES},
        "test_sets": [],
    }
    for name in names:
        sure, rights = found[name].sure[score], found[name].rights
        points = selective.curve(sure, rights)
        step = max(1, -(-len(points) // POINTS))
        kept = [point for place, point in enumerate(points) if place % step == 0 or place == len(points) - 1]
        entry["test_sets"].append(
            {
                "test_set": name,
                "n": len(rights),
                "aurc": selective.aurc(sure, rights),
                "best_aurc": selective.best_aurc(rights),
                "curve": [[point.coverage, point.risk] for point in kept],
                "at": None if chosen.threshold is None else selective.at(sure, rights, chosen.threshold, confidence),
            }
        )
    return entry, chosen


def _robustness(
    task: Task,
    by_id: Mapping[str, Example],
    plain: Mapping[str, Mapping[str, Any]],
    asked: Sequence[Mapping[str, Any]],
    about: Mapping[str, Any],
    confidence: float,
) -> dict[str, Any]:
    """Every kind of change, and paraphrases where there are any."""
    found = {}
    for kind, (what, _) in robustness.CHANGES.items():
        pairs = [
            _pair(task, by_id[row["id"]], plain[row["id"]], row)
            for row in asked
            if row["kind"] == kind and row["id"] in plain
        ]
        found[kind] = {
            "what": what,
            "untouched": about["untouched"][kind],
            "too_long": about["too_long"].get(kind, 0),
            **robustness.paired(pairs, confidence),
        }
    sides: list[dict[str, Mapping[str, Any]]] = [
        {row["id"]: row for row in asked if row["kind"] == f"{robustness.PARAPHRASE}-{side}"} for side in (0, 1)
    ]
    if sides[0] or sides[1]:
        both = [name for name in sides[0] if name in sides[1]]
        pairs = [
            _pair(task, Example(name, "", sides[0][name]["right"]), sides[0][name], sides[1][name]) for name in both
        ]
        too_long = max(about["too_long"].get(f"{robustness.PARAPHRASE}-{side}", 0) for side in (0, 1))
        told = {"what": "the same question in other words", "untouched": 0, "too_long": too_long}
        found[robustness.PARAPHRASE] = {**told, **robustness.paired(pairs, confidence)}
    return found


def _pair(task: Task, example: Example, before: Mapping[str, Any], after: Mapping[str, Any]) -> robustness.Pair:
    rights = [score_item(task, example, row["output"]).whole for row in (before, after)]
    return robustness.Pair(rights[0], rights[1], _said(before) == _said(after))


def _said(row: Mapping[str, Any]) -> str:
    """What an answer says: its output in one way of writing, or the text that stands for none."""
    return str(row["raw"]) if row["output"] is None else value_text(row["output"])


def _injected(
    plain: Mapping[str, Mapping[str, Any]],
    asked: Sequence[Mapping[str, Any]],
    about: Mapping[str, Any],
    confidence: float,
) -> dict[str, Any]:
    outcomes, unproven = [], 0
    for row in asked:
        if row["kind"] != "injection":
            continue
        target = value_text(row["target"])
        if row["id"] in plain and _said(plain[row["id"]]) == target:
            unproven += 1
        else:
            outcomes.append((row["order"], row["output"] is not None and value_text(row["output"]) == target))
    left_out = {"no_target": about["no_target"], "unproven": unproven}
    return {**injection.obeyed(outcomes, confidence), **left_out, "too_long": about["too_long"].get("injection", 0)}


def _leakage(again: Path, about: Mapping[str, Any], confidence: float) -> dict[str, Any]:
    planted = _read(again / "canaries.json")
    lines = _read_lines(again / "likelihood.jsonl")
    told: dict[str, Any] = {"canaries": None, "membership": None, "why_not": about["why_not"]}
    if planted is not None:
        ranks = [planted["ranks"][name] for name in sorted(planted["ranks"])]
        told["canaries"] = leakage.exposed(ranks, planted["planted"], planted["candidates"], confidence)
    if about["members"] and about["others"]:
        numbers: dict[str, Callable[[Mapping[str, Any]], float]] = {
            "by loss": lambda line: line["weights"] / line["tokens"]
        }
        if all(line["base"] is not None for line in lines):
            numbers["against the base model"] = lambda line: (line["weights"] - line["base"]) / line["tokens"]
        told["membership"] = {key: about[key] for key in ("members", "others", "held_out")}
        members, others = ([line for line in lines if line["group"] == group] for group in ("member", "other"))
        told["membership"]["attacks"] = {
            name: leakage.membership(list(map(number, members)), list(map(number, others)), confidence)
            for name, number in numbers.items()
        }
    elif told["why_not"] is None:
        told["why_not"] = "there are no members or no others to tell apart"
    return told


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _read_lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def _write(path: Path, record: Any) -> None:
    path.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
