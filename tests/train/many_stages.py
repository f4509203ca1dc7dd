"""Several trainings one after another in the processes of one, with accidents: starting processes takes seconds."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import load_file, save_file

from helder.errors import HelderError
from helder.train import again, chain, loop, replay, stage
from helder.train.launch import launch
from helder.train.settings import TrainSettings
from helder.train.world import World
from tests.train import bits

ACCIDENTS = "accidents.json"


class Stopped(Exception):
    """What stops a training in all its processes at once."""


def run(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Callable[..., None]
) -> dict[str, Any]:
    """Stage function.

    Args:
        settings: "trainings": name → settings of one, all with two processes. What they make lies in folders of these
            names.
    """
    first = TrainSettings(**next(iter(settings["trainings"].values())))
    return launch("tests.train.many_stages:several", settings, first, inputs, output, scratch, report)


def several(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Callable[..., None]
) -> dict[str, Any]:
    """The trainings; `accidents.json` in the scratch folder says what happens: name → [rank, step, what]."""
    path = scratch / ACCIDENTS
    accidents = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    facts: dict[str, Any] = {}
    step = loop.Trainer.step
    for name, training in settings["trainings"].items():
        for place in (output / name, scratch / name):
            place.mkdir(parents=True, exist_ok=True)
        taken = disturbed(step, report, *accidents[name]) if name in accidents else step
        with patch.object(loop.Trainer, "step", taken):
            try:
                facts[name] = stage.train(training, inputs, output / name, scratch / name, report)
            except Stopped:
                facts[name] = "stopped"
    return facts


def replayed(
    settings: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Callable[..., None]
) -> dict[str, Any]:
    """Trainings whose slices are all taken again by the same processes: name → its facts, and what came out of each.

    The last slice is taken once more, with other weights in place of those that were released.
    """
    bits.know_digits()
    found: dict[str, Any] = {}
    for name, training in settings["trainings"].items():
        made, rest = output / name, scratch / name
        for folder in (made, rest):
            folder.mkdir(parents=True, exist_ok=True)
        facts = stage.train(training, inputs, made, rest, report)
        found[name] = {"facts": facts, "slices": []}
        world = World.join(TrainSettings(**training), torch.device("cpu"))
        slices = replay.slices(chain.read(made / chain.LOG), {**facts, "states": world.told_by_first(facts["states"])})
        if world.first:
            forge(made, output / f"{name}, forged")
        world.barrier()
        for place, (one, expected) in enumerate([*((one, made) for one in slices), (slices[-1], f"{made}, forged")]):
            folder = rest / f"again-{place}"
            folder.mkdir(exist_ok=True)
            given = {**inputs, "expected": Path(expected)} | ({} if one.state is None else {"state": made / one.state})
            found[name]["slices"].append(again.take(one.settings(training), given, folder, folder, report))
    return found


def forge(made: Path, target: Path) -> None:
    """A copy of a training with one other weight in each file that was released."""
    shutil.copytree(made, target)
    for path in target.glob("*.safetensors"):
        tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
        tensors[sorted(tensors)[-1]].view(-1)[0] += 1
        save_file(tensors, path, metadata={"format": "pt"})


def disturbed(
    step: Callable[..., dict[str, Any]], report: Callable[..., None], rank: int | None, at: int, what: str
) -> Callable[..., dict[str, Any]]:
    """A step of the loop to which something happens in one process, or in all when `rank` is None."""

    def accident(self: loop.Trainer, number: int, steps: int) -> dict[str, Any]:
        if number == at and what == "wait":
            pids = self.world.gather(os.getpid())
            report("note", text=json.dumps({"agent": os.getppid(), "workers": pids}))
            threading.Event().wait(60)
        if number == at and rank in (None, self.world.rank):
            if what == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if what == "error":
                raise HelderError("The cup is empty.", "Somebody drank it.", "Fill it.")
            raise Stopped
        return step(self, number, steps)

    return accident
