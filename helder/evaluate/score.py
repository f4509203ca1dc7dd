"""Whether an answer is right: field by field and whole for records, the label, or the text.

Lists of records are compared by position: the order of the steps of an instruction is part of its meaning. A
record too few has all its fields wrong; a record too many adds its fields as wrong ones. An answer that is
not of the task's form is wrong in everything. It knows nothing of intervals
(`helder/evaluate/statistics.py`).
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from helder.data.schema import same
from helder.data.task import Task
from helder.evaluate.records import Example

ErrorKind = Literal["wrong", "missed", "invented", "no record", "extra record", "no answer"]
CHARACTER_N = 6  # longest n-gram of the character F-score, and its beta: chrF (Popović 2015, WMT, "chrF: character
BETA = 2.0  # n-gram F-score for automatic MT evaluation"; beta 2 is its recommended chrF2)

WHOLE = {
    "record": "Every compared field of every record is right, and there are as many records as expected.",
    "label": "The label is the expected one.",
    "text": "The text equals the expected one after Unicode NFC and collapsing white space; case counts.",
}
MEASURES = {
    "fields": "Compared fields that are right; a missing or superfluous record has all its fields wrong.",
    "stated": "The same over the fields in which the expected or the given record says something other than the "
    "default, so that fields left empty on both sides earn nothing.",
    "text": "Character F-score (chrF: n-grams of 1 to 6 characters, beta 2, white space removed), mean over items.",
}


@dataclass(frozen=True)
class FieldScore:
    """One field of one record.

    Attributes:
        record: place in the list, from 0.
        stated: the expected or the given value differs from the default.
        error: None when right.
    """

    record: int
    field: str
    expected: Any
    got: Any
    stated: bool
    error: ErrorKind | None

    @property
    def right(self) -> bool:
        return self.error is None


@dataclass(frozen=True)
class ItemScore:
    """One item: whole right or not, and its parts where the task has parts.

    Attributes:
        missing, extra: records too few, too many.
        text: character F-score of a text task, 0..1.
    """

    id: str
    whole: bool
    valid: bool
    fields: tuple[FieldScore, ...] = ()
    missing: int = 0
    extra: int = 0
    text: float | None = None

    def counts(self, measure: str) -> tuple[int, int]:
        """(right, n) of this item under a measure: "whole", "fields", "stated"."""
        if measure == "whole":
            return int(self.whole), 1
        chosen = [score for score in self.fields if measure == "fields" or score.stated]
        return sum(score.right for score in chosen), len(chosen)


def score_item(task: Task, example: Example, output: Any) -> ItemScore:
    """Compare one answer with what was expected.

    Args:
        output: the decoded answer; None when there is none of the task's form.
    """
    if task.kind == "record":
        return _score_records(task, example, output)
    if output is None:
        return ItemScore(example.id, False, False, text=0.0 if task.kind == "text" else None)
    if task.kind == "label":
        return ItemScore(example.id, output == example.output, True)
    expected, got = normal_text(example.output), normal_text(output)
    return ItemScore(example.id, expected == got, True, text=character_f(expected, got))


def _score_records(task: Task, example: Example, output: Any) -> ItemScore:
    expected = example.output if task.many else [example.output]
    given = None if output is None else (output if task.many else [output])
    names = example.scored if example.scored is not None else task.fields
    fields: list[FieldScore] = []
    for place in range(max(len(expected), len(given or ()))):
        wanted = expected[place] if place < len(expected) else None
        found = given[place] if given is not None and place < len(given) else None
        for name in names:
            fields.append(_score_field(task, place, name, wanted, found, given is not None))
    missing = len(expected) - len(given) if given is not None else len(expected)
    return ItemScore(
        id=example.id,
        # A list of another length is wrong even when a record has no compared field.
        whole=given is not None and missing == 0 and all(score.right for score in fields),
        valid=given is not None,
        fields=tuple(fields),
        missing=max(missing, 0),
        extra=max(-missing, 0),
    )


def _score_field(
    task: Task, place: int, name: str, wanted: dict[str, Any] | None, found: dict[str, Any] | None, answered: bool
) -> FieldScore:
    default = task.default(name)
    expected = default if wanted is None else wanted.get(name, default)
    got = default if found is None else found.get(name, default)
    stated = not (same(expected, default) and same(got, default))
    error: ErrorKind | None = None
    if not answered:
        error = "no answer"
    elif found is None:
        error = "no record"
    elif wanted is None:
        error = "extra record"
    elif not same(expected, got):
        error = "missed" if same(got, default) else "invented" if same(expected, default) else "wrong"
    return FieldScore(place, name, expected, None if found is None else got, stated, error)


def normal_text(text: str) -> str:
    """The form in which texts are compared: Unicode NFC, white space collapsed, none around."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def character_f(expected: str, got: str) -> float:
    """chrF of one pair, 0..1: F with beta 2 of the precision and recall of character n-grams, n = 1 to 6.

    Precision and recall are means over the n for which either text has n-grams. Two empty texts score 1.
    """
    reference, hypothesis = "".join(expected.split()), "".join(got.split())
    if not reference and not hypothesis:
        return 1.0
    precisions: list[float] = []
    recalls: list[float] = []
    for n in range(1, CHARACTER_N + 1):
        left, right = _ngrams(reference, n), _ngrams(hypothesis, n)
        if not left and not right:
            continue
        shared = (left & right).total()
        precisions.append(shared / right.total() if right else 0.0)
        recalls.append(shared / left.total() if left else 0.0)
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    if precision + recall == 0:
        return 0.0
    return (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)


def _ngrams(text: str, n: int) -> Counter[str]:
    return Counter(text[place : place + n] for place in range(len(text) - n + 1))


def macro_f1(pairs: Sequence[tuple[str, str | None]]) -> float:
    """Mean of the F1 of every label that is expected or given; a missing answer is a miss and nothing else.

    Args:
        pairs: (expected, given) labels.
    """
    expected = Counter(pair[0] for pair in pairs)
    given = Counter(pair[1] for pair in pairs if pair[1] is not None)
    right = Counter(pair[0] for pair in pairs if pair[0] == pair[1])
    labels = sorted(set(expected) | set(given))
    if not labels:
        return 0.0
    return sum(2 * right[label] / (expected[label] + given[label]) for label in labels) / len(labels)


def group_pairs(task: Task, name: str, pairs: Iterable[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    """The pairs of labels as pairs of their groups; a label outside every group is its own."""
    members = task.groups[name]
    return [(members.get(left, left), None if right is None else members.get(right, right)) for left, right in pairs]
