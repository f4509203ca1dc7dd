"""All state of a training in one file, or none: written aside and renamed, so that a kill leaves the one before.

State is: the trained tensors, both moments of AdamW, and the number of steps done. There is nothing else: the order is
a pure function of the step, the learning rate too, and no random number is drawn while training.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

FILE_NAME = "checkpoint.safetensors"


def state(parameters: Mapping[str, torch.nn.Parameter], optimizer: torch.optim.AdamW) -> dict[str, Tensor]:
    """Every tensor that the next step depends on, by name."""
    tensors: dict[str, Tensor] = {}
    for name, parameter in sorted(parameters.items()):
        tensors[f"weight.{name}"] = parameter.detach()
        moments = optimizer.state[parameter]
        for kind in ("exp_avg", "exp_avg_sq", "step"):
            tensors[f"{kind}.{name}"] = moments[kind]
    return tensors


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


def load(folder: Path, parameters: Mapping[str, torch.nn.Parameter], optimizer: torch.optim.AdamW) -> int:
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
            for name, parameter in sorted(parameters.items()):
                parameter.copy_(file.get_tensor(f"weight.{name}"))
                optimizer.state[parameter] = {
                    kind: file.get_tensor(f"{kind}.{name}").clone() for kind in ("step", "exp_avg", "exp_avg_sq")
                }
    return step
