"""One subject on one test set: every score with its interval, as it stands in `scores.json`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from helder.data.task import Task
from helder.evaluate.records import Example, Prediction
from helder.evaluate.score import ItemScore, group_pairs, macro_f1, score_item
from helder.evaluate.statistics import Interval, clustered, mean_interval, wilson

Counts = tuple[float, float]  # right (or a value), and out of how many


@dataclass(frozen=True)
class Subject:
    """Who answered.

    Attributes:
        role: "model" (ours: weights and files), "base" or "baseline".
        about: what the prediction stage wrote in about.json.
    """

    name: str
    role: str
    title: str
    note: str
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """The scored answers of a subject to a test set, in the order of the test set."""

    subject: Subject
    test_set: str
    of: int
    examples: tuple[Example, ...]
    predictions: tuple[Prediction, ...]
    scores: tuple[ItemScore, ...]

    @property
    def ids(self) -> list[str]:
        return [example.id for example in self.examples]

    def pairs(self) -> list[tuple[str, str | None]]:
        """Label tasks: (expected, given)."""
        return [(e.output, p.output) for e, p in zip(self.examples, self.predictions, strict=True)]

    def groups(self, task: Task, name: str) -> list[tuple[str, str | None]]:
        """(expected, given) groups; the given one is the subject's own answer where it gave one."""
        derived = group_pairs(task, name, self.pairs())
        return [
            (expected, one.groups[name] if one.groups and name in one.groups else given)
            for (expected, given), one in zip(derived, self.predictions, strict=True)
        ]

    def counts(self, task: Task, measure: str) -> dict[str, Counts]:
        """id → (right, n) under a measure of `scores.json`; (value, 1) for "text"."""
        if measure == "text":
            return {score.id: (score.text or 0.0, 1) for score in self.scores}
        if measure.startswith("group:"):
            pairs = self.groups(task, measure.removeprefix("group:"))
            return {id: (int(left == right), 1) for id, (left, right) in zip(self.ids, pairs, strict=True)}
        return {score.id: score.counts(measure) for score in self.scores}


def measure_subject(
    task: Task, subject: Subject, test_set: str, examples: Sequence[Example], predictions: Mapping[str, Prediction]
) -> Measured:
    """Score the answers that are there; the items without one were not asked (a stated subset)."""
    asked = tuple(example for example in examples if example.id in predictions)
    given = tuple(predictions[example.id] for example in asked)
    scores = tuple(score_item(task, example, one.output) for example, one in zip(asked, given, strict=True))
    return Measured(subject, test_set, len(examples), asked, given, scores)


def measures_of(task: Task) -> list[str]:
    """The measures that fit a task, the main one first."""
    extra = {"record": ["fields", "stated"], "text": ["text"], "label": [f"group:{name}" for name in task.groups]}
    return ["whole", *extra[task.kind]]


def beside(scores: Mapping[str, Any]) -> dict[str, str]:
    """The measures of a `scores.json` that tables show beside the main one: what people call it → measure.

    "stated" is not among them: it says more of the fields and would be read as another score.
    """
    return {name.removeprefix("group:"): name for name in scores["measures"] if name not in ("whole", "stated")}


def score_at(row: Mapping[str, Any], measure: str) -> Mapping[str, Any] | None:
    """The share of one entry of `results` under a measure."""
    if measure.startswith("group:"):
        return cast(Mapping[str, Any], row["groups"][measure.removeprefix("group:")]["accuracy"])
    return cast(Mapping[str, Any] | None, row[measure])


def result(task: Task, measured: Measured, confidence: float, seed: int) -> dict[str, Any]:
    """One entry of `results`."""
    scores = measured.scores
    share = _shares(confidence)
    about = measured.subject.about
    record = task.kind == "record"
    groups = {}
    for name in task.groups:
        pairs = measured.groups(task, name)
        right = sum(left == given for left, given in pairs)
        groups[name] = {
            "accuracy": share_of(right, len(pairs), wilson(right, len(pairs), confidence)),
            "macro_f1": macro_f1(pairs),
        }
    text = mean_interval([score.text or 0.0 for score in scores], confidence, seed) if task.kind == "text" else None
    return {
        "subject": measured.subject.name,
        "test_set": measured.test_set,
        "n": len(scores),
        "of": measured.of,
        "subset": None if len(scores) == measured.of else f"{len(scores)} of {measured.of}, chosen by hash",
        "whole": share(scores, "whole"),
        "fields": share(scores, "fields") if record else None,
        "stated": share(scores, "stated") if record else None,
        "by_field": {name: _field_share(scores, name, confidence) for name in task.fields},
        "record_count": _record_count(measured) if task.many else None,
        "macro_f1": macro_f1(measured.pairs()) if task.kind == "label" else None,
        "text": None if text is None else {"value": text.value, "low": text.low, "high": text.high, "n": len(scores)},
        "groups": groups,
        "by_tag": {
            tag: {
                "n": len(chosen),
                "whole": share(chosen, "whole"),
                "fields": share(chosen, "fields") if record else None,
                "stated": share(chosen, "stated") if record else None,
            }
            for tag, chosen in _by_tag(measured).items()
        },
        "invalid": sum(not score.valid for score in scores),
        "constrained": bool(about.get("constrained", False)),
        "examples_in_prompt": int(about.get("examples_in_prompt", 0)),
        "trained_on": about.get("trained_on"),
    }


def share_of(right: float, n: float, interval: Interval) -> dict[str, Any]:
    """A share as it stands in `scores.json`."""
    return {"right": int(right), "n": int(n), "value": interval.value, "low": interval.low, "high": interval.high}


def _shares(confidence: float) -> Callable[[Iterable[ItemScore], str], dict[str, Any]]:
    def share(scores: Iterable[ItemScore], measure: str) -> dict[str, Any]:
        counts = [score.counts(measure) for score in scores]
        rights, totals = [right for right, _ in counts], [total for _, total in counts]
        # A share of whole items is a plain binomial; fields of one item go right or wrong together.
        found = (
            wilson(sum(rights), len(rights), confidence)
            if measure == "whole"
            else clustered(rights, totals, confidence)
        )
        return share_of(sum(rights), sum(totals), found)

    return share


def _field_share(scores: Sequence[ItemScore], name: str, confidence: float) -> dict[str, Any]:
    chosen = [[one for one in score.fields if one.field == name] for score in scores]
    rights = [sum(one.right for one in found) for found in chosen]
    totals = [len(found) for found in chosen]
    return share_of(sum(rights), sum(totals), clustered(rights, totals, confidence))


def _record_count(measured: Measured) -> dict[str, int]:
    scores = measured.scores
    return {
        "right": sum(score.valid and not score.missing and not score.extra for score in scores),
        "n": len(scores),
        "missing": sum(score.missing for score in scores),
        "extra": sum(score.extra for score in scores),
    }


def _by_tag(measured: Measured) -> dict[str, list[ItemScore]]:
    """The scores of each tag; a tag "unseen:half" counts under "unseen" too, once for each item."""
    found: dict[str, list[ItemScore]] = {}
    for example, score in zip(measured.examples, measured.scores, strict=True):
        for tag in sorted({*example.tags, *(tag.split(":")[0] for tag in example.tags)}):
            found.setdefault(tag, []).append(score)
    return dict(sorted(found.items()))
