"""The audit log on disks that fail and machines whose power goes: nothing acknowledged is lost, and it goes on."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from helder.errors import ExitCode, HelderError
from helder.ledger import merkle
from helder.serve.audit import AuditLog, Keep, NotLogged, Receipt
from helder.serve.audit.disk import Disk
from helder.serve.audit.note import Checkpoint
from helder.serve.audit.verify import verify
from tests.serve.audit.faults import FAULTS, Counted, Failing, Outage, Power
from tests.serve.audit.killing import Killer
from tests.serve.audit.logs import KEY, ORIGIN, Quick, made, opened, record

BEFORE = 254  # records that were there: the first bundle is filled, and a second begun, while the disk fails


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = made(tmp_path_factory.mktemp("before") / "log", BEFORE - 20, Keep("nothing"))
    with opened(folder) as log:
        for number in range(BEFORE - 20, BEFORE):
            log.append(record(number))
    return folder


class Story:
    """What a server does with its log, and what it was promised: receipts, checkpoints, erasures."""

    def __init__(self, folder: Path, disk: Disk, killed: bool = False) -> None:
        self.folder, self.disk, self.killed = folder, disk, killed
        self.receipts: list[Receipt] = []
        self.refused = 0
        self.notes: list[str] = []
        self.erased: list[str] = []

    def run(self) -> None:
        log = AuditLog.open(self.folder, KEY, ORIGIN, Keep("texts"), disk=self.disk, publish_every=None)
        try:
            for number in range(1000, 1004):
                self.append(log, number)
            self.publish(log)
            with suppress(HelderError):
                log.erase(id=record(250).id, by="admin")
                self.erased.append(record(250).id)
            self.append(log, 1004)
            self.publish(log)
            self.append(log, 1005)
        except Outage:
            abandon(log)
            raise
        if self.killed:
            abandon(log)
            return
        with suppress(HelderError):  # the checkpoint may not be written; the log is let go of all the same
            log.close()

    def append(self, log: AuditLog, number: int) -> None:
        try:
            self.receipts.append(log.append(record(number)))
        except NotLogged as error:
            assert error.fix
            self.refused += 1

    def publish(self, log: AuditLog) -> None:
        with suppress(HelderError):
            self.notes.append(log.publish())

    def check(self) -> None:
        """Everything that was promised is kept, the log verifies, and goes on."""
        outside = {f"checkpoint {number}": note.encode() for number, note in enumerate(self.notes)}
        with opened(self.folder) as log:
            for receipt in self.receipts:
                data = log.record(receipt.index)
                assert merkle.leaf(data).hex() == receipt.leaf
                assert (log.texts(receipt.id) or {})["answer"], receipt
            for number in (0, 240, 250, 253):
                assert log.find(record(number).id) == number
                assert log.texts(record(number).id) or number in (0, 250)
            for id in self.erased:
                assert log.texts(id) is None
            later = log.append(record(2000))
            assert later.index == log.size - 1
            stamped = log.receipt(later.id)
            assert stamped is not None
            point = Checkpoint.read(stamped.checkpoint.encode(), log.key.public)
            proof = [bytes.fromhex(digest) for digest in stamped.proof]
            assert merkle.proves(merkle.leaf(stamped.data), later.index, point.size, proof, point.root)
        report = verify(self.folder, against=outside, known=[KEY.public])
        assert report.exit_code == ExitCode.DONE, [finding for finding in report.faults]
        assert report.facts["waiting"] == 0
        for path in self.folder.rglob("*"):
            assert not path.name.endswith(".part"), path


def abandon(log: AuditLog) -> None:
    """What the end of a process does: the lock and the descriptors go, nothing else happens."""
    log._closed = True
    log._journal.leave()
    log._texts.close()
    os.close(log._lock_file)


def steps(before: Path, folder: Path) -> int:
    """How many things the story does to a disk."""
    shutil.copytree(before, folder)
    disk = Counted()
    Story(folder, disk).run()
    return disk.steps


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: thousands of files come and go, and no disk is waited for."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def places(before: Path, memory: Path, every: int = 1) -> Iterator[tuple[int, Path]]:
    """A fresh copy of the log for each step of the story at which something can happen, or for every second one."""
    for at in range(1, steps(before, memory / "whole") + 1, every):
        folder = memory / f"log-{at}"
        shutil.copytree(before, folder)
        yield at, folder
        shutil.rmtree(folder)


def test_a_disk_that_fails_once_loses_nothing_that_was_acknowledged(before: Path, memory: Path) -> None:
    """At every second step, one fault after the other in turn; `python -m bench.audit` tries each at each."""
    refused = 0
    for at, folder in places(before, memory, 2):
        story = Story(folder, Failing(at, FAULTS[at // 2 % len(FAULTS)]))
        try:
            story.run()
        except HelderError as error:  # it failed while the log was opened
            assert error.fix, at
        refused += story.refused
        story.check()
    assert refused > 3


def test_a_disk_that_fails_several_times_before_the_process_is_killed(before: Path, memory: Path) -> None:
    for at, folder in places(before, memory, 2):
        story = Story(folder, Failing(at, FAULTS[at // 2 % len(FAULTS)], more=1 + at // 2 % 2), killed=True)
        with suppress(HelderError):
            story.run()
        story.check()


def test_a_disk_that_is_full_for_a_while_refuses_by_name_and_the_log_goes_on(before: Path, tmp_path: Path) -> None:
    shutil.copytree(before, tmp_path / "log")
    disk = Failing(0, "no room")
    disk.at = 10**9
    with AuditLog.open(tmp_path / "log", KEY, ORIGIN, Keep("texts"), disk=disk, publish_every=None) as log:
        log.append(record(1000))
        disk.at, disk.more = disk.steps + 1, 10**9
        for number in range(1001, 1004):
            with pytest.raises(NotLogged, match="cannot be written") as refused:
                log.append(record(number))
            assert "No space left" in refused.value.why
        with pytest.raises(HelderError, match="cannot be written"):
            log.publish()
        disk.at = 10**9
        assert log.append(record(1004)).index == BEFORE + 1
        assert [one["record"]["id"] for one in log.entries(BEFORE)] == [record(1000).id, record(1004).id]
    assert verify(tmp_path / "log", known=[KEY.public]).exit_code == ExitCode.DONE


def test_power_that_goes_at_any_step_loses_nothing_that_was_acknowledged(before: Path, memory: Path) -> None:
    for at, folder in places(before, memory):
        story = Story(folder, Power(at, random.Random(at)))
        with pytest.raises(Outage):
            story.run()
        story.check()


def test_power_that_goes_while_a_log_is_begun_leaves_what_can_be_begun_again(memory: Path) -> None:
    disk = Counted()
    AuditLog.open(memory / "whole", KEY, ORIGIN, Keep(), disk=disk, publish_every=None).close()
    for at in range(1, disk.steps + 1):
        folder = memory / f"log-{at}"
        with pytest.raises(Outage):
            AuditLog.open(folder, KEY, ORIGIN, Keep(), disk=Power(at, random.Random(at)), publish_every=None).close()
        with opened(folder) as log:
            log.append(record(0))
        assert verify(folder, known=[KEY.public]).exit_code == ExitCode.DONE


def test_what_a_crash_cut_off_is_told_in_the_log(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as log:
        log.append(record(0))
        shutil.copytree(tmp_path / "log", tmp_path / "copy")
    [journal] = (tmp_path / "copy/journal").iterdir()
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[60:100])
    with opened(tmp_path / "copy") as log:
        said = log.entries(0)
    assert [one["record"]["kind"] for one in said] == ["answer", "recovery"]
    assert said[1]["record"]["cut_bytes"] == 40


@pytest.mark.parametrize("place", [0, 20, 49, 60, 200])
def test_damage_within_what_was_acknowledged_is_not_taken_for_a_crash(tmp_path: Path, place: int) -> None:
    with opened(tmp_path / "log") as log:
        log.append(record(0))
        log.append(record(1))
        shutil.copytree(tmp_path / "log", tmp_path / "copy")
    [journal] = (tmp_path / "copy/journal").iterdir()
    data = bytearray(journal.read_bytes())
    data[place] ^= 4
    journal.write_bytes(data)
    with pytest.raises(HelderError, match="damaged") as refused:
        opened(tmp_path / "copy")
    assert refused.value.code == ExitCode.FAILED
    assert journal.read_bytes() == data
    assert verify(tmp_path / "copy", known=[KEY.public]).exit_code == ExitCode.FAILED


def test_an_erasure_that_was_cut_short_is_finished(before: Path, tmp_path: Path) -> None:
    class Stubborn(Quick):
        def replace(self, path: Path, data: bytes) -> None:
            if path.suffix == ".jsonl":
                raise OSError(5, "Input/output error")
            super().replace(path, data)

    shutil.copytree(before, tmp_path / "log")
    with opened(tmp_path / "log", disk=Stubborn()) as log, pytest.raises(HelderError, match="cannot be written"):
        log.erase(id=record(240).id, by="admin")
    with opened(tmp_path / "log") as log:
        assert log.texts(record(240).id) is None
        assert log.size == BEFORE + 1
    assert verify(tmp_path / "log", known=[KEY.public]).exit_code == ExitCode.DONE


def test_a_writer_that_is_killed_at_random_moments_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """`python -m bench.audit` does it two hundred times."""
    draw, killer = random.Random(7), Killer(tmp_path)
    try:
        acknowledged = [killer.round(draw.uniform(0, 0.05), draw) for _ in range(6)]
    finally:
        killer.close()
    assert acknowledged[-1] > 10
