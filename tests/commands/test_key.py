from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.commands import group
from helder.errors import ExitCode
from helder.ledger import keys

WORDS = "seven grey herons by the water"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Any:
    """A verb with --json that ends well → what it printed."""

    def run(*arguments: str) -> Any:
        assert group.call(["key", *arguments, "--json"]) == ExitCode.DONE
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    file = tmp_path / "words"
    file.write_text(WORDS + "\n", encoding="utf-8")
    return ["--passphrase-file", str(file)]


def test_a_key_is_made_once(call: Any, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = call("new")
    assert (first["made"], first["name"], first["file"]) == (True, "signing", str(home / "keys" / "signing.pem"))
    assert keys.PublicKey.from_pem(first["pem"].encode()).id == first["id"] == first["fingerprint"].replace(" ", "")
    assert call("new") == {**first, "made": False}
    assert call("new", "--name", "anna")["made"]
    assert group.call(["key", "new"]) == ExitCode.DONE
    told = capsys.readouterr()
    assert "There is one already" in told.err
    assert first["fingerprint"] in told.out
    assert "PRIVATE" not in told.out + told.err
    assert group.call(["key", "new", "--name", "../x"]) == ExitCode.USER


def test_showing_keys_makes_none(call: Any, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("show") == {"keys": [], "retired": [], "rotations": [], "trusted": []}
    assert group.call(["key", "show"]) == ExitCode.DONE
    assert "No key yet" in capsys.readouterr().err
    assert list(home.iterdir()) == []


def test_everything_about_keys_is_shown_except_secrets(
    call: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = call("new")
    call("new", "--name", "anna")
    rotated = call("rotate", "--reason", "a new year")
    friend = keys.SigningKey.generate().public
    (tmp_path / "friend.pem").write_bytes(friend.to_pem())
    assert call("trust", str(tmp_path / "friend.pem"))["added"]
    shown = call("show")
    assert [one["name"] for one in shown["keys"]] == ["anna", "signing"]
    assert shown["keys"][1]["id"] == rotated["id"]
    assert [(one["id"], one["file"]) for one in shown["retired"]] == [(old["id"], rotated["kept"])]
    assert [one["id"] for one in shown["trusted"]] == [friend.id]
    said = {"old": old["id"], "new": rotated["id"], "reason": "a new year", "file": rotated["rotation"]}
    assert shown["rotations"] == [said]
    assert group.call(["key", "show"]) == ExitCode.DONE
    told = capsys.readouterr()
    for expected in (rotated["fingerprint"], friend.fingerprint, rotated["rotation"], old["id"][:12], "a new year"):
        assert expected in told.out
    assert "PRIVATE" not in told.out + told.err


def test_a_key_is_rotated_and_destroyed(call: Any, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert group.call(["key", "rotate"]) == ExitCode.USER
    assert "no key to rotate" in capsys.readouterr().err
    assert list(home.iterdir()) == []
    first = call("new")
    second = call("rotate", "--destroy")
    assert (second["old"], second["kept"], second["reason"]) == (first["id"], None, "planned")
    assert call("show")["retired"][0]["file"] is None
    assert group.call(["key", "rotate"]) == ExitCode.DONE
    told = capsys.readouterr()
    assert "its private half is kept in" in told.err
    assert [one["id"] for one in call("show")["retired"]] == sorted([first["id"], second["id"]])


def test_a_key_comes_back_from_its_backup(
    call: Any, home: Path, tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    made, file = call("new"), str(tmp_path / "backup.pem")
    assert call("backup", file, *words)["file"] == file
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in Path(file).read_bytes()
    assert group.call(["key", "backup", file, *words]) == ExitCode.USER
    assert call("restore", file, *words)["restored"] is False
    (home / "keys" / "signing.pem").unlink()
    (home / "keys" / "signing.pub.pem").unlink()
    assert call("restore", file, *words)["restored"] is True
    assert call("show")["keys"][0]["id"] == made["id"]
    (home / "keys" / "signing.pem").unlink()
    other = call("new")
    capsys.readouterr()
    assert group.call(["key", "restore", file, *words]) == ExitCode.USER
    assert "another key" in capsys.readouterr().err
    assert keys.signing_key().public.id == other["id"]
    assert call("restore", file, "--name", "old", *words)["id"] == made["id"]


def test_a_passphrase_is_asked_for_twice_and_never_shown(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call("new")
    asked: list[dict[str, Any]] = []

    def prompt(text: str, **more: Any) -> str:
        asked.append(more)
        return WORDS

    monkeypatch.setattr("click.prompt", prompt)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    file = str(tmp_path / "backup.pem")
    assert group.call(["key", "backup", file]) == ExitCode.DONE
    assert group.call(["key", "restore", file]) == ExitCode.DONE
    assert [(one["hide_input"], one["confirmation_prompt"]) for one in asked] == [(True, True), (True, False)]
    told = capsys.readouterr()
    assert WORDS not in told.out + told.err


@pytest.mark.parametrize(
    ("content", "told"), [(b"", "no passphrase"), (b"\xff", "not UTF-8"), (b"short\n", "5 letters"), (None, "be read")]
)
def test_a_passphrase_that_is_none_is_told_and_nothing_is_written(
    call: Any, tmp_path: Path, content: bytes | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call("new")
    if content is not None:
        (tmp_path / "words").write_bytes(content)
    file = tmp_path / "backup.pem"
    code = group.call(["key", "backup", str(file), "--passphrase-file", str(tmp_path / "words")])
    assert code in (ExitCode.USER, ExitCode.REFUSED)
    assert told in capsys.readouterr().err
    assert not file.exists()


def test_without_a_terminal_a_passphrase_needs_a_file(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert group.call(["key", "backup", str(tmp_path / "b.pem")]) == ExitCode.USER  # no key yet
    assert "no key to back up" in capsys.readouterr().err
    call("new")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert group.call(["key", "backup", str(tmp_path / "b.pem")]) == ExitCode.USER
    assert "--passphrase-file" in capsys.readouterr().err


def test_a_trusted_key_is_believed_and_so_is_its_successor(
    call: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = tmp_path / "theirs"
    old = keys.signing_key(theirs).public
    new, rotation, _ = keys.rotate("moved", folder=theirs)
    (tmp_path / "old.pem").write_bytes(old.to_pem())

    assert group.call(["key", "trust", str(rotation.path)]) == ExitCode.USER
    assert "does not believe" in capsys.readouterr().err
    assert call("trust", str(tmp_path / "old.pem"))["fingerprint"] == old.fingerprint
    assert call("trust", str(tmp_path / "old.pem"))["added"] is False
    assert call("trust", str(rotation.path)) == {
        "added": True,
        "id": new.public.id,
        "fingerprint": new.public.fingerprint,
        "file": str(keys.trusted_file(new.public)),
        "pem": new.public.to_pem().decode(),
    }
    assert call("trust", str(rotation.path))["added"] is False
    assert {old.id, new.public.id} <= {key.id for key in keys.known_keys()}
    assert group.call(["key", "trust", str(tmp_path / "old.pem")]) == ExitCode.DONE
    assert old.fingerprint in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"x", b"{}", bytes(1_000_001), keys.SigningKey.generate().to_pem(), None])
def test_what_is_no_public_key_is_not_trusted(
    tmp_path: Path, home: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content)
    assert group.call(["key", "trust", str(file)]) in (ExitCode.USER, ExitCode.FAILED)
    assert str(file) in capsys.readouterr().err
    assert not (home / "keys" / "trusted").exists()
