"""What a program in a room must not be able to do, tried by a program in a room; as a script it prints how it went.

    python attempts.py PATH       → {"name": "refused: …" | "done: …", …} on standard output

PATH is a file of the machine that whoever started the room can read and that no room may see. Each attempt is harmless
where it succeeds, which is how a test shows that the attempts are real: run outside of a room, most of them do.

Imports nothing but the standard library: it runs inside rooms.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: Any) -> int:
    """A function of the C library, whose −1 is an error.

    Raises:
        OSError: it failed.
    """
    found = int(getattr(_libc, name)(*arguments))
    if found == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return found


def _read(path: str) -> str:
    with open(path, "rb") as file:
        return f"{len(file.read(16))} bytes"


def _child() -> str:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "a process was started"


def _thread() -> str:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    return "a thread was started"


def _new_user() -> str:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if _libc.unshare(0x10000000) == 0 else 1)  # CLONE_NEWUSER
    if os.waitpid(pid, 0)[1]:
        raise PermissionError("no namespace was made")
    return "a user namespace was made"


def _mount() -> str:
    folder = "/program" if os.path.isdir("/program") else tempfile.mkdtemp()
    try:
        _call("mount", b"none", folder.encode(), b"tmpfs", 0, None)
        _call("umount2", folder.encode(), 2)
    finally:
        if folder != "/program":
            os.rmdir(folder)
    return "a file system was mounted"


def _memory() -> str:
    return f"{len(bytearray(3 << 30))} bytes"


def _raise_limit() -> str:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most + 1, most + 1))
    return "a limit was raised"


def _socket(family: int, kind: int) -> Callable[[], str]:
    def attempt() -> str:
        with socket.socket(family, kind):
            return "a socket was made"

    return attempt


def _write(folder: str) -> Callable[[], str]:
    def attempt() -> str:
        path = os.path.join(folder, f"attempt-{os.getpid()}")
        with open(path, "x"):
            os.remove(path)
        return f"a file was made in {folder}"

    return attempt


def _signal(pid: int) -> Callable[[], str]:
    def attempt() -> str:
        os.kill(pid, 0)
        return f"process {pid} takes signals"

    return attempt


def _io_uring() -> str:
    place = _call("syscall", 425, 1, ctypes.create_string_buffer(120))
    os.close(place)
    return "a ring was made"


def _cached() -> str:
    with open(sys.executable, "rb") as file:
        os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
    return "a page is cached"


def _evict() -> str:
    with open(__file__, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return "pages of a file left the cache"


def _hint() -> str:
    with open(__file__, "rb") as file:
        fcntl.fcntl(file, 1036, struct.pack("Q", 0))  # F_SET_RW_HINT: not known
    return "a hint stays with a file"


def attempts(hidden: str) -> dict[str, Callable[[], Any]]:
    """All attempts, by name.

    Args:
        hidden: a path that must not be seen.
    """
    return {
        "read a file of the machine": lambda: _read(hidden),
        "see that a file of the machine exists": lambda: os.stat(hidden),
        "list the machine's folders": lambda: os.listdir("/"),
        "read /etc/passwd": lambda: _read("/etc/passwd"),
        "list processes": lambda: os.listdir("/proc"),
        "read the first process's environment": lambda: _read("/proc/1/environ"),
        "write beside the program": _write("/program" if os.path.isdir("/program") else "."),
        "write to /tmp": _write("/tmp"),
        "write to /dev/shm": _write("/dev/shm"),
        "write to /usr": _write("/usr/lib"),
        "overwrite a program": lambda: open("/usr/bin/env", "r+b").close(),
        "make a file in memory": lambda: os.close(os.memfd_create("attempt")),
        "share memory": lambda: _call("shmget", 0, 4096, 0o600 | 0o1000),
        "start a process": _child,
        "start a thread": _thread,
        "make a user namespace": _new_user,
        "mount": _mount,
        "change the root": lambda: os.chroot("/"),
        "become root": lambda: os.setuid(0) if os.getuid() else os.close(os.open("/dev/mem", os.O_RDONLY)),
        "raise a limit": _raise_limit,
        "use more memory": _memory,
        "connect over TCP": _socket(socket.AF_INET, socket.SOCK_STREAM),
        "connect over TCP, version 6": _socket(socket.AF_INET6, socket.SOCK_STREAM),
        "send over UDP": _socket(socket.AF_INET, socket.SOCK_DGRAM),
        "reach a unix socket": _socket(socket.AF_UNIX, socket.SOCK_STREAM),
        "ask the kernel over netlink": _socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "signal the first process": _signal(1),
        "signal the process that started it": _signal(os.getppid()),
        "signal everybody": lambda: os.kill(-1, 0),
        "look into another process": lambda: _call("ptrace", 0x4206, os.getppid(), 0, 0),
        "make a ring for input and output": _io_uring,
        "tell which pages of a file are cached": _cached,
        "take a file out of the cache": _evict,
        "leave a hint at a file": _hint,
        "load a program into the kernel": lambda: _call("syscall", 321, 0, ctypes.create_string_buffer(120), 120),
    }


def main(hidden: str) -> None:
    """Try everything and print what came of it."""
    found = {}
    for name, attempt in attempts(hidden).items():
        try:
            found[name] = f"done: {attempt()}"
        except (OSError, RuntimeError, MemoryError, ValueError) as error:
            found[name] = f"refused: {type(error).__name__}: {error}"
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
