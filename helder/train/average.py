"""The stage "average": the mean of several trainings that began alike (model soup, Wortsman et al. 2022; OLMo 2).

In OLMo 2 the last step to the published weights has no record but the words that the weights were averaged. Here it is
a stage with a statement like every other.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from helder.errors import HelderError
from helder.model.folder import copy_companions

WEIGHTS = "model.safetensors"


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Stage function, see `helder.stage`: trained models → their mean, each weighing the same.

    Sums are made in fp64 in the order of the inputs' names and rounded to fp32 once.

    Raises:
        HelderError: the models do not have the same tensors.
    """
    folders = [inputs[name] for name in sorted(inputs)]
    files: list[Any] = [safe_open(folder / WEIGHTS, framework="pt") for folder in folders]
    names = sorted(list_names(folders[0]))
    for name, folder in zip(sorted(inputs), folders, strict=True):
        if other := sorted(set(names) ^ set(list_names(folder))):
            raise HelderError(
                f"{name} and {sorted(inputs)[0]} do not have the same tensors.",
                f"Only one of them has {', '.join(other[:5])}.",
                "Average trainings of one model.",
            )
    mean: dict[str, torch.Tensor] = {}
    for place, name in enumerate(names):
        parts: list[torch.Tensor] = [file.get_tensor(name) for file in files]
        if len({tuple(part.shape) for part in parts}) > 1:
            raise HelderError(f"{name} has another shape in another model.", fix="Average trainings of one model.")
        total = parts[0].double()
        for part in parts[1:]:
            total += part.double()
        mean[name] = (total / len(parts)).float()
        report("progress", done=place + 1, total=len(names), unit="tensor")
    copy_companions(folders[0], output)
    save_file(mean, output / WEIGHTS, metadata={"format": "pt"})
    logs = [json.loads(line) for line in (folders[0] / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return {"models": len(folders), "steps_each": len(logs)}


def list_names(folder: Path) -> list[str]:
    """The names of a model's tensors."""
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        names: list[str] = list(file.keys())
    return names
