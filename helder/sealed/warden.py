"""Inside a room: starts programs one after the other, each walled in further, watches them, and tells how they ended.

The warden is the first process of a room that bubblewrap made (`helder.sealed.untrusted`). It holds nothing worth
reading: programs come as files of the room, input and output as open files that it hands on without looking. For each
program it makes a PID and an IPC namespace, whose first process waits, so that whatever a program leaves behind ends
with it. The program's process gives up all capabilities, all files but those that it is given (Landlock), system calls
that it does not need (seccomp), and has limits on time, memory, output and processes.

Imports nothing but its two neighbours, which lie beside it in the room, and what of the standard library is quick to
import: a room's start is mostly this interpreter's (`signal` and `socket` bring `enum`, `json` brings `re`).
"""

from __future__ import annotations

import _socket
import ctypes
import errno
import fcntl
import os
import resource
import select
import struct
import sys
import time

from helder.sealed import landlock, seccomp

if False:  # of the standard library, but slow to import
    from typing import Any, NoReturn

FAILED = 3  # where a program's process says what kept it from starting
ASIDE = 64  # open files are put from here on while they change their places
MESSAGE = 1 << 20  # bytes of a task at the most
OPENED = 16  # open files at the most that come with a task: standard input, output and error, and pipes
NEW_PID, NEW_IPC = 0x20000000, 0x08000000  # flags of clone
CLONE = {"x86_64": 56, "aarch64": 220}
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAP_AMBIENT, CLEAR_ALL = 1, 4, 47, 4
CAPSET = {"x86_64": 126, "aarch64": 91}
CAPABILITY_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
SIGKILL, SIGPIPE, SIGCHLD, SIGXFSZ = 9, 13, 17, 25  # the same numbers on both architectures
PAUSE = 0.001  # seconds, the shortest between two looks at a program's clock

_libc = ctypes.CDLL(None, use_errno=True)
_machine = os.uname().machine
_filters: dict[bool, bytes] = {}


class Program:
    """A program in Python that this process is about to become."""

    def __init__(self, path: str, arguments: list[str], environment: dict[str, str]) -> None:
        self.path, self.arguments, self.environment = path, arguments, environment

    def run(self) -> NoReturn:
        """Run it as `python path arguments` would, and end with it."""
        os.environ.clear()
        os.environ.update(self.environment)
        module = type(sys)("__main__")
        module.__dict__["__file__"] = self.path
        sys.modules["__main__"] = module
        sys.argv[:] = [self.path, *self.arguments]
        sys.path[0] = os.path.dirname(self.path)
        with open(self.path, "rb") as file:
            code = compile(file.read(), self.path, "exec")
        exec(code, module.__dict__)
        sys.exit(0)


def enter() -> None:
    """Be the warden of a room, until whoever sends tasks is gone."""
    if (program := main()) is not None:
        program.run()  # here, where nothing of the warden catches what it raises


def main() -> Program | None:
    """Take tasks until whoever sends them is gone; a process that is to become a program comes back with it."""
    _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    control = _socket.socket(fileno=int(sys.argv[1]))
    control.setblocking(True)
    try:
        control.send(words("ready", str(landlock.version())))
        while True:
            data, also, flags, _ = control.recvmsg(MESSAGE, _socket.CMSG_LEN(OPENED * 4))
            if not data:
                return None
            opened = list(struct.unpack(f"{len(also[0][2]) // 4}i", also[0][2]))
            if flags & (_socket.MSG_TRUNC | _socket.MSG_CTRUNC):
                found: bytes | Program = words("error", "the task is longer than can be taken")
            else:
                task = read(data)
                if task["warm"] and "site" not in sys.modules:  # started without it, which compiled programs never miss
                    import site

                    site.main()
                found = one(task, opened)
            if isinstance(found, Program):
                return found
            for place in opened:
                os.close(place)
            control.send(found)
    except (BrokenPipeError, ConnectionResetError):
        return None


def words(*parts: str) -> bytes:
    """What is said, with zeros between the words."""
    return "\0".join(parts).encode("utf-8", "surrogateescape")


