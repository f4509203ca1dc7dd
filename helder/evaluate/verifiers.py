"""Verifiers: programs that judge an answer, by name and version, for rewards while training and for scores after it.

A reward is what a model is trained towards, so that another version of a verifier is another training: each has a
number that rises with every change of what it accepts, and statements name both (Tülu 3's IFEval verifier changed
later, and old data no longer fit it). A verifier that cannot judge is an error, never a reward of zero.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from helder.data.task import AnswerError, Task
from helder.errors import HelderError
from helder.evaluate.records import Example
from helder.evaluate.score import score_item

# A number as people write it: sign, digits with or without commas between thousands, decimals.
NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")


@dataclass(frozen=True)
class Verifier:
    """A judge of answers.

    Attributes:
        name, version: what statements call it.
        what: what it accepts, in a sentence.
        judge: (task, item with the right answer, text that was written) → reward, 0 to 1.
    """

    name: str
    version: int
    what: str
    judge: Callable[[Task, Example, str], float]

    @property
    def identity(self) -> str:
        """Name and version, "number@1"."""
        return f"{self.name}@{self.version}"


def _right(task: Task, item: Example, text: str) -> float:
    return float(score_item(task, item, _read(task, text)).whole)


def _fields(task: Task, item: Example, text: str) -> float:
    if task.kind != "record":
        raise HelderError(
            'The verifier "fields" judges records.', f"This task's answers are of the kind {task.kind}.", 'Use "right".'
        )
    right, count = score_item(task, item, _read(task, text)).counts("fields")
    return right / count if count else 0.0


def _number(task: Task, item: Example, text: str) -> float:
    expected = last_number(task.encode(item.output))
    if expected is None:
        raise HelderError(
            f'The verifier "number" finds no number in the right answer of {item.id}.',
            f"It reads {task.encode(item.output)!r}.",
            'Correct the answer, or use the verifier "right".',
        )
    return float(last_number(text) == expected)


def _judged(task: Task, item: Example, text: str) -> float:
    from helder.evaluate.judge.reward import passed

    return float(passed(item, text) == 1.0)


def _tests(task: Task, item: Example, text: str) -> float:
    from helder.evaluate.judge.reward import passed

    return passed(item, text, every=True)


def _read(task: Task, text: str) -> Any:
    """The answer that a text stands for; None when it is not of the task's form, which no right answer is."""
    try:
        return task.decode(text)
    except AnswerError:
        return None


def last_number(text: str) -> float | None:
    """The last number of a text; None when there is none."""
    found = NUMBER.findall(text)
    return float(found[-1].replace(",", "")) if found else None


VERIFIERS = {
    verifier.name: verifier
    for verifier in (
        Verifier("right", 1, "The answer is wholly right, as the task's score has it.", _right),
        Verifier("fields", 1, "The share of a record's fields that are right.", _fields),
        Verifier("number", 1, "The last number of the answer is the last number of the right one.", _number),
        Verifier("judged", 1, "The program in the answer passes all of the item's tests, in a closed room.", _judged),
        Verifier("tests", 1, "The share of the item's tests that the program passes, in a closed room.", _tests),
    )
}


def find(identity: str) -> Verifier:
    """The verifier with this name, "number", or with this name and version, "number@1".

    Raises:
        HelderError: there is none, or it has another version by now.
    """
    name, _, version = identity.partition("@")
    if name not in VERIFIERS:
        raise HelderError(f"There is no verifier {name!r}.", f"Known: {', '.join(VERIFIERS)}.", "Correct `verifier`.")
    found = VERIFIERS[name]
    if version and identity != found.identity:
        raise HelderError(
            f"The verifier {identity} is not there any more.",
            f"This version of Helder has {found.identity}, which accepts other answers.",
            "Use the version of Helder that the training was made with.",
        )
    return found
