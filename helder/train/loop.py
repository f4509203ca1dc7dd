"""The loop: tokens → weights, for every objective, resumable at every checkpoint to the same bits.

What decides the bits is in the settings, the base weights, the examples and the numerics profile; nothing here asks a
clock or a random generator. Times are measured for the report's sake and kept out of what is sealed.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import torch
from torch import nn

from helder.errors import HelderError
from helder.model.transformer import Transformer
from helder.train import chain, checkpoint, devices, saving
from helder.train.chain import LOG
from helder.train.logs import keep_lines, write_line
from helder.train.lora import LoraLinear, add_lora
from helder.train.masters import Masters
from helder.train.objectives import Objective
from helder.train.optimizer import Optimizer
from helder.train.parallel import Parts
from helder.train.saving import Saving
from helder.train.schedule import learning_rate
from helder.train.settings import TrainSettings
from helder.train.world import Parallel, World

if TYPE_CHECKING:
    from helder.train.sharded import InTurn, ShardedMasters

EVALUATION = "evaluation.jsonl"

Report = Callable[..., None]


@dataclass
class Trainer:
    """A model on its way from the base weights to the tuned ones.

    Args:
        folder: the model that the training begins with, a Hugging Face folder.
        settings: resolved settings.
        objective: what is learnt from, and the loss.
    """

    folder: Path
    settings: TrainSettings
    objective: Objective
    model: Transformer = field(init=False)
    additions: dict[str, LoraLinear] = field(init=False, default_factory=dict)
    world: World = field(init=False)
    masters: Masters | ShardedMasters = field(init=False)
    optimizer: Optimizer = field(init=False)
    parts: Parts | Parallel | InTurn = field(init=False)
    past: list[dict[str, Any]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        settings = self.settings
        device = devices.choose(settings)
        compute = torch.bfloat16 if settings.precision == "bf16" else torch.float32
        kernel = devices.attention(device, self.objective.longest)
        self.world = self.objective.world = World.join(settings, device)
        self.model = Transformer.from_folder(self.folder, attention=kernel)
        self.model.mixed_precision(compute)
        if settings.method == "upper":
            keep_upper(self.model, settings.upper, torch.float32 if settings.sharded else compute)
        if settings.method == "lora":
            seed = self.objective.seed
            self.additions = add_lora(self.model, settings.lora_rank, settings.lora_alpha, seed, compute)
        if settings.sharded:
            from helder.train.sharded import InTurn, ShardedMasters  # loading it takes half a second

            # A share of each block goes to its device as soon as it is cut: the whole model never is on one.
            self.masters = ShardedMasters(self.model, compute, self.world)
            self.parts = InTurn(self.model, self.masters, settings.data_parallel)
        else:
            self.model.to(device)
            self.masters = Masters(self.model, compute)
            self.parts = Parts(settings.data_parallel, self.masters.working, list(self.parameters.values()))
            if self.world.size > 1:
                self.parts = Parallel(self.world, self.parts)
        self.optimizer = Optimizer(self.parameters, settings, self.model.config.tied)
        if settings.compile:
            devices.compile_blocks(self.model)

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """What is trained, in fp32: name → weight, in sorted order."""
        return self.masters.parameters

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.objective.steps(self.settings)

    @property
    def state(self) -> dict[str, torch.Tensor]:
        """Every tensor that the next step depends on, see `helder.train.checkpoint.state`."""
        return checkpoint.state(self.parameters, self.optimizer)

    def saving(self, steps: int) -> Saving:
        """When the state is saved in a training of so many steps."""
        return saving.plan(
            self.settings,
            steps,
            state_bytes=sum(tensor.numel() * tensor.element_size() for tensor in self.state.values()),
            parameters=self.model.config.parameter_count,
            step_tokens=self.objective.usual_tokens(),
        )

    def step(self, step: int, steps: int) -> dict[str, Any]:
        """Take step `step` (from 0) of `steps`; what the training log says of it.

        Raises:
            HelderError: the loss or the gradient is not a number.
        """
        settings = self.settings
        self.masters.refresh()
        work = self.objective.work(step, self.world.size * settings.data_parallel)
        factor = learning_rate(step, steps, 1.0, settings.warmup, settings.schedule, settings.floor)
        own = self.parts.backward(work.losses)
        places = self.world.places(len(work.losses), settings.data_parallel)
        told = self.world.gather([own.item(), work.sums(places), work.batch_sha256])
        self.world.agree("batch", work.batch_sha256, [digest for _, _, digest in told])
        norm = self.parts.norm()
        clip = (settings.gradient_clip / (norm + 1e-6)).item() if norm > settings.gradient_clip else None
        line: dict[str, Any] = {
            "step": step + 1,
            "loss": added([loss for loss, _, _ in told]),
            "learning_rate": factor * settings.learning_rate,
            "gradient_norm": norm.item(),
            "tokens": work.tokens,
            "padded_tokens": work.padded_tokens,
            "batch_sha256": work.batch_sha256,
            **work.facts(),
            **{name: sum(sums[name] for _, sums, _ in told) for name in told[0][1]},
        }
        if self.past and self.past[-1]["from_step"] == step:
            line["shared_out"] = settings.shared_out
        if not math.isfinite(line["loss"]) or not math.isfinite(line["gradient_norm"]):
            raise HelderError(
                f"The training broke at step {step + 1}: the loss is {line['loss']}.",
                f"The batch {line['batch_sha256'][:12]} or a learning rate of {line['learning_rate']:g} was too much "
                "for the weights.",
                "Lower `learning_rate` in [train]; the last good checkpoint is kept.",
            )
        self.optimizer.step(factor, lambda place: self.parts.take(place, clip))
        return line

    def begin(self, scratch: Path) -> None:
        """Let the objective get ready on the weights that the training begins with."""
        self.masters.refresh()
        self.objective.begin(self.model, scratch)

    def look(self) -> dict[str, float]:
        """How the model does on what is held out."""
        self.masters.refresh()
        return self.objective.look()

    def remember(self, done: int, past: Sequence[Mapping[str, Any]], report: Report) -> None:
        """Keep how batches were shared out before and are from here on; say so when that is not the same."""
        self.past = [dict(one) for one in past]
        now = self.settings.shared_out
        before = {key: self.past[-1].get(key) for key in now} if self.past else None
        if before == now:
            return
        self.past.append({"from_step": done, **now})
        if before is not None:
            report(
                "warning",
                text=f"Continues after step {done} with {told(now)}; before, it was {told(before)}. The same is "
                "learnt, but sums are made in another order: the bits are those of neither.",
            )

    def resume(self, states: checkpoint.States, start: str, report: Report) -> tuple[int, str]:
        """Continue from the newest state that the log in its folder names.

        Args:
            start: what the chain begins with.

        Returns:
            (steps done, the chain behind them).
        """
        done, head, past = 0, start, list[dict[str, Any]]()
        if self.world.first:
            found = chain.check_file(states.root / LOG, start)
            if done := states.newest(found.lines):
                head, past = found.lines[done - 1]["chain"], chain.shared_out(found.lines[:done])
            for name in (LOG, EVALUATION):
                keep_lines(states.root / name, lambda line: bool(line["step"] <= done))
        done, head, past = self.world.told_by_first([done, head, past])
        if done:
            checkpoint.load(states.path(done), self.parameters, self.optimizer)
            report("note", text=f"continues after step {done} of {self.steps}")
        self.remember(done, past, report)
        # Where the sums change, a slice has to end: it is taken again in one way.
        states.kept |= {one["from_step"] for one in self.past}
        return done, head

    @contextmanager
    def logs(self, scratch: Path) -> Iterator[tuple[IO[str], IO[str]]]:
        """The training log and that of the looks, opened to go on; only the first process has any."""
        paths = [scratch / name if self.world.first else Path(os.devnull) for name in (LOG, EVALUATION)]
        with paths[0].open("a", encoding="utf-8") as log, paths[1].open("a", encoding="utf-8") as evaluations:
            yield log, evaluations

    def run(self, output: Path, scratch: Path, report: Report) -> dict[str, Any]:
        """Train to the end, from the newest state in `scratch` when there is one; write the logs and the kept states.

        Returns:
            What is known of the training beside the artifact: the head of its log and the kept states, and
            measurements: seconds, tokens, tokens per second.
        """
        steps = self.steps
        self.begin(scratch)
        first = checkpoint.write(checkpoint.weights(self.parameters), self.world)
        saved, every = self.saving(steps), self.settings.evaluations(steps)
        states = checkpoint.States(scratch, saved.kept, self.world)
        done, head = self.resume(states, chain.begin(asdict(self.settings), first), report)
        started, cpu, tokens = time.monotonic(), time.process_time(), 0
        with self.logs(scratch) as (written, evaluations), states:
            log = chain.Log(written, head)
            for step in range(done, steps):
                line = self.step(step, steps)
                last = step + 1 == steps
                if step + 1 in saved.steps:
                    line[chain.STATE] = states.save(step + 1, self.state)
                elif last:
                    line[chain.STATE] = checkpoint.write(self.state, self.world)
                log.add(line)
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
                if self.objective.looks and ((step + 1) % every == 0 or last):
                    write_line(evaluations, {"step": step + 1, **self.look()})
                if step + 1 in saved.steps:
                    states.settle(step + 1, (written, evaluations))
            states.wait()
        seconds, cpu = time.monotonic() - started, time.process_time() - cpu
        if self.world.first:
            for name in (LOG, EVALUATION):
                (output / name).write_bytes((scratch / name).read_bytes())
            self.objective.keep(output, scratch, steps)
        return {
            "first_weights_sha256": first,
            "log_sha256": log.head,
            "states": states.keep(output) if self.world.first else [],
            "world_size": self.world.size,
            "world_sizes": [size for size, _ in groupby(one["processes"] for one in self.past)],
            "shared_out": self.past,
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


def told(shared_out: Mapping[str, Any]) -> str:
    """How batches are shared out, in words."""
    processes = f"{shared_out['processes']} process{'' if shared_out['processes'] == 1 else 'es'}"
    return f"{processes} ({shared_out['shard']}, {shared_out['data_parallel']} parts each)"


def added(values: Sequence[float]) -> float:
    """A sum in fp32, in order: what one process with as many parts would make."""
    total = torch.tensor(values[0])
    for value in values[1:]:
        total = total + torch.tensor(value)
    return total.item()
