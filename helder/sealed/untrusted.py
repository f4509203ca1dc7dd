"""Rooms for programs that nobody trusts: what a model wrote, a stranger handed in, or a package brought along.

A room is made by bubblewrap, as a user without rights: namespaces of its own for files, network, processes, messages
and names, with nothing of the machine but the system's programs and libraries, and the room's own files, all read-only.
Inside waits a warden (`helder.sealed.warden`), which starts programs one after the other behind two more walls,
Landlock and seccomp, and limits. None of the walls is enough alone (DESIGN, facts measured): Landlock leaves `stat` and
unix sockets open, bubblewrap's processes are not counted when root starts it.

Not closed: what two programs tell each other by how long things take, over the processor's caches or which files are
in memory. It carries few bits, and no answers, which no room of a submission ever sees.

A system that cannot give all of it gets an error with the reason. Untrusted code is never run with less.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import itertools
import json
import os
import select
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from helder.errors import HelderError
from helder.sealed import broker, idle
from helder.sealed.idle import GRACE_SECONDS
from helder.sealed.machine import bubblewrap, interpreter, missing, needed

PROGRAM = "/program"  # where a room's files lie
WORK = "/writable"  # where they may write, if they may
WARDEN, PACKAGE = "/warden", "helder.sealed"  # where the warden's modules lie, and how they are called
CARRIED = ("warden", "landlock", "seccomp")  # modules that lie in the room
# What of the machine is seen: programs, libraries, and what compilers read.
SYSTEM = ("/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/libexec", "/usr/include")
LINKED = ("/bin", "/lib", "/lib32", "/lib64", "/libx32")  # folders, or links into /usr
ALSO = ("/etc/ld.so.cache", "/etc/alternatives")
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",  # the same order of sets in every run, so that a verdict does not hang on it
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONIOENCODING": "utf-8",
}
SHOWN = 1 << 16  # bytes of standard error that are kept
NOBODY = 200_000  # first of the users without a name or a file that rooms run as, when root makes them (assumption)
USERS = 60_000
START_SECONDS = 60.0  # a room that is not ready by then is an error; 0.02 is usual
MANAGED = 6  # programs at the most that one speaks with: a task brings sixteen open files at the most
PIPE = 1 << 20  # bytes between two programs that speak, as problemtools has it
LONGEST = 100.0  # where the clock alone ends a program, in multiples of what it may sleep

ASK, NO_RANDOM_ADDRESSES = 0xFFFFFFFF, 0x0040000  # of <linux/personality.h>
F_ADD_SEALS = fcntl.F_ADD_SEALS  # of <linux/fcntl.h>
SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL

_users = itertools.count(os.getpid())


@dataclass(frozen=True)
class Limits:
    """What a program may use.

    Attributes:
        cpu_seconds: of the processor, user and system; the measure of verdicts.
        wall_seconds: in which it neither runs nor waits for a processor; against programs that sleep. A busy machine
            does not use them up; the clock alone ends a program at `LONGEST` times as many.
        memory: bytes that were in use at the same time (the largest resident set).
        output: bytes to standard output, and as many to standard error, or to any file.
        processes: at the same time, threads counted.
    """

    cpu_seconds: float
    wall_seconds: float
    memory: int
    output: int
    processes: int = 1


@dataclass(frozen=True)
class Ended:
    """How a program ended, and what it used.

    Attributes:
        how: "exited" | "signalled" | "cpu" | "wall" | "memory" | "output": by itself, by a signal, or beyond a limit.
        code: exit status, or number of the signal.
        cpu_seconds, wall_seconds, memory: used; memory in bytes.
        stdout: all of it; empty when it went elsewhere. stderr: its first 64 kB.
        ended: when, on the machine's monotonic clock, for which of two programs ended first.
    """

    how: str
    code: int
    cpu_seconds: float
    wall_seconds: float
    memory: int
    stdout: bytes
    stderr: bytes
    ended: float

    @property
    def well(self) -> bool:
        """Whether it ended by itself with 0."""
        return self.how == "exited" and self.code == 0


class Room:
    """A room and its warden; a context manager, whose end ends everything in it.

    One program runs in it at a time. Between two of them nothing is left but what was written to /writable, if
    writing is allowed: that is for compilers, and for one task.

    Args:
        files: name → contents; they lie in /program, read-only, and may be run.
        work: bytes that may be written to /writable; 0 for nothing at all.

    Raises:
        HelderError: the system cannot give a closed room; the text says what is missing.
    """

    def __init__(self, files: Mapping[str, bytes], work: int = 0) -> None:
        self._files = dict(files)
        self._work = work
        self._control: socket.socket | None = None
        self._clock = idle.Clock()
        self._process: subprocess.Popen[bytes] | broker.Distant | None = None

    def __enter__(self) -> Self:
        needed()
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            if broker.near():
                with _sealed(broker.packed(self._files)) as files:
                    self._process = broker.Distant(files, self._work, theirs.fileno())
            else:
                self._process = launched(self._files, self._work, theirs.fileno(), subprocess.PIPE)
        self._control = mine
        said, *told = self._receive(START_SECONDS)
        if said != "ready":
            self.__exit__(None, None, None)
            raise missing(f"A room could not be made: {' '.join(told)}.")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._said()
            self._process = None

    def run(self, argv: Sequence[str], stdin: bytes, limits: Limits, warm: bool = False) -> Ended:
        """Run one program to its end.

        Args:
            argv: an absolute path in the room, and arguments; for a program in Python the interpreter and its path.
            stdin: what stands on standard input; it is not secret from the program.
            limits: beyond them it is ended.
            warm: run the program in Python, `argv[1]`, in a process that is split off from the warden, which runs in
                the same interpreter, instead of in a new one.

        Raises:
            HelderError: the room failed: nothing is known about the program.
        """
        with _sealed(stdin) as given, _file() as out, _file() as errors:
            self._send(argv, (given, out, errors), limits, warm)
            return self._ended(limits, out, errors)

    def kill(self) -> None:
        """End everything in it at once, from any thread; whoever waits for a program in it gets an error."""
        if self._process is not None:
            self._process.kill()

    def talk(
        self,
        argv: Sequence[str],
        other: Room,
        other_argv: Sequence[str],
        limits: Limits,
        other_limits: Limits,
        warm: bool = False,
    ) -> tuple[Ended, Ended]:
        """Run two programs, each in its room: what one writes, the other reads.

        The other one is the judge's: it never writes into nothing, what nobody reads any more is thrown away. Who
        ended first is certain: the end of one is read by its partner only when its warden has told of it.

        Args:
            warm: as in `run`, for both.

        Returns:
            how this room's program ended, and the other's.

        Raises:
            HelderError: a room failed.
        """
        assert self._control is not None and other._control is not None
        with _file() as errors, _file() as other_errors, _Ends() as ends:
            there, here = ends.pipe(), ends.pipe()
            self._send(argv, (here[0], there[1], errors), limits, warm)
            other._send(other_argv, (there[0], here[1], other_errors), other_limits, warm)
            told: dict[Room, list[str]] = {}
            writes = {self: there[1], other: here[1]}
            while len(told) < 2:
                waited = {room._control.fileno(): room for room in writes if room not in told and room._control}
                unread = [here[0]] if self in told else []
                rest = min(room._clock.rest() for room in waited.values())
                ready = select.select([*waited, *unread], [], [], rest)[0]
                for place in ready:
                    if place == here[0]:
                        os.read(place, PIPE)
                    else:
                        told[waited[place]] = waited[place]._receive(0)
                for room in waited.values():
                    if room not in told and (silent := room._look(list(writes))):
                        told[room] = silent
                    if room in told:
                        ends.close(writes[room])
                        if room is other:
                            ends.close(there[0])  # not before: who writes to it would end by that, and seem the first
            mine = self._made(told[self], limits, None, errors)
            return mine, other._made(told[other], other_limits, None, other_errors)

    def manage(
        self,
        argv: Sequence[str],
        stdin: bytes,
        others: Sequence[tuple[Room, Sequence[str]]],
        limits: Limits,
        other_limits: Limits,
    ) -> tuple[Ended, list[Ended]]:
        """Run a program of the judge that speaks with several others, each in a room of its own.

        It finds the pipes as open files from 4 on, in pairs: what one of the others writes, and what that one reads.

        Args:
            others: rooms, and what is started in them; at most `MANAGED`.

        Returns:
            how it ended, and how the others did.

        Raises:
            HelderError: a room failed.
        """
        with contextlib.ExitStack() as stack:
            out, errors = stack.enter_context(_file()), stack.enter_context(_file())
            given = stack.enter_context(_sealed(stdin))
            of_others = [stack.enter_context(_file()) for _ in others]
            with _Ends() as ends:
                mine: list[int] = []
                for (room, other_argv), other_errors in zip(others, of_others, strict=True):
                    up, down = ends.pipe(), ends.pipe()
                    room._send(other_argv, (down[0], up[1], other_errors), other_limits, warm=False)
                    mine += [up[0], down[1]]
                self._send(argv, (given, out, errors, *mine), limits, warm=False)
            # Ours are closed now: the end of one program is the end of what the others read from it.
            together = [self, *(room for room, _ in others)]
            ended = [
                room._ended(other_limits, None, other_errors, together)
                for (room, _), other_errors in zip(others, of_others, strict=True)
            ]
            return self._ended(limits, out, errors, together), ended

    def _send(self, argv: Sequence[str], opened: Sequence[int], limits: Limits, warm: bool) -> None:
        if self._control is None:
            raise RuntimeError("the room is not entered")
        writes = ["/dev/null", *([WORK] if self._work else [])]
        words = ["1" if warm else "0", WORK if self._work else PROGRAM]
        words += [repr(float(limits.cpu_seconds)), repr(LONGEST * limits.wall_seconds), str(limits.memory)]
        words += [str(limits.output + 1)]  # one more, to tell a program that wrote just as much as it may
        words += [str(limits.processes)]
        environment = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        for part in (argv, environment, _read(), writes):
            words += [str(len(part)), *part]
        if any("\0" in word for word in words):
            raise ValueError("an argument holds a zero")
        self._clock = idle.Clock(limits.wall_seconds)
        try:
            socket.send_fds(self._control, ["\0".join(words).encode("utf-8", "surrogateescape")], list(opened))
        except OSError as error:
            raise _failed(f"it does not take a task: {error}") from error

    def _ended(self, limits: Limits, out: int | None, errors: int, together: Sequence[Room] = ()) -> Ended:
        assert self._control is not None
        while not select.select([self._control], [], [], self._clock.rest())[0]:
            if silent := self._look(together or [self]):
                return self._made(silent, limits, out, errors)
        return self._made(self._receive(0), limits, out, errors)

    def _look(self, together: Sequence[Room]) -> list[str]:
        """End the program when it and those that it speaks with have slept too long; what to say when that failed.

        Args:
            together: rooms of programs that wait for each other: one of them works, or all sleep.
        """
        if self._clock.rest() > 0:
            return []
        if self._clock.over:
            return ["error", f"its warden said nothing for {GRACE_SECONDS:.0f} seconds"]
        running = {room: idle.programs(room._process.pid) for room in together if room._process is not None}
        mine = running[self]
        if self._clock.slept(idle.age(mine) - sum(map(idle.busy, running.values())) if mine else None):
            if isinstance(self._process, broker.Distant):
                self._process.end()
            else:
                idle.end(mine)
        return []

    def _made(self, words: Sequence[str], limits: Limits, out: int | None, errors: int) -> Ended:
        """How a program ended, from what its warden told."""
        said, *told = words
        if said != "ended":
            raise _failed(" ".join(told))
        how, code, cpu, wall, memory, ended = told
        if self._clock.over and how == "signalled":
            how = "wall"
        written = 0 if out is None else os.fstat(out).st_size
        if int(memory) > limits.memory:
            how = "memory"
        elif max(written, os.fstat(errors).st_size) > limits.output:
            how = "output"
        elif float(cpu) > limits.cpu_seconds:
            how = "cpu"
        return Ended(
            how=how,
            code=int(code),
            cpu_seconds=float(cpu),
            wall_seconds=float(wall),
            memory=int(memory),
            stdout=b"" if out is None else os.pread(out, min(written, limits.output), 0),
            stderr=os.pread(errors, SHOWN, 0),
            ended=float(ended),
        )

    def _receive(self, seconds: float) -> list[str]:
        """The words that the warden says; "error" and a reason when it says nothing any more."""
        assert self._control is not None and self._process is not None
        if not select.select([self._control], [], [], seconds)[0]:
            return ["error", f"its warden said nothing for {seconds:.0f} seconds"]
        data = self._control.recv(1 << 20)
        if data:
            return data.decode("utf-8", "replace").split("\0")
        return ["error", self._said() or "its warden ended"]

    def _said(self) -> str:
        """End the room's first process, with which all in it end, and read what it had to say."""
        assert self._process is not None and self._process.stderr is not None
        self._process.kill()
        said = b"" if self._process.stderr.closed else self._process.stderr.read()
        self._process.stderr.close()
        self._process.wait()
        return said.decode("utf-8", "replace").strip()


