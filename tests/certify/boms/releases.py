"""Releases of every kind, small and whole: real files, statements as stages build them, and the evidence about them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from helder.certify.evidence import Evidence, payload_digest
from helder.data.task import Task
from helder.ledger import statement
from helder.ledger.artifact import Artifact, digest_path, manifest, manifest_digest
from helder.ledger.statement import Statement
from helder.train.settings import resolve

MADE = "2026-11-25T12:00:00Z"
ENVIRONMENT = {
    "python": "3.11.7",
    "packages": {"numpy": "2.3.1", "torch": "2.13.0"},
    "processor": {"model": "AMD EPYC", "cpus": 2},
    "system": {"machine": "x86_64", "kernel": "6.1"},
    "threads": 1,
}
CONFIG = {
    "architectures": ["Olmo2ForCausalLM"],
    "model_type": "olmo2",
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "head_dim": 4,
    "tie_word_embeddings": False,
    "vocab_size": 16,
    "dtype": "float32",
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "intermediate_size": 16,
    "rope_theta": 10000.0,
    "rms_norm_eps": 1e-6,
    "max_position_embeddings": 32,
}
SCHEMA = {
    "type": "object",
    "properties": {
        "form": {"enum": [None, "tablet", "puff"], "default": None},
        "dose": {"type": ["number", "null"], "default": None},
        "as required": {"type": "boolean", "default": False},
        "often": {"type": "integer", "default": 1},
        "times": {"type": "array", "items": {"type": "string"}, "default": []},
    },
}
TASKS = {
    "text": Task("text", "sums", "Answer sums."),
    "label": Task("label", "sums", "Sort sums.", labels=("small", "large")),
    "record": Task("record", "doses", "Read doses.", schema=SCHEMA),
    "records": Task("record", "doses", "Read doses.", schema=SCHEMA, many=True),
}
RECORD = {"form": "tablet", "dose": 1.5, "as required": True, "often": 2, "times": ["noon"]}
ANSWERS: dict[str, list[Any]] = {
    "text": ["two", "vier – “four”", "\N{RIGHT-TO-LEFT OVERRIDE}six"],
    "label": ["small", "large", "small"],
    "record": [RECORD, {**RECORD, "form": None, "dose": None}, {**RECORD, "often": 3}],
    "records": [[RECORD], [RECORD, {**RECORD, "dose": 2}], [{**RECORD, "dose": None}]],
}
PEOPLE = {
    "provider": "Ziekenhuis “De Linde” B.V.",
    "contact": "ask@linde.example",
    "licence": "apache-2.0",
    "documents_licence": "CC-BY-4.0",
    "intended_use": "For pharmacists.",
    "out_of_scope": "Children.",
    "risks": "A wrong dose.",
    "oversight": "A pharmacist looks.",
    "data_origin": "Written by hand.",
    "bias": "Only adults.",
    "personal_data": "None.",
    "data_languages": ["nl", "en"],
    "rationale": "Small.",
}


class Maker:
    """Makes the stages of one run, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.said, self.sources = folder, dict[str, Statement](), list[dict[str, Any]]()

    def brought(self, name: str, text: str, licence: str | None = None, handed_over: bool = True) -> Artifact:
        """A file that no stage made."""
        path = self.folder / "brought" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        artifact = Artifact.of(path, name)
        if handed_over:
            place = self.folder / "sources" / artifact.digest
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, encoding="utf-8")
        self.sources.append(
            {
                "name": name,
                "kind": "file",
                "digest": artifact.digest,
                "stage": "",
                "licence": licence,
                "path": f"sources/{artifact.digest}/{name}" if handed_over else None,
            }
        )
        return artifact

    def made(self, stage: str) -> Artifact:
        return Artifact(self.folder / "artifacts" / stage, self.said[stage].digest, stage)

    def stage(
        self,
        stage: str,
        function: str,
        files: Mapping[str, Any],
        inputs: Mapping[str, Artifact],
        settings: Mapping[str, Any] | None = None,
        called: str | None = None,
        **facts: Any,
    ) -> Artifact:
        """A stage with its files; `called` when its statement has another name than its role in the run."""
        place = self.folder / "artifacts" / stage
        for name, content in files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif name.endswith(".jsonl"):
                text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in content)
                path.write_text(text, encoding="utf-8")
            else:
                path.write_text(json.dumps(content), encoding="utf-8")
        for known_as, artifact in inputs.items():
            for source in self.sources:
                if source["digest"] == artifact.digest and not source["stage"]:
                    source["stage"], source["name"] = stage, known_as
        entries = manifest(place)
        built = statement.build(
            name=called or stage,
            version=1,
            function=function,
            key=manifest_digest(entries),
            settings=dict(settings or {}),
            inputs=inputs,
            outputs=entries,
            environment_record=ENVIRONMENT,
            timings={
                "started": f"2026-11-24T10:{len(self.said):02}:00+00:00",
                "seconds": 30.5,
                "cpu_seconds": 30.0,
                "energy": {"joules": 240.0, "how": "estimated: 8 W for each busy core (assumption)"},
            },
            facts=facts,
            seal_level=0,
            variables={"OMP_NUM_THREADS": "1"},
        )
        self.said[stage] = Statement(built)
        return self.made(stage)


