"""From a run to the model file that is served, by way of the ledger.

The newest believed statement of the stage "files" names the files; its inputs name the weights (whose
folder holds the tokenizer) and the data (which hold the task). So what is served belongs together, whatever
the recipe says by now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from helder.errors import ExitCode, HelderError
from helder.ledger.artifact import Artifact, hash_file
from helder.ledger.run_folder import Entry
from helder.ledger.statement import Statement
from helder.retrieve import SUFFIX
from helder.serve.abstention import FILE_NAME
from helder.serve.calibrated import FILE_NAME as TRUST

FLOOR = 0.5  # percentage points of accuracy that a smaller file may lose and still be served by default
USUAL = "q8_0"  # served when nothing was measured


class Runs(Protocol):
    """Where statements and artifacts lie: the folder of a run, or a bundle (`helder.serve.admission`)."""

    @property
    def root(self) -> Path: ...

    def entries(self) -> list[Entry]: ...

    def held(self, made: Statement) -> Artifact: ...


@dataclass(frozen=True)
class Located:
    """One model file of a run, and what is needed to ask it.

    Attributes:
        gguf: the file.
        format: "f16", "q8_0" or "q4_0".
        sha256: its digest, just checked; empty for an engine elsewhere, whose weights nobody here verified.
        folder: the weights' folder: tokenizer and chat format.
        task: task.json.
        reason: why this file and not another, one sentence.
        abstention: abstention.json of the trust stage over the answers of exactly this file; None without any.
        trust: trust.json of the same stage.
        passages: the index of passages with which exactly this file was measured; None when it was not.
        grounding: settings of the stage "ground" then: top and room.
    """

    gguf: Path
    format: str
    sha256: str
    folder: Path
    task: Path
    reason: str
    abstention: Path | None = None
    trust: Path | None = None
    passages: Path | None = None
    grounding: Mapping[str, Any] = field(default_factory=dict)


def locate(run: Runs, format: str | None = None) -> Located:
    """The file to serve.

    Args:
        run: the folder of a run, or a bundle.
        format: which file; None for the smallest one that lost at most `FLOOR` points on the main test set,
            or "q8_0" when the files were not measured.

    Raises:
        HelderError: no finished run, no file of this format, or a file that changed since (code 3).
    """
    entries = run.entries()
    believed = [entry.statement for entry in entries if entry.statement]
    made = next((said for said in reversed(believed) if said.stage == "files"), None)
    if made is None:
        problems = [entry.problem for entry in entries if entry.problem]
        if problems:  # made elsewhere, or changed: running it again is not the way out
            last = problems[-1]
            raise HelderError(f"No model file in {run.root} can be believed.", str(last.what), last.fix, last.code)
        raise HelderError(
            f"There is no model file in {run.root} yet.",
            "The ledger holds no statement of the stage `files`.",
            "Make it: helder run",
        )
    outputs = {entry["path"]: entry for entry in made.predicate["outputs"]}
    files = {
        path.removeprefix("model-").removesuffix(".gguf"): entry
        for path, entry in outputs.items()
        if path.startswith("model-") and path.endswith(".gguf")
    }
    if format is not None and format not in files:
        raise HelderError(
            f"The run made no {format} file.",
            f"It made {', '.join(files)}.",
            "Choose one of these, or add the format to `compress.formats` in the recipe and run again.",
        )
    chosen, reason = (format, "it was asked for") if format else choose(files, _scores(run, believed, made))
    path = run.held(made).path / files[chosen]["path"]
    _check(path, files[chosen]["sha256"])
    weights, data = _input(run, believed, made, "train"), _input(run, believed, made, "data")
    abstention, trust = (_of_trust(run, believed, made, chosen, name) for name in (FILE_NAME, TRUST))
    passages, grounding = _of_ground(run, believed, made, chosen)
    return Located(
        path,
        chosen,
        files[chosen]["sha256"],
        weights,
        data / "task.json",
        reason,
        abstention,
        trust,
        passages,
        grounding,
    )


def choose(files: Mapping[str, Mapping[str, Any]], scores: Mapping[str, Any] | None) -> tuple[str, str]:
    """The format that is served when none is asked for, and why.

    Args:
        files: format → {"size": bytes}.
        scores: scores.json of exactly these files, or None.
    """
    if scores:
        first = scores["test_sets"][0]["name"]
        lost = {
            row["subject"]: row["points_lost"]
            for row in scores["compression"]
            if row["test_set"] == first and row["measure"] == scores["main_measure"]
        }
        within = [name for name in files if name in lost and lost[name] <= FLOOR]
        if within:
            best = min(within, key=lambda name: (files[name]["size"], name))
            return best, f"the smallest file that lost at most {FLOOR} points on the test set ({lost[best]:+.1f})"
    if USUAL in files:
        why = "no smaller file kept its accuracy" if scores else "the files were not scored"
        return USUAL, f"the usual format: {why}"
    largest = max(files, key=lambda name: (files[name]["size"], name))
    return largest, "the largest file there is"


def _scores(run: Runs, believed: list[Statement], files: Statement) -> dict[str, Any] | None:
    """The newest scores that are about these files."""
    about = {said.digest for said in believed if _digest(said, "files") == files.digest}
    for said in reversed(believed):
        inputs = said.predicate["inputs"].values()
        if said.stage == "scores" and any(found["digest"]["sha256"] in about for found in inputs):
            path = run.held(said).path / "scores.json"
            if path.is_file():
                found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
                return found
    return None


def _of_trust(run: Runs, believed: list[Statement], files: Statement, format: str, name: str) -> Path | None:
    """A file of the newest trust stage over answers of this model file; None when there is no such stage or file.

    Raises:
        HelderError: it is gone, or has changed since (code 3).
    """
    about = {
        said.digest for said in believed if said.stage == f"predict-{format}" and _digest(said, "files") == files.digest
    }
    for said in reversed(believed):
        if said.stage == "trust" and _digest(said, f"predict-{format}") in about:
            path = run.held(said).path / name
            sealed = next((entry["sha256"] for entry in said.predicate["outputs"] if entry["path"] == name), None)
            if sealed is None:
                return None
            if not path.is_file() or hash_file(path)[1] != sealed:
                raise HelderError(
                    f"{path} is not what was sealed.",
                    "It decides which answers are withheld, and how sure others are said to be.",
                    "Make it again: helder run",
                    ExitCode.FAILED,
                )
            return path
    return None


def _of_ground(
    run: Runs, believed: list[Statement], files: Statement, format: str
) -> tuple[Path | None, Mapping[str, Any]]:
    """(the index of passages, settings of "ground") with which this model file was last measured; (None, {}) if never.

    Raises:
        HelderError: the index is gone, or has changed since (code 3).
    """
    for said in reversed(believed):
        if said.stage != f"predict-{format}{SUFFIX}" or _digest(said, "files") != files.digest:
            continue
        ground = next((one for one in believed if one.stage == "ground" and one.digest == _digest(said, "data")), None)
        if ground is None:
            continue
        index = next((one for one in believed if one.digest == _digest(ground, "passages")), None)
        held = None if index is None else run.held(index)
        if held is None or not held.intact():
            raise HelderError(
                "The index of passages is not the one that was measured.",
                "It is gone, withheld from whom the bundle is for, or has changed since.",
                "Make it again: helder run. Of a bundle, ask its makers for one that holds its documents.",
                ExitCode.FAILED,
            )
        return held.path, ground.predicate["settings"]
    return None, {}


def _digest(said: Statement, name: str) -> str | None:
    found = said.predicate["inputs"].get(name)
    return str(found["digest"]["sha256"]) if found else None


def _input(run: Runs, believed: list[Statement], made: Statement, name: str) -> Path:
    """The folder of an input of a stage."""
    digest = _digest(made, name)
    for said in reversed(believed):
        if said.digest == digest and run.held(said).path.is_dir():
            return run.held(said).path
    raise HelderError(
        f"The {name} artifact that the model file was made from is gone.",
        f"The statement names {name} {(digest or '?')[:12]}, and no such folder is in {run.root / 'artifacts'}.",
        "Make it again: helder run",
    )


def _check(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise HelderError(f"The model file {path} is gone.", "", "Make it again: helder run")
    found = hash_file(path)[1]
    if found != sha256:
        raise HelderError(
            f"The model file {path} is not the one that was measured.",
            f"Its SHA-256 is {found[:12]}…, the statement says {sha256[:12]}….",
            "Make it again: helder run",
            ExitCode.FAILED,
        )