def launched(files: Mapping[str, bytes], work: int, control: int, errors: int) -> subprocess.Popen[bytes]:
    """Start a room and its warden.

    Args:
        files, work: see `Room`.
        control: the socket that its warden is spoken with.
        errors: where it says why it cannot be made; `subprocess.PIPE` for a pipe.
    """
    with contextlib.ExitStack() as opened:
        data = _carried() | {f"{PROGRAM}/{name}": contents for name, contents in files.items()}
        places = {path: opened.enter_context(_sealed(contents)) for path, contents in sorted(data.items())}
        with _same_addresses():
            return subprocess.Popen(
                _command(places, work, control),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=ENVIRONMENT,
                pass_fds=(control, *places.values()),
                cwd="/",
                **_user(),
            )


def _command(places: Mapping[str, int], work: int, control: int) -> list[str]:
    """The command that makes a room with some files and starts its warden."""
    command = [bubblewrap(), "--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent"]
    command += ["--new-session", "--hostname", "room", "--cap-add", "CAP_SYS_ADMIN"]
    for path in _seen():
        found = Path(path)
        if found.is_symlink() and path in LINKED:
            command += ["--symlink", str(found.readlink()), path]
        elif found.exists():
            command += ["--ro-bind", path, path]
    for path in DEVICES:
        command += ["--dev-bind", path, path]
    command += ["--dir", PROGRAM]
    for path, place in places.items():
        command += ["--perms", "0555", "--ro-bind-data", str(place), path]
    if work:
        command += ["--size", str(work), "--tmpfs", WORK]
    command += ["--remount-ro", "/", "--chdir", "/"]
    start = f"import sys; sys.path.insert(0, {WARDEN!r}); from {PACKAGE} import warden; warden.enter()"
    return [*command, "--", interpreter(), "-I", "-S", "-c", start, str(control)]


