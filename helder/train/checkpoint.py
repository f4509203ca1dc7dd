"""All state of a training, or none: written aside and renamed, so that a kill leaves the one before.

State is: the trained tensors, what the optimizer remembers of each, and the number of steps done. There is nothing
else: the order is a pure function of the step, the learning rate too, and what is drawn while training (answers that
are rewarded) is drawn from the seed and the step.

One process writes one safetensors file. Several write a folder through torch.distributed.checkpoint (DCP), each its
share, as safetensors too: DCP's own files hold a pickle. Any number of processes can read what any other wrote.
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from helder.train.optimizer import Optimizer
from helder.train.world import World

FILE_NAME = "checkpoint.safetensors"
FOLDER, ABOUT = "checkpoint-{:08}", "checkpoint.json"


@dataclass(frozen=True)
class Checkpoint:
    """One that was found.

    Attributes:
        path: a file of one process or a folder of several.
        step: steps done.
        past: how the batches were shared out before, see `helder.train.loop.Trainer.past`.
    """

    path: Path
    step: int
    past: tuple[dict[str, Any], ...]


def state(parameters: Mapping[str, torch.nn.Parameter], optimizer: Optimizer) -> dict[str, Tensor]:
    """Every tensor that the next step depends on, as "<kind>.<name of the weight>"."""
    weights = {f"weight.{name}": parameter.detach() for name, parameter in parameters.items()}
    return dict(sorted({**weights, **optimizer.state()}.items()))


def save(
    folder: Path,
    step: int,
    tensors: Mapping[str, Tensor],
    past: Sequence[Mapping[str, Any]] = (),
    world: World | None = None,
) -> None:
    """Replace the checkpoint in `folder` by this one; all processes call it.

    Args:
        step: steps done.
        tensors: see `state`.
        past: how the batches were shared out up to here.
        world: the processes; None is one alone.
    """
    about = {"step": str(step), "past": json.dumps(list(past))}
    if world is None or world.size == 1:
        aside = folder / f"{FILE_NAME}.partial"
        save_file(dict(tensors), aside, metadata=about)
        fsync(aside)
        aside.replace(folder / FILE_NAME)
        remove(folder, but=FILE_NAME)
        return
    name = FOLDER.format(step)
    aside = folder / f"{name}.partial"
    if world.first:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
    world.barrier()
    from torch.distributed.checkpoint import state_dict_saver  # loading it takes half a second
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter

    writer = HuggingFaceStorageWriter(str(aside), save_distributed=True)
    state_dict_saver.save(dict(tensors), storage_writer=writer)
    if world.first:
        (aside / ABOUT).write_text(json.dumps(about), encoding="utf-8")
        for path in sorted(aside.iterdir()):
            fsync(path)
        shutil.rmtree(folder / name, ignore_errors=True)
        aside.replace(folder / name)
        remove(folder, but=name)
    world.barrier()


def fsync(path: Path) -> None:
    """Make sure that a file is on the disk."""
    with path.open("rb") as handle:
        os.fsync(handle.fileno())


def remove(folder: Path, but: str) -> None:
    """Remove all checkpoints but one, and what is left of half-written ones."""
    for path in folder.glob("checkpoint*"):
        if path.name != but:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def find(folder: Path) -> Checkpoint | None:
    """The checkpoint in `folder` with the most steps, or None."""
    found: list[Checkpoint] = []
    if (file := folder / FILE_NAME).exists():
        with safe_open(file, framework="pt") as opened:
            found.append(_checkpoint(file, opened.metadata()))
    for path in sorted(folder.glob("checkpoint-*")):
        if path.suffix != ".partial":
            found.append(_checkpoint(path, json.loads((path / ABOUT).read_text(encoding="utf-8"))))
    return max(found, key=lambda one: one.step, default=None)


def _checkpoint(path: Path, about: Mapping[str, str]) -> Checkpoint:
    return Checkpoint(path, int(about["step"]), tuple(json.loads(about.get("past", "[]"))))


def load(
    folder: Path, parameters: Mapping[str, torch.nn.Parameter], optimizer: Optimizer, world: World | None = None
) -> int:
    """Put the checkpoint of `folder` into parameters and optimizer; all processes call it.

    Returns:
        Steps done; 0 when there is no checkpoint.
    """
    found = find(folder)
    if found is None:
        return 0
    if found.path.is_file() and (world is None or world.size == 1):
        with safe_open(found.path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in sorted(file.keys())}
    else:
        tensors = _load_shares(found.path, parameters, world)
    with torch.no_grad():
        for key, tensor in sorted(tensors.items()):
            kind, name = key.split(".", 1)
            if kind == "weight":
                parameters[name].copy_(tensor)
            else:
                optimizer.put(kind, name, tensor)
    return found.step


def _load_shares(path: Path, parameters: Mapping[str, torch.nn.Parameter], world: World | None) -> dict[str, Tensor]:
    """The tensors of a checkpoint, of each the share that this process holds of its weight."""
    from torch.distributed.checkpoint import state_dict_loader
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
    from torch.distributed.checkpoint.metadata import TensorStorageMetadata

    reader = HuggingFaceStorageReader(str(path.parent if path.is_file() else path))
    tensors: dict[str, Tensor] = {}
    for key, there in sorted(reader.read_metadata().state_dict_metadata.items()):
        assert isinstance(there, TensorStorageMetadata)
        weight = parameters[key.split(".", 1)[1]].detach()
        tensors[key] = torch.empty_like(weight) if there.size else torch.zeros(())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")  # one process alone is meant
        state_dict_loader.load(tensors, storage_reader=reader, no_dist=world is None or world.size == 1)
    return tensors
