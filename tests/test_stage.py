"""One stage: what is sealed when it ends well, and what is left when it does not."""

from __future__ import annotations

import errno
import json
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from helder.errors import ExitCode, HelderError
from helder.ledger.artifact import Artifact
from helder.ledger.run_folder import RunFolder
from helder.sealed import room
from helder.stage import Interrupted, Stage, run
from tests.rooms import stages

OnEvent = Callable[[dict[str, Any]], None]


def stage(
    function: str, settings: dict[str, Any] | None = None, inputs: dict[str, Artifact] | None = None, **more: Any
) -> Stage:
    return Stage("data", f"tests.fake_stages:{function}", settings or {}, inputs or {}, **more)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def quiet(event: dict[str, Any]) -> None:
    pass


def left(folder: RunFolder) -> list[str]:
    """Every file outside logs and scratch."""
    found = (path.relative_to(folder.root).as_posix() for path in folder.root.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.startswith("logs/") and "/scratch/" not in name)


# -- the key --------------------------------------------------------------------------------------------------


def test_the_key_depends_on_all_that_decides_the_result_and_on_nothing_else(tmp_path: Path) -> None:
    train = Artifact(tmp_path / "a", "1" * 64, "a")
    one = stage("copy", {"seed": 1}, {"train": train})
    same = [
        stage("copy", {"seed": 1}, {"train": Artifact(tmp_path / "elsewhere", "1" * 64, "b")}),
    ]
    others = [
        stage("copy", {"seed": 2}, {"train": train}),
        stage("copy", {"seed": 1.0}, {"train": train}),
        stage("copy", {"seed": 1}, {"train": Artifact(tmp_path / "a", "2" * 64, "a")}),
        stage("copy", {"seed": 1}, {"test": train}),
        stage("copy", {"seed": 1}, {"train": train}, version=2),
        stage("copy", {"seed": 1}, {"train": train}, environment={"MKL_CBWR": "COMPATIBLE"}),
        stage("crashes", {"seed": 1}, {"train": train}),
    ]
    assert {item.key for item in same} == {one.key}
    assert len({item.key for item in [one, *others]}) == len(others) + 1


# -- a stage that ends well ------------------------------------------------------------------------------------