@functools.cache
def _carried() -> dict[str, bytes]:
    """The warden's own modules, as they lie beside this one, compiled once by the interpreter that runs them.

    Raises:
        HelderError: that interpreter does not work.
    """
    code = (
        "import importlib.util, marshal, sys; source = sys.stdin.buffer.read(); "
        "head = importlib.util.MAGIC_NUMBER + bytes(12); "  # neither a time nor a source to compare with
        "sys.stdout.buffer.write(head + marshal.dumps(compile(source, sys.argv[1], 'exec')))"
    )
    found = {}
    for name in CARRIED:
        path = f"{WARDEN}/{PACKAGE.replace('.', '/')}/{name}.py"
        made = subprocess.run(
            [interpreter(), "-I", "-S", "-c", code, path],
            input=(Path(__file__).parent / f"{name}.py").read_bytes(),
            capture_output=True,
            env=ENVIRONMENT,
            check=False,
        )
        if made.returncode:
            raise missing(f"{interpreter()} does not work: {made.stderr.decode('utf-8', 'replace').strip()}")
        found[f"{path}c"] = made.stdout
    return found


@functools.cache
def _seen() -> tuple[str, ...]:
    """Folders of the machine that a room sees."""
    home = Path(interpreter()).parents[1]
    own = () if home == Path("/usr") else (f"{home}/bin", f"{home}/lib")
    return tuple(path for path in (*SYSTEM, *LINKED, *ALSO, *own) if os.path.lexists(path))


