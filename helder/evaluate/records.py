"""What evaluation reads: the items of a test set, and what a subject answered to each.

Files are JSON lines as `helder/data/stage.py` and the prediction stages write them. An answer without an
item, an item
without an answer, or the same id twice is an error: a missing prediction is never a wrong one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.errors import ExitCode, HelderError


@dataclass(frozen=True)
class Example:
    """One item of a data artifact; `scored` None means that every field is compared.

    Attributes:
        tests: (input, output) of a program that is an answer, for verifiers that run it; no model sees them.
    """

    id: str
    input: str
    output: Any
    scored: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    tests: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Prediction:
    """What a subject answered: the raw text and the output that it stands for, or why it stands for none.

    Attributes:
        groups: grouping → group, where a subject answers that question by itself and not through the label.
        confidence: how sure the model was, by each score of `helder.serve.answer.Answer.confidence`; None where that
            was not asked for, or is not known.
    """

    id: str
    raw: str
    output: Any = None
    error: str | None = None
    groups: Mapping[str, str] | None = None
    confidence: Mapping[str, float] | None = None

    def to_json(self) -> dict[str, Any]:
        record = {"id": self.id, "raw": self.raw, "output": self.output, "error": self.error}
        more = {"groups": self.groups, "confidence": self.confidence}
        return record | {name: dict(value) for name, value in more.items() if value is not None}


def load_examples(path: Path) -> list[Example]:
    """The items of train.jsonl, dev.jsonl, test.jsonl or test-<name>.jsonl, in order."""
    return [
        Example(
            id=record["id"],
            input=record["input"],
            output=record["output"],
            scored=tuple(record["scored"]) if record.get("scored") is not None else None,
            tags=tuple(record.get("tags", ())),
            tests=tuple((given, right) for given, right in record.get("tests", ())),
        )
        for record in _lines(path)
    ]


def test_sets(data: Path) -> list[str]:
    """The names of the test sets of a data artifact: "test" first, then "test-<name>" in order."""
    names = sorted(path.stem for path in data.glob("test*.jsonl"))
    return sorted(names, key=lambda name: (name != "test", name))


def save_predictions(path: Path, predictions: Sequence[Prediction]) -> None:
    """Write predictions as JSON lines, UTF-8."""
    lines = [json.dumps(one.to_json(), ensure_ascii=False, separators=(",", ":")) + "\n" for one in predictions]
    path.write_text("".join(lines), encoding="utf-8")


def load_predictions(path: Path, examples: Mapping[str, Example]) -> dict[str, Prediction]:
    """id → prediction, in the order of the file.

    Raises:
        HelderError: an id that stands twice, or that no item has.
    """
    found: dict[str, Prediction] = {}
    for record in _lines(path):
        more = record.get("groups"), record.get("confidence")
        one = Prediction(record["id"], record["raw"], record["output"], record["error"], *more)
        if one.id in found or one.id not in examples:
            why = "It stands there twice." if one.id in found else "The test set has no such item."
            raise HelderError(
                f"The prediction {one.id!r} in {path.name} cannot be used.",
                why,
                "Run the prediction stage again.",
                ExitCode.OURS,
            )
        if (one.output is None) == (one.error is None):
            raise HelderError(
                f"The prediction {one.id!r} in {path.name} has neither an output nor an error, or both.",
                "",
                "Run the prediction stage again.",
                ExitCode.OURS,
            )
        found[one.id] = one
    return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise HelderError(
            f"{path.parent.name}/{path.name} cannot be read.", str(error), "Run the stage before."
        ) from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line:
            try:
                yield json.loads(line)
            except ValueError as error:
                raise HelderError(
                    f"{path.parent.name}/{path.name}, line {number}: not JSON.", str(error), "Run the stage before."
                ) from error
