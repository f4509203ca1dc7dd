"""A tiny base model and a small task, as the stages leave them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.data.task import Task
from helder.model import importer
from tests.serve import tiny


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as `helder model import` makes it, with random weights."""
    folder = tmp_path_factory.mktemp("tiny")
    made = tiny.make(folder, scale=0.08)
    output = tmp_path_factory.mktemp("base")
    settings = {
        "name": "tiny",
        "title": "tiny",
        "licence": "CC0-1.0",
        "note": "",
        "origin": "",
        "chat_format": "chatml",
    }
    importer.run(settings, {"source": made.gguf}, output, folder, ignore)
    return output


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record task that can be learnt: how many tablets."""
    folder = tmp_path_factory.mktemp("data")
    schema = {"type": "object", "properties": {"dose": {"type": ["integer", "null"], "default": None}}}
    Task(kind="record", name="tablets", schema=schema).save(folder / "task.json")
    lines = [{"id": f"{n}{word}", "input": f"{word} {n} tablets", "output": {"dose": n}}
             for n in range(1, 9) for word in ("take", "use", "have")]  # fmt: skip
    write_lines(folder / "train.jsonl", lines)
    write_lines(folder / "dev.jsonl", lines[:4])
    return folder


def write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def ignore(event: str, **fields: Any) -> None:
    """A report that nobody reads."""
