"""What is asked: the items of a project's test sets or of a file, each with the conversation that puts its question.

Everyone gets the same conversation: the task in words, the form of the answer, and the same examples. A model that
was tuned for the task was made for the bare question; where it was asked so, the table says so.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder.data.task import AnswerError, Task
from helder.errors import HelderError
from helder.evaluate.prompt import choose_asked, choose_shots, messages_for
from helder.evaluate.records import Example, load_examples, test_sets
from helder.ledger import canonical
from helder.ledger.artifact import Artifact

if TYPE_CHECKING:
    from helder.project import Project

CLUSTERS = ("cluster", "document", "problem")  # tags "document:handbook.pdf" say what an item shares with others


@dataclass(frozen=True)
class Item:
    """One question.

    Attributes:
        key: "test:17", by which plans and records know it.
        test_set: the test set, which is one task of the comparison.
        example: question and right answer.
        cluster: what it shares with others; its own key where it shares nothing.
        messages: the conversation.
        private: whether its file says that it may not leave.
    """

    key: str
    test_set: str
    example: Example
    cluster: str
    messages: tuple[dict[str, str], ...]
    private: bool = False


@dataclass(frozen=True)
class Asked:
    """All questions of a comparison.

    Attributes:
        task: the form of an answer.
        items: in order.
        of: test set → how many items it has in all.
        shots: the examples in each conversation.
        sources: name → what the items were read from.
        project: whose they are; None where they come from a file.
    """

    task: Task
    items: tuple[Item, ...]
    of: dict[str, int]
    shots: tuple[Example, ...]
    sources: dict[str, Artifact]
    project: Project | None

    @property
    def sets(self) -> list[str]:
        return list(self.of)

    def digest(self, test_set: str) -> str:
        """Of questions, right answers and clusters of a test set."""
        rows: list[Any] = [
            [item.key, [dict(message) for message in item.messages], item.cluster, _plain(item.example.output)]
            for item in self.items
            if item.test_set == test_set
        ]
        return canonical.digest(rows)


def of_project(project: Project, limit: int | None, examples: int, seed: int) -> Asked:
    """The test sets of a project whose data are made.

    Raises:
        HelderError: they are not.
    """
    from helder import pipeline

    made = pipeline.made(project)
    if "data" not in made:
        raise HelderError(f"{project.folder} has no data yet.", "", f"helder run {project.folder}")
    folder = made["data"].path
    task = Task.load(folder / "task.json")
    sets = {name: load_examples(folder / f"{name}.jsonl") for name in test_sets(folder)}
    shots = choose_shots(task, load_examples(folder / "train.jsonl"), examples, seed) if examples else []
    return _asked(task, sets, shots, limit, seed, {"data": made["data"]}, project)


def of_file(path: Path, task_file: Path | None, limit: int | None, seed: int) -> Asked:
    """The items of a JSON-lines file: {"id", "input", "output", "tags", "private"}; all but the first three may be
    missing.

    Args:
        task_file: the form of the answers, as `task.json` of a run; without it, an answer is any text.

    Raises:
        HelderError: a file that cannot be read, or a line that is no item; the line is named.
    """
    task = Task.load(task_file) if task_file else Task(kind="text", name=path.stem)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise HelderError(f"The items in {path} cannot be read.", str(error), "Give a JSON-lines file.") from error
    found: dict[str, Example] = {}
    private: set[str] = set()
    for number, line in enumerate(lines, 1):
        if line.strip():
            example, alone = _example(task, line, f"{path}, line {number}")
            if example.id in found:
                raise HelderError(
                    f"{path}, line {number}: the id {example.id!r} stands there twice.", "", "Correct it."
                )
            found[example.id] = example
            private |= {example.id} if alone else set()
    if not found:
        raise HelderError(f"There are no items in {path}.", "", "Give one JSON object a line.")
    sources = {"items": Artifact.of(path, path.name)}
    if task_file:
        sources["task"] = Artifact.of(task_file, task_file.name)
    return _asked(task, {path.stem: list(found.values())}, [], limit, seed, sources, None, private, task_file is None)


def _example(task: Task, line: str, where: str) -> tuple[Example, bool]:
    try:
        record = json.loads(line)
        if not isinstance(record, dict):
            raise ValueError("a JSON object is wanted")
        unknown = sorted(set(record) - {"id", "input", "output", "tags", "scored", "private"})
        if unknown:
            raise ValueError(f"the key {unknown[0]!r} is unknown")
        id, text = str(record["id"]), record["input"]
        if not isinstance(text, str) or not text.strip():
            raise ValueError("the input is no text, or empty")
        tags = tuple(map(str, record.get("tags", ())))
        scored = tuple(record["scored"]) if record.get("scored") is not None else None
        return Example(id, text, task.normalise(record["output"]), scored, tags), record.get(
            "private", False
        ) is not False
    except KeyError as error:
        raise HelderError(
            f"{where}: {error.args[0]!r} is missing.", "", 'It needs "id", "input" and "output".'
        ) from error
    except (ValueError, TypeError, AnswerError) as error:
        raise HelderError(f"{where}: no item can be read.", str(error), "Correct the line.") from error


def _asked(
    task: Task,
    sets: dict[str, list[Example]],
    shots: Sequence[Example],
    limit: int | None,
    seed: int,
    sources: dict[str, Artifact],
    project: Project | None,
    private: Collection[str] = (),
    bare: bool = False,
) -> Asked:
    items = []
    for name, examples in sets.items():
        for example in choose_asked(examples, limit, seed):
            key = f"{name}:{example.id}"
            # A file without a task says all there is to say in its questions.
            given = messages_for(task, example.input, None if bare else shots)
            messages = tuple(dict(message) for message in given)
            items.append(Item(key, name, example, _cluster(example, key), messages, example.id in private))
    return Asked(task, tuple(items), {name: len(all_) for name, all_ in sets.items()}, tuple(shots), sources, project)


def _cluster(example: Example, key: str) -> str:
    """The tag that says what an item belongs to; itself where there is none."""
    return next((tag for kind in CLUSTERS for tag in example.tags if tag.startswith(f"{kind}:")), key)


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))
