"""All state of a training in one file, or none: written aside and renamed, so that a kill leaves the one before.

State is: the trained tensors, what the optimizer remembers of each, and the number of steps done. There is nothing
else: the order is a pure function of the step, the learning rate too, and what is drawn while training (answers that
are rewarded) is drawn from the seed and the step.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from helder.train.optimizer import Optimizer

FILE_NAME = "checkpoint.safetensors"


def state(parameters: Mapping[str, torch.nn.Parameter], optimizer: Optimizer) -> dict[str, Tensor]:
    """Every tensor that the next step depends on, as "<kind>.<name of the weight>"."""
    weights = {f"weight.{name}": parameter.detach() for name, parameter in parameters.items()}
    return dict(sorted({**weights, **optimizer.state()}.items()))


def save(folder: Path, step: int, tensors: Mapping[str, Tensor]) -> None:
    """Replace the checkpoint in `folder` by this one.

    Args:
        step: steps done.
        tensors: see `state`.
    """
    aside = folder / f"{FILE_NAME}.partial"
    save_file(dict(tensors), aside, metadata={"step": str(step)})
    with aside.open("rb") as handle:
        os.fsync(handle.fileno())
    aside.replace(folder / FILE_NAME)


def load(folder: Path, parameters: Mapping[str, torch.nn.Parameter], optimizer: Optimizer) -> int:
    """Put the checkpoint of `folder` into parameters and optimizer.

    Returns:
        Steps done; 0 when there is no checkpoint.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return 0
    with safe_open(path, framework="pt") as file:
        step = int(file.metadata()["step"])
        with torch.no_grad():
            for key in sorted(file.keys()):
                kind, name = key.split(".", 1)
                if kind == "weight":
                    parameters[name].copy_(file.get_tensor(key))
                else:
                    optimizer.put(kind, name, file.get_tensor(key).clone())
    return step
