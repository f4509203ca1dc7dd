"""Inside a room: starts programs one after the other, each walled in further, watches them, and tells how they ended.

The warden is the first process of a room that bubblewrap made (`helder.sealed.untrusted`). It holds nothing worth
reading: programs come as files of the room, input and output as open files that it hands on without looking. For each
program it makes a PID and an IPC namespace, whose first process waits, so that whatever a program leaves behind ends
with it. The program's process gives up all capabilities, all files but those that it is given (Landlock), system calls
that it does not need (seccomp), and has limits on time, memory, output and processes.

Imports nothing but the standard library and its two neighbours, which lie beside it in the room.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import resource
import select
import signal
import socket
import struct
import sys
import time
import types

from helder.sealed import landlock, seccomp

if False:  # of the standard library, but slow to import
    from typing import Any, NoReturn

FAILED = 3  # where a program's process says what kept it from starting
MESSAGE = 1 << 20  # bytes of a task at the most
NEW_PID, NEW_IPC = 0x20000000, 0x08000000  # flags of clone
CLONE = {"x86_64": 56, "aarch64": 220}
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAP_AMBIENT, CLEAR_ALL = 1, 4, 47, 4
CAPSET = {"x86_64": 126, "aarch64": 91}
CAPABILITY_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
PAUSE = 0.001  # seconds, the shortest between two looks at a program's clock

_libc = ctypes.CDLL(None, use_errno=True)


class Program:
    """A program in Python that this process is about to become."""

    def __init__(self, path: str, arguments: list[str], environment: dict[str, str]) -> None:
        self.path, self.arguments, self.environment = path, arguments, environment

    def run(self) -> NoReturn:
        """Run it as `python path arguments` would, and end with it."""
        os.environ.clear()
        os.environ.update(self.environment)
        module = types.ModuleType("__main__")
        module.__dict__["__file__"] = self.path
        sys.modules["__main__"] = module
        sys.argv[:] = [self.path, *self.arguments]
        sys.path[0] = os.path.dirname(self.path)
        with open(self.path, "rb") as file:
            code = compile(file.read(), self.path, "exec")
        exec(code, module.__dict__)
        sys.exit(0)


def main() -> Program | None:
    """Take tasks until whoever sends them is gone; a process that is to become a program comes back with it."""
    _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    control = socket.socket(fileno=int(sys.argv[1]))
    try:
        control.send(json.dumps({"ready": True, "landlock": landlock.version()}).encode())
        while True:
            data, opened, flags, _ = socket.recv_fds(control, MESSAGE, 16)
            if not data:
                return None
            if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                control.send(json.dumps({"error": "the task is longer than can be taken"}).encode())
                continue
            found = one(json.loads(data), list(opened))
            if isinstance(found, Program):
                return found
            for place in opened:
                os.close(place)
            control.send(json.dumps(found).encode())
    except (BrokenPipeError, ConnectionResetError):
        return None


def one(task: dict[str, Any], opened: list[int]) -> dict[str, Any] | Program:
    """One program, from its start to its end.

    Args:
        task: `argv`, `environment`, `folder`, `reads`, `writes`, and the limits `cpu`, `wall`, `memory`, `output`,
            `processes`; `warm`, for a program in Python that is run in a process split off from this one.
        opened: standard input, output and error of the program.

    Returns:
        how it ended; or {"error": …} when it could not be started, which says nothing about the program.
    """
    told, tell = os.pipe()
    # A process whose children live in namespaces of their own must be made with them: `unshare` works once only.
    pid = _libc.syscall(CLONE[platform.machine()], NEW_PID | NEW_IPC | signal.SIGCHLD, 0, 0, 0, 0)
    if pid < 0:
        os.close(told)
        os.close(tell)
        return {"error": f"no namespaces: {os.strerror(ctypes.get_errno())}"}
    if pid == 0:
        os.close(told)
        try:
            found = watched(task, opened)
        except Exception as error:  # noqa: BLE001 - told, and then the process ends
            found = {"error": f"{type(error).__name__}: {error}"}
        if isinstance(found, Program):
            return found
        os.write(tell, json.dumps(found).encode())
        os._exit(0)
    os.close(tell)
    parts = []
    while part := os.read(told, 1 << 16):
        parts.append(part)
    os.close(told)
    os.waitpid(pid, 0)
    return dict(json.loads(b"".join(parts))) if parts else {"error": "the first process of the namespace was killed"}


def watched(task: dict[str, Any], opened: list[int]) -> dict[str, Any] | Program:
    """In the first process of the namespace: start the program, end it at its limits, and say how it ended."""
    failed, fail = os.pipe()  # closed by the start of the program; before, it carries what went wrong
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.close(failed)
        try:
            return start(task, opened, fail)
        except Exception as error:  # noqa: BLE001 - told, and then the process ends
            os.write(FAILED, f"{type(error).__name__}: {error}".encode())
            os._exit(127)
    os.close(fail)
    # Only this process's own ends keep a pipe open between two programs.
    for place in opened:
        os.close(place)
    stopped, ended = watch(pid, task, started)
    os.kill(pid, signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    why = b""
    while part := os.read(failed, 1 << 12):
        why += part
    if why:
        return {"error": why.decode("utf-8", "replace")}
    return {
        "how": stopped or ("signalled" if os.WIFSIGNALED(status) else "exited"),
        "code": os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status),
        "cpu": used.ru_utime + used.ru_stime,
        "wall": ended - started,
        "memory": used.ru_maxrss * 1024,
        "ended": ended,
    }


def watch(pid: int, task: dict[str, Any], started: float) -> tuple[str, float]:
    """Wait for a program's end or a limit: ("" | "cpu" | "wall", when on the monotonic clock).

    A process with one thread cannot use more processor time than passes, so that the clock need not be read before the
    rest of the limit has passed.
    """
    clock = (~pid << 3) | 2  # the processor clock of another process (Linux, clock_getcpuclockid)
    many = 1 if task["processes"] == 1 else os.cpu_count() or 1
    place = os.pidfd_open(pid)
    poller = select.poll()
    poller.register(place, select.POLLIN)
    try:
        while True:
            used = time.clock_gettime(clock)
            now = time.monotonic()
            if used > task["cpu"]:
                return "cpu", now
            if now - started > task["wall"]:
                return "wall", now
            rest = min((task["cpu"] - used) / many, task["wall"] - (now - started))
            if poller.poll(1000 * max(PAUSE, rest)):
                return "", time.monotonic()
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ESRCH):
            raise
        return "", time.monotonic()  # it ended before its clock was read
    finally:
        os.close(place)


def start(task: dict[str, Any], opened: list[int], fail: int) -> Program:
    """In the program's process: put up the walls, and become the program, or give back the one in Python to become.

    Raises:
        OSError: a wall could not be put up, or there is no such program.
    """
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.setsid()
    for target, place in enumerate(opened):
        os.dup2(place, target)
    os.dup2(fail, FAILED, inheritable=False)
    os.closerange(FAILED + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    os.chdir(task["folder"])
    limit(task)
    forget_capabilities()
    landlock.restrict(task["reads"], task["writes"])
    seccomp.restrict(seccomp.program(processes=task["processes"] > 1, sockets=False))
    if task["warm"]:
        os.close(FAILED)
        return Program(task["argv"][1], task["argv"][2:], task["environment"])
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and a program would inherit that
    os.execve(task["argv"][0], task["argv"], task["environment"])


def limit(task: dict[str, Any]) -> None:
    """Set the limits that the kernel keeps."""
    whole = resource.RLIM_INFINITY
    # Memory is judged by what was really used, which the kernel tells at the end; twice of it as addresses, and room
    # for libraries, is where it stops a program that runs away.
    memory = 2 * task["memory"] + (1 << 26)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_STACK, (min(task["memory"], memory), memory))
    # A backstop for the watcher, which counts finer: it sends SIGKILL.
    seconds = int(task["cpu"]) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (task["output"], task["output"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    resource.setrlimit(resource.RLIMIT_MSGQUEUE, (0, 0))
    # The kernel counts all processes of the room's user: the warden, the first of the namespace, and the program.
    count = 2 + task["processes"] if task["processes"] < whole else task["processes"]
    resource.setrlimit(resource.RLIMIT_NPROC, (count, count))


def forget_capabilities() -> None:
    """Give up every capability, in this process and in what it becomes."""
    if _libc.prctl(PR_CAP_AMBIENT, CLEAR_ALL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "capabilities are kept")
    head = struct.pack("=Ii", CAPABILITY_VERSION, 0)
    if _libc.syscall(CAPSET[platform.machine()], head, bytes(24)):
        raise OSError(ctypes.get_errno(), "capabilities are kept")


if __name__ == "__main__":
    if (program := main()) is not None:
        program.run()  # here, where nothing of the warden catches what it raises
