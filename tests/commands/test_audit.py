"""`helder audit` as it is called: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.commands.group import call
from helder.errors import ExitCode
from helder.ledger import keys
from helder.serve.audit import AuditLog, Keep
from tests.serve.audit import second_verifier
from tests.serve.audit.logs import ORIGIN, Quick, record


@pytest.fixture
def folder(home: Path) -> Path:
    """A log of 30 answers where `helder serve` would have made it, of this machine's key."""
    place = home / "serve" / "log" / "doses"
    with AuditLog.open(place, keys.signing_key(), ORIGIN, Keep("texts"), disk=Quick(), publish_every=None) as log:
        for number in range(30):
            log.append(record(number))
    return place


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: ExitCode = ExitCode.DONE) -> Any:
    """The JSON that a command prints; its exit code is `code`."""
    capsys.readouterr()
    try:
        ended = call(["audit", *arguments, "--json"])
    except SystemExit as error:
        ended = int(error.code or 0)
    out = capsys.readouterr()
    assert ended == code, out.err
    return json.loads(out.out) if out.out else json.loads(out.err)


def test_records_are_shown_the_last_ones_first_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "show", "--limit", "3")
    assert [one["index"] for one in shown["records"]] == [27, 28, 29]
    one = said(capsys, "show", str(folder), "--id", record(4).id, "--texts")
    assert one["index"] == 4
    assert one["texts"]["prompt"] == record(4).prompt
    assert "texts" not in said(capsys, "show", "--id", record(4).id)
    assert call(["audit", "show", "--texts", "--start", "1", "--limit", "2"]) == ExitCode.DONE
    out = capsys.readouterr()
    assert "1 tabs tds pc\n   → [1]" in out.out
    assert "2 of 30 records" in out.err
    assert call(["audit", "show", "--id", record(4).id]) == ExitCode.DONE
    assert "settings seed" in capsys.readouterr().out
    assert "no record" in said(capsys, "show", "--id", "nobody", code=ExitCode.USER)["what"]


def test_a_log_is_verified_alone_and_against_a_checkpoint_that_was_kept(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    kept.write_text(said(capsys, "checkpoint")["checkpoint"], encoding="utf-8")
    alone = said(capsys, "verify")
    assert alone["result"] == "passed"
    assert "only history" in alone["not_shown"][0]
    assert said(capsys, "verify", str(folder), "--against", str(kept))["not_shown"] == []
    (tmp_path / "other.pem").write_bytes(keys.SigningKey.generate().public.to_pem())
    unknown = said(capsys, "verify", "--key", str(tmp_path / "other.pem"), code=ExitCode.UNCHECKED)
    assert unknown["result"] == "could not be checked"
    with AuditLog.open(tmp_path / "new", keys.signing_key(), ORIGIN, Keep(), publish_every=None) as log:
        log.append(record(0))
    found = said(capsys, "verify", str(tmp_path / "new"), "--against", str(kept), code=ExitCode.FAILED)
    assert "another key" in json.dumps(found)
    with pytest.raises(SystemExit) as ended:
        call(["audit", "verify", str(tmp_path / "new"), "--against", str(kept)])
    assert ended.value.code == ExitCode.FAILED
    assert "✗" in capsys.readouterr().out


def test_what_is_exported_is_enough_to_check_the_log_and_holds_no_text_and_no_key(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = said(capsys, "export", str(tmp_path / "out"))
    assert done["records"] == 30
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"checkpoint", "log.json", "log.vkey", "tile"}
    report = said(capsys, "verify", str(tmp_path / "out"))
    assert "this is an export" in report["not_shown"][0]
    (tmp_path / "out/journal").mkdir()  # as if it were the log itself, and somebody took the texts away
    assert "is missing" in json.dumps(said(capsys, "verify", str(tmp_path / "out"), code=ExitCode.FAILED))
    assert "is there already" in said(capsys, "export", str(tmp_path / "out"), code=ExitCode.USER)["what"]
    if second_verifier.missing() is None:
        program = second_verifier.Second(second_verifier.build(tmp_path))
        vkey = (tmp_path / "out" / "log.vkey").read_text(encoding="utf-8")
        assert program.ask(tmp_path / "out", vkey, [folder / "checkpoint"])["fault"] == ""
        program.close()


def test_texts_are_erased_by_answer_by_person_and_by_age(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "erase", "--id", record(3).id, "--reason", "request")["erased"] == 1
    assert said(capsys, "erase", "--who", "ward-1")["erased"] == 10
    assert said(capsys, "retain", "--days", "1")["erased"] == 0
    report = said(capsys, "verify")
    assert report["facts"]["kinds"] == {"answer": 30, "erasure": 2}
    assert report["facts"]["erased"] == 11
    said(capsys, "erase", code=ExitCode.USER)
    said(capsys, "erase", "--id", "nobody", code=ExitCode.USER)


def test_a_log_that_a_server_writes_is_read_but_not_changed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with AuditLog.open(folder, keys.signing_key(), ORIGIN, Keep("texts"), disk=Quick(), publish_every=None) as log:
        log.append(record(100))
        assert said(capsys, "show", "--limit", "1")["records"][0]["record"]["id"] == record(100).id
        assert said(capsys, "verify")["facts"]["waiting"] == 1
        assert "waits" in said(capsys, "show", "--id", record(100).id, code=ExitCode.UNCHECKED)["what"]
        refused = said(capsys, "erase", "--who", "ward-1", code=ExitCode.USER)
        assert "is in use" in refused["what"]


def test_which_log_is_asked_where_there_is_not_exactly_one(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "holds none yet" in said(capsys, "show", code=ExitCode.USER)["why"]
    assert "cannot be read" in said(capsys, "show", str(tmp_path / "nowhere"), code=ExitCode.USER)["what"]
    for name in ("one", "two"):
        (home / "serve" / "log" / name).mkdir(parents=True)
    assert "two" in said(capsys, "show", code=ExitCode.USER)["why"]


def test_nothing_that_somebody_wrote_steers_the_terminal(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = home / "serve" / "log" / "doses"
    with AuditLog.open(place, keys.signing_key(), ORIGIN, Keep("texts"), disk=Quick(), publish_every=None) as log:
        log.append(record(0, prompt="a\x1b[2Jb\r\nc", answer="\x9b31m", who="x\x1b]0;y\n"))
        log.append(record(1))
        log.erase(id=record(1).id, by="owner", reason="\x1b[31m")
    for arguments in (["--texts"], ["--id", record(0).id, "--texts"]):
        assert call(["audit", "show", *arguments]) == ExitCode.DONE
        out = capsys.readouterr().out
        assert "a\\x1b[2Jb\\r\nc" in out
        assert not {letter for letter in out if not letter.isprintable()} - {"\n"}