def read(data: bytes) -> dict[str, Any]:
    """A task, as `helder.sealed.untrusted` sends it: limits, and lists that begin with their length."""
    said = data.decode("utf-8", "surrogateescape").split("\0")
    found: dict[str, Any] = {
        "warm": said[0] == "1",
        "folder": said[1],
        "cpu": float(said[2]),
        "wall": float(said[3]),
        "memory": int(said[4]),
        "output": int(said[5]),
        "processes": int(said[6]),
    }
    at = 7
    for name in ("argv", "environment", "reads", "writes"):
        end = at + 1 + int(said[at])
        found[name] = said[at + 1 : end]
        at = end
    found["environment"] = dict(one.split("=", 1) for one in found["environment"])
    return found


def one(task: dict[str, Any], opened: list[int]) -> bytes | Program:
    """One program, from its start to its end.

    Args:
        task: see `read`; `warm` for a program in Python that is run in a process split off from this one.
        opened: standard input, output and error of the program; further ones it finds from FAILED + 1 on.

    Returns:
        how it ended: "ended", how, code, seconds of the processor and of the clock, bytes of memory, and when; or
        "error" and why it could not be started, which says nothing about the program.
    """
    many = task["processes"] > 1
    if many not in _filters:
        _filters[many] = seccomp.program(processes=many, sockets=False)
    told, tell = os.pipe()
    # A process whose children live in namespaces of their own must be made with them: `unshare` works once only.
    pid = _libc.syscall(CLONE[_machine], NEW_PID | NEW_IPC | SIGCHLD, 0, 0, 0, 0)
    if pid < 0:
        os.close(told)
        os.close(tell)
        return words("error", f"no namespaces: {os.strerror(ctypes.get_errno())}")
    if pid == 0:
        os.close(told)
        try:
            found = watched(task, opened)
        except Exception as error:  # noqa: BLE001 - told, and then the process ends
            found = words("error", f"{type(error).__name__}: {error}")
        if isinstance(found, Program):
            return found
        os.write(tell, found)
        os._exit(0)
    os.close(tell)
    parts = []
    while part := os.read(told, 1 << 16):
        parts.append(part)
    os.close(told)
    os.waitpid(pid, 0)
    return b"".join(parts) or words("error", "the first process of the namespace was killed")


def watched(task: dict[str, Any], opened: list[int]) -> bytes | Program:
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
    os.kill(pid, SIGKILL)
    _, status, used = os.wait4(pid, 0)
    why = b""
    while part := os.read(failed, 1 << 12):
        why += part
    if why:
        return words("error", why.decode("utf-8", "replace"))
    killed = os.WIFSIGNALED(status)
    how = stopped or ("signalled" if killed else "exited")
    code = os.WTERMSIG(status) if killed else os.WEXITSTATUS(status)
    cpu, memory = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
    return words("ended", how, str(code), repr(cpu), repr(ended - started), str(memory), repr(ended))


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
    _libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    os.setsid()
    if len(opened) > FAILED:
        opened, fail = (
            [fcntl.fcntl(place, fcntl.F_DUPFD, ASIDE) for place in opened],
            fcntl.fcntl(fail, fcntl.F_DUPFD, ASIDE),
        )
    for target, place in enumerate(opened):
        os.dup2(place, target if target < FAILED else target + 1)
    os.dup2(fail, FAILED, inheritable=False)
    os.closerange(1 + max(FAILED, len(opened)), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    os.chdir(task["folder"])
    limit(task)
    forget_capabilities()
    landlock.restrict(task["reads"], task["writes"])
    seccomp.restrict(_filters[task["processes"] > 1])
    if task["warm"]:
        os.close(FAILED)
        return Program(task["argv"][1], task["argv"][2:], task["environment"])
    for number in (SIGPIPE, SIGXFSZ):
        _libc.signal(number, None)  # Python ignores them, and a program would inherit that
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
    if _libc.syscall(CAPSET[_machine], head, bytes(24)):
        raise OSError(ctypes.get_errno(), "capabilities are kept")
