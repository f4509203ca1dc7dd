"""The stage "train": a model and what it learns from → a trained model, for every objective."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from helder.errors import HelderError
from helder.model import safetensors_file
from helder.model.folder import copy_companions
from helder.train import objectives
from helder.train.loop import Trainer
from helder.train.settings import TrainSettings
from helder.train.world import whole

WEIGHTS, ADAPTER = "model.safetensors", "adapter.safetensors"


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Stage function, see `helder.stage`.

    Args:
        settings: as resolved by `helder.train.settings.resolve`.
        inputs: "base", a Hugging Face folder; and what the objective learns from: "data", the artifact of the stage
            "data"; "text", that of the stage "tokens"; "pairs", a file; "teacher", a Hugging Face folder.

    Raises:
        HelderError: see `prepare`; the memory ended in the middle, or the loss is no number: the last state that
            was saved stays in `scratch`.
    """
    return in_every_process(train, TrainSettings(**settings), settings, inputs, output, scratch, report)


def in_every_process(
    function: Callable[..., dict[str, Any]], training: TrainSettings, settings: dict[str, Any], *rest: Any
) -> dict[str, Any]:
    """Run a stage function in all processes of a training: here, when it has one.

    Args:
        function: takes `settings` and `rest`, which are those of a stage function.
    """
    if training.world == 1:
        return function(settings, *rest)
    from helder.train.launch import launch  # loading it takes a second

    return launch(f"{function.__module__}:{function.__name__}", settings, training, *rest)


def train(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """The training itself, in one process or as one of several; as `run`."""
    trainer = prepare(settings, inputs, report)
    try:
        facts = trainer.run(output, scratch, report)
    except (MemoryError, RuntimeError) as error:
        raise enough_memory(error, trainer.settings) from error
    save_model(trainer, inputs["base"], output)
    trainer.world.barrier()  # none leaves while another still needs it
    return {
        **facts,
        **trainer.objective.facts(trainer.steps),
        "trained_parameters": sum(parameter.numel() for parameter in trainer.parameters.values()),
        "parameters": trainer.model.config.parameter_count,
    }


def prepare(settings: dict[str, Any], inputs: dict[str, Path], report: Callable[..., None]) -> Trainer:
    """The trainer as the settings and inputs say.

    Raises:
        HelderError: no example fits, or the training could not get enough memory.
    """
    resolved = TrainSettings(**settings)
    objective = objectives.read(resolved, inputs, report)
    try:
        return Trainer(inputs["base"], resolved, objective)
    except (MemoryError, RuntimeError) as error:
        raise enough_memory(error, resolved) from error


def enough_memory(error: Exception, settings: TrainSettings) -> Exception:
    """An error about memory as one that a person can act on, with the settings that decide it; any other as it is."""
    if isinstance(error, RuntimeError) and "memory" not in str(error):
        return error
    decide = [name for name in ("batch_tokens", "batch_size") if getattr(settings, name)]
    decide += ["group", "answer_tokens"] if settings.objective == "reward" else ["context"]
    decide += ["data_parallel"] if settings.data_parallel > 1 else []
    now = ", ".join(f"`{name}` (now {getattr(settings, name)})" for name in decide)
    lora = "" if settings.method == "lora" else '; or use method = "lora"'
    return HelderError(
        "There is not enough memory to train this model.",
        (str(error) or "The system gave none.").splitlines()[0],
        f"Lower {now} in [train]{lora}. What was saved last is kept.",
    )


def save_model(trainer: Trainer, base: Path, output: Path) -> None:
    """Write the tuned model as a Hugging Face folder in fp32; with LoRA, the additions beside it.

    All processes of a training call it, the first one writes.
    """
    tuned: dict[str, torch.Tensor] = {}
    for name, parameter in trainer.parameters.items():
        weight = whole(parameter)
        if trainer.world.first:
            tuned[name] = weight
    if not trainer.world.first:
        return
    copy_companions(base, output)
    if trainer.settings.method == "lora":
        save_file(
            {
                f"{name}.{part}": getattr(layer, part).detach().cpu()
                for name, layer in sorted(trainer.additions.items())
                for part in ("down", "up")
            },
            output / ADAPTER,
        )
        adapter = {"rank": trainer.settings.lora_rank, "alpha": trainer.settings.lora_alpha}
        (output / "adapter.json").write_text(json.dumps(adapter) + "\n", encoding="utf-8")
        tensors = merged(trainer, base)
    else:
        tensors = tuned if trainer.settings.method == "full" else merged(trainer, base) | tuned
    save_file(dict(sorted(tensors.items())), output / WEIGHTS, metadata={"format": "pt"})


def merged(trainer: Trainer, base: Path) -> dict[str, torch.Tensor]:
    """The base's weights in fp32, with LoRA's additions added."""
    tensors: dict[str, torch.Tensor] = {}
    for path in safetensors_file.files(base):
        with safe_open(path, framework="pt") as file:
            for name in sorted(file.keys()):
                weight = file.get_tensor(name).float()
                layer = trainer.additions.get(name)
                tensors[name] = weight if layer is None else weight + layer.addition().cpu()
    return tensors
