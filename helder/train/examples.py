"""Records → token sequences with the place where the answer begins."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from helder.data.task import Task
from helder.errors import HelderError
from helder.tokens import chat
from helder.tokens.tokenizer import Tokenizer


@dataclass(frozen=True)
class Example:
    """One example as tokens.

    Attributes:
        ids: the question and the answer in the model's chat format.
        answer_start: index of the first token of the answer; the loss is taken from there on.
        name: the id of the record.
    """

    ids: tuple[int, ...]
    answer_start: int
    name: str


def read_examples(
    path: Path, task: Task, tokenizer: Tokenizer, format_name: str, context: int
) -> tuple[list[Example], list[str]]:
    """The examples of a record file, and the ids of those that are longer than the context.

    Raises:
        HelderError: every example is longer than the context.
    """
    examples: list[Example] = []
    too_long: list[str] = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            messages = [{"role": "user", "content": record["input"]}]
            ids, start = chat.render(tokenizer, format_name, messages, task.encode(record["output"]))
            if len(ids) > context:
                too_long.append(record["id"])
            else:
                examples.append(Example(tuple(ids), start, record["id"]))
    if too_long and not examples:
        raise HelderError(
            f"Every example of {path.name} is longer than {context} tokens.",
            fix="Raise `context` in [train], or shorten the examples.",
        )
    return examples, too_long


@dataclass(frozen=True)
class Batch:
    """Tensors of one step.

    Attributes:
        ids: (batch, time), padded on the right with 0, which nothing looks at.
        rows: (answers,), indices into the flattened (batch * time) of the positions that predict answer tokens.
        targets: (answers,), the tokens that stand there.
        tokens: tokens of the batch without padding.
    """

    ids: Tensor
    rows: Tensor
    targets: Tensor
    tokens: int


def collate(examples: Sequence[Example]) -> Batch:
    """Put examples into one batch."""
    time = max(len(example.ids) for example in examples)
    ids = torch.zeros(len(examples), time, dtype=torch.int64)
    rows: list[int] = []
    targets: list[int] = []
    for index, example in enumerate(examples):
        ids[index, : len(example.ids)] = torch.tensor(example.ids)
        rows += range(index * time + example.answer_start - 1, index * time + len(example.ids) - 1)
        targets += example.ids[example.answer_start :]
    return Batch(ids, torch.tensor(rows), torch.tensor(targets), sum(len(example.ids) for example in examples))


def batch_digest(examples: Iterable[Example]) -> str:
    """SHA-256 over the tokens and answer starts of a batch, in order."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(json.dumps([example.answer_start, example.ids], separators=(",", ":")).encode("ascii"))
        digest.update(b"\n")
    return digest.hexdigest()
