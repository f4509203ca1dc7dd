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

    @property
    def encoded(self) -> bytes:
        """All that the loss on it depends on, as one line."""
        return json.dumps([self.answer_start, self.ids], separators=(",", ":")).encode("ascii")


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
    """Tensors of one part of a step.

    Attributes:
        ids: (batch, time), padded on the right with 0, which nothing looks at.
        rows: (answers,), indices into the flattened (batch * time) of the positions that predict answer tokens.
        targets: (answers,), the tokens that stand there.
        tokens: tokens of the batch without padding.
        documents: (batch, time), see `helder.model.transformer.Transformer.hidden`; None when a row is one sequence.
    """

    ids: Tensor
    rows: Tensor
    targets: Tensor
    tokens: int
    documents: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The batch on another device."""
        documents = None if self.documents is None else self.documents.to(device)
        return Batch(self.ids.to(device), self.rows.to(device), self.targets.to(device), self.tokens, documents)


def collate(examples: Sequence[Example], row_tokens: int = 0) -> Batch:
    """Put examples into one batch.

    Args:
        row_tokens: pack several into a row of at most so many tokens, none of them seeing another; 0: one a row. An
            example that is longer by itself has a row of its own.
    """
    filled = (
        pack([len(example.ids) for example in examples], row_tokens)
        if row_tokens
        else [[n] for n in range(len(examples))]
    )
    time = max(sum(len(examples[index].ids) for index in row) for row in filled)
    ids = torch.zeros(len(filled), time, dtype=torch.int64)
    documents = torch.full((len(filled), time), -1, dtype=torch.int64) if row_tokens else None
    rows: list[int] = []
    targets: list[int] = []
    for place, row in enumerate(filled):
        start = 0
        for index in row:
            example = examples[index]
            end = start + len(example.ids)
            ids[place, start:end] = torch.tensor(example.ids)
            if documents is not None:
                documents[place, start:end] = index
            rows += range(place * time + start + example.answer_start - 1, place * time + end - 1)
            targets += example.ids[example.answer_start :]
            start = end
    tokens = sum(len(example.ids) for example in examples)
    return Batch(ids, torch.tensor(rows), torch.tensor(targets), tokens, documents)


def pack(lengths: Sequence[int], row_tokens: int) -> list[list[int]]:
    """Indices of sequences as rows of at most `row_tokens` tokens: the longest first, each into the first with room."""
    rows: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        place = next((place for place, free in enumerate(room) if free >= lengths[index]), None)
        if place is None:
            rows.append([])
            room.append(row_tokens)
            place = len(rows) - 1
        rows[place].append(index)
        room[place] -= lengths[index]
    return rows


def batch_digest(examples: Iterable[Example]) -> str:
    """SHA-256 over the tokens and answer starts of a batch, in order."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(example.encoded)
        digest.update(b"\n")
    return digest.hexdigest()
