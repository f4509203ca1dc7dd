"""A small record task with its data artifact, and prediction artifacts written by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helder.data.task import Task
from helder.evaluate.records import Prediction, save_predictions

FORMS = ("tablet", "puff", "ml")
DOSE = Task(
    kind="record",
    name="doses",
    purpose="Turn a dose instruction into records.",
    many=True,
    least=1,
    most=3,
    harm=("dose",),
    schema={
        "properties": {
            "form": {"enum": [*FORMS, None], "default": None},
            "dose": {"type": ["integer", "null"], "minimum": 0, "default": None},
            "as_required": {"type": "boolean", "default": False},
        }
    },
)
LABEL = Task(
    kind="label",
    name="kinds",
    purpose="Say what kind of thing it is.",
    labels=("cat", "dog", "rose"),
    groups={"kingdom": {"cat": "animal", "dog": "animal", "rose": "plant"}},
)
TEXT = Task(kind="text", name="reply", purpose="Reply.")


def instruction(number: int) -> tuple[str, list[dict[str, Any]]]:
    """The n-th dose instruction and its records."""
    form = FORMS[number % 3]
    first = {"form": form, "dose": number % 7 + 1}
    text = f"{number % 7 + 1} {form}s for case {number}"
    if number % 4:
        return text, [first]
    return f"{text} then 1 as needed", [first, {"dose": 1, "as_required": True}]


def data(folder: Path, task: Task, sets: Mapping[str, list[dict[str, Any]]]) -> Path:
    """A data artifact."""
    folder.mkdir(parents=True, exist_ok=True)
    task.save(folder / "task.json")
    for name, records in sets.items():
        lines = [json.dumps({**record, "output": task.normalise(record["output"])}) + "\n" for record in records]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def doses(folder: Path, train: int = 60, test: int = 40) -> Path:
    """A data artifact of dose instructions; every fifth test item is tagged."""
    records = []
    for number in range(train + test):
        text, output = instruction(number)
        record: dict[str, Any] = {"id": f"{number:04}", "input": text, "output": output}
        if number % 5 == 0:
            record["tags"] = ["unseen:case", "en"]
        records.append(record)
    return data(folder, DOSE, {"train": records[:train], "dev": records[:2], "test": records[train:]})


def predicted(folder: Path, answers: Mapping[str, Mapping[str, Any]], task: Task = DOSE, **about: Any) -> Path:
    """A prediction artifact: test set → id → output (None: an answer without form)."""
    folder.mkdir(parents=True)
    for name, given in answers.items():
        predictions = [
            Prediction(id, "?", None, "not JSON") if output is None
            else Prediction(id, task.encode(output), task.normalise(output))
            for id, output in given.items()
        ]  # fmt: skip
        save_predictions(folder / f"{name}.jsonl", predictions)
    (folder / "about.json").write_text(json.dumps({"limit": None, "constrained": True, **about}), encoding="utf-8")
    return folder


def outputs(data_folder: Path, name: str = "test") -> dict[str, Any]:
    """id → right output of a test set."""
    lines = (data_folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return {record["id"]: record["output"] for record in map(json.loads, lines)}


def silent(event: str, **fields: Any) -> None:
    """A `report` that nobody reads."""
