"""Runs that were never run: data and scores by the real stages, models as sizes only, statements as a run makes them.

What a real run of small size cannot show in seconds is here: an imported base model, additions, a teacher, labels,
records.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helder.certify.evidence import Evidence, payload_digest
from helder.data import stage as data_stage
from helder.data.task import Task
from helder.evaluate import stage as score_stage
from helder.evaluate.records import Prediction, load_examples, save_predictions
from helder.ledger import artifact, statement
from helder.ledger.artifact import Artifact
from helder.ledger.statement import Statement
from helder.model import families, sizes
from helder.train.settings import resolve

RECORDS = {  # kind of task → example number → (input, output)
    "record": lambda number: (f"{number} tablets", {"form": "tablet", "dose": number % 3}),
    "label": lambda number: (f"thing {number}", ("cat", "dog")[number % 2]),
    "text": lambda number: (f"say {number}", f"said {number}"),
}
TIMINGS = {
    "seconds": 2.0,
    "cpu_seconds": 3.0,
    "peak_memory": 1000,
    "energy": {"joules": 24.0, "how": "estimated: 8 W for each busy core (assumption)"},
    "started": "2026-11-25T10:00:00+00:00",
}
ENVIRONMENT = {
    "python": "3.11.7",
    "packages": {"torch": "2.13.0"},
    "processor": {"model": "a processor", "cpus": 2},
    "system": {"machine": "x86_64", "kernel": "6"},
}


@dataclass
class Run:
    """A run that is being made up.

    Attributes:
        root: where its artifacts lie.
        said: stage → statement, in the order in which they were made.
        sources: as the release lists them.
    """

    root: Path
    said: dict[str, Statement] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)

    def place(self, stage: str) -> Path:
        folder = self.root / stage
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def state(
        self, stage: str, function: str, settings: Mapping[str, Any], inputs: Mapping[str, Path], **more: Any
    ) -> None:
        """Say how the artifact of a stage was made."""
        taken = {}
        for name, path in inputs.items():
            taken[name] = Artifact(path, artifact.digest_path(path), path.name)
            if path.name not in self.said:
                digest = taken[name].digest
                self.sources.append(
                    {"stage": stage, "name": name, "kind": "file", "digest": digest, "licence": None, "path": str(path)}
                )
        built = statement.build(
            name=more.get("called", stage), version=1, function=function, key=stage, settings=settings, inputs=taken,
            outputs=artifact.manifest(self.place(stage)), environment_record=ENVIRONMENT, timings=TIMINGS,
            facts=more.get("facts", {}), seal_level=0,
        )  # fmt: skip
        self.said[stage] = Statement(built)

    def evidence(
        self,
        people: Mapping[str, Any] | None = None,
        audience: str = "public",
        withheld: Sequence[str] = (),
        superseded: Sequence[str] = (),
    ) -> Evidence:
        """What a release of the run says.

        Args:
            withheld: stages whose artifacts are not in it.
            superseded: stages that were made once before.
        """
        ledger = [
            {"file": f"ledger/{stage}.json", "sha256": payload_digest(said), "stage": said.stage, "digest": said.digest,
             "role": "way"}
            for stage, said in self.said.items()
        ]  # fmt: skip
        ledger += [
            {"file": "x", "sha256": "ab" * 32, "stage": stage, "digest": "cd" * 32, "role": "superseded"}
            for stage in superseded
        ]
        release = {
            "name": "made-up", "purpose": "p", "version": "1", "audience": audience, "model": "train",
            "ledger": ledger, "sources": self.sources, "people": dict(people or {}), "helder": {},
            "withheld": [
                {"path": f"artifacts/{stage}/{one['path']}", "size": one["size"], "sha256": one["sha256"], "why": "w"}
                for stage in withheld
                for one in self.said[stage].predicate["outputs"]
            ],
        }  # fmt: skip
        places = {stage: None if stage in withheld else self.root / stage for stage in self.said}
        return Evidence.of(release, self.said, places)


def make(root: Path, kind: str = "record", size: str = "smollm2-135m", **training: Any) -> Run:
    """A run from an imported model, whatever it is called and says.

    Args:
        training: settings of the training; with objective = "distil" it has a teacher.
    """
    run = Run(root)
    (root / "files-of-others").mkdir(parents=True)
    model = root / "files-of-others" / "model.gguf"
    model.write_bytes(b"gguf")
    _import(run, "base", model, size)
    _data(run, kind)
    settings = resolve({"steps": 10, **training})
    inputs = {"base": root / "base", "data": root / "data"}
    if settings["objective"] == "distil":
        teacher = root / "files-of-others" / "teacher.gguf"
        teacher.write_bytes(b"teacher")
        _import(run, "teacher-distil", teacher, "smollm2-360m")
        inputs["teacher"] = root / "teacher-distil"
    _model(run.place("train"), size)
    lines = [json.dumps({"step": step + 1, "loss": 2.0 - step / 10, "tokens": 100}) for step in range(10)]
    (root / "train" / "log.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    facts = {"steps": 10, "tokens": 400, "examples": 20, "examples_seen": 20, "too_long": ["7"],
             "parameters": sizes.find(size).published.parameter_count, "trained_parameters": 1000}  # fmt: skip
    run.state("train", "helder.train.stage:run", settings, inputs, facts=facts)
    (run.place("files") / "model-q8_0.gguf").write_bytes(b"small")
    trip = {"equal": True, "prompts": 8, "tokens": 99, "ties": 0}
    (root / "files" / "files.json").write_text(json.dumps({"files": {}, "round_trip": trip}), encoding="utf-8")
    taken = {"train": root / "train", "data": root / "data"}
    run.state("files", "helder.compress.stage:run", {"formats": ["q8_0"]}, taken)
    _scores(run)
    return run


def _import(run: Run, stage: str, source: Path, size: str) -> None:
    _model(run.place(stage), size)
    about = {
        "name": "of-others",
        "title": "Of Others",
        "origin": "PyPI of-others==1",
        "licence": "Apache-2.0",
        "note": "n",
    }
    record = {**about, "kind": "gguf", "sha256": artifact.hash_file(source)[1], "quantised": ["Q4_1"]}
    (run.root / stage / "source.json").write_text(json.dumps(record), encoding="utf-8")
    run.state(stage, "helder.model.importer:run", about, {"source": source}, called="base")


def _model(folder: Path, size: str) -> None:
    config = families.to_config_json(sizes.find(size).published)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "helder.json").write_text('{"chat_format": "chatml"}', encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"weights of " + folder.name.encode())


def _data(run: Run, kind: str) -> None:
    inputs = {}
    for name, first, count in (("train", 0, 20), ("dev", 50, 4), ("test", 80, 8)):
        path = run.root / "files-of-others" / f"{name}.jsonl"
        pairs = [RECORDS[kind](number) for number in range(first, first + count)]
        pairs += pairs[:1] if name == "train" else []  # a duplicate
        lines = [json.dumps({"input": question, "output": answer}) for question, answer in pairs]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        inputs[name] = path
    settings = {"name": "made-up", "purpose": "A test.", "licence": "CC0-1.0", "kind": kind, "seed": 0}
    data_stage.run(settings, inputs, run.place("data"), run.root, lambda event, **fields: None)
    run.state("data", "helder.data.stage:run", settings, inputs)


def _scores(run: Run) -> None:
    task = Task.load(run.root / "data" / "task.json")
    examples = load_examples(run.root / "data" / "test.jsonl")
    inputs = {"data": run.root / "data"}
    for subject, right in (("weights", 6), ("q8_0", 5), ("base", 0), ("trivial", 7)):
        stage = f"predict-{subject}"
        given = [
            Prediction(one.id, task.encode(one.output), one.output)
            if place < right
            else Prediction(one.id, "?", None, "not of the task's form")
            for place, one in enumerate(examples)
        ]
        save_predictions(run.place(stage) / "test.jsonl", given)
        (run.root / stage / "about.json").write_text(json.dumps({"constrained": True}), encoding="utf-8")
        facts = {"items": 8, "prompt_tokens": 80, "completion_tokens": 40} if subject != "trivial" else {"items": 8}
        taken = {"model": run.root / "train", "data": run.root / "data"}
        run.state(stage, "helder.evaluate.predict:run", {"subject": subject}, taken, facts=facts)
        inputs[stage] = run.root / stage
    score_stage.run({}, inputs, run.place("scores"), run.root, lambda event, **fields: None)
    run.state("scores", "helder.evaluate.stage:run", {}, inputs)