@functools.cache
def _read() -> tuple[str, ...]:
    """What of the room a program may read: all of it, but the warden."""
    return (*(path for path in _seen() if not Path(path).is_symlink()), PROGRAM, *DEVICES)


def _user() -> dict[str, Any]:
    """The user that bubblewrap runs as: another one, without rights, when root makes the room."""
    if os.geteuid() != 0:
        return {}
    number = NOBODY + next(_users) % USERS
    return {"user": number, "group": number, "extra_groups": []}


@contextlib.contextmanager
def _same_addresses() -> Iterator[None]:
    """What this thread starts has its memory at the same addresses each time, where the system allows it.

    A program may do what its addresses say, without meaning to: sets of objects in Python, of pointers in C++. It is
    the same program with the same verdict then, too.
    """
    libc = ctypes.CDLL(None)
    before = libc.personality(ctypes.c_ulong(ASK))
    if before >= 0:
        libc.personality(ctypes.c_ulong(before | NO_RANDOM_ADDRESSES))
    try:
        yield
    finally:
        if before >= 0:
            libc.personality(ctypes.c_ulong(before))


@contextlib.contextmanager
def _sealed(contents: bytes) -> Iterator[int]:
    """An open file in memory with some contents that nobody can change any more, at its beginning."""
    with _file(sealable=True) as place:
        view = memoryview(contents)
        while view:
            view = view[os.write(place, view) :]
        os.lseek(place, 0, os.SEEK_SET)
        fcntl.fcntl(place, F_ADD_SEALS, SEALS)
        yield place


