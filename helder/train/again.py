"""One slice of a training, taken again: the same code on the same state, each line and the end compared exactly."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open

from helder.errors import ExitCode, HelderError
from helder.ledger.artifact import hash_file
from helder.train import chain, checkpoint
from helder.train.loop import Trainer
from helder.train.replay import RECORD
from helder.train.stage import ADAPTER, WEIGHTS, prepare, save_model
from helder.train.world import whole

CAUSES = ("batch_sha256", "learning_rate", "shared_out")  # named before the loss, which only follows from them


@dataclass(frozen=True)
class Difference:
    """Something that did not come out as it was said to.

    Attributes:
        step: behind which it was found.
        field: of the log's line, or the file.
        expected, found: its values; None where one of the two has none.
    """

    step: int
    field: str
    expected: Any
    found: Any


def without_slice(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the training alone."""
    return {name: value for name, value in settings.items() if name not in ("from", "to")}


def take(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """The replay itself, in one process or as one of several; as `helder.train.replay.run`."""
    started = time.monotonic()
    first, last, expected = settings["from"], settings["to"], inputs["expected"]
    trainer, lines = prepare(without_slice(settings), inputs, report), chain.read(expected / chain.LOG)
    check_slice(first, last, lines, trainer.steps)
    begun = scratch / "begun.safetensors"  # the first weights, for the distance
    head, found = begin(trainer, first, lines, inputs, begun, report)
    for step in range(first, last):
        line = trainer.step(step, trainer.steps)
        if chain.STATE in lines[step] or step + 1 == last:
            line[chain.STATE] = checkpoint.write(trainer.state, trainer.world)
        head = chain.link(head, line)
        found += differences(step + 1, lines[step], {**line, "chain": head})
        report("progress", done=step + 1 - first, total=last - first, unit="step")
    if last == trainer.steps:
        found += released(trainer, inputs["base"], expected, scratch / "released")
    else:
        found += kept(expected, last, line[chain.STATE])
    equal = trainer.world.told_by_first(not found)  # the first has seen all of them, and more than the others
    distance = None if equal else relative_distance(trainer, ends_with(expected, last, trainer.steps), begun)
    record = {
        "from": first,
        "to": last,
        "equal": equal,
        "difference": asdict(found[0]) if found else None,
        "relative_distance": distance,
        "seconds": time.monotonic() - started,
    }
    if trainer.world.first:
        (output / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    trainer.world.barrier()  # none leaves while another still needs it
    return record


def check_slice(first: int, last: int, lines: Sequence[Mapping[str, Any]], steps: int) -> None:
    """Refuse what is no slice of a training.

    Raises:
        HelderError: it is not inside the log; code 3 when the log is not that of so many steps.
    """
    if len(lines) != steps:
        raise HelderError(
            f"The log has {len(lines)} steps, and a training with these settings and data has {steps}.",
            "It is not the log of this training.",
            "Give the settings, the inputs and the log of one training.",
            ExitCode.FAILED,
        )
    if not 0 <= first < last <= steps:
        raise HelderError(f"There are no steps {first} to {last} among {steps}.", fix="Take a slice of the training.")


def begin(
    trainer: Trainer,
    first: int,
    lines: Sequence[Mapping[str, Any]],
    inputs: Mapping[str, Path],
    begun: Path,
    report: Callable[..., None],
) -> tuple[str, list[Difference]]:
    """Begin as the training did, then go to the step that the slice begins with.

    Args:
        begun: where the first weights are written.

    Returns:
        (the chain there, what is wrong with the state that is given).

    Raises:
        HelderError: no state is given; code 3 when it is none of this training.
    """
    trainer.begin(begun.parent)
    weights = checkpoint.write(checkpoint.weights(trainer.parameters), trainer.world, begun)
    trainer.remember(first, chain.shared_out(lines[:first]), report)
    if not first:
        return chain.begin(asdict(trainer.settings), weights), []
    if "state" not in inputs:
        raise HelderError(f"The slice begins behind step {first}, and its state is not given.", fix="Give the file.")
    checkpoint.load(inputs["state"], trainer.parameters, trainer.optimizer)
    given, said = checkpoint.write(trainer.state, trainer.world), lines[first - 1].get(chain.STATE)
    return lines[first - 1].get("chain", ""), list(differences(first, {chain.STATE: said}, {chain.STATE: given}))


def differences(step: int, expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Difference]:
    """Where two lines differ, causes first and the chain, which follows from all, last."""
    names = sorted({**found, **expected}, key=lambda name: (name not in CAUSES, name == "chain"))
    for name in names:
        if name not in expected or name not in found or expected[name] != found[name]:
            yield Difference(step, name, expected.get(name), found.get(name))


def kept(expected: Path, last: int, found: str) -> Iterator[Difference]:
    """Whether the kept state that a slice ends with, where it is at hand, is the one that came out."""
    name = chain.state_file(last)
    if (path := expected / name).exists() and (said := chain.file_digest(path)) != found:
        yield Difference(last, name, said, found)


def released(trainer: Trainer, base: Path, expected: Path, made: Path) -> Iterator[Difference]:
    """Whether the released weights, bit for bit, are those that came out; only the first process sees it.

    Args:
        made: a folder to write them into.
    """
    there = [name for name in (ADAPTER, WEIGHTS) if (expected / name).exists()]
    if not there:
        raise HelderError("The released weights are not there to compare with.", fix=f"Give a folder with {WEIGHTS}.")
    if trainer.world.first:
        made.mkdir(exist_ok=True)
    save_model(trainer, base, made)
    for name in there if trainer.world.first else ():
        said, found = hash_file(expected / name)[1], hash_file(made / name)[1]
        if said != found:
            yield Difference(trainer.steps, name, said, found)


def ends_with(expected: Path, last: int, steps: int) -> Path | None:
    """The file with the weights that a slice is expected to end with."""
    names = (ADAPTER, WEIGHTS) if last == steps else (chain.state_file(last),)
    return next((expected / name for name in names if (expected / name).exists()), None)


def relative_distance(trainer: Trainer, expected: Path | None, begun: Path) -> float | None:
    """|found - expected| / |found - first| over all trained weights, in fp64; all processes call it.

    None when there is nothing to compare with, or when nothing was moved.
    """
    apart = moved = 0.0
    if expected is None:
        return None
    with safe_open(expected, framework="pt") as file, safe_open(begun, framework="pt") as at_first:
        there = set(file.keys())
        for name, parameter in trainer.parameters.items():
            weight = whole(parameter).double()
            layer, _, part = name.rpartition(".")
            known = [one for one in (f"weight.{name}", name, f"{layer}.weight.{part}") if one in there]
            if not known:
                return None
            apart += (weight - file.get_tensor(known[0]).double()).square().sum().item()
            moved += (weight - at_first.get_tensor(f"weight.{name}").double()).square().sum().item()
    return math.sqrt(apart / moved) if moved else None
