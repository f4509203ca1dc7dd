"""Canaries: made-up examples that are planted in training data, to see later whether a model gives them away.

A canary is a reference number that nobody else uses, with an answer that was drawn for it by lot from a list. Who knows
the list but not the lot can only guess; a model that ranks the drawn answer far above the others has learnt it by heart
from one example (Carlini et al. 2019, "The Secret Sharer", USENIX Security). Because the answer is drawn evenly, its
rank is even too when nothing was learnt, whatever the model finds likely.

For labels and records the list holds answers that stand in the training data; for texts, sentences with a number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.data.items import Item, input_key, item_id
from helder.data.task import Task
from helder.errors import HelderError

FILE_NAME = "canaries.json"
CANDIDATES = 128  # answers from which one is drawn: a rank then tells 7 bits, and costs as many evaluations
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # without those that are mistaken for others


@dataclass(frozen=True)
class Canaries:
    """What was planted, and the answers from which each canary's was drawn."""

    items: tuple[Item, ...]
    candidates: tuple[Any, ...]

    def save(self, folder: Path) -> None:
        record = {
            "format": 1,
            "canaries": [{"id": one.id, "input": one.input, "output": one.output} for one in self.items],
            "candidates": list(self.candidates),
        }
        (folder / FILE_NAME).write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def make(train: Sequence[Item], task: Task, count: int, seed: int) -> Canaries:
    """`count` canaries for a task; the same training data and seed make the same.

    Raises:
        HelderError: all training examples have one answer, so that nothing can be drawn.
    """
    if task.kind == "text":
        candidates = [f"The number is {_code(seed, 'answer', place, 8)}." for place in range(CANDIDATES)]
    else:
        by_text = {item.encoded: item.output for item in train}
        ranked = sorted(by_text, key=lambda text: _draw(seed, "candidate", text))[:CANDIDATES]
        candidates = [by_text[text] for text in ranked]
    if len(candidates) < 2:
        raise HelderError(
            "Canaries cannot be planted: all training examples have the same answer.",
            "A canary's answer is drawn from those that stand in the training data.",
            "Leave `canaries` out of [trust].",
        )
    items = []
    for place in range(count):
        text = f"Reference {_code(seed, 'question', place, 12)}"
        drawn = int.from_bytes(_draw(seed, "lot", str(place))[:8]) % len(candidates)
        output = task.normalise(candidates[drawn])
        encoded = task.encode(output)
        identity = f"canary-{item_id(text, encoded)}"
        items.append(Item(identity, text, output, encoded, input_key(text), FILE_NAME, place + 1))
    return Canaries(tuple(items), tuple(candidates))


def told(count: int) -> str:
    """What everyone must know who reads of the data."""
    return (
        f"{count} made-up examples (canaries) were planted in train, to measure whether the model gives away what it "
        "learnt; their answers are drawn by lot and are wrong"
    )


def load(folder: Path) -> tuple[list[dict[str, Any]], list[Any]] | None:
    """(canaries, candidates) of a data artifact; None when none were planted."""
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    return record["canaries"], record["candidates"]


def _code(seed: int, what: str, place: int, length: int) -> str:
    letters = [LETTERS[byte % len(LETTERS)] for byte in _draw(seed, what, str(place))[:length]]
    return "-".join("".join(letters[first : first + 4]) for first in range(0, length, 4))


def _draw(seed: int, what: str, name: str) -> bytes:
    return hashlib.sha256(f"helder canary {seed} {what}\n{name}".encode()).digest()
