"""A project whose run is finished, with the tiny model in it and statements signed by this machine's key."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helder.data.task import Task
from helder.ledger import artifact as artifacts
from helder.ledger import keys, statement
from helder.ledger.artifact import Artifact
from helder.ledger.run_folder import RunFolder
from tests.serve.tiny import Tiny

TASK = Task(
    kind="record",
    name="doses",
    purpose="Turn a dose instruction into a record.",
    many=True,
    least=1,
    most=3,
    schema={
        "type": "object",
        "properties": {
            "form": {"enum": [None, "tablet", "puff"], "default": None},
            "dose": {"enum": [None, 1, 2], "default": None},
            "as_required": {"type": "boolean", "default": False},
        },
    },
)
RECIPE = """
name = "doses"
purpose = "Turn a dose instruction into a record."
[data]
train = "train.jsonl"
input = "text"
output = "records"
[base]
model = "tiny"
"""


def seal(run: RunFolder, stage: str, files: Path, inputs: Mapping[str, Artifact], **more: Any) -> Artifact:
    """Move a folder into the run and state how it was made."""
    entries = artifacts.manifest(files)
    digest = artifacts.manifest_digest(entries)
    target = run.artifact(stage, digest)
    if not target.exists():
        artifacts.move_folder(files, target)
    said = statement.build(
        name=stage, version=1, function="tests:none", key=f"{stage}-{digest}", settings=more.get("settings", {}),
        inputs=inputs, outputs=entries, environment_record=more.get("environment", {}),
        timings=more.get("timings", {"seconds": 1.0}), facts=more.get("facts", {}), seal_level=0,
    )  # fmt: skip
    run.append(stage, statement.sign(said, keys.signing_key()))
    return Artifact(target, digest, stage)


def make(folder: Path, model: Tiny, task: Task = TASK, scores: Mapping[str, Any] | None = None) -> Path:
    """Write a project with a finished run; returns its folder."""
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    (folder / "train.jsonl").write_text('{"text": "1 tab", "records": []}\n', encoding="utf-8")
    run = RunFolder(folder / "run")
    new = folder / "new"

    (new / "data").mkdir(parents=True)
    task.save(new / "data" / "task.json")
    data = seal(run, "data", new / "data", {})

    (new / "train").mkdir()
    shutil.copy(model.folder / "tokenizer.json", new / "train" / "tokenizer.json")
    (new / "train" / "helder.json").write_text(json.dumps({"chat_format": "chatml"}), encoding="utf-8")
    train = seal(run, "train", new / "train", {"data": data})

    (new / "files").mkdir()
    for name in ("f16", "q8_0"):
        shutil.copy(model.gguf, new / "files" / f"model-{name}.gguf")
    files = seal(run, "files", new / "files", {"train": train, "data": data})

    if scores is not None:
        for name in ("predict-q8_0", "scores"):
            (new / name).mkdir()
        (new / "predict-q8_0" / "test.jsonl").write_text("{}\n", encoding="utf-8")
        predicted = seal(run, "predict-q8_0", new / "predict-q8_0", {"files": files, "data": data})
        (new / "scores" / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
        seal(run, "scores", new / "scores", {"data": data, "predict-q8_0": predicted})
    shutil.rmtree(new)
    return folder
