"""A project whose stages are tiny and whose base model is one text file."""

from __future__ import annotations

import sys
import types
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from helder import pipeline
from helder.errors import HelderError
from helder.ledger import keys, statement
from helder.ledger.artifact import Artifact, manifest

RECIPE = """\
name = "doses"
purpose = "A test."

[data]
train = "train.jsonl"
test = "test.jsonl"
tests = { foreign = "foreign.jsonl" }

[base]
model = "tiny"

[train]
budget = "5 min"

[compress]
formats = ["q8_0", "q4_0"]
"""


def make(folder: Path, recipe: str = RECIPE) -> Path:
    """Write a project; its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.toml").write_text(recipe, encoding="utf-8")
    for name in ("train", "test", "foreign"):
        (folder / f"{name}.jsonl").write_text(f'{{"input": "{name}", "output": "x"}}\n', encoding="utf-8")
    return folder


def use_tiny_stages(monkeypatch: pytest.MonkeyPatch, home: Path, true: Collection[str] = ()) -> None:
    """Let the journey run the functions of `tests.fake_stages`, from a base model that it finds imported.

    Args:
        true: stages that run their own function.
    """
    real = pipeline.Walk.stage

    def stage(
        walk: pipeline.Walk,
        name: str,
        function: str,
        settings: Mapping[str, Any] | None,
        inputs: Mapping[str, pipeline.Known],
        environment: Mapping[str, str] | None = None,
        elastic: tuple[str, ...] = (),
    ) -> pipeline.Known:
        fake = name if name in ("data", "probe", "scores") else "copy"
        function = function if name in true else f"tests.fake_stages:{fake}"
        return real(walk, name, function, settings, inputs, environment, elastic)

    monkeypatch.setattr(pipeline.Walk, "stage", stage)
    monkeypatch.setattr(pipeline, "write_report", lambda project: project.report.write_text("report"))
    store = types.ModuleType("helder.model.store")
    vars(store)["find"] = lambda name: find(home, name)
    monkeypatch.setitem(sys.modules, "helder.model.store", store)
    monkeypatch.setattr("helder.model.store", store, raising=False)
    if not base_folder(home).exists():
        import_base(home)


def base_folder(home: Path) -> Path:
    return home / "models" / "tiny" / "model"


def import_base(home: Path, config: str = "{}") -> None:
    folder = base_folder(home)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(config, encoding="utf-8")
    built = statement.build(
        name="base",
        version=1,
        function="helder.model.stage:run",
        key="b" * 64,
        settings={"name": "tiny"},
        inputs={},
        outputs=manifest(folder),
        environment_record={},
        timings={},
        facts={},
        seal_level=0,
    )
    (folder.parent / "statement.json").write_bytes(statement.sign(built, keys.signing_key()))


def find(home: Path, name: str) -> tuple[Path, bytes]:
    if name != "tiny" or not base_folder(home).exists():
        raise HelderError(f"There is no model {name}.", fix=f"helder model import {name}")
    folder = base_folder(home)
    return folder, (folder.parent / "statement.json").read_bytes()


def digests(made: Mapping[str, Artifact]) -> dict[str, str]:
    return {name: artifact.digest for name, artifact in made.items()}
