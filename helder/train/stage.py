"""The stage "train": a base model and records → a tuned model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from helder.data.task import Task
from helder.errors import HelderError
from helder.model.folder import copy_companions
from helder.tokens import chat
from helder.tokens.tokenizer import Tokenizer
from helder.train.examples import read_examples
from helder.train.loop import Trainer
from helder.train.settings import TrainSettings


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
        inputs: "base", a Hugging Face folder; "data", the artifact of the stage "data".
    """
    trainer, too_long = prepare(settings, inputs, report)
    facts = trainer.run(output, scratch, report)
    save_model(trainer, inputs["base"], output)
    seen = {trainer.examples[index].name for step in range(trainer.steps) for index in trainer.order.batch(step)}
    (output / "seen.json").write_text(json.dumps({"ids": sorted(seen)}, indent=0) + "\n", encoding="utf-8")
    return {
        **facts,
        "examples": len(trainer.examples),
        "examples_seen": len(seen),
        "too_long": too_long,
        "trained_parameters": sum(parameter.numel() for parameter in trainer.parameters.values()),
        "parameters": trainer.model.config.parameter_count,
    }


def prepare(
    settings: dict[str, Any], inputs: dict[str, Path], report: Callable[..., None]
) -> tuple[Trainer, list[str]]:
    """The trainer as the settings and inputs say, and the ids of the examples that are too long for it.

    Raises:
        HelderError: no example fits, or the training could not get enough memory.
    """
    resolved = TrainSettings(**settings)
    base, data = inputs["base"], inputs["data"]
    task, tokenizer = Task.load(data / "task.json"), Tokenizer.load(base)
    format_name = chat.format_of(base)
    files = {
        name: read_examples(data / f"{name}.jsonl", task, tokenizer, format_name, resolved.context)
        for name in ("train", "dev")
        if (data / f"{name}.jsonl").stat().st_size
    }
    examples, too_long = files["train"]
    if too_long:
        report(
            "warning",
            text=f"{len(too_long)} of {len(examples) + len(too_long)} examples are longer than "
            f"{resolved.context} tokens and are left out: {', '.join(too_long[:5])}",
        )
    dev, _ = files.get("dev", ([], []))
    try:
        return Trainer(base, resolved, examples, dev), too_long
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise HelderError(
            "There is not enough memory to train this model.",
            str(error).splitlines()[0],
            'Use method = "lora", or a smaller `batch_tokens`, in [train].',
        ) from error


def save_model(trainer: Trainer, base: Path, output: Path) -> None:
    """Write the tuned model as a Hugging Face folder in fp32; with LoRA, the additions beside it."""
    copy_companions(base, output)
    if trainer.settings.method == "lora":
        save_file(
            {
                f"{name}.{part}": getattr(layer, part).detach()
                for name, layer in sorted(trainer.additions.items())
                for part in ("down", "up")
            },
            output / "adapter.safetensors",
        )
        adapter = {"rank": trainer.settings.lora_rank, "alpha": trainer.settings.lora_alpha}
        (output / "adapter.json").write_text(json.dumps(adapter) + "\n", encoding="utf-8")
        tensors = merged(trainer, base)
    else:
        tuned = {name: parameter.detach() for name, parameter in trainer.parameters.items()}
        tensors = tuned if trainer.settings.method == "full" else merged(trainer, base) | tuned
    save_file(dict(sorted(tensors.items())), output / "model.safetensors", metadata={"format": "pt"})


def merged(trainer: Trainer, base: Path) -> dict[str, torch.Tensor]:
    """The base's weights in fp32, with LoRA's additions added."""
    tensors: dict[str, torch.Tensor] = {}
    for path in sorted(base.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in sorted(file.keys()):
                weight = file.get_tensor(name).float()
                layer = trainer.additions.get(name)
                tensors[name] = weight if layer is None else weight + layer.addition()
    return tensors
