"""Attacks a room of a stage, from inside, and says what came of it: how `helder.sealed.room` proves a level.

Whoever starts a room for that puts up what must not be reached: a file beside the room's input, servers at a port, at a
path and at a name without one, a name in shared memory, its own process. The program in the room tries
(`helder.sealed.attempts`).
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from helder.errors import ExitCode, HelderError
from helder.sealed import attempts, room

SECONDS = 60.0  # for all attempts; 0.3 is usual
ASIDE = "/var/tmp"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


def on_room(level: int) -> dict[str, str]:
    """Attempt → "refused: …" or "done: …", in a room of a level.

    Raises:
        HelderError: there is no such room here.
    """
    with _outside() as (folder, words):
        command = [sys.executable, "-I", "-S", str(Path(attempts.__file__).resolve()), *words, f"of={level}"]
        given = next(Path(word.partition("=")[2]) for word in words if word.startswith("given="))
        process = room.start(
            command, [given], [folder], level=level, cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        return _said(process, "The room")


def on_nothing() -> dict[str, str]:
    """The same without any room: what succeeds here is what a room keeps out."""
    with _outside() as (folder, words):
        command = [sys.executable, "-I", "-S", attempts.__file__, *words, "of=0"]
        process = subprocess.Popen(
            command, cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        return _said(process, "The attempt")


def escapes(found: dict[str, str], level: int) -> list[str]:
    """Attempts that a room of a level must stop, and did not."""
    return [name for name in stopped(level) if not found.get(name, "done").startswith("refused")]


def stopped(level: int) -> list[str]:
    """Names of the attempts that a room of a level stops: all but the labelled ones."""
    label = attempts.CLOSED if level == room.CLOSED else attempts.INNER if os.geteuid() else attempts.INNER_OF_ROOT
    return [name for name, one in attempts.attempts("", attempts.Outside()).items() if label in one.stopped]


def _said(process: subprocess.Popen[bytes], what: str) -> dict[str, str]:
    try:
        out, errors = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise HelderError(f"{what} did not end within {SECONDS:.0f} s.") from None
    finally:
        if isinstance(process, room.Process):
            process.close()
    if process.returncode:
        said = errors.decode("utf-8", "replace").strip().splitlines()
        raise HelderError(f"{what} ended with {process.returncode}: {said[-1] if said else ''}", code=ExitCode.FAILED)
    found: dict[str, str] = json.loads(out)
    return found


@contextlib.contextmanager
def _outside() -> Iterator[tuple[Path, list[str]]]:
    """A folder that the room may write, and the words that tell what is outside of it."""
    # Not in /tmp where that can be: a room has one of its own, in which something may be made with the same name.
    place = Path(tempfile.mkdtemp(prefix="helder-room-", dir=ASIDE if os.access(ASIDE, os.W_OK) else None))
    shared = Path("/dev/shm") / f"helder-{secrets.token_hex(8)}"
    name = f"helder-{secrets.token_hex(8)}"
    with contextlib.ExitStack() as open_:
        open_.callback(shutil.rmtree, place, ignore_errors=True)
        open_.callback(shared.unlink, missing_ok=True)
        place.chmod(0o755)  # so that it is walls that stop a program, not the owner of a folder
        hidden, given, work = place / "hidden", place / "inputs" / "given", place / "work"
        for folder in (work, given.parent):
            folder.mkdir()
        for file in (hidden, given, shared):
            file.write_text("secret", encoding="ascii")
            file.chmod(0o644)
        unix = str(place / "socket")
        tcp = open_.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = tcp.getsockname()[1]
        with contextlib.suppress(OSError):  # no address of version 6 here
            open_.enter_context(socket.create_server(("::1", port), family=socket.AF_INET6))
        udp = open_.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        for address in (unix, f"\0{name}"):
            open_.enter_context(_giving(address))
        Path(unix).chmod(0o777)
        started = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
        told = attempts.Outside(
            given=str(given), tcp=port, udp=udp.getsockname()[1], unix=unix, abstract=name, shared=shared.name,
            pid=os.getpid(), started=started,
        )  # fmt: skip
        yield work, [str(hidden), *(f"{name}={value}" for name, value in vars(told).items())]


@contextlib.contextmanager
def _giving(address: str) -> Iterator[None]:
    """A server that gives whoever comes an open file."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(address)
    server.listen()

    def serve() -> None:
        while True:
            try:
                one, _ = server.accept()
            except OSError:
                return
            with one, contextlib.suppress(OSError):
                socket.send_fds(one, [b"x"], [0])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
