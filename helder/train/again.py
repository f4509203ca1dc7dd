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

from helder.errors import HelderError
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
    trainer = prepare(without_slice(settings), inputs, report)
    lines, steps = chain.read(expected / chain.LOG), trainer.steps
    check_slice(first, last, lines, steps)
    trainer.begin(scratch)
    begun = scratch / "begun.safetensors"  # the first weights, for the distance
    start = chain.begin(
        asdict(trainer.settings), checkpoint.write(checkpoint.weights(trainer.parameters), trainer.world, begun)
    )
    found = list[Difference]()
    if first:
        start = lines[first - 1].get("chain", "")
        checkpoint.load(inputs["state"], trainer.parameters, trainer.optimizer)
        given = checkpoint.write(trainer.state, trainer.world)
        found += differences(first, {chain.STATE: lines[first - 1].get(chain.STATE)}, {chain.STATE: given})
    trainer.remember(first, chain.shared_out(lines[:first]), report)
    head = start
    for step in range(first, last):
        line = trainer.step(step, steps)
        if chain.STATE in lines[step] or step + 1 == last:
            line[chain.STATE] = checkpoint.write(trainer.state, trainer.world)
        head = chain.link(head, line)
        found += differences(step + 1, lines[step], {**line, "chain": head})
        report("progress", done=step + 1 - first, total=last - first, unit="step")
    found += released(trainer, inputs["base"], expected, scratch, last) if last == steps else kept(expected, last, line)
    distance = relative_distance(trainer, ends_with(expected, last, steps), begun) if found else None
    record = {
        "from": first,
        "to": last,
        "equal": not found,
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
        HelderError: it is not inside the log, or the log is not that of so many steps.
    """
    if len(lines) != steps:
        raise HelderError(
            f"The log has {len(lines)} steps, and a training with these settings and data has {steps}.",
            "It is not the log of this training.",
            "Give the settings, the inputs and the log of one training.",
        )
    if not 0 <= first < last <= steps:
        raise HelderError(f"There are no steps {first} to {last} among {steps}.", fix="Take a slice of the training.")


def differences(step: int, expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Difference]:
    """Where two lines differ, causes first and the chain, which follows from all, last."""
    names = sorted({**found, **expected}, key=lambda name: (name not in CAUSES, name == "chain"))
    for name in names:
        if name not in expected or name not in found or expected[name] != found[name]:
            yield Difference(step, name, expected.get(name), found.get(name))


def kept(expected: Path, last: int, line: Mapping[str, Any]) -> Iterator[Difference]:
    """Whether the kept state that a slice ends with, where it is at hand, is the one that came out."""
    name = chain.state_file(last)
    if (path := expected / name).exists() and (said := chain.file_digest(path)) != line[chain.STATE]:
        yield Difference(last, name, said, line[chain.STATE])


def released(trainer: Trainer, base: Path, expected: Path, scratch: Path, last: int) -> list[Difference]:
    """Whether the released weights, bit for bit, are those that came out."""
    made = scratch / "released"
    if trainer.world.first:
        made.mkdir()
    save_model(trainer, base, made)
    if not trainer.world.first:
        return []
    there = [name for name in (ADAPTER, WEIGHTS) if (expected / name).exists()]
    if not there:
        raise HelderError(
            "The released weights are not there to be compared with.", fix=f"Give a folder with {WEIGHTS}."
        )
    pairs = ((name, hash_file(expected / name)[1], hash_file(made / name)[1]) for name in there)
    return [Difference(last, name, said, found) for name, said, found in pairs if said != found]


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
