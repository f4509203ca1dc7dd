"""What `helder audit verify` finds, alone and with a checkpoint from outside; and another implementation agrees."""

from __future__ import annotations

import base64
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from helder.certify.verdict import Result
from helder.errors import ExitCode, HelderError
from helder.ledger import merkle
from helder.serve.audit import Keep, log_key
from helder.serve.audit.disk import Disk
from helder.serve.audit.note import Checkpoint
from helder.serve.audit.reading import Reading
from helder.serve.audit.verify import Report, verify
from tests.serve.audit import mutations, second_verifier
from tests.serve.audit.logs import KEY, ORIGIN, made, opened, record


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed log of 600 answers, after each hundred of which a checkpoint was kept beside it."""
    folder = tmp_path_factory.mktemp("audit") / "log"
    with opened(folder, Keep("digests")) as log:
        for number in range(600):
            log.append(record(number))
            if number % 100 == 99:
                (folder.parent / f"at-{number + 1}").write_text(log.checkpoint(), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[second_verifier.Second]:
    if why := second_verifier.missing():
        pytest.skip(why)
    program = second_verifier.Second(second_verifier.build(tmp_path_factory.mktemp("go")))
    yield program
    program.close()


def checked(folder: Path, *against: Path) -> Report:
    return verify(folder, against={path.name: path.read_bytes() for path in against}, known=[KEY.public])


def told(report: Report) -> str:
    return "; ".join(f"{finding.place}: {finding.what}" for finding in report.faults)


def test_a_log_that_nobody_touched_passes_and_says_what_it_cannot_show(log: Path) -> None:
    report = checked(log)
    assert report.exit_code == ExitCode.DONE, told(report)
    assert report.facts["records"] == 600
    assert report.facts["kinds"] == {"answer": 600}
    assert "only history" in report.not_shown[0]
    against = checked(log, log.parent / "at-300", log.parent / "at-600")
    assert against.exit_code == ExitCode.DONE
    assert against.not_shown == ["The 300 records after at-300: it cannot speak for them."]


def test_whose_log_it_is_cannot_be_checked_without_the_key_of_the_organisation(log: Path) -> None:
    report = verify(log)
    assert report.exit_code == ExitCode.UNCHECKED
    assert report.to_json()["result"] == "could not be checked"
    assert report.faults == []


@pytest.mark.parametrize("kind", mutations.KINDS)
def test_every_change_is_found_against_a_checkpoint_from_outside(
    log: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """By both implementations, where the second is there; `python -m bench.audit` does it ten thousand times."""
    second = None if second_verifier.missing() else request.getfixturevalue("second")
    key, draw, outside = log_key.take(log, KEY, ORIGIN, Disk()), random.Random(kind), log.parent / "at-600"
    for _ in range(8):
        with mutations.mutated(log, kind, draw, key) as done:
            report = checked(log, outside)
            assert report.exit_code == ExitCode.FAILED, done
            if second is not None:
                assert second.ask(log, key.public.vkey, [outside])["fault"], done
    assert checked(log, outside).exit_code == ExitCode.DONE


@pytest.mark.parametrize("kind", mutations.INSIDE)
def test_another_history_that_the_logs_key_signed_is_seen_only_from_outside(log: Path, kind: str) -> None:
    key = log_key.take(log, KEY, ORIGIN, Disk())
    with mutations.mutated(log, kind, random.Random(1), key):
        alone = [finding for finding in checked(log).faults if "text" not in finding.place]
        assert alone == [], kind
        places = {finding.place for finding in checked(log, log.parent / "at-600").faults}
        assert "at-600" in places


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 300])
def test_the_second_implementation_agrees_on_logs_of_every_shape(
    second: second_verifier.Second, tmp_path: Path, size: int
) -> None:
    folder = made(tmp_path / "log", size, Keep("nothing"))
    with opened(folder, Keep("nothing")) as log:
        (tmp_path / "old").write_text(log.checkpoint(), encoding="utf-8")
        for number in range(size, size + 3):
            log.append(record(number))
        root = merkle.root([merkle.leaf(log.record(place)) for place in range(size + 3)])
    vkey = (folder / "log.vkey").read_text(encoding="utf-8")
    said = second.ask(folder, vkey, [tmp_path / "old"])
    assert said == {"size": size + 3, "root": base64.b64encode(root).decode("ascii"), "fault": ""}
    assert checked(folder, tmp_path / "old").exit_code == ExitCode.DONE


def test_a_changed_record_is_named_by_its_number(log: Path) -> None:
    path = log / "tile/entries/001"
    before = path.read_bytes()
    path.write_bytes(before.replace(record(300).id.encode(), record(900).id.encode()))
    try:
        assert "record 300: is not the one" in told(checked(log))
    finally:
        path.write_bytes(before)


def test_texts_that_were_changed_taken_away_or_put_back_are_named(tmp_path: Path) -> None:
    folder = made(tmp_path / "log", 20)
    path = folder / "texts/000.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    with opened(folder) as log:
        log.erase(who="ward-1", by="admin")
    erased = path.read_bytes()
    assert checked(folder).exit_code == ExitCode.DONE
    assert checked(folder).facts["erased"] == 7

    path.write_bytes(erased.replace(b"6 tabs tds pc", b"9 tabs tds pc"))
    assert "text of record 6: is not the one that was logged" in told(checked(folder))
    path.write_bytes(erased.replace(lines[9], b""))
    assert "text of record 9: is missing, and no record says" in told(checked(folder))
    path.write_bytes(erased + lines[1])
    assert "text of record 1: is there, and a record says that it was erased" in told(checked(folder))
    path.write_bytes(erased + lines[2].replace(b'"index":2', b'"index":3'))
    assert "hold something that belongs to no record" in told(checked(folder))
    path.write_bytes(erased[:-5])
    assert "no line" in told(checked(folder))
    path.unlink()
    assert "text of record 0: is missing" in told(checked(folder))


def test_the_folder_of_a_running_server_can_be_verified(tmp_path: Path) -> None:
    with opened(tmp_path / "log", publish_every=0.001) as log:
        for number in range(200):
            log.append(record(number))
            if number % 10 == 0:
                report = checked(tmp_path / "log")
                assert report.exit_code == ExitCode.DONE, told(report)
        assert log.trouble is None


def test_records_that_wait_in_the_journal_are_told_and_not_vouched_for(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as log:
        log.append(record(0))
        log.publish()
        log.append(record(1))
        shutil.copytree(tmp_path / "log", tmp_path / "copy")
    report = checked(tmp_path / "copy")
    assert report.exit_code == ExitCode.DONE
    assert report.facts["waiting"] == 1
    assert any("no signature is over them" in finding.what for finding in report.findings)
    [path] = (tmp_path / "copy/journal").iterdir()
    data = path.read_bytes()
    path.write_bytes(data[:60] + bytes([data[60] ^ 1]) + data[61:])
    waiting = [finding for finding in checked(tmp_path / "copy").findings if finding.place == "journal"]
    assert [finding.result for finding in waiting] == [Result.SKIPPED]
    assert "cut by a crash, or were damaged" in waiting[0].what


def test_what_is_no_log_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="holds no audit log"):
        verify(tmp_path)
    with pytest.raises(HelderError, match="no folder"):
        verify(tmp_path / "nowhere")


def test_a_size_that_somebody_made_up_costs_no_time(tmp_path: Path) -> None:
    folder = made(tmp_path / "log", 3)
    key = log_key.take(folder, KEY, ORIGIN, Disk())
    (folder / "checkpoint").write_text(Checkpoint(ORIGIN, 10**18, bytes(32)).sign(key), encoding="utf-8")
    assert "bundles of records" in told(checked(folder))
    with pytest.raises(HelderError, match="is missing"):
        Reading(folder)
    with pytest.raises(HelderError, match="is missing"):
        opened(folder)


@pytest.mark.parametrize("entry", [b"", b"[]", b"{}", b"[" * 5000, b'{"v":1,"kind":"answer","id":1,"time":2}'])
def test_a_record_that_is_none_is_named_and_nothing_falls_over(tmp_path: Path, entry: bytes) -> None:
    folder = made(tmp_path / "log", 3)
    key = log_key.take(folder, KEY, ORIGIN, Disk())
    mutations.write(folder, [*mutations.entries(folder), entry], key)
    assert "record 3: is no record" in told(checked(folder))
