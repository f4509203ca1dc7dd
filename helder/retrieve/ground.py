"""A question → the passages that fit it and the question itself, as the model is asked; and the stage "ground".

    > The passage that fits best.

    > The next one.

    The question as it was asked.

Passages stand before the question, the best one first, each in one line: only the white space differs from its
document. They have a room of so many tokens; those that do not fit are dropped, the last ones first, and counted.
Passages are text like any other: no token in them is special (`helder.tokens.tokenizer.Tokenizer.encode`).

The stage does this to every record of the data, so that what is measured with passages is what is served with them: its
artifact is that of the stage "data" with other inputs, and a file beside each set that says which passages a record
has. How sure a model is of an answer counts for less when little of the question stands in the passages, or little of
the answer: confidence × share of the question × support of the answer. Nothing in that is fitted; a threshold on it is
chosen like any other (`helder.evaluate.trust.selective`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.evaluate.records import test_sets
from helder.retrieve.index import Found, Index
from helder.retrieve.quotes import support
from helder.tokens.tokenizer import Tokenizer

FUNCTION = "helder.retrieve.ground:run"
MARK, BETWEEN = "> ", "\n\n"


@dataclass(frozen=True)
class Grounded:
    """A question with its passages.

    Attributes:
        text: what the model is asked.
        before: how many characters of it are passages.
        passages: those that it holds, the best first.
        dropped: how many fit the question and not the room.
    """

    question: str
    text: str
    before: int
    passages: tuple[Found, ...]
    dropped: int

    @property
    def context(self) -> str:
        """The passages as they were shown."""
        return self.text[: self.before]

    @property
    def share(self) -> float:
        """See `Found.share`; of the best of the passages."""
        return max((one.share for one in self.passages), default=0.0)

    def to_json(self) -> dict[str, Any]:
        """What the stage writes down."""
        return {
            "question": self.question,
            "before": self.before,
            "share": round(self.share, 6),
            "dropped": self.dropped,
            "passages": [
                {"id": one.id, "sha256": digest(one.text), "score": round(one.score, 6), "share": round(one.share, 6)}
                for one in self.passages
            ],
        }


@dataclass(frozen=True)
class Retriever:
    """Finds passages for questions.

    Attributes:
        tokenizer: the model's, whose tokens the room is counted in.
        top: at most so many passages.
        room: at most so many tokens of passages.
    """

    index: Index
    tokenizer: Tokenizer
    top: int
    room: int

    @classmethod
    def open(cls, index: Path, model: Path, settings: Mapping[str, Any]) -> Retriever:
        """Open an index beside a model's folder.

        Args:
            settings: top, room, as the stage "ground" has them.
        """
        return cls(Index(index), Tokenizer.load(model), int(settings["top"]), int(settings["room"]))

    def ground(self, question: str, room: int | None = None) -> Grounded:
        """A question with its passages.

        Args:
            room: less than the usual one, where the context leaves less.
        """
        most = self.room if room is None else min(room, self.room)
        found = self.index.search(question, self.top)
        kept: list[Found] = []
        text = ""
        for one in found:
            longer = text + MARK + " ".join(one.text.split()) + BETWEEN
            if len(self.tokenizer.encode(longer)) > most:
                break
            kept.append(one)
            text = longer
        return Grounded(question, text + question, len(text), tuple(kept), len(found) - len(kept))


def digest(text: str) -> str:
    """SHA-256 of a passage, by which receipts name it."""
    return sha256(text.encode("utf-8")).hexdigest()


def combined(confidence: float, share: float, context: str, answer: str, kind: str) -> float:
    """How sure an answer is that was given with passages; see the module docstring.

    Args:
        kind: of the task. Labels and records are words of the task, which no passage need hold: support is for texts.
    """
    return confidence * share * (support(answer, context) if kind == "text" else 1.0)


def run(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Callable[..., None]
) -> dict[str, Any]:
    """Stage function, see `helder.stage`.

    Args:
        settings: top, room.
        inputs: "data", "passages" (the artifact of the stage with that name), "base": a folder with the tokenizer.

    Returns:
        For each set, records and how many of them have no passage; dropped: passages that did not fit.
    """
    retriever = Retriever.open(inputs["passages"], inputs["base"], settings)
    data = inputs["data"]
    shutil.copyfile(data / "task.json", output / "task.json")
    told: dict[str, Any] = {"sets": {}, "dropped": 0}
    for name in ("train", "dev", *test_sets(data)):
        without = count = 0
        with (
            (output / f"{name}.jsonl").open("w", encoding="utf-8", newline="\n") as records,
            (output / beside(name)).open("w", encoding="utf-8", newline="\n") as notes,
        ):
            for record in _lines(data / f"{name}.jsonl"):
                grounded = retriever.ground(record["input"])
                count, without = count + 1, without + (not grounded.passages)
                told["dropped"] += grounded.dropped
                records.write(_line({**record, "input": grounded.text}))
                notes.write(_line({"id": record["id"], **grounded.to_json()}))
        told["sets"][name] = {"records": count, "without_passages": without}
        report("note", text=f"{name}: {count} questions, {without} without a passage")
    return told


def beside(name: str) -> str:
    """The file that says which passages the records of a set have."""
    return f"passages-{name}.jsonl"


def notes(data: Path, name: str) -> dict[str, dict[str, Any]]:
    """Of an artifact of the stage "ground": id → what stands in the file beside a set.

    Raises:
        HelderError: it is an artifact of another stage.
    """
    path = data / beside(name)
    if not path.is_file():
        raise HelderError(f"{data.name} says of no record which passages it has.", f"{path.name} is not there.")
    return {str(one["id"]): one for one in _lines(path)}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"
