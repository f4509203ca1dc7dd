"""What a training takes on machines that are not here: memory, time, energy and disk, from first principles.

A step is as long as the slowest of what its devices do at the same time: multiply, gather weights and share out
gradients, or wait for the host that starts their kernels; after it comes the optimiser, and before it, where answers
are rewarded, their generation. Assumptions are named in words beside the figures. What is not counted: reading data,
evaluation, saving, restarts, devices that break, the hosts' own power, cooling. `SLOWEST` says how much that and worse
filled devices have cost others. Held against published runs in docs/fleet.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType
from typing import Any

from helder.fleet.machines import Fleet
from helder.fleet.memory import AGAIN, LEVELS, USABLE, Kept, Memory, memory
from helder.fleet.work import FP32, Objective, Work

LINK_SHARE = 0.7  # of a link's peak that collectives reach (assumption)
BANDWIDTH_SHARE = 0.6  # of a memory's peak that generation reaches (assumption)
LAYER_SECONDS = 2e-3  # to start the kernels of a block, forward and back, from Python on a GPU (assumption)
TOKEN_SECONDS = 0.1e-3  # the same for one generated token, from a recorded graph (assumption)
TURN_SECONDS = 5e-3  # in which the host chooses tokens and schedules the next turn (assumption)
CPU_FACTOR = 0.05  # of these times, where no kernel has to travel to a device (assumption)
MOMENT_BYTES = 7 * FP32  # read and written for each parameter in an optimiser step: weight, gradient, two moments
LARGEST = 1024  # devices that are looked at when more would help

# How many times longer than the estimate the slowest of the published runs of a kind took (docs/fleet.md).
SLOWEST: Mapping[Objective, float] = MappingProxyType(
    {"text": 2.9, "answers": 9.0, "distil": 9.0, "preference": 3.0, "reward": 3.3, "generate": 3.3}
)
SLOWEST_CPU = 1.25  # on one processor, where Helder's own plans have been held against its runs (bench/quickstart.py)


@dataclass(frozen=True)
class Estimate:
    """What one training takes on one fleet; seconds and energy are of all its repeats.

    Attributes:
        work, fleet: of what, on what.
        memory: of each device.
        checkpointing: how activations are kept.
        sequences: that a device works on at once.
        busy: devices that have something to do in every step.
        tokens, steps: of one training.
        flops: of all repeats, nothing made twice counted.
        seconds: of all repeats.
        parts: what a step waits for → seconds a step.
        joules: of the devices.
        disk: bytes that stay: checkpoints, the model, logs; of all repeats.
        assumptions: in words.
        advice: in words, for what does not fit or leaves devices idle.
    """

    work: Work
    fleet: Fleet
    memory: Memory
    checkpointing: Kept
    sequences: int
    busy: int
    tokens: float
    steps: float
    flops: float
    seconds: float
    parts: Mapping[str, float]
    joules: float
    disk: float
    assumptions: tuple[str, ...]
    advice: tuple[str, ...]

    @property
    def room(self) -> float:
        """Bytes of a device that can be used."""
        return self.fleet.machine.memory * USABLE

    @property
    def fits(self) -> bool:
        return self.memory.total <= self.room

    @property
    def slack(self) -> float:
        """How many times longer it may take, going by the slowest published run of its kind."""
        return SLOWEST_CPU if self.fleet.machine.is_cpu else SLOWEST[self.work.objective]

    @property
    def seconds_slowest(self) -> float:
        """As slow as that; a budget in time stays what it is, and has fewer tokens."""
        return self.seconds if self.work.tokens is None else self.seconds * self.slack

    @property
    def tokens_per_second(self) -> float:
        return self.tokens * self.work.repeats / self.seconds

    @property
    def limit(self) -> str:
        """What most of the time goes into: "compute", "interconnect", "memory bandwidth" or "kernel launches"."""
        return max(self.parts, key=lambda part: self.parts[part])

    def to_json(self) -> dict[str, Any]:
        shares = dataclasses.asdict(self.memory)
        return {
            "stage": self.work.name,
            "machines": str(self.fleet),
            "fits": self.fits,
            "memory_bytes": round(self.memory.total),
            "memory_room_bytes": round(self.room),
            "memory_parts": {name: round(value) for name, value in shares.items()},
            "checkpointing": self.checkpointing,
            "sequences_at_once": self.sequences,
            "devices_busy": self.busy,
            "tokens": round(self.tokens),
            "steps": round(self.steps),
            "trainings": self.work.repeats,
            "tokens_per_second": self.tokens_per_second,
            "hours": self.seconds / 3600,
            "hours_slowest": self.seconds_slowest / 3600,
            "tokens_slowest": round(self.tokens / (self.slack if self.work.tokens is None else 1)),
            "energy_kwh": self.joules / 3.6e6,
            "flops": self.flops,
            "checkpoint_bytes": round(self.work.checkpoint_bytes),
            "checkpoints": self.work.checkpoints,
            "log_bytes": round(self.steps * self.work.log_bytes) * self.work.repeats,
            "disk_bytes": round(self.disk),
            "limit": self.limit,
            "step_seconds": dict(self.parts),
            "assumptions": list(self.assumptions),
            "advice": list(self.advice),
        }


def estimate(work: Work, fleet: Fleet) -> Estimate:
    """Plan a training on a fleet: the fastest way that fits, or the smallest one where none fits."""
    plan = _best(work, fleet)
    step = sum(plan.parts.values())
    tokens = work.tokens if work.tokens is not None else (work.seconds or 0) / step * work.tokens_per_step
    steps = tokens / work.tokens_per_step
    seconds = steps * step * work.repeats
    once = work.checkpoints * work.checkpoint_bytes + work.model_bytes + steps * work.log_bytes
    made = Estimate(
        work=work,
        fleet=fleet,
        memory=plan.memory,
        checkpointing=plan.level,
        sequences=plan.sequences,
        busy=plan.busy,
        tokens=tokens,
        steps=steps,
        flops=(tokens * (work.token_flops + _generation_flops(work)) + steps * work.optimizer_flops) * work.repeats,
        seconds=seconds,
        parts=plan.parts,
        joules=seconds * fleet.devices * fleet.machine.watts * fleet.machine.draw,
        disk=once * work.repeats,
        assumptions=_assumptions(work, fleet),
        advice=(),
    )
    return dataclasses.replace(made, advice=_advice(made))


@dataclass(frozen=True)
class _Plan:
    """One way to do a step; see `Estimate`."""

    memory: Memory
    level: Kept
    sequences: int
    busy: int
    parts: Mapping[str, float]


def _best(work: Work, fleet: Fleet) -> _Plan:
    """The fastest way that fits; the one that needs least memory when none does."""
    if work.objective == "generate":
        return _Plan(
            _generating(work, fleet), "none", 1, fleet.devices, {"interconnect": 0.0, **generation(work, fleet)}
        )
    room = fleet.machine.memory * USABLE
    levels = LEVELS if work.checkpointing == "auto" else (work.checkpointing,)
    waiting = max(1.0, work.tokens_per_step / work.length)  # sequences of a step
    busy = max(1, min(fleet.devices, int(waiting)))
    most = max(1, round(waiting / busy))
    plans: list[_Plan] = []
    for level in levels:
        sequences = work.sequences_at_once or most
        while sequences > 1 and not work.sequences_at_once:
            if memory(work, fleet.devices, sequences, level).total <= room:
                break
            sequences = sequences // 2
        found = memory(work, fleet.devices, sequences, level)
        plans.append(_Plan(found, level, sequences, busy, _step(work, fleet, sequences, busy, level)))
    fitting = [plan for plan in plans if plan.memory.total <= room]
    if fitting:
        return min(fitting, key=lambda plan: sum(plan.parts.values()))
    return min(plans, key=lambda plan: plan.memory.total)


def _step(work: Work, fleet: Fleet, sequences: int, busy: int, level: Kept) -> dict[str, float]:
    """Seconds of one step by what it waits for."""
    machine, shape = fleet.machine, work.architecture
    share = work.tokens_per_step / busy  # tokens of a device
    rounds = max(1, ceil(share / (sequences * work.length) - 1e-9))
    speed = machine.flops(work.precision)
    compute = share * (work.token_flops + AGAIN[level] * work.forward_flops) / speed
    link = _gathered_bytes(work, fleet.devices) * rounds / (fleet.link * LINK_SHARE)
    start = shape.layers * LAYER_SECONDS * rounds * (CPU_FACTOR if machine.is_cpu else 1.0)
    parts = {"compute": 0.0, "interconnect": 0.0, "memory bandwidth": 0.0, "kernel launches": 0.0}
    slowest = max(compute, link, start)
    parts["compute" if slowest == compute else "interconnect" if slowest == link else "kernel launches"] = slowest
    owned = work.trained_parameters / fleet.devices
    parts["memory bandwidth"] += owned * MOMENT_BYTES / (machine.bandwidth * BANDWIDTH_SHARE)
    parts["compute"] += work.optimizer_flops / fleet.devices / speed
    if work.objective == "reward":
        for part, seconds in generation(work, fleet).items():
            parts[part] += seconds / work.reuse
    return parts


def _gathered_bytes(work: Work, devices: int) -> float:
    """Bytes that a device receives for one pass forward and back: weights twice, gradients once in fp32."""
    if devices == 1:
        return 0.0
    size = 2 if work.precision == "bf16" else FP32
    held = work.architecture.parameters
    others = work.held_parameters if work.held_parameters else held if work.objective == "preference" else 0.0
    return (size * (2 * held + others) + FP32 * work.trained_parameters) * (devices - 1) / devices


def generation(work: Work, fleet: Fleet) -> dict[str, float]:
    """Seconds in which the answers of one step are generated, all devices side by side, by what they wait for.

    Each device holds a whole copy of the weights in the products' precision, or shares one with as few as hold it. For
    every token the weights are read once for all sequences, and the keys and values of what was said before for each;
    then it is multiplied, and the host chooses what comes next. These follow each other, so that they add up.
    """
    machine, shape = fleet.machine, work.architecture
    size = 2 if work.precision == "bf16" else FP32
    weights = shape.parameters * size
    together = _together(work, fleet)
    groups = max(1, fleet.devices // together)
    token = 2 * shape.layers * shape.kv_heads * shape.head_width * size
    asked = max(1.0, work.prompts_per_step * work.group_size / groups)
    spare = max(1.0, together * machine.memory * USABLE - weights)
    rounds = ceil(asked * token * (work.prompt_tokens + work.generated_tokens) / spare)
    longest = max(work.longest_answer, work.generated_tokens) * rounds  # tokens one after the other
    said = asked * work.generated_tokens
    keys = said * token * (work.prompt_tokens + work.generated_tokens / 2)
    host = TURN_SECONDS + shape.layers * TOKEN_SECONDS
    prompts = asked * work.prompt_tokens / work.group_size
    return {
        "memory bandwidth": (longest * weights + keys) / (together * machine.bandwidth * BANDWIDTH_SHARE),
        "compute": (said + prompts) * work.forward_flops / (together * machine.flops(work.precision)),
        "kernel launches": longest * host * (CPU_FACTOR if machine.is_cpu else 1.0),
    }


def _together(work: Work, fleet: Fleet) -> int:
    """Devices that hold one copy of the weights while answers are generated, half of their memory left for keys."""
    size = 2 if work.precision == "bf16" else FP32
    return max(1, ceil(work.architecture.parameters * size / (fleet.machine.memory * USABLE / 2)))


def _generating(work: Work, fleet: Fleet) -> Memory:
    """Bytes on a device that only generates: its share of a copy of the weights, and keys and values."""
    shape = work.architecture
    size = 2 if work.precision == "bf16" else FP32
    share = shape.parameters * size / min(_together(work, fleet), fleet.devices)
    asked = work.prompts_per_step * work.group_size / fleet.devices
    keys = 2 * shape.layers * shape.kv_heads * shape.head_width * size
    underway = asked * keys * (work.prompt_tokens + max(work.longest_answer, work.generated_tokens))
    room = max(0.0, fleet.machine.memory * USABLE - share)
    return Memory(share, 0.0, 0.0, 0.0, min(underway, room), 0.0, 0.0)


def _generation_flops(work: Work) -> float:
    """Of one trained token: that it was generated first; a prompt is read once for its group."""
    if work.objective != "reward":
        return 0.0
    read = work.prompt_tokens / work.group_size + work.generated_tokens
    return work.forward_flops * read / (work.prompt_tokens + work.generated_tokens) / work.reuse


def _assumptions(work: Work, fleet: Fleet) -> tuple[str, ...]:
    machine = fleet.machine
    peak = machine.flops_bf16 if work.precision == "bf16" else machine.flops_fp32
    said = [
        f"{machine.title}: {machine.utilisation:.0%} of {peak / 1e12:.4g} TFLOP/s in {work.precision} "
        f"({machine.utilisation_source}).",
        f"{machine.watts:g} W a device, of which {machine.draw:.0%} is drawn; hosts and cooling are not counted.",
        "Evaluation, saving, reading of data and restarts are not counted.",
    ]
    if fleet.devices > 1:
        said.append(
            f"Weights and gradients are shared out over all devices (FSDP2) at {LINK_SHARE:.0%} of "
            f"{fleet.link / 1e9:.0f} GB/s, while devices compute."
        )
    if work.objective == "preference":
        said.append("The reference model's log-probabilities are computed once and kept.")
    if work.objective in ("reward", "generate"):
        turns = "Devices generate and train by turns; generation" if work.objective == "reward" else "Generation"
        said.append(
            f"{turns} reads weights and keys at {BANDWIDTH_SHARE:.0%} of the "
            f"memory's {machine.bandwidth / 1e12:.3g} TB/s, and each step waits for an answer of "
            f"{max(work.longest_answer, work.generated_tokens):.0f} tokens."
        )
    if work.objective == "distil":
        said.append("The teacher reads every token; nothing of what it says is kept.")
    if not machine.is_cpu:
        slack = SLOWEST[work.objective]
        said.append(f"The slowest published run of this kind took {slack:g} times its estimate (docs/fleet.md).")
    return tuple(said)


def _advice(made: Estimate) -> tuple[str, ...]:
    """What would help, tried out rather than believed."""
    work, fleet = made.work, made.fleet
    if made.fits:
        if made.busy < fleet.devices:
            return (
                f"A step of {work.tokens_per_step:.0f} tokens has work for {made.busy} of {fleet.devices} devices: "
                "raise batch_tokens, or take fewer.",
            )
        if made.limit == "kernel launches" and work.objective not in ("reward", "generate"):
            return ("A step has so few tokens that devices wait for their host: raise batch_tokens.",)
        return ()

    def fits(other: Work, on: Fleet) -> bool:
        return _best(other, on).memory.total <= on.machine.memory * USABLE

    helps: list[str] = []
    devices = fleet.devices
    while devices < LARGEST and not fits(work, fleet.of(devices)):
        devices *= 2
    if fits(work, fleet.of(devices)):
        helps.append(f"{fleet.of(devices)}")
    if work.method != "lora" and fits(dataclasses.replace(work, method="lora"), fleet):
        helps.append('method = "lora"')
    if work.checkpointing != "auto":
        helps += ["activation checkpointing"] * fits(dataclasses.replace(work, checkpointing="auto"), fleet)
    if work.sequences_at_once > 1:
        helps += ["fewer sequences at once"] * fits(dataclasses.replace(work, sequences_at_once=0), fleet)
    if not work.fused_loss:
        helps += ["a fused loss"] * fits(dataclasses.replace(work, fused_loss=True), fleet)
    length = work.sequence_length
    while length > 128:
        length //= 2
        shorter = dataclasses.replace(work, sequence_length=length, mean_length=min(work.mean_length, length))
        if fits(shorter, fleet):
            helps.append(f"context = {length}")
            break
    over = made.memory.total - made.room
    said = f"Does not fit: {over / 1e9:.1f} GB too much on each device of {made.room / 1e9:.1f} GB."
    return (f"{said} It would with {', or '.join(helps)}." if helps else f"{said} Nothing that was tried helps.",)
