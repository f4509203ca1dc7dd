"""What a program in a room must not be able to do, tried by a program in a room; as a script it prints how it went.

    python attempts.py PATH [NAME=VALUE …]      → {"name": "refused: …" | "done: …", …} on standard output

PATH is a file of the machine that whoever started the room can read and that no room may see. Names are those of
`Outside`, and `of`: "J" (a room for programs of strangers, the default), "3" or "2" (rooms of stages). Each attempt is
harmless where it succeeds, which is how a test shows that the attempts are real: run outside of a room, most of them
do. Those of stages run in a process of their own each.

Imports nothing but the standard library: it runs inside rooms.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

JUDGED, CLOSED, INNER, INNER_OF_ROOT = "J32R"
# Where an attempt is stopped: in rooms of strangers' programs, of stages at level 3, and at level 2, where root's
# stages are another user.
EVERYWHERE = "J32R"
STAGES = "32R"
WALLED = "3R"  # what the kernel allows to every process of one user, Landlock or not
NAMESPACES = "3"  # what Landlock and seccomp leave open
STRANGERS = "J"  # what a stage needs
SECONDS = 5  # for one attempt; assumption: any takes a hundredth
ROOM_FILE = "attempt"
CALLS = {  # numbers of system calls that Python has no name for: x86_64, aarch64
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    "perf_event_open": (298, 241), "pivot_root": (155, 41), "setns": (308, 268), "open_tree": (428, 428),
    "fsopen": (430, 430), "mount_setattr": (442, 442), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "fanotify_init": (300, 262), "bpf": (321, 280), "userfaultfd": (323, 282),
    "add_key": (248, 217), "keyctl": (250, 219), "request_key": (249, 218), "kexec_load": (246, 104),
    "init_module": (175, 105), "syslog": (103, 116), "personality": (135, 92), "clone": (56, 220),
    "clone3": (435, 435), "unshare": (272, 97), "mq_open": (240, 180), "msgget": (68, 186), "semget": (64, 190),
    "capset": (126, 91), "clock_settime": (227, 112), "io_uring_setup": (425, 425), "quotactl": (179, 60),
    "swapoff": (168, 225), "move_mount": (429, 429), "landlock_create_ruleset": (444, 444),
}  # fmt: skip

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: Any) -> int:
    """A function of the C library, whose −1 is an error.

    Raises:
        OSError: it failed.
    """
    # Numbers as wide as the kernel's: of narrower ones on the stack, it reads what else is there.
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    found = int(getattr(_libc, name)(*wide))
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


def _socket(family: int, kind: int, protocol: int = 0) -> Callable[[], str]:
    def attempt() -> str:
        with socket.socket(family, kind, protocol):
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


@dataclass(frozen=True)
class Outside:
    """What whoever started the room has put outside, to see whether it is reached.

    Attributes:
        given: a file that the room may read.
        tcp, udp: ports at which it listens, on the loopback.
        unix, abstract: the path and the name at which it listens.
        shared: a name in /dev/shm.
        pid, started: its process, and when that began, by the kernel's count.
    """

    given: str = ""
    tcp: int = 0
    udp: int = 0
    unix: str = ""
    abstract: str = ""
    shared: str = ""
    pid: int = 0
    started: str = ""


@dataclass(frozen=True)
class Attempt:
    """Something that is tried: a function that raises an error when it is refused, and where it must be (`STAGES`)."""

    run: Callable[[], Any]
    stopped: str = EVERYWHERE


def _syscall(name: str, *arguments: Any) -> Callable[[], str]:
    def attempt() -> str:
        number = CALLS[name][os.uname().machine == "aarch64"]
        return f"{name} gave {_call('syscall', number, *arguments)}"

    return attempt


def _opened(path: str, flags: int = os.O_RDONLY) -> Callable[[], str]:
    def attempt() -> str:
        os.close(os.open(path, flags | os.O_NONBLOCK))
        return f"{path} was opened"

    return attempt


def _through_link(hidden: str) -> str:
    os.symlink(hidden, "attempt-link")
    try:
        return _read("attempt-link")
    finally:
        os.unlink("attempt-link")


def _hard_link(hidden: str) -> str:
    os.link(hidden, "attempt-hard")
    os.unlink("attempt-hard")
    return "a link was made"


def _truncate(hidden: str) -> str:
    os.truncate(hidden, os.stat(hidden).st_size)
    return "its size was set"


def _mode(path: str) -> Callable[[], str]:
    def attempt() -> str:
        os.chmod(path, os.stat(path).st_mode & 0o777)
        return "its mode was set"

    return attempt


def _times(path: str) -> str:
    found = os.stat(path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    return "its times were set"


def _attribute(path: str) -> str:
    os.setxattr(path, "user.attempt", b"1")
    os.removexattr(path, "user.attempt")
    return "an attribute was set"


def _append(path: str) -> Callable[[], str]:
    def attempt() -> str:
        with open(path, "r+b"):
            return f"{path} was opened for writing"

    return attempt


def _rename(path: str) -> str:
    os.rename(path, f"{path}.attempt")
    os.rename(f"{path}.attempt", path)
    return "it was renamed"


def _folder(path: str) -> str:
    place = os.path.join(os.path.dirname(path), f"attempt-{os.getpid()}")
    os.mkdir(place)
    os.rmdir(place)
    return "a folder was made"


def _node() -> str:
    os.mknod("attempt-node", 0o20600, os.makedev(1, 3))
    os.unlink("attempt-node")
    return "a device was made"


def _set_user(mode: int) -> Callable[[], str]:
    def attempt() -> str:
        place = f"attempt-{mode:o}"
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
        try:
            os.chmod(place, mode)
        finally:
            os.unlink(place)
        return "a file that runs as its owner was made"

    return attempt


def _set_user_at_once() -> str:
    place = os.open("attempt-at-once", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o4700)
    os.close(place)
    os.unlink("attempt-at-once")
    return "a file that runs as its owner was made"


def _privileges() -> str:
    if _libc.prctl(39, 0, 0, 0, 0) == 1:  # PR_GET_NO_NEW_PRIVS
        raise PermissionError("no program gives more rights than this one has")
    return "programs of other users give their rights"


def _capabilities() -> str:
    whole = struct.pack("=6I", *[0xFFFFFFFF] * 3, 0, 0, 0)
    return _syscall("capset", struct.pack("=Ii", 0x20080522, 0), whole)()


def _dump() -> str:
    resource.setrlimit(resource.RLIMIT_CORE, (4096, 4096))
    return "a crash leaves its memory in a file"


def _count() -> str:
    _, most = resource.getrlimit(resource.RLIMIT_NPROC)
    if most != resource.RLIM_INFINITY and os.getuid():
        resource.setrlimit(resource.RLIMIT_NPROC, (most + 1, most + 1))
    return "any number of processes"


def _process(outside: Outside) -> str:
    with open(f"/proc/{outside.pid}/stat", encoding="utf-8", errors="replace") as file:
        if file.read().rpartition(")")[2].split()[19] != outside.started:
            raise ProcessLookupError("it is another one")
    return "it is seen"


def _of_process(pid: int, what: str) -> Callable[[], str]:
    def attempt() -> str:
        with open(f"/proc/{pid}/{what}", "rb") as file:
            return f"{len(file.read(1) if what != 'mem' else b'')} bytes"

    return attempt


def _priority(pid: int) -> str:
    os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid))
    return "its priority was set"


def _affinity(pid: int) -> str:
    os.sched_setaffinity(pid, os.sched_getaffinity(pid))
    return "its processors were set"


def _limits(pid: int) -> str:
    kept = resource.prlimit(pid, resource.RLIMIT_CPU)
    resource.prlimit(pid, resource.RLIMIT_CPU, kept)
    return "its limits were set"


def _take_file(pid: int) -> str:
    place = os.pidfd_open(pid)
    try:
        return _syscall("pidfd_getfd", place, 0, 0)()
    finally:
        os.close(place)


def _memory_of(pid: int) -> str:
    local = ctypes.create_string_buffer(8)
    vector = struct.pack("=QQ", ctypes.addressof(local), 8)
    address = _mapped(pid)
    return _syscall("process_vm_readv", pid, vector, 1, struct.pack("=QQ", address, 8), 1, 0)()


def _mapped(pid: int) -> int:
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as file:
        return int(file.readline().partition("-")[0], 16)


def _namespace(flag: int) -> Callable[[], str]:
    def attempt() -> str:
        _call("unshare", flag)
        return "a namespace was made"

    return attempt


def _clone(flag: int) -> str:
    number = CALLS["clone"][os.uname().machine == "aarch64"]
    pid = _call("syscall", number, flag | int(signal.SIGCHLD), 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "a process in a namespace was made"


def _clone3() -> str:
    pid = _call("syscall", 435, struct.pack("=11Q", 0x10000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0), 88)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "a process in a namespace was made"


def _join() -> str:
    with open("/proc/self/ns/net", "rb") as file:
        return _syscall("setns", file.fileno(), 0)()


def _handle(path: str) -> str:
    place = struct.pack("=Ii", 128, 0) + bytes(128)
    mount = ctypes.c_int(0)
    return _syscall("name_to_handle_at", -100, path.encode(), place, ctypes.byref(mount), 0)()


def _type_in() -> str:
    mine, theirs = os.openpty()
    try:
        fcntl.ioctl(theirs, 0x5412, b"x")  # TIOCSTI
    finally:
        os.close(mine)
        os.close(theirs)
    return "a character was typed"


def _reach(family: int, kind: int, address: Any) -> Callable[[], str]:
    def attempt() -> str:
        with socket.socket(family, kind) as made:
            made.settimeout(SECONDS)
            if kind == socket.SOCK_DGRAM:
                made.sendto(b"attempt", address)
            else:
                made.connect(address)
        return "it was reached"

    return attempt


def _be_reached() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        made.bind(("127.0.0.1", 0))
        made.listen()
    return "a port was opened"


def _given_file(path: str) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.settimeout(SECONDS)
        made.connect(path)
        _, places, _, _ = socket.recv_fds(made, 1, 1)
        if not places:
            raise PermissionError("no file came")
        os.close(places[0])
    return "an open file came"


def _name() -> str:
    socket.getaddrinfo("helder.invalid", 80)
    return "a name was found"


def _left_open() -> str:
    for place in range(3, 256):
        try:
            os.fstat(place)
        except OSError:
            continue
        return f"the file {place} is open"
    raise FileNotFoundError("nothing is open but standard input, output and error")


def _adjust() -> str:
    with open("/proc/self/oom_score_adj", "r+", encoding="ascii") as file:
        file.write(file.read())
    return "who dies first when memory runs out was said"


def _domain() -> str:
    socket.sethostname(socket.gethostname())
    return "the machine's name was set"


def attempts(hidden: str, outside: Outside | None = None) -> dict[str, Attempt]:
    """All attempts, by name.

    Args:
        hidden: a path that must not be seen.
        outside: what is there to be reached; without it, what a room for programs of strangers is tried with.
    """
    both = {
        "read a file of the machine": Attempt(lambda: _read(hidden)),
        "see that a file of the machine exists": Attempt(lambda: os.stat(hidden), NAMESPACES + JUDGED),
        "list the machine's folders": Attempt(lambda: os.listdir("/")),
        "read /etc/passwd": Attempt(lambda: _read("/etc/passwd")),
        "read the first process's environment": Attempt(lambda: _read("/proc/1/environ")),
        "write to /usr": Attempt(_write("/usr/lib")),
        "overwrite a program": Attempt(lambda: open("/usr/bin/env", "r+b").close()),
        "share memory": Attempt(lambda: _call("shmget", 0, 4096, 0o600 | 0o1000)),
        "make a user namespace": Attempt(_new_user),
        "mount": Attempt(_mount),
        "change the root": Attempt(lambda: os.chroot("/")),
        "become root": Attempt(
            lambda: os.setuid(0) if os.getuid() else os.close(os.open("/dev/mem", os.O_RDONLY)),
        ),
        "raise a limit": Attempt(_raise_limit),
        "ask the kernel over netlink": Attempt(_socket(socket.AF_NETLINK, socket.SOCK_RAW)),
        "send over UDP": Attempt(_socket(socket.AF_INET, socket.SOCK_DGRAM)),
        "look into another process": Attempt(lambda: _call("ptrace", 0x4206, os.getppid(), 0, 0)),
        "make a ring for input and output": Attempt(_io_uring),
        "load a program into the kernel": Attempt(_syscall("bpf", 0, ctypes.create_string_buffer(120), 120)),
        # What a stage needs, or what in its room is its own:
        "list processes": Attempt(lambda: os.listdir("/proc"), STRANGERS),
        "write beside the program": Attempt(_write("/program" if os.path.isdir("/program") else "."), STRANGERS),
        "write to /tmp": Attempt(_write("/tmp"), "J2R"),
        "write to /dev/shm": Attempt(_write("/dev/shm"), STRANGERS),
        "make a file in memory": Attempt(lambda: os.close(os.memfd_create("attempt")), STRANGERS),
        "start a process": Attempt(_child, STRANGERS),
        "start a thread": Attempt(_thread, STRANGERS),
        "use more memory": Attempt(_memory, STRANGERS),
        "connect over TCP": Attempt(_socket(socket.AF_INET, socket.SOCK_STREAM), "J2R"),
        "connect over TCP, version 6": Attempt(_socket(socket.AF_INET6, socket.SOCK_STREAM), "J2R"),
        "reach a unix socket": Attempt(_socket(socket.AF_UNIX, socket.SOCK_STREAM), STRANGERS),
        "signal the first process": Attempt(_signal(1), EVERYWHERE),
        "signal the process that started it": Attempt(_signal(os.getppid()), STRANGERS),
        "signal everybody": Attempt(lambda: os.kill(-1, 0), STRANGERS),
        "tell which pages of a file are cached": Attempt(_cached, STRANGERS),
        "take a file out of the cache": Attempt(_evict, STRANGERS),
        "leave a hint at a file": Attempt(_hint, STRANGERS),
    }
    return both if outside is None else both | of_stages(hidden, outside)


def of_stages(hidden: str, outside: Outside) -> dict[str, Attempt]:
    """Attempts of a stage: what it could reach by the rights of its user."""
    given, pid = outside.given, outside.pid
    stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
    return {
        # files
        "read a file of the machine through a link": Attempt(lambda: _through_link(hidden), STAGES),
        "make a hard link to a file of the machine": Attempt(lambda: _hard_link(hidden), STAGES),
        "read it from the root of another process": Attempt(lambda: _read(f"/proc/{pid}/root{hidden}"), STAGES),
        "write to a file of the machine": Attempt(_append(hidden), STAGES),
        "cut a file of the machine": Attempt(lambda: _truncate(hidden), STAGES),
        "rename a file of the machine": Attempt(lambda: _rename(hidden), STAGES),
        "make a folder beside it": Attempt(lambda: _folder(hidden), STAGES),
        "change the mode of a file of the machine": Attempt(_mode(hidden), WALLED),
        "change the times of a file of the machine": Attempt(lambda: _times(hidden), WALLED),
        "read /etc/shadow": Attempt(_opened("/etc/shadow"), STAGES),
        "list the folders of users": Attempt(lambda: os.listdir("/root" if os.getuid() == 0 else "/home"), STAGES),
        "write to an input": Attempt(_append(given), STAGES),
        "cut an input": Attempt(lambda: _truncate(given), STAGES),
        "rename an input": Attempt(lambda: _rename(given), STAGES),
        "make a folder beside an input": Attempt(lambda: _folder(given), STAGES),
        "change the mode of an input": Attempt(_mode(given), WALLED),
        "change the times of an input": Attempt(lambda: _times(given), WALLED),
        "leave an attribute at an input": Attempt(lambda: _attribute(given), WALLED),
        "read what others left in /dev/shm": Attempt(lambda: _read(f"/dev/shm/{outside.shared}"), NAMESPACES),
        "make a device": Attempt(_node, STAGES),
        "make a file that runs as its owner": Attempt(_set_user(0o4700), STAGES),
        "make a file that runs as its owner at once": Attempt(_set_user_at_once, STAGES),
        "read the disk": Attempt(lambda: _opened(_disk())(), STAGES),
        "read the machine's memory": Attempt(_opened("/dev/mem"), STAGES),
        "read the kernel's memory": Attempt(_opened("/proc/kcore"), STAGES),
        "read the kernel's messages": Attempt(_opened("/dev/kmsg"), STAGES),
        "trace the kernel": Attempt(lambda: os.listdir("/sys/kernel/tracing"), STAGES),
        "say where crashes are written": Attempt(_opened("/proc/sys/kernel/core_pattern", os.O_WRONLY), STAGES),
        "press the machine's keys": Attempt(_opened("/proc/sysrq-trigger", os.O_WRONLY), STAGES),
        "say who dies when memory runs out": Attempt(_adjust, STAGES),
        "make a control group": Attempt(lambda: _folder("/sys/fs/cgroup/attempt"), STAGES),
        # rights
        "gain the rights of other programs": Attempt(_privileges, STAGES),
        "gain capabilities": Attempt(_capabilities, STAGES),
        "leave its memory in a file when it crashes": Attempt(_dump, STAGES),
        "have any number of processes": Attempt(_count, STAGES),
        # processes
        "see a process of the machine": Attempt(lambda: _process(outside), NAMESPACES),
        "signal a process of the machine": Attempt(_signal(pid), STAGES),
        "read the environment of a process": Attempt(_of_process(pid, "environ"), STAGES),
        "read the memory of a process": Attempt(_of_process(pid, "mem"), STAGES),
        "read the memory of a process at once": Attempt(lambda: _memory_of(pid), STAGES),
        "trace a process": Attempt(_syscall("ptrace", 0x4206, pid, 0, 0), STAGES),
        "take a file of a process": Attempt(lambda: _take_file(pid), STAGES),
        "open a file of a process": Attempt(_opened(f"/proc/{pid}/fd/0"), STAGES),
        "compare with a process": Attempt(_syscall("kcmp", os.getpid(), pid, 0, 0, 0), STAGES),
        "set the priority of a process": Attempt(lambda: _priority(pid), WALLED),
        "set the processors of a process": Attempt(lambda: _affinity(pid), WALLED),
        "set the limits of a process": Attempt(lambda: _limits(pid), WALLED),
        "find files that were left open": Attempt(_left_open, STAGES),
        "type into a terminal": Attempt(_type_in, STAGES),
        # namespaces and mounts
        "make a namespace of files": Attempt(_namespace(0x00020000), STAGES),
        "make a namespace of the network": Attempt(_namespace(0x40000000), STAGES),
        "make a namespace of messages": Attempt(_namespace(0x08000000), STAGES),
        "start a process in a namespace": Attempt(lambda: _clone(0x10000000), STAGES),
        "start a process in a namespace, the new way": Attempt(_clone3, STAGES),
        "join a namespace": Attempt(_join, STAGES),
        "unmount": Attempt(lambda: _call("umount2", b"/proc/attempt", 2), STAGES),
        "change the root by a mount": Attempt(_syscall("pivot_root", b"/attempt", b"/attempt"), STAGES),
        "copy a mount": Attempt(_syscall("open_tree", -100, b"/proc", 1), STAGES),
        "move a mount": Attempt(_syscall("move_mount", -1, b"", -1, b"", 0), STAGES),
        "open a file system": Attempt(_syscall("fsopen", b"tmpfs", 0), STAGES),
        "change a mount": Attempt(
            _syscall("mount_setattr", -100, b"/proc/attempt", 0, ctypes.create_string_buffer(32), 32), STAGES
        ),
        "name a file by its number": Attempt(lambda: _handle(given), STAGES),
        "open a file by its number": Attempt(
            _syscall("open_by_handle_at", -100, struct.pack("=Ii", 8, 1) + bytes(8), 0), STAGES
        ),
        "watch all files": Attempt(_syscall("fanotify_init", 0, 0), STAGES),
        # the kernel
        "catch faults of memory": Attempt(_syscall("userfaultfd", 1), STAGES),
        "count what the processor does": Attempt(
            _syscall("perf_event_open", struct.pack("=IIQ", 1, 112, 0) + bytes(96), 0, -1, -1, 0), STAGES
        ),
        "keep a key in the kernel": Attempt(_syscall("add_key", b"user", b"attempt", b"x", 1, -3), STAGES),
        "read keys of the kernel": Attempt(_syscall("keyctl", 0, -3, 0), STAGES),
        "ask for a key": Attempt(_syscall("request_key", b"user", b"attempt", None, -3), STAGES),
        "load another kernel": Attempt(_syscall("kexec_load", 0, 0, None, 1 << 30), STAGES),
        "load a module": Attempt(_syscall("init_module", b"", 0, b""), STAGES),
        "read the kernel's log": Attempt(_syscall("syslog", 10, None, 0), STAGES),
        "be another kind of process": Attempt(_syscall("personality", 0xFFFFFFFF), STAGES),
        "set the clock": Attempt(_syscall("clock_settime", 0, struct.pack("=qq", -1, -1)), STAGES),
        "name the machine": Attempt(_domain, STAGES),
        "make a queue of messages": Attempt(_syscall("msgget", 0, 0o1600), STAGES),
        "make a semaphore": Attempt(_syscall("semget", 0, 1, 0o1600), STAGES),
        "make a queue with a name": Attempt(_syscall("mq_open", b"attempt", os.O_CREAT, 0o600, None), STAGES),
        # sockets
        "reach a port of the machine": Attempt(_reach(socket.AF_INET, stream, ("127.0.0.1", outside.tcp)), STAGES),
        "reach a port of the machine, version 6": Attempt(
            _reach(socket.AF_INET6, stream, ("::1", outside.tcp)), STAGES
        ),
        "reach another machine": Attempt(_reach(socket.AF_INET, stream, ("192.0.2.1", 9)), STAGES),
        "be reached": Attempt(_be_reached, "2R"),
        "send a packet to the machine": Attempt(_reach(socket.AF_INET, datagram, ("127.0.0.1", outside.udp)), STAGES),
        "ask for the address of a name": Attempt(_name, STAGES),
        "reach a unix socket of the machine": Attempt(_reach(socket.AF_UNIX, stream, outside.unix), NAMESPACES),
        "get an open file from the machine": Attempt(lambda: _given_file(outside.unix), NAMESPACES),
        "reach a unix socket without a path": Attempt(_reach(socket.AF_UNIX, stream, f"\0{outside.abstract}"), STAGES),
        "make packets by hand": Attempt(_socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP), STAGES),
        "read packets of an interface": Attempt(_socket(17, socket.SOCK_RAW), STAGES),
        "speak with the machine below this one": Attempt(_socket(40, stream), STAGES),
        "have the kernel encrypt": Attempt(_socket(38, socket.SOCK_SEQPACKET), STAGES),
        "reach an interface past the kernel": Attempt(_socket(44, socket.SOCK_RAW), STAGES),
    }


def _disk() -> str:
    with open("/proc/partitions", encoding="ascii") as file:
        names = [line.split()[3] for line in file.readlines()[2:]]
    return f"/dev/{names[0]}"


def main(hidden: str, *words: str) -> None:
    """Try everything and print what came of it."""
    said = dict(word.split("=", 1) for word in words)
    of = said.pop("of", JUDGED)
    outside = None
    if said:
        kinds = {name: field.type for name, field in Outside.__dataclass_fields__.items()}
        typed: dict[str, Any] = {name: int(value) if kinds[name] == "int" else value for name, value in said.items()}
        outside = Outside(**typed)
    tried = attempts(hidden, outside)
    if of == JUDGED:
        found = {name: _tried(one.run) for name, one in tried.items() if JUDGED in one.stopped}
    else:
        found = {name: _apart(one.run) for name, one in tried.items() if one.stopped != STRANGERS}
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


def _tried(attempt: Callable[[], Any]) -> str:
    try:
        return f"done: {attempt()}"
    except (OSError, RuntimeError, MemoryError, ValueError) as error:
        return f"refused: {type(error).__name__}: {error}"


def _apart(attempt: Callable[[], Any]) -> str:
    """Try it in a process of its own: what it changes there ends with it."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(told)
        os.dup2(tell, 1)
        os.close(tell)
        signal.alarm(SECONDS)
        try:
            os.write(1, _tried(attempt).encode("utf-8", "replace"))
        finally:
            os._exit(0)
    os.close(tell)
    said = b""
    while part := os.read(told, 1 << 16):
        said += part
    os.close(told)
    _, status = os.waitpid(pid, 0)
    return said.decode("utf-8", "replace") or f"refused: it ended with {status}"


if __name__ == "__main__":
    main(*sys.argv[1:])
