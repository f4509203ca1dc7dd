"""The loop: tokens → weights, for every objective, resumable at every checkpoint to the same bits.

What decides the bits is in the settings, the base weights, the examples and the numerics profile; nothing here asks a
clock or a random generator. Times are measured for the report's sake and kept out of what is sealed.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from helder.errors import HelderError
from helder.model.kernels import linear_cross_entropy
from helder.model.transformer import Transformer
from helder.train import checkpoint
from helder.train.examples import Batch, Example, batch_digest, collate
from helder.train.lora import LoraLinear, add_lora
from helder.train.masters import Masters
from helder.train.order import Order
from helder.train.parallel import Parts, deal
from helder.train.schedule import learning_rate
from helder.train.settings import TrainSettings

LOG, EVALUATION = "log.jsonl", "evaluation.jsonl"
DEV_EXAMPLES = 48  # assumption: enough to see the curve; five looks at 96 took a tenth of a training of 4 minutes
DEV_BATCH_TOKENS = 2048

Report = Callable[..., None]


@dataclass
class Trainer:
    """A model on its way from the base weights to the tuned ones.

    Args:
        folder: the base model, a Hugging Face folder.
        settings: resolved settings; `steps` must be known before `run`.
        examples: what is learnt from.
        dev: what the loss is looked at on while training; never learnt from.
    """

    folder: Path
    settings: TrainSettings
    examples: Sequence[Example]
    dev: Sequence[Example] = ()
    order: Order = field(init=False)
    model: Transformer = field(init=False)
    additions: dict[str, LoraLinear] = field(init=False, default_factory=dict)
    masters: Masters = field(init=False)
    optimizer: torch.optim.AdamW = field(init=False)
    parts: Parts = field(init=False)

    def __post_init__(self) -> None:
        settings = self.settings
        lengths = [len(example.ids) for example in self.examples]
        self.order = Order(
            lengths, batch_size=settings.batch_size, batch_tokens=settings.batch_tokens, seed=settings.seed
        )
        # Explicit attention is faster than torch's for the short sequences of narrow tasks (docs/log.md); its
        # memory grows with the square of the length.
        self.model = Transformer.from_folder(self.folder, attention="explicit" if max(lengths) <= 512 else "sdpa")
        compute = torch.bfloat16 if settings.precision == "bf16" else torch.float32
        self.model.mixed_precision(compute)
        if settings.method == "upper":
            keep_upper(self.model, settings.upper, compute)
        if settings.method == "lora":
            self.additions = add_lora(self.model, settings.lora_rank, settings.lora_alpha, settings.seed, compute)
        self.masters = Masters(self.model, compute)
        decayed = [parameter for parameter in self.parameters.values() if parameter.ndim > 1]
        others = [parameter for parameter in self.parameters.values() if parameter.ndim == 1]
        groups = [
            {"params": decayed, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(
            [group for group in groups if group["params"]],
            lr=settings.learning_rate,
            betas=(settings.beta1, settings.beta2),
            fused=True,
        )
        self.parts = Parts(settings.data_parallel, self.masters.working, list(self.parameters.values()))

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """What is trained, in fp32: name → weight, in sorted order."""
        return self.masters.parameters

    @property
    def steps(self) -> int:
        """Steps of the whole training; epochs and tokens are turned into steps here."""
        settings = self.settings
        if settings.steps:
            return settings.steps
        return self.order.steps_of(settings.epochs) if settings.epochs else self.order.steps_for(settings.tokens)

    def loss(self, batch: Batch) -> torch.Tensor:
        """Cross-entropy summed over the answer tokens of a batch, in nats."""
        hidden = self.model.hidden(batch.ids).flatten(0, 1)[batch.rows]
        return linear_cross_entropy(hidden, self.model.lm_head.weight, batch.targets)

    def step(self, step: int, steps: int) -> dict[str, Any]:
        """Take step `step` (from 0) of `steps`; the line of the training log about it.

        Raises:
            HelderError: the loss or the gradient is not a number.
        """
        self.masters.refresh()
        chosen = [self.examples[index] for index in self.order.batch(step)]
        batches = [collate(part) for part in deal(chosen, self.settings.data_parallel)]
        answers = sum(len(batch.targets) for batch in batches)
        rate = learning_rate(step, steps, self.settings.learning_rate, self.settings.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

        def mean(batch: Batch) -> torch.Tensor:
            return self.loss(batch) / answers

        loss = self.parts.backward([partial(mean, batch) for batch in batches])
        gradients = [parameter.grad for parameter in self.parameters.values() if parameter.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if norm > self.settings.gradient_clip:
            nn.utils.clip_grads_with_norm_(self.parameters.values(), self.settings.gradient_clip, norm)
        line: dict[str, Any] = {
            "step": step + 1,
            "loss": loss.item(),
            "learning_rate": rate,
            "gradient_norm": norm.item(),
            "tokens": sum(batch.tokens for batch in batches),
            "padded_tokens": sum(batch.ids.numel() for batch in batches),
            "batch_sha256": batch_digest(chosen),
        }
        if not math.isfinite(line["loss"]) or not math.isfinite(line["gradient_norm"]):
            raise HelderError(
                f"The training broke at step {step + 1}: the loss is {line['loss']}.",
                f"The batch {line['batch_sha256'][:12]} or a learning rate of {rate:g} was too much for the weights.",
                "Lower `learning_rate` in [train]; the last good checkpoint is kept.",
            )
        self.optimizer.step()
        return line

    @torch.no_grad()
    def dev_loss(self) -> float:
        """Mean loss on the dev examples, in nats per answer token."""
        self.masters.refresh()
        total, count = 0.0, 0
        for chosen in batches_of(self.dev[:DEV_EXAMPLES]):
            batch = collate(chosen)
            total += self.loss(batch).item()
            count += len(batch.targets)
        return total / count

    def run(self, output: Path, scratch: Path, report: Report) -> dict[str, Any]:
        """Train to the end, from the checkpoint in `scratch` when there is one; write the logs.

        Returns:
            Measurements that are not part of the artifact: seconds, tokens, tokens per second.
        """
        steps = self.steps
        done = checkpoint.load(scratch, self.parameters, self.optimizer)
        keep_lines(scratch / LOG, done)
        keep_lines(scratch / EVALUATION, done)
        if done:
            report("note", text=f"continues after step {done} of {steps}")
        every, save_every = self.settings.evaluations(steps), self.settings.checkpoints(steps)
        started, cpu, tokens = time.monotonic(), time.process_time(), 0
        with (
            (scratch / LOG).open("a", encoding="utf-8") as log,
            (scratch / EVALUATION).open("a", encoding="utf-8") as evaluations,
        ):
            for step in range(done, steps):
                line = self.step(step, steps)
                write_line(log, line)
                tokens += line["tokens"]
                elapsed = time.monotonic() - started
                report(
                    "progress",
                    done=step + 1,
                    total=steps,
                    unit="step",
                    loss=line["loss"],
                    tokens_per_second=tokens / elapsed,
                    seconds_left=elapsed / (step + 1 - done) * (steps - step - 1),
                )
                if self.dev and ((step + 1) % every == 0 or step + 1 == steps):
                    write_line(evaluations, {"step": step + 1, "loss": self.dev_loss()})
                if (step + 1) % save_every == 0 and step + 1 < steps:
                    log.flush()
                    evaluations.flush()
                    checkpoint.save(scratch, step + 1, checkpoint.state(self.parameters, self.optimizer))
        seconds, cpu = time.monotonic() - started, time.process_time() - cpu
        for name in (LOG, EVALUATION):
            (output / name).write_bytes((scratch / name).read_bytes())
        return {
            "steps": steps,
            "tokens": tokens,
            "train_seconds": seconds,
            "cpu_seconds": cpu,
            "tokens_per_second": tokens / seconds if tokens else 0.0,
            "tokens_per_cpu_second": tokens / cpu if tokens else 0.0,
        }


def keep_upper(model: Transformer, part: float, compute: torch.dtype) -> None:
    """Leave only the upper `part` of the blocks and the last norm to be tuned; the rest is held in `compute`.

    No gradient is needed below the lowest tuned block, so a step costs less (docs/log.md).
    """
    blocks = list(model.model.layers)
    lower = len(blocks) - max(1, round(part * len(blocks)))
    for module in (model.model.embed_tokens, model.lm_head, *blocks[:lower]):
        module.requires_grad_(False)
        for inner in module.modules():
            if isinstance(inner, nn.Linear | nn.Embedding):
                inner.to(compute)


def batches_of(examples: Sequence[Example]) -> list[list[Example]]:
    """Cut examples into batches by length, for evaluation."""
    batches: list[list[Example]] = []
    for example in sorted(examples, key=lambda example: (len(example.ids), example.name)):
        if not batches or (len(batches[-1]) + 1) * len(example.ids) > DEV_BATCH_TOKENS:
            batches.append([])
        batches[-1].append(example)
    return batches


def write_line(file: Any, line: dict[str, Any]) -> None:
    """One JSON line; floats as the shortest text that gives the same bits again."""
    file.write(json.dumps(line, separators=(",", ":"), allow_nan=False) + "\n")


def keep_lines(path: Path, steps: int) -> None:
    """Cut a log back to the first `steps` steps: what a killed attempt wrote after its checkpoint is done again."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept: list[str] = []
    for line in lines:
        try:
            if json.loads(line)["step"] > steps:
                break
        except ValueError:
            break  # the kill fell into the middle of a line
        kept.append(line + "\n")
    path.write_text("".join(kept), encoding="utf-8")