def make(
    folder: Path,
    base: str = "scratch",
    kind: str = "text",
    objectives: tuple[str, ...] = ("answers",),
    method: str = "full",
    licence: str = "CC0-1.0",
    people: Mapping[str, Any] | None = None,
    withheld: Mapping[str, str] | None = None,
    **release: Any,
) -> Evidence:
    """A release and its files below `folder`.

    Args:
        base: scratch or imported.
        kind: of the answers; see `TASKS`.
        objectives: one training each; "text" is trained twice and averaged.
        withheld: how paths of the bundle begin → why they are taken away.
    """
    maker, task = Maker(folder), TASKS[kind]
    data = _data(maker, task, kind, licence)
    weights = begin = _scratch(maker) if base == "scratch" else _imported(maker)
    for place, objective in enumerate(objectives):
        last = place == len(objectives) - 1
        weights = _train(maker, objective, method, begin, weights, data, "train" if last else f"train-{objective}")
    files = maker.stage(
        "files",
        "helder.compress.stage:run",
        {"model-q8_0.gguf": b"GGUF q8", "files.json": {"round_trip": {"equal": True, "prompts": 8, "tokens": 9}}},
        {"train": weights, "data": data},
        {"formats": ["q8_0"]},
    )
    answers = {}
    for subject, of in (("weights", {"model": weights}), ("q8_0", {"files": files}), ("trivial", {"train": weights})):
        function = "helder.evaluate.baselines:run" if subject == "trivial" else "helder.evaluate.predict:run"
        lines = [{"id": "t-1", "output": ANSWERS[kind][0]}]
        settings = {"subject": subject}
        answers[f"predict-{subject}"] = maker.stage(
            f"predict-{subject}", function, {"test.jsonl": lines}, {**of, "data": data}, settings
        )
    maker.stage(
        "scores", "helder.evaluate.stage:run", {"scores.json": _scores(kind)}, {"data": data, **answers}, {"seed": 0}
    )
    secret = maker.brought("commitment.secret", "secret", handed_over=False)
    root = {"root": "d" * 64, "leaves": 9}
    maker.stage(
        "commitment",
        "helder.certify.commitment:run",
        {"commitment.json": root},
        {"secret": secret, "data": data},
        **root,
    )
    return _release(maker, dict(people or {}), dict(withheld or {}), task, release)


def again(evidence: Evidence, **changes: Any) -> Evidence:
    """The same files and statements under a changed release."""
    return Evidence.of({**evidence.release, **changes}, evidence.statements, evidence.places)


def changed(evidence: Evidence, stage: str, **predicate: Any) -> Evidence:
    """The same release with another statement of one stage."""
    payload = dict(evidence.statements[stage].payload)
    payload["predicate"] = {**payload["predicate"], **predicate}
    return replace(evidence, statements={**evidence.statements, stage: Statement(payload)})


