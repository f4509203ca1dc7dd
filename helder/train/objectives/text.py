"""Language modelling on documents: pre-training, mid-training, continued pre-training (Radford et al. 2019).

Documents stand one behind another in one stream of tokens that is cut into rows of the same length, so that nothing is
padding; inside a row no document sees another (document masks, as in OLMo 2 and Llama 3). Every token is learnt but
the first of each document, which only marks that a text begins. A document that is cut by the end of a row is not
continued in sight of what came before, and its next token is still learnt.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helder.errors import HelderError
from helder.model.transformer import Transformer
from helder.tokens.shards import Shard
from helder.train.examples import Batch
from helder.train.objectives.answers import Criterion, cross_entropy
from helder.train.objectives.objective import Objective, Work
from helder.train.parallel import deal
from helder.train.settings import TrainSettings

DEV_TOKENS = 16_384  # of the held-out documents looked at while training (assumption: enough to see the curve)
DEV_ROWS = 8


class Text(Objective):
    """Learns to go on with documents.

    Args:
        train: what is learnt from.
        dev: what the loss is looked at on while training; never learnt from; None when nothing is held out.
        criterion: the loss of a model summed over the wanted tokens of a batch.
    """

    counted = "rows of text"

    def __init__(
        self, settings: TrainSettings, train: Shard, dev: Shard | None, criterion: Criterion = cross_entropy
    ) -> None:
        self.train, self.dev, self.criterion = train, dev, criterion
        self.longest = settings.context
        self.rows = train.rows(self.longest)
        # Rows have one length: nothing is gained by sorting them in windows, and neighbours would meet.
        self.arrange(settings, documents(train), [len(row) for row in self.rows], window=1)
        self.looks = dev is not None

    def work(self, step: int, parts: int) -> Work:
        chosen = [self.rows[index] for index in self.order.batch(step)]
        batches = [self.place(collate(self.train, part)) for part in deal(chosen, parts)]
        count = sum(len(batch.targets) for batch in batches)
        digest = hashlib.sha256()
        for row in chosen:
            digest.update(np.ascontiguousarray(self.train.ids[row.start : row.stop + 1], dtype="<i4").tobytes())

        def mean(batch: Batch) -> Tensor:
            return self.criterion(self.model, batch) / count

        return Work(
            losses=[partial(mean, batch) for batch in batches],
            tokens=sum(batch.tokens for batch in batches),
            padded_tokens=sum(batch.ids.numel() for batch in batches),
            batch_sha256=digest.hexdigest(),
        )

    def padded_tokens(self, step: int) -> int:
        return sum(self.order.lengths[index] for index in self.order.batch(step))

    def look(self) -> dict[str, float]:
        """Cross-entropy in nats per token, and bits per byte, of the first held-out documents, whole ones.

        Whatever the training's own loss is: what is added to it, or a teacher's share, is no bit of a document.
        """
        if self.dev is None:
            raise ValueError("nothing is held out")
        return measure(cross_entropy, self.model, self.dev.first_documents(DEV_TOKENS), self.longest)

    def facts(self, steps: int) -> dict[str, Any]:
        rows = [self.rows[index] for step in range(steps) for index in self.order.batch(step)]
        ends = [self.train.document_of(row)[[0, -1]].tolist() for row in set(rows)]
        seen = {document for first, last in ends for document in range(first, last + 1)}
        return {
            "examples": len(self.train),
            "data_root": self.root,
            "examples_seen": len(seen),
            "tokens_there": self.train.tokens,
            "tokens_seen": sum(map(len, rows)),
            "too_long": [],
        }


def documents(shard: Shard) -> Iterator[bytes]:
    """The tokens of each document, as little-endian numbers of 32 bits."""
    for start, end in pairwise([*shard.starts.tolist(), shard.tokens]):
        yield np.ascontiguousarray(shard.ids[start:end], dtype="<i4").tobytes()


@torch.no_grad()
def measure(criterion: Criterion, model: Transformer, shard: Shard, context: int) -> dict[str, float]:
    """Loss in nats per token and bits per byte of documents; those longer than `context` in pieces.

    Bits per byte count everything that has to be said to write the documents down: each token and the end of each text.
    """
    total, count, rows = 0.0, 0, shard.rows(context)
    for start in range(0, len(rows), DEV_ROWS):
        batch = collate(shard, rows[start : start + DEV_ROWS]).to(model.model.embed_tokens.weight.device)
        total += criterion(model, batch).item()
        count += len(batch.targets)
    return {"loss": total / count, "bits_per_byte": total / math.log(2) / shard.bytes}


def collate(shard: Shard, rows: Sequence[range]) -> Batch:
    """Rows of a stream as one batch; the last row of the stream may be shorter and is padded."""
    time = max(len(row) for row in rows)
    ids = np.zeros((len(rows), time), dtype=np.int64)
    documents = np.full((len(rows), time), -1, dtype=np.int64)
    targets = np.full((len(rows), time), -1, dtype=np.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = shard.ids[row.start : row.stop]
        documents[index, : len(row)] = shard.document_of(row)
        targets[index, : len(row)] = shard.targets(row)
    learnt = targets >= 0
    return Batch(
        ids=torch.from_numpy(ids),
        rows=torch.from_numpy(np.flatnonzero(learnt)),
        targets=torch.from_numpy(targets[learnt]),
        tokens=sum(len(row) for row in rows),
        documents=torch.from_numpy(documents),
    )


def read(settings: TrainSettings, inputs: dict[str, Path], report: Callable[..., None]) -> Text:
    """The objective on the artifact of the stage "tokens"; see `helder.train.objectives.read`."""
    return Text(settings, *read_shards(settings, inputs))


def read_shards(settings: TrainSettings, inputs: dict[str, Path]) -> tuple[Shard, Shard | None, Criterion]:
    """(what is learnt from, what is held out, the loss) of the tokens in `inputs["text"]`.

    Raises:
        HelderError: there is no text.
    """
    if "text" not in inputs:
        raise HelderError("There is no text to learn from.", fix='Name files: text = ["…"] in [[train]].')
    train, dev = Shard.load(inputs["text"], "train"), Shard.load(inputs["text"], "dev")
    return train, dev if len(dev) else None, partial(cross_entropy, z_loss=settings.z_loss)
