"""What is served belongs together and is what was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.errors import ExitCode, HelderError
from helder.ledger.run_folder import RunFolder
from helder.project import Project
from helder.serve.locate import choose, locate
from tests.serve import finished
from tests.serve.tiny import Tiny

SIZES = {"f16": {"size": 300}, "q8_0": {"size": 200}, "q4_0": {"size": 100}}


def scores(**lost: float) -> dict[str, Any]:
    rows = [
        {"subject": name, "test_set": test_set, "measure": measure, "points_lost": value if test_set == "test" else 9.0}
        for name, value in lost.items()
        for test_set in ("test", "test-foreign")
        for measure in ("whole", "fields")
    ]
    return {"test_sets": [{"name": "test"}, {"name": "test-foreign"}], "main_measure": "whole", "compression": rows}


def test_the_smallest_file_that_kept_its_accuracy_is_served() -> None:
    assert choose(SIZES, scores(f16=0.0, q8_0=0.1, q4_0=0.5))[0] == "q4_0"
    assert choose(SIZES, scores(f16=0.0, q8_0=0.1, q4_0=0.6))[0] == "q8_0"
    assert choose(SIZES, scores(f16=0.0, q8_0=-0.3, q4_0=-0.2))[0] == "q4_0"


def test_without_scores_the_usual_format_is_served_and_the_reason_says_so() -> None:
    assert choose(SIZES, None) == ("q8_0", "the usual format: the files were not scored")
    assert choose({"f16": {"size": 300}, "q4_0": {"size": 100}}, None)[0] == "f16"


def test_a_file_nobody_asked_for_is_not_served_when_all_lost_too_much() -> None:
    assert choose(SIZES, scores(f16=1.0, q8_0=1.0, q4_0=2.0))[0] == "q8_0"


def test_the_file_comes_with_its_own_tokenizer_and_task(project: Project) -> None:
    located = locate(project.run_folder, "f16")
    assert located.gguf.name == "model-f16.gguf"
    assert (located.folder / "tokenizer.json").is_file()
    assert json.loads(located.task.read_text(encoding="utf-8"))["name"] == "doses"
    assert len(located.sha256) == 64


def test_scores_of_other_files_do_not_choose(model: Tiny, tmp_path: Path) -> None:
    folder = finished.make(tmp_path / "doses", model, scores=scores(f16=0.0, q8_0=5.0))
    run = RunFolder(folder / "run")
    assert locate(run).format == "f16"
    (tmp_path / "new").mkdir()
    for name in ("f16", "q8_0"):
        (tmp_path / "new" / f"model-{name}.gguf").write_bytes(model.gguf.read_bytes() + name.encode())
    believed = [entry.statement for entry in run.entries() if entry.statement]
    inputs = {said.stage: run.held(said) for said in believed if said.stage in ("train", "data")}
    finished.seal(run, "files", tmp_path / "new", inputs)
    assert locate(run).reason == "the usual format: the files were not scored"


def test_a_format_that_was_not_made_is_refused_with_those_that_were(project: Project) -> None:
    with pytest.raises(HelderError, match="no q4_0 file") as caught:
        locate(project.run_folder, "q4_0")
    assert "f16, q8_0" in caught.value.why


def test_a_project_that_was_not_run_is_told_to_run(tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="no model file") as caught:
        locate(RunFolder(tmp_path))
    assert "helder run" in caught.value.fix


def test_a_changed_model_file_is_a_failed_check(model: Tiny, tmp_path: Path) -> None:
    run = RunFolder(finished.make(tmp_path / "doses", model) / "run")
    path = locate(run, "q8_0").gguf
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(HelderError, match="not the one that was measured") as caught:
        locate(run, "q8_0")
    assert caught.value.code == ExitCode.FAILED


def test_a_run_signed_by_somebody_else_is_not_served(
    model: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(finished.make(tmp_path / "doses", model) / "run")
    monkeypatch.setenv("HELDER_HOME", str(tmp_path / "other"))
    with pytest.raises(HelderError, match="can be believed") as caught:
        locate(run)
    assert caught.value.code == ExitCode.UNCHECKED
    assert "helder key trust" in caught.value.fix
