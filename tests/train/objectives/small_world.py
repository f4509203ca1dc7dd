"""A model from nothing and the artifacts it learns from, made by the stages themselves, in the world of small sums."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from helder.data.task import Task
from helder.examples.olmo2 import world
from helder.model import scratch, sizes
from helder.tokens import bpe
from helder.tokens import stage as tokens
from helder.train import stage
from helder.train.settings import resolve
from tests.train.conftest import ignore, write_lines

VOCABULARY = 384
TASK = Task(kind="text", name="sums")


def folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def made(run: Any, place: Path, settings: dict[str, Any], inputs: dict[str, Path]) -> Path:
    """Run a stage function; its output folder."""
    output = folder(place)
    run(settings, inputs, output, folder(place.with_name(f"{place.name}-scratch")), ignore)
    return output


def texts(path: Path, seed: int, count: int, share_of_sums: float = 0.3) -> Path:
    write_lines(path, world.documents(seed, count, share_of_sums))
    return path


def base(place: Path, text: Path, width: int = 64, layers: int = 2, family: str = "olmo2-14m", seed: int = 0) -> Path:
    """A tokenizer learnt from a text, and a model with drawn weights."""
    learnt = made(
        bpe.run,
        place / "tokenizer",
        {"vocabulary": VOCABULARY, "chat_format": "chatml", "cut": "smollm"},
        {"text": text},
    )
    size = replace(
        sizes.find(family),
        width=width,
        layers=layers,
        heads=4,
        kv_heads=4,
        head_width=width // 4,
        feed_forward_width=4 * width,
        context_length=256,
    )
    return made(scratch.run, place / "base", scratch.settings("small", size, seed, "chatml"), {"tokenizer": learnt})


def shards(place: Path, model: Path, text: Path, held_out: Path) -> Path:
    inputs = {"base": model, "text": text, "text-dev": held_out}
    return made(tokens.run, place, {"holdout": 0.0, "seed": 0}, inputs)


def data(place: Path, train: list[dict[str, Any]], dev: list[dict[str, Any]]) -> Path:
    """A task artifact as the data stage leaves it."""
    TASK.save(folder(place) / "task.json")
    write_lines(place / "train.jsonl", train)
    write_lines(place / "dev.jsonl", dev)
    return place


def trained(place: Path, inputs: dict[str, Path], **settings: Any) -> Path:
    """Train; the folder of the model."""
    return made(stage.run, place, resolve({"precision": "fp32", **settings}), inputs)


def looks(model: Path) -> list[dict[str, float]]:
    """What was seen on held-out data while training."""
    return [json.loads(line) for line in (model / "evaluation.jsonl").read_text(encoding="utf-8").splitlines()]
