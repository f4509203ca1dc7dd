"""Supervised fine-tuning: questions and answers in a chat format, the loss on the answers (Ouyang et al. 2022)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from helder.data.task import Task
from helder.model.kernels import linear_cross_entropy
from helder.model.transformer import Transformer
from helder.tokens import chat
from helder.tokens.tokenizer import Tokenizer
from helder.train.examples import Batch, Example, batch_digest, collate, read_examples
from helder.train.objectives.objective import Objective, Work
from helder.train.parallel import deal
from helder.train.settings import TrainSettings

DEV_EXAMPLES = 48  # assumption: enough to see the curve; five looks at 96 took a tenth of a training of 4 minutes
DEV_BATCH_TOKENS = 2048

Criterion = Callable[[Transformer, Batch], Tensor]


def cross_entropy(model: Transformer, batch: Batch, z_loss: float = 0.0) -> Tensor:
    """Cross-entropy summed over the wanted tokens of a batch, in nats."""
    return linear_cross_entropy(wanted(model, batch), model.lm_head.weight, batch.targets, z_loss)


def wanted(model: Transformer, batch: Batch) -> Tensor:
    """The hidden states from which the wanted tokens of a batch are predicted: (targets, width)."""
    return model.hidden(batch.ids, documents=batch.documents).flatten(0, 1)[batch.rows]


class Answers(Objective):
    """Learns to answer.

    Args:
        examples: what is learnt from.
        dev: what the loss is looked at on while training; never learnt from.
        criterion: the loss of a model summed over the wanted tokens of a batch.
        too_long: ids of the examples that were left out.
    """

    def __init__(
        self,
        settings: TrainSettings,
        examples: Sequence[Example],
        dev: Sequence[Example] = (),
        criterion: Criterion = cross_entropy,
        too_long: Sequence[str] = (),
    ) -> None:
        self.examples, self.dev, self.criterion, self.too_long = examples, dev, criterion, too_long
        lengths = [len(example.ids) for example in examples]
        self.arrange(settings, (example.encoded for example in examples), lengths)
        self.row_tokens = settings.context if settings.packing else 0
        self.longest = self.row_tokens or max(lengths)
        self.looks = bool(dev)

    def work(self, step: int, parts: int) -> Work:
        chosen = [self.examples[index] for index in self.order.batch(step)]
        batches = [self.place(collate(part, self.row_tokens)) for part in deal(chosen, parts)]
        answers = sum(len(batch.targets) for batch in batches)

        def mean(batch: Batch) -> Tensor:
            return self.criterion(self.model, batch) / answers

        return Work(
            losses=[partial(mean, batch) for batch in batches],
            tokens=sum(batch.tokens for batch in batches),
            padded_tokens=sum(batch.ids.numel() for batch in batches),
            batch_sha256=batch_digest(chosen),
        )

    def padded_tokens(self, step: int) -> int:
        lengths = [self.order.lengths[index] for index in self.order.batch(step)]
        return sum(lengths) if self.row_tokens else len(lengths) * max(lengths)

    @torch.no_grad()
    def look(self) -> dict[str, float]:
        """Mean loss on the dev examples, in nats per answer token."""
        total, count = 0.0, 0
        for chosen in batches_of(self.dev[:DEV_EXAMPLES]):
            batch = self.place(collate(chosen))
            total += self.criterion(self.model, batch).item()
            count += len(batch.targets)
        return {"loss": total / count}

    def seen(self, steps: int) -> list[str]:
        """Ids of the examples that the first `steps` steps saw, sorted."""
        return sorted({self.examples[index].name for step in range(steps) for index in self.order.batch(step)})

    def facts(self, steps: int) -> dict[str, Any]:
        return {**super().facts(steps), "examples_seen": len(self.seen(steps)), "too_long": list(self.too_long)}

    def keep(self, output: Path, scratch: Path, steps: int) -> None:
        (output / "seen.json").write_text(json.dumps({"ids": self.seen(steps)}, indent=0) + "\n", encoding="utf-8")


def read(settings: TrainSettings, inputs: dict[str, Path], report: Callable[..., None]) -> Answers:
    """The objective on the records of the stage "data"; see `helder.train.objectives.read`."""
    return Answers(settings, *read_records(settings, inputs, report))


def read_records(
    settings: TrainSettings, inputs: dict[str, Path], report: Callable[..., None]
) -> tuple[list[Example], list[Example], Criterion, list[str]]:
    """(examples, dev examples, loss, ids of those left out) of the records in `inputs["data"]`.

    Raises:
        HelderError: no example fits into the context.
    """
    base, data = inputs["base"], inputs["data"]
    task, tokenizer, format_name = Task.load(data / "task.json"), Tokenizer.load(base), chat.format_of(base)
    files = {
        name: read_examples(data / f"{name}.jsonl", task, tokenizer, format_name, settings.context)
        for name in ("train", "dev")
        if (data / f"{name}.jsonl").stat().st_size
    }
    for name, (kept, left_out) in files.items():
        warn_too_long(left_out, len(kept), settings.context, report, f"{name} examples")
    examples, too_long = files["train"]
    return examples, files.get("dev", ([], []))[0], partial(cross_entropy, z_loss=settings.z_loss), too_long


def warn_too_long(too_long: Sequence[str], kept: int, room: int, report: Callable[..., None], what: str) -> None:
    """Say which of the examples, or whatever they are called, do not fit."""
    if too_long:
        report(
            "warning",
            text=f"{len(too_long)} of {kept + len(too_long)} {what} are longer than {room} tokens and are left out: "
            f"{', '.join(too_long[:5])}",
        )


def batches_of(examples: Sequence[Example]) -> list[list[Example]]:
    """Cut examples into batches by length, for evaluation."""
    batches: list[list[Example]] = []
    for example in sorted(examples, key=lambda example: (len(example.ids), example.name)):
        if not batches or (len(batches[-1]) + 1) * len(example.ids) > DEV_BATCH_TOKENS:
            batches.append([])
        batches[-1].append(example)
    return batches