def _data(maker: Maker, task: Task, kind: str, licence: str) -> Artifact:
    rows = {
        split: [
            {"id": f"{split[0]}-{place}", "input": f"{split} {place}?", "output": answer}
            for place, answer in enumerate(ANSWERS[kind], start=1)
        ]
        for split in ("train", "dev", "test")
    }
    inputs = {
        split: maker.brought(f"{split}.jsonl", "".join(json.dumps(row) + "\n" for row in lines), licence)
        for split, lines in rows.items()
    }
    counts = {"read": 4, "from_train": 0, "over_limit": 0, "duplicates": 1, "leaked": 0, "held_out": {}, "kept": 3}
    summary = {
        "format": 1,
        "task": {"kind": task.kind, "name": task.name, "many": task.many, "fields": list(task.fields), "labels": 2},
        "derived": [],
        "warnings": [],
        "sources": {
            split: [{"name": f"{split}.jsonl", "bytes": 99, "sha256": of.digest, "format": "jsonl", "rows": 4}]
            for split, of in inputs.items()
        },
        "splits": dict.fromkeys(rows, counts),
        "contradictions": dict.fromkeys(rows, 0),
        "labels": {},
        "tags": {},
    }
    task.save(place := maker.folder / "task.json")
    files = {**{f"{split}.jsonl": lines for split, lines in rows.items()}, "summary.json": summary}
    files["task.json"] = json.loads(place.read_text(encoding="utf-8"))
    settings = {"name": task.name, "purpose": task.purpose, "kind": task.kind, "licence": licence, "harm": []}
    return maker.stage("data", "helder.data.stage:run", files, inputs, settings)


def _model(weights: bytes, **source: Any) -> dict[str, Any]:
    return {
        "config.json": CONFIG,
        "helder.json": {"chat_format": "chatml"},
        "model.safetensors": weights,
        "source.json": source,
        "tokenizer.json": {},
    }


def _scratch(maker: Maker) -> Artifact:
    text = maker.brought("text.jsonl", '{"text": "one and one is two"}\n')
    tokenizer = maker.stage(
        "tokenizer", "helder.tokens.bpe:run", {"tokenizer.json": {}}, {"text": text}, {"vocabulary": 16}
    )
    said = {"name": "sums", "title": "sums, made from nothing", "kind": "scratch", "licence": "", "quantised": []}
    return maker.stage(
        "base",
        "helder.model.scratch:run",
        _model(b"drawn", **said),
        {"tokenizer": tokenizer},
        {"name": "sums", "seed": 0},
    )


def _imported(maker: Maker, role: str = "base") -> Artifact:
    theirs = maker.brought("SmolLM2.Q4_1.gguf", f"GGUF of {role}", "Apache-2.0", handed_over=False)
    said = {
        "name": "smollm2",
        "title": "SmolLM2-135M-Instruct",
        "origin": "a package",
        "kind": "gguf",
        "sha256": theirs.digest,
        "licence": "Apache-2.0",
        "quantised": ["Q4_1"],
        "note": "Quantised before.",
    }
    settings = {"name": "smollm2", "title": said["title"], "licence": "Apache-2.0", "origin": "a package"}
    files = _model(f"of {role}".encode(), **said)
    return maker.stage(role, "helder.model.importer:run", files, {"gguf": theirs}, settings, called="base")


