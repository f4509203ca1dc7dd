from __future__ import annotations

import os
from pathlib import Path

import pytest

from helder.errors import ExitCode, HelderError
from helder.ledger import keys, statement
from helder.ledger.run_folder import RunFolder
from helder.ledger.statement import Statement


def append(folder: RunFolder, stage: str, key: str, signer: Path | None = None) -> Path:
    built = statement.build(
        name=stage,
        version=1,
        function="a:b",
        key=key,
        settings={},
        inputs={},
        outputs=[],
        environment_record={},
        timings={},
        facts={"made": key},
        seal_level=0,
    )
    return folder.append(stage, statement.sign(built, keys.signing_key(signer)))


def found(folder: RunFolder, key: str) -> Statement:
    said = folder.find(key)
    assert said is not None
    return said


def test_statements_are_numbered_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for index in range(11):
        append(folder, "data", f"key-{index}")
    names = [entry.path.name for entry in folder.entries()]
    assert names == [f"{index:03d}-data.json" for index in range(1, 12)]


def test_numbers_go_on_after_999_and_are_never_used_twice(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    first = append(folder, "data", "a")
    first.rename(first.with_name("999-data.json"))
    assert append(folder, "train", "b").name == "1000-train.json"
    assert [entry.path.name for entry in folder.entries()] == ["999-data.json", "1000-train.json"]


def test_the_newest_statement_of_a_key_counts(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    append(folder, "data", "same")
    append(folder, "again", "same")
    assert found(folder, "same").stage == "again"
    assert folder.find("other") is None


def test_an_empty_folder_has_no_statements_and_makes_no_key(tmp_path: Path, home: Path) -> None:
    assert RunFolder(tmp_path / "nowhere").entries() == []
    assert not (home / "keys").exists()


def test_what_is_not_believed_is_listed_with_its_reason_and_never_found(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    append(folder, "data", "ours")
    append(folder, "data", "theirs", tmp_path / "stranger")
    (folder.ledger / "003-data.json").write_text("half a statem", encoding="utf-8")
    problems = [entry.problem.code if entry.problem else None for entry in folder.entries()]
    assert problems == [None, ExitCode.UNCHECKED, ExitCode.FAILED]
    assert folder.find("theirs") is None
    assert found(folder, "ours").facts == {"made": "ours"}


def test_the_lock_is_free_again_after_an_error_and_sweeps_what_a_kill_left(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    append(folder, "data", "a")
    (folder.ledger / ".002-data.json.abc.part").write_text("half", encoding="utf-8")
    with pytest.raises(ValueError, match="boom"), folder.lock():
        raise ValueError("boom")
    with folder.lock() as descriptor:
        assert os.pread(descriptor, 32, 0) == f"{os.getpid()}\n".encode()
    assert [path.name for path in folder.ledger.iterdir()] == ["001-data.json"]


def test_the_lock_cannot_be_held_twice(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with folder.lock(), pytest.raises(HelderError, match="Another"), folder.lock(patience=0):
        pass
