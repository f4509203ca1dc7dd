"""`helder trace` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helder.commands.group import call
from helder.errors import ExitCode
from helder.project import Project
from tests.trace.conftest import NAME, PLANTED


def test_a_text_is_drawn_with_its_spans_and_their_places(
    run: Project,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(["trace", str(run.folder), f"I was told {PLANTED}"]) == ExitCode.DONE
    told = capsys.readouterr().out
    for words in ("[1:", "own documents", "not found", "archive.txt", "page 2", "CC-BY-4.0", "train-pretrain: step"):
        assert words in told
    assert "the training log agrees" in told
    assert "not cause" in told


def test_the_same_as_json(
    run: Project,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    (tmp_path / "answer.txt").write_text(PLANTED, encoding="utf-8")
    assert call(["trace", str(run.folder), "--file", str(tmp_path / "answer.txt"), "--json"]) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    assert found["spans"][0]["passages"][0]["seen"][0]["training"] == "train-pretrain"


def test_an_erasure_is_told(run: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["trace", str(run.folder), "--erase", NAME]) == ExitCode.DONE
    assert "Found 2 times" in capsys.readouterr().out


def test_one_thing_at_a_time_is_asked(run: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["trace", str(run.folder)]) == ExitCode.USER
    assert call(["trace", str(run.folder), "text", "--erase", "x"]) == ExitCode.USER
    assert "is wanted" in capsys.readouterr().err


def test_text_of_documents_cannot_steer_the_terminal() -> None:
    from helder.commands.trace import _flat

    assert _flat("a\x1b[31m\nb") == "a [31m b"
