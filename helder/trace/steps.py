"""Which training steps saw a place of a stream: the order of a training is a pure function, and is asked again.

Nothing is measured and nothing was stored for it: seed, root and settings in a training's statement decide which
sequences each step saw (`helder.train.order`). That it was so is checked against the digest of the batch in the
training log (`helder.train.chain`), which the head of the log in the signed statement covers.

Steps are numbered as in the log, from 1. Light: no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from helder.ledger.statement import Statement
from helder.trace.index import Index
from helder.train import chain
from helder.train.order import Order, seed_for


@dataclass(frozen=True)
class Training:
    """A training that was done, as its statement says.

    Attributes:
        stage: its name.
        statement: what is signed of it.
        folder: its artifact.
    """

    stage: str
    statement: Statement
    folder: Path

    @property
    def settings(self) -> Mapping[str, Any]:
        settings: Mapping[str, Any] = self.statement.predicate["settings"]
        return settings

    @property
    def steps(self) -> int:
        return int(self.statement.facts["steps"])

    @property
    def states(self) -> list[int]:
        """Steps behind which the whole state is kept."""
        return [int(one["step"]) for one in self.statement.facts.get("states", ())]

    @property
    def seconds(self) -> float:
        """How long it took, the making of the model's files aside."""
        return float(self.statement.facts.get("train_seconds") or self.statement.predicate["timings"]["seconds"])


@dataclass(frozen=True)
class Sightings:
    """What a training saw of an index.

    Attributes:
        training: the training.
        index: of what it learnt from.
    """

    training: Training
    index: Index

    @property
    def _objective(self) -> str:
        return str(self.training.settings["objective"])

    @cached_property
    def _sequences(self) -> list[tuple[int, ...]]:
        """For each sequence that the order orders, the documents of the index that it consists of; not for text."""
        settings = self.training.settings
        size = 2 if self.index.kind == "pairs" else 1
        room = settings["context"] - (settings["answer_tokens"] if self._objective == "reward" else 0)
        groups = [tuple(range(first, first + size)) for first in range(0, len(self.index.documents), size)]
        return [group for group in groups if max(map(self._length, group)) <= room]

    def _length(self, document: int) -> int:
        """Tokens that the training sees of a document."""
        first, stop = self.index.bounds(document)
        return int(self.index.documents[document]["answer"]) if self._objective == "reward" else stop - first

    @cached_property
    def order(self) -> Order:
        """The order of the training."""
        settings = self.training.settings
        if self.index.kind == "text":
            tokens, context = len(self.index.tokens), int(settings["context"])
            lengths = [min(context, tokens - start) for start in range(0, tokens, context)]
        else:
            lengths = [sum(map(self._length, group)) for group in self._sequences]
        seed = seed_for(int(settings["seed"]), self.training.statement.facts["data_root"])
        window = {"window": 1} if self.index.kind == "text" else {}
        size, tokens_ = int(settings["batch_size"]), int(settings["batch_tokens"])
        return Order(lengths, batch_size=size, batch_tokens=tokens_, seed=seed, **window)

    def batch(self, step: int) -> list[int]:
        """The sequences that a step saw."""
        reuse = int(self.training.settings["reuse"]) if self._objective == "reward" else 1
        return self.order.batch((step - 1) // reuse)

    @cached_property
    def _steps(self) -> dict[int, list[int]]:
        """Sequence → the steps that saw it."""
        found: dict[int, list[int]] = {}
        for step in range(1, self.training.steps + 1):
            for sequence in self.batch(step):
                found.setdefault(sequence, []).append(step)
        return found

    @cached_property
    def _sequence_of(self) -> dict[int, int]:
        """Document → the sequence that it belongs to; not for text."""
        return {document: place for place, group in enumerate(self._sequences) for document in group}

    def sequences(self, first: int, stop: int) -> list[int]:
        """The sequences that hold any token of a range of the stream, in order: rows of the stream for text.

        A row is also asked for the token behind its end, unless another document begins there: the first token of a
        range may be seen by the row before as what it has to predict.
        """
        if self.index.kind == "text":
            context = int(self.training.settings["context"])
            (document,) = self.index.document_of(np.array([first]))
            before = first - 1 if first > self.index.starts[document] else first
            return list(range(before // context, (stop - 1) // context + 1))
        found = set()
        documents = self.index.document_of(np.array([first, stop - 1]))
        for document in range(int(documents[0]), int(documents[1]) + 1):
            seen = document in self._sequence_of and first < self.index.bounds(document)[0] + self._length(document)
            if seen:
                found.add(self._sequence_of[document])
        return sorted(found)

    def steps(self, sequences: Sequence[int]) -> list[int]:
        """The steps that saw any of these sequences, in order."""
        return sorted({step for sequence in sequences for step in self._steps.get(sequence, ())})

    # -- against the training log ------------------------------------------------------------------------------------

    @cached_property
    def _log(self) -> list[dict[str, Any]]:
        return chain.read(self.training.folder / chain.LOG)

    def agrees(self, step: int) -> bool | None:
        """Whether the batch that a step saw, as it is made here, is the one in the training log.

        None where the log cannot say: a model's own answers are in the batches of a reward.
        """
        if self._objective == "reward":
            return None
        digest = hashlib.sha256()
        for sequence in self.batch(step):
            if self.index.kind == "text":
                context = int(self.training.settings["context"])
                row = self.index.tokens[sequence * context : (sequence + 1) * context + 1]
                digest.update(np.ascontiguousarray(row, dtype="<i4").tobytes())
                continue
            for document in self._sequences[sequence]:
                first, stop = self.index.bounds(document)
                answer = int(self.index.documents[document]["answer"])
                ids = [int(token) for token in self.index.tokens[first:stop]]
                digest.update(json.dumps([answer, ids], separators=(",", ":")).encode("ascii") + b"\n")
        return bool(self._log[step - 1]["batch_sha256"] == digest.hexdigest())