@contextlib.contextmanager
def _file(sealable: bool = False) -> Iterator[int]:
    """An open, empty file in memory."""
    place = os.memfd_create("room", os.MFD_CLOEXEC | (os.MFD_ALLOW_SEALING if sealable else 0))
    try:
        yield place
    finally:
        os.close(place)


class _Ends:
    """Ends of pipes, each of which is closed once: by hand, or at the end of the context."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for end in sorted(self._open):
            os.close(end)

    def pipe(self) -> tuple[int, int]:
        """The end that is read and the end that is written."""
        ends = os.pipe()
        self._open |= set(ends)
        with contextlib.suppress(OSError):  # less is a matter of speed: who writes waits sooner
            fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, PIPE)
        return ends

    def close(self, end: int) -> None:
        self._open.remove(end)
        os.close(end)


@functools.cache
def proved() -> dict[str, str]:
    """Try in a room what a program must not be able to do (`helder.sealed.attempts`), once in a process.

    Returns:
        attempt → how it was refused.

    Raises:
        HelderError: a room cannot be made here, or one of them succeeded.
    """
    source = (Path(__file__).parent / "attempts.py").read_bytes()
    limits = Limits(cpu_seconds=10, wall_seconds=30, memory=256 << 20, output=1 << 20)
    with Room({"attempts.py": source}) as room:
        argv = [interpreter(), "-I", f"{PROGRAM}/attempts.py", str(Path(__file__).resolve())]
        ended = room.run(argv, b"", limits)
    if not ended.well:
        raise _failed(f"the attempts ended with {ended.how} {ended.code}: {ended.stderr.decode('utf-8', 'replace')}")
    found: dict[str, str] = json.loads(ended.stdout)
    open_ = [name for name, how in found.items() if not how.startswith("refused")]
    if open_:
        raise missing(f"A room is not closed: a program in it can {', '.join(open_)}.")
    return found


def _failed(why: str) -> HelderError:
    return HelderError(
        "A room failed, so that nothing is known about the program in it.", f"What it said: {why}", "Run it again."
    )
