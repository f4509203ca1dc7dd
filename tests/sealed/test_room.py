"""A program in a room of a stage: what it can do, how it ends, and what is said of the room."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from helder.errors import ExitCode, HelderError
from helder.sealed import room

LEVELS = [room.CLOSED, room.INNER]


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> int:
    found = room.prove(request.param)
    if isinstance(found, str):
        pytest.skip(found)
    return int(request.param)


def run(source: str, level: int, work: Path, *reads: Path) -> tuple[int, str, room.Seal]:
    """A program in a room: how it ended, what it said, and the seal."""
    work.mkdir(exist_ok=True)
    command = [sys.executable, "-I", "-c", source]
    process = room.start(command, reads, [work], level=level, count=True, cwd=work, stdout=subprocess.PIPE, text=True)
    said, _ = process.communicate()
    room.take_back(work)
    return process.returncode, said, process.sealed()


def test_a_program_reads_its_inputs_and_writes_its_folder(level: int, tmp_path: Path) -> None:
    given = tmp_path / "closed" / "given.txt"
    given.parent.mkdir(mode=0o700)
    given.write_text("read", encoding="utf-8")
    given.chmod(0o600)
    source = f"open('made.txt', 'w').write(open({str(given)!r}).read()); import os; print(os.getcwd())"
    code, said, seal = run(source, level, tmp_path / "work", given)
    assert (code, said.strip()) == (0, str(tmp_path / "work"))
    assert (tmp_path / "work" / "made.txt").read_text(encoding="utf-8") == "read"
    assert (tmp_path / "work" / "made.txt").stat().st_uid == os.geteuid()
    assert seal.level == level
    assert seal.packets == ({"left": 0, "loopback": 0} if level == room.CLOSED else None)


def test_how_it_ends_is_told_as_outside(level: int, tmp_path: Path) -> None:
    assert run("import sys; sys.exit(7)", level, tmp_path / "a")[0] == 7
    for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM):
        assert run(f"import os; os.kill(os.getpid(), {int(number)})", level, tmp_path / "b")[0] == -number


def test_processes_speak_over_the_loopback_and_it_is_counted(tmp_path: Path) -> None:
    if isinstance(room.prove(room.CLOSED), str):
        pytest.skip("no closed rooms here")
    source = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); c = socket.create_connection(s.getsockname());"
        "c.send(b'x'); print(socket.gethostbyname('localhost'))"
    )
    code, said, seal = run(source, room.CLOSED, tmp_path / "work")
    assert (code, said) == (0, "127.0.0.1\n")
    assert seal.packets is not None
    assert seal.packets["left"] == 0 and seal.packets["loopback"] > 0


def test_threads_locks_and_pipes_work(level: int, tmp_path: Path) -> None:
    source = (
        "import multiprocessing, threading, socket, resource\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(abs, [-1, 2]))\n"
        "t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()\n"
        "a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1), open('/proc/self/statm').read().count(' '))\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))\n"
    )
    assert run(source, level, tmp_path / "work")[:2] == (0, "[1, 2]\nthread\nb'x' 6\n(0, 0)\n")


def test_what_a_program_leaves_behind_ends_with_its_room(tmp_path: Path) -> None:
    if isinstance(room.prove(room.CLOSED), str):
        pytest.skip("no closed rooms here")
    source = "import os, signal\nos.fork() or (os.setsid(), os.write(1, b'x'), signal.pause())\nos.read(0, 1)"
    tmp_path.chmod(0o755)
    process = room.start(
        [sys.executable, "-I", "-c", source], [], [tmp_path], level=room.CLOSED, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.read(1) == b"x"
    process.stdin.close()
    assert process.stdout.read() == b"", "nobody holds the pipe any more"
    process.stdout.close()
    assert process.wait() == 0
    process.close()


def test_the_level_that_cannot_be_had_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "prove", lambda level: f"no wall for {level}")
    monkeypatch.setenv(room.SETTING, "3")
    with pytest.raises(HelderError, match="Seal level 3 cannot be had") as caught:
        room.proved()
    assert caught.value.code == ExitCode.REFUSED
    assert "no wall for 3" in caught.value.why and "bubblewrap" in caught.value.fix
    monkeypatch.setenv(room.SETTING, "best")
    assert room.proved().level == room.OPEN
    monkeypatch.setenv(room.SETTING, "4")
    with pytest.raises(HelderError, match="HELDER_SEAL is '4'"):
        room.proved()


def test_the_best_level_that_was_proved_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = room.Seal(room.INNER, ("Landlock",), 90)
    monkeypatch.setattr(room, "prove", lambda level: inner if level == room.INNER else "no bubblewrap")
    monkeypatch.setenv(room.SETTING, "best")
    assert room.proved() == inner
    monkeypatch.setenv(room.SETTING, "0")
    assert room.proved() == room.Seal()
    assert room.Seal().to_json() == {"level": 0}
    assert inner.to_json() == {"level": 2, "walls": ["Landlock"], "refused": 90}


def test_packets_of_all_interfaces_but_the_loopback_have_left() -> None:
    head = b"Inter-|   Receive  |  Transmit\n face |bytes packets ...\n"
    row = b"%s: 10 1 0 0 0 0 0 0 20 %d 0 0 0 0 0 0\n"
    assert room.counted(head + row % (b"    lo", 7)) == {"left": 0, "loopback": 7}
    assert room.counted(head + row % (b"    lo", 7) + row % (b"  eth0", 2)) == {"left": 2, "loopback": 7}
    assert room.counted(b"") is None