def _train(
    maker: Maker, objective: str, method: str, base: Artifact, start: Artifact, data: Artifact, name: str
) -> Artifact:
    lessons: dict[str, Artifact] = {"data": data}
    if objective == "text":
        text = maker.brought("text.jsonl", '{"text": "one and one is two"}\n')
        counts = {"documents": 1, "tokens": 9, "bytes": 20}
        tokens = {"train.npy": b"\x93NUMPY", "train-documents.jsonl": [{"id": "1"}], "summary.json": {"train": counts}}
        lessons = {
            "text": maker.stage(
                "tokens-text",
                "helder.tokens.stage:run",
                tokens,
                {"base": base, "text": text},
                {},
                train=counts,
                empty=0,
            )
        }
    elif objective == "preference":
        lessons = {"pairs": maker.brought("pairs.jsonl", '{"input": "?", "chosen": "a", "rejected": "b"}\n')}
    elif objective == "distil":
        lessons["teacher"] = _imported(maker, f"teacher-{name}")
    settings = resolve({"objective": objective, "method": method, "steps": 2, "device": "cpu", "precision": "fp32"})
    facts = {"steps": 2, "tokens": 18, "parameters": 999, "trained_parameters": 99, "examples": 3, "examples_seen": 3}
    seeds = (1, 2) if objective == "text" and name != "train" else (0,)
    made = []
    for seed in seeds:
        files = _model(f"{name} {seed}".encode(), name="sums")
        files["log.jsonl"] = [{"step": 1, "loss": 2.5, "tokens": 9}, {"step": 2, "loss": 2.0, "tokens": 9}]
        if method == "lora":
            files["adapter.safetensors"] = b"additions"
        stage = name if len(seeds) == 1 else f"{name}-{seed}"
        inputs = {"base": start, **lessons}
        made.append(maker.stage(stage, "helder.train.stage:run", files, inputs, {**settings, "seed": seed}, **facts))
    if len(made) == 1:
        return made[0]
    of = {artifact.name: artifact for artifact in made}
    return maker.stage(f"average-{objective}", "helder.train.average:run", _model(b"mean"), of)


def _scores(kind: str) -> dict[str, Any]:
    whole = {"right": 1, "n": 3, "value": 0.333333, "low": 0.06149, "high": 0.792345}
    titles = {"weights": "the tuned model", "q8_0": "the Q8_0 file", "trivial": "the most frequent answer"}
    return {
        "format": 1,
        "confidence": 0.95,
        "margin": 0.01,
        "task": {"kind": kind},
        "measures": {"whole": "The answer equals the expected one.", "macro_f1": "Mean over labels."},
        "main_measure": "whole",
        "subjects": [
            {"name": name, "role": "baseline" if name == "trivial" else "model", "title": title, "note": ""}
            for name, title in titles.items()
        ],
        "test_sets": [{"name": "test", "n": 3, "partial": False, "tags": {}}],
        "results": [
            {"subject": name, "test_set": "test", "n": 3, "whole": whole, "fields": None, "macro_f1": 0.25}
            for name in titles
        ],
        "comparisons": [],
        "compression": [
            {"subject": "q8_0", "test_set": "test", "measure": "whole", "points_lost": 1.0, "low": -0.5, "high": 2.5}
        ],
        "harm": {"fields": [], "counts": [], "items": []},
        "recommendation": {"text": "Use the Q8_0 file."},
        "warnings": ["Only 3 items."],
    }


def _release(
    maker: Maker, people: dict[str, Any], withheld: dict[str, str], task: Task, changes: dict[str, Any]
) -> Evidence:
    held_back = []
    for path in sorted(maker.folder.glob("*/**/*")):
        name = path.relative_to(maker.folder).as_posix()
        why = next((why for begins, why in withheld.items() if name.startswith(begins)), None)
        if path.is_file() and name.startswith(("artifacts/", "sources/")) and why is not None:
            held_back.append({"path": name, "size": path.stat().st_size, "sha256": digest_path(path), "why": why})
            path.unlink()
    gone = {one["path"] for one in held_back}
    ledger = [
        {
            "file": f"ledger/{place:03}-{stage}.json",
            "sha256": payload_digest(said),
            "stage": stage,
            "digest": said.digest,
            "role": "way",
        }
        for place, (stage, said) in enumerate(maker.said.items(), start=1)
    ]
    release = {
        "name": task.name,
        "purpose": task.purpose,
        "version": "1.0.0",
        "made": MADE,
        "audience": "public",
        "model": "train",
        "withheld": held_back,
        "ledger": ledger,
        "sources": [{**one, "path": None if one["path"] in gone else one["path"]} for one in maker.sources],
        "people": people,
        "helder": {"helder": "0.1.0", "sha256": "c" * 64},
        **changes,
    }
    places = {stage: maker.folder / "artifacts" / stage for stage in maker.said}
    return Evidence.of(release, maker.said, places)
