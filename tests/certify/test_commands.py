"""`helder certify`, `helder verify` and `helder sign` as they are typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from helder.commands.group import call
from helder.errors import ExitCode
from tests.certify.conftest import Certified
from tests.certify.mutations import change_byte
from tests.certify.test_tamper import linked


def test_from_a_run_to_a_verdict(at_home: Certified, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, archive = tmp_path / "out", tmp_path / "out.zip"
    project = str(at_home.project.folder)
    assert call(["certify", project, "--out", str(out), "--archive", str(archive)]) == ExitCode.DONE
    printed = capsys.readouterr().out
    assert at_home.key.public.id in printed
    assert f"helder verify {out}" in printed
    assert "class" in printed
    assert call(["certify", project, "--out", str(out)]) == ExitCode.USER
    assert "is there already" in capsys.readouterr().err
    for bundle in (out, archive):
        assert call(["verify", str(bundle)]) == ExitCode.DONE
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[2] for line in lines if line and line[0] in "✓–"] == [
            *("integrity", "lineage", "rebuild", "replay", "scores")
        ]


def test_a_verdict_ends_with_its_code(
    at_home: Certified, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled = linked(at_home.bundle, tmp_path / "spoiled")
    change_byte("artifacts/train/model.safetensors")(spoiled)
    with pytest.raises(SystemExit) as ended:
        call(["verify", str(spoiled)])
    assert ended.value.code == ExitCode.FAILED
    assert "artifacts/train/model.safetensors: Its content was changed." in capsys.readouterr().out
    monkeypatch.setenv("HELDER_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(SystemExit) as ended:
        call(["verify", str(at_home.bundle), "--json"])
    assert ended.value.code == ExitCode.UNCHECKED
    assert json.loads(capsys.readouterr().out)["result"] == "could not be checked"
    key = tmp_path / "their.pub.pem"
    key.write_bytes(at_home.key.public.to_pem())
    assert call(["verify", str(at_home.bundle), "--key", str(key), "--all"]) == ExitCode.DONE
    assert "which you believe" in capsys.readouterr().out


def test_a_board_signs_beside_its_engineers(
    at_home: Certified, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELDER_HOME", str(shutil.copytree(at_home.home, tmp_path / "home")))
    assert call(["key", "new", "--name", "board"]) == ExitCode.DONE
    bundle = shutil.copytree(at_home.bundle, tmp_path / "bundle")
    capsys.readouterr()
    assert call(["sign", str(bundle), "--key", "board", "--json"]) == ExitCode.DONE
    assert len(json.loads(capsys.readouterr().out)["signers"]) == 2
    assert call(["verify", str(bundle)]) == ExitCode.DONE


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["verify", "nowhere"], "There is no bundle nowhere"),
        (["verify", "."], "release.dsse.json"),
        (["verify", ".", "--key", "nobody.pem"], "The key nobody.pem cannot be read"),
        (["verify", ".", "--level", "9"], "9 is not in the range"),
        (["certify", "nowhere"], "There is no recipe"),
        (["certify", ".", "--timestamp", "https://tsa.example.org"], "There is no recipe"),
        (["sign", "nowhere"], "There is no bundle nowhere"),
    ],
)
def test_wrong_words_are_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HELDER_HOME", str(tmp_path / "home"))
    try:
        code = call(arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    printed = capsys.readouterr()
    assert code in (ExitCode.USER, ExitCode.FAILED)
    assert told in printed.out + printed.err