def test_a_stage_becomes_an_artifact_and_a_signed_statement(folder: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("{}\n", encoding="utf-8")
    train = Artifact.of(tmp_path / "train.jsonl", "train.jsonl")
    events: list[dict[str, Any]] = []
    job = stage("copy", {"seed": 3}, {"train": train})

    made = run(job, folder, events.append)

    assert made.path == folder.root / "artifacts" / f"data-{made.digest[:12]}"
    assert made.intact()
    assert json.loads((made.path / "deep/copy.json").read_text())["sizes"] == {"train": 3}
    said = folder.find(job.key)
    assert said is not None
    assert said.digest == made.digest
    assert said.facts == {"note": "measured"}
    assert said.predicate["inputs"]["train"]["digest"]["sha256"] == train.digest
    assert said.predicate["outputs"][0]["path"] == "deep/copy.json"
    assert said.predicate["seed"] == 3
    assert said.predicate["timings"]["peak_memory"] > 1_000_000
    assert said.predicate["timings"]["energy"]["how"].startswith(("measured", "estimated"))
    assert [event["event"] for event in events] == ["started", "progress", "progress", "finished"]
    assert {event["stage"] for event in events} == {"data"}
    assert folder.log("data").read_text(encoding="utf-8") == "this goes to the log\n"
    assert left(folder) == [f"artifacts/{made.path.name}/deep/copy.json", "ledger/001-data.json"]


def test_run_again_it_gives_the_same_artifact_and_one_more_statement(folder: RunFolder) -> None:
    job = stage("copy")
    assert run(job, folder, quiet) == run(job, folder, quiet)
    assert [path.name for path in sorted(folder.ledger.iterdir())] == ["001-data.json", "002-data.json"]


def test_the_process_gets_a_cleared_environment_and_the_statement_records_it(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    job = stage("environment", environment={"MKL_CBWR": "COMPATIBLE"})
    made = run(job, folder, quiet)
    seen = json.loads((made.path / "environment.json").read_text(encoding="utf-8"))
    said = folder.find(job.key)
    assert said is not None
    recorded = said.predicate["environment"]
    assert "SECRET_TOKEN" not in seen
    assert "LD_PRELOAD" not in seen
    # What the C library or the launcher adds by itself would show up here.
    assert seen.keys() == recorded["variables"].keys()
    assert seen["GOMP_SPINCOUNT"] == "0"
    assert seen["PYTHONHASHSEED"] == "0"
    assert seen["MKL_CBWR"] == recorded["variables"]["MKL_CBWR"] == "COMPATIBLE"
    assert recorded["threads"] == 3
    assert recorded["packages"]["cryptography"]
    assert str(folder.root) not in json.dumps(recorded)
    assert said.facts["stdin"] == ""
    assert said.facts["folder"].endswith("scratch")
    assert not {"torch", "pydantic", "click", "numpy"} & set(said.facts["modules"])


# -- a stage that does not -------------------------------------------------------------------------------------


def failing(job: Stage, folder: RunFolder, on_event: OnEvent = quiet) -> HelderError:
    with pytest.raises(HelderError) as caught:
        run(job, folder, on_event)
    assert not list(folder.root.glob("artifacts/*"))
    assert not list(folder.root.glob("ledger/*"))
    assert not (folder.work(job.key) / "output").exists()
    return caught.value


def test_an_error_of_the_stage_reaches_the_caller_whole(folder: RunFolder) -> None:
    error = failing(stage("refuses"), folder)
    assert (error.what, error.why, error.fix) == ("The data are empty.", "No line holds a record.", "Add some.")
    assert error.code == ExitCode.FAILED


def test_a_crash_is_our_fault_and_shows_the_end_of_the_log(folder: RunFolder) -> None:
    error = failing(stage("crashes"), folder)
    assert error.code == ExitCode.OURS
    assert "ValueError: a defect" in error.what
    assert str(folder.log("data")) in error.why
    assert "the last words" in error.why


def test_a_process_that_leaves_without_a_word_is_told(folder: RunFolder) -> None:
    error = failing(stage("ends_the_process"), folder)
    assert error.code == ExitCode.OURS
    assert "ended with status 7" in error.what
    assert "about to leave" in error.why


def test_a_segmentation_fault_is_named(folder: RunFolder) -> None:
    error = failing(stage("ends_the_process", {"signal": int(signal.SIGSEGV)}), folder)
    assert error.code == ExitCode.OURS
    assert "SIGSEGV" in error.what


def test_a_killed_process_is_told_with_the_likely_reason_the_log_and_the_way_out(folder: RunFolder) -> None:
    error = failing(stage("ends_the_process", {"signal": int(signal.SIGKILL)}), folder)
    assert error.code == ExitCode.USER
    assert "SIGKILL" in error.what
    assert "memory" in error.why
    assert str(folder.log("data")) in error.why
    assert "`helder run` continues" in error.fix


def test_a_stage_that_wrote_nothing_has_nothing_to_state(folder: RunFolder) -> None:
    assert failing(stage("writes_nothing"), folder).code == ExitCode.OURS


@pytest.mark.parametrize("what", ["nan", "list", "path"])
def test_facts_without_a_stable_encoding_are_refused(folder: RunFolder, what: str) -> None:
    assert failing(stage("returns", {"what": what}), folder).code == ExitCode.OURS


def test_a_function_that_is_not_there_is_our_fault(folder: RunFolder) -> None:
    assert "AttributeError" in failing(stage("missing"), folder).what


def test_an_input_that_changes_while_it_is_read_is_not_stated(folder: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("{}\n", encoding="utf-8")
    train = Artifact.of(tmp_path / "train.jsonl", "train.jsonl")

    def change(event: dict[str, Any]) -> None:
        train.path.write_text("{}\none more", encoding="utf-8")

    error = failing(stage("copy", {}, {"train": train}), folder, change)
    assert "changed while data was reading it" in error.what


def test_a_stage_cannot_change_its_own_input(folder: RunFolder, tmp_path: Path) -> None:
    if room.proved().level < room.INNER:
        pytest.skip("rooms are not closed on this machine")
    (tmp_path / "train.jsonl").write_text("{}\n", encoding="utf-8")
    train = Artifact.of(tmp_path / "train.jsonl", "train.jsonl")
    error = failing(stage("changes_its_input", {}, {"train": train}), folder)
    assert "data may not write or read where it has to" in error.what
    assert train.intact()


# -- the machine says no ---------------------------------------------------------------------------------------


def test_a_full_disk_under_the_stage_is_the_users_to_fix(folder: RunFolder) -> None:
    error = failing(stage("fills_the_disk", {"bytes": 1, "path": "/dev/full"}), folder)
    assert error.code == ExitCode.USER
    assert "disk is full" in error.what
    assert "Free some space" in error.fix


def test_a_disk_that_fails_is_not_called_a_defect_of_ours(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(source: Path, target: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(source))

    monkeypatch.setattr("helder.stage.artifacts.move_folder", broken)
    error = failing(stage("environment"), folder)
    assert error.code == ExitCode.USER
    assert "The disk failed" in error.what and "dmesg" in error.fix


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("rust", "disk is full"),
        ("numpy", "disk is full"),
        ("memory", "Memory ran out"),
        ("read-only", "may not write"),
        ("torch", "not installed"),
    ],
)
def test_errors_of_the_machine_are_told_apart_from_ours(folder: RunFolder, what: str, expected: str) -> None:
    error = failing(stage("raises", {"what": what}), folder)
    assert error.code == ExitCode.USER
    assert expected in error.what
    assert error.fix


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_is_really_full_leaves_nothing_half_written(small_disk: Path) -> None:
    folder = RunFolder(small_disk / "run")
    error = failing(stage("fills_the_disk", {"bytes": 1 << 20}), folder)
    assert "disk is full" in error.what
    made = run(stage("fills_the_disk", {"bytes": 1 << 10}), folder, quiet)
    assert made.intact()


def test_a_disk_that_is_full_before_the_stage_begins_is_told(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space"), (small_disk / "filler").open("wb", buffering=0) as stream:
        while stream.write(b"\0" * 4096):
            pass
    with pytest.raises(HelderError, match="disk is full") as caught:
        run(stage("copy"), RunFolder(small_disk / "run"), quiet)
    assert caught.value.code == ExitCode.USER


def test_a_disk_that_takes_the_output_but_not_the_statement_leaves_a_run_that_continues(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes, mode: int = 0o644) -> None:
        raise OSError(28, "No space left on device", str(path))

    job = stage("copy")
    with monkeypatch.context() as patch:
        patch.setattr("helder.ledger.run_folder.write_atomic", full)
        with pytest.raises(HelderError, match="disk is full"):
            run(job, folder, quiet)
    assert folder.find(job.key) is None
    assert run(job, folder, quiet).intact()
    assert [path.name for path in folder.ledger.iterdir()] == ["001-data.json"]


def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro,size=16k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:  # an ordinary user: the mode is enough
        place.chmod(0o555)
    try:
        with pytest.raises(HelderError, match="may not write") as caught:
            run(stage("copy"), RunFolder(place / "run"), quiet)
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", str(place)], check=True)
    assert caught.value.code == ExitCode.USER
    assert "writable" in caught.value.fix


# -- interrupted -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_stage_and_the_next_run_finds_its_scratch(folder: RunFolder, number: signal.Signals) -> None:
    pids: list[int] = []

    def interrupt(event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            pids.extend(stages(folder))
            os.kill(os.getpid(), number)

    job = stage("stops_halfway_once")
    before = signal.getsignal(number)
    error = failing(job, folder, interrupt)
    assert isinstance(error, Interrupted)
    assert error.code == ExitCode.INTERRUPTED
    assert "`helder run` continues" in error.fix
    assert signal.getsignal(number) == before
    assert pids
    assert stages(folder) == []

    events: list[dict[str, Any]] = []
    run(job, folder, events.append)
    said = folder.find(job.key)
    assert said is not None
    assert said.facts == {"again": True}
    assert events[1]["files"] == 1, "the output of the first attempt is gone, only its scratch is there"
    assert not folder.work(job.key).exists()


def start(job: Stage, folder: RunFolder) -> tuple[int, list[int]]:
    """Run a stage in a process of its own, until it reports; that process and those of the stage."""
    reader, writer = os.pipe()

    def tell(event: dict[str, Any]) -> None:
        if "pid" in event:
            os.write(writer, b"%d\n" % event["pid"])

    pid = os.fork()
    if pid == 0:
        try:
            with folder.lock() as lock:
                run(job, folder, tell, lock)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        assert stream.readline()
    return pid, stages(folder)


def gone(process: int) -> None:
    """Wait, without a clock of our own, until a process has ended."""
    select.select([process], [], [], 30)
    os.close(process)


def test_when_the_run_is_killed_its_stage_dies_with_it_and_the_lock_is_free(folder: RunFolder) -> None:
    job = stage("stops_halfway_once")
    runner, children = start(job, folder)
    handles = [os.pidfd_open(child) for child in children]
    assert handles
    os.kill(runner, signal.SIGKILL)
    os.waitpid(runner, 0)
    for handle in handles:
        gone(handle)
    with folder.lock() as lock:
        run(job, folder, quiet, lock)
    said = folder.find(job.key)
    assert said is not None
    assert said.facts == {"again": True}


def test_two_runs_of_one_project_do_not_collide(folder: RunFolder) -> None:
    runner, _ = start(stage("stops_halfway_once"), folder)
    try:
        with pytest.raises(HelderError, match="Another `helder run` is at work") as caught, folder.lock(patience=0):
            pass
        assert str(runner) in caught.value.why
    finally:
        os.kill(runner, signal.SIGKILL)
        os.waitpid(runner, 0)


@pytest.mark.slow
def test_a_run_killed_before_any_change_of_the_file_system_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = run(stage("copy"), RunFolder(tmp_path / "undisturbed"), quiet)
    kills = 0
    while True:
        folder = RunFolder(tmp_path / f"kill-{kills}")
        pid = os.fork()
        if pid == 0:
            _kill_at(kills)
            try:
                run(stage("copy"), folder, quiet)
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            break
        made = run(stage("copy"), folder, quiet)
        assert made.digest == undisturbed.digest
        assert made.intact()
        assert folder.find(stage("copy").key) is not None
        assert len(list(folder.root.glob("artifacts/*"))) == 1
        kills += 1
    assert kills >= 10, "the sealing of a stage changes the file system more often than that"


def _kill_at(count: int) -> None:
    """From now on, the `count`-th change of the file system by this process is its end."""
    remaining = count

    def deadly(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **keywords: Any) -> Any:
            nonlocal remaining
            if remaining == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            remaining -= 1
            return function(*arguments, **keywords)

        return wrapper

    for module, names in [(os, ["fsync", "rename", "mkdir", "unlink", "rmdir"]), (shutil, ["rmtree"])]:
        for name in names:
            setattr(module, name, deadly(getattr(module, name)))
