"""Suites by name: what is measured, where it lands, and how it is stated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.commands import group
from helder.errors import ExitCode, HelderError
from helder.evaluate import evidence, suites
from helder.ledger.artifact import Artifact
from helder.ledger.run_folder import RunFolder


def small(model: suites.Subject, options: suites.Options, folder: Path, on_event: suites.OnEvent) -> dict[str, Any]:
    options.only("shots")
    (folder / "instances.jsonl").write_text('{"id": "1", "right": true}\n', encoding="utf-8")
    row = {"task": "one", "n": 1, "metric": "accuracy", "value": 1.0, "low": 0.2, "high": 1.0, "made": "up"}
    return {"rows": [row], "columns": [["made", "how"]], "sentences": ["All of it."], "warnings": []}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(suites.SUITES, "small", (f"{__name__}:small", "One item."))
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text("{}", encoding="utf-8")
    return made


def test_a_suite_lands_in_a_folder_of_its_own_and_is_stated(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["eval", str(folder), "--suite", "small", "--out", str(tmp_path / "out"), "--limit", "3"]
    assert group.call(call) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert "1.000 (0.200-1.000)" in shown
    assert "how" in shown and "All of it." in shown
    (own,) = (tmp_path / "out").iterdir()
    result = json.loads((own / "result.json").read_text(encoding="utf-8"))
    assert result["options"]["limit"] == 3
    (entry,) = RunFolder(own).entries()
    assert entry.statement is not None
    assert entry.statement.predicate["inputs"]["model"]["digest"]["sha256"] == result["model"]["artifact"]["sha256"]
    sealed = evidence.sealed(own, suites.STATEMENT)
    assert sealed.intact()
    assert sorted(one.name for one in sealed.path.iterdir()) == ["instances.jsonl", "result.json"]
    assert group.call([*call, "--set", "shots=0"]) == ExitCode.DONE
    assert group.call(call) == ExitCode.DONE
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert len(RunFolder(own).entries()) == 1  # the same work is stated once


def test_what_a_suite_does_not_know_is_refused(folder: Path, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert group.call(["eval", str(folder), "--suite", "small", "--set", "shot=0", *out]) == ExitCode.USER
    assert group.call(["eval", str(folder), "--suite", "small", "--set", "shots", *out]) == ExitCode.USER
    assert group.call(["eval", str(folder), "--suite", "smal", *out]) == ExitCode.USER
    assert group.call(["eval", str(folder), "--limit", "3"]) == ExitCode.USER
    with pytest.raises(HelderError, match="is no model"):
        suites.subject(str(tmp_path / "nothing"))
    with pytest.raises(HelderError, match="needs a project"):
        suites.subject(str(folder), which="q8_0")


def test_a_model_is_a_folder_a_file_a_service_or_in_a_bundle(folder: Path, tmp_path: Path) -> None:
    assert suites.subject(str(folder)).kind == "folder"
    file = tmp_path / "small.gguf"
    file.write_bytes(b"GGUF")
    assert suites.subject(str(file)).kind == "file"
    assert suites.subject("claude-3-7-sonnet-20250219").kind == "service"
    with pytest.raises(HelderError, match="is a service"):
        _ = suites.subject("o1-mini").path
    bundle = tmp_path / "bundle"
    (bundle / "artifacts" / "train").mkdir(parents=True)
    (bundle / "release.dsse.json").write_text("{}", encoding="utf-8")
    (bundle / "artifacts" / "train" / "config.json").write_text("{}", encoding="utf-8")
    assert suites.subject(str(bundle)).path == bundle / "artifacts" / "train"
    with pytest.raises(HelderError, match="holds no q8_0"):
        suites.subject(str(bundle), which="q8_0")


def test_sealed_files_are_named_by_digest_and_may_lie_in_folders(tmp_path: Path) -> None:
    there = tmp_path / "there.txt"
    there.write_text("x", encoding="utf-8")
    source = Artifact.of(there, "there.txt")
    made = evidence.seal_files(
        tmp_path / "own", "some", {"a.txt": b"a", "in/b.txt": there}, {"seed": 1}, {"source": source}, function="m:f"
    )
    assert made.intact() and (made.path / "in" / "b.txt").read_text(encoding="utf-8") == "x"
    assert evidence.sealed(tmp_path / "own", "some") == made
    with pytest.raises(HelderError, match="no statement of other"):
        evidence.sealed(tmp_path / "own", "other")
