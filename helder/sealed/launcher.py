"""Inside a closed room of a stage: gives up what the stage does not need, starts it, waits for it, and counts packets.

    python -I -S launcher.py OPTION… -- PROGRAM ARGUMENT…

It runs where bubblewrap has made namespaces (level 3), or on the bare machine (level 2). The stage's process becomes
another user when root made the room, keeps one capability at the most, and puts up the two inner walls, Landlock and
seccomp. The one that waits stays outside of those two; it holds nothing worth reading, and it is who makes rooms for
programs of strangers (`helder.sealed.broker`), since nothing inside the walls can make namespaces any more.

Imports its neighbours and what of the standard library is quick to import: each stage waits for this.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from helder.sealed import landlock, seccomp  # found by the line before: nothing else is on the path

if False:  # of the standard library, but slow to import
    from typing import Any, NoReturn

NEW_USER = 0x10000000  # of <linux/sched.h>
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_CAP_AMBIENT = 1, 8, 24, 47  # of <linux/prctl.h>
AMBIENT_RAISE, AMBIENT_CLEAR = 2, 4
READ_ANY = 2  # CAP_DAC_READ_SEARCH: inputs of whichever owner, of those that the room shows
CAPSET = {"x86_64": 126, "aarch64": 91}
CAPABILITY_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
SIGKILL = 9
PROCESSES = 4096  # processes and threads at the least that a stage may have; more on large machines (assumption)
FAILED = 125  # how it ends when a wall could not be put up: nothing was run

_libc = ctypes.CDLL(None, use_errno=True)


class Asked:
    """What the command line asks for.

    Attributes:
        level: 3 or 2.
        user: number of the user to become; 0 to stay.
        told: where to write, at the end, which packets each interface has seen; −1 for nowhere.
        tcp, netlink: whether sockets of these kinds may be made.
        rooms: path of the socket at which rooms for programs are made; "" for none.
        reads, writes: what may be read, and where everything may be done.
        lists: folders whose names may be read, as Python does where it imports from.
        command: what to run.
    """

    def __init__(self, words: list[str]) -> None:
        self.level, self.user, self.told, self.rooms = 2, 0, -1, ""
        self.tcp = self.netlink = False
        self.reads: list[str] = []
        self.writes: list[str] = []
        self.lists: list[str] = []
        place = 0
        while words[place] != "--":
            name, _, value = words[place].partition("=")
            if name in ("level", "user", "told"):
                setattr(self, name, int(value))
            elif name in ("tcp", "netlink"):
                setattr(self, name, value == "1")
            elif name == "rooms":
                self.rooms = value
            else:
                {"read": self.reads, "write": self.writes, "list": self.lists}[name].append(value)
            place += 1
        self.command = words[place + 1 :]


def main(words: list[str]) -> NoReturn:
    """Start the stage and end as it ends."""
    asked = Asked(words)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    listening = listen(asked) if asked.rooms else None
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ready[0])
        os.close(go[1])
        if listening is not None:
            listening.close()
        if asked.told >= 0:
            os.close(asked.told)
        try:
            become(asked, ready[1], go[0])
        except Exception as error:  # noqa: BLE001  whatever it is, it is told, and nothing is run
            os.write(2, f"The room could not be closed: {type(error).__name__}: {error}\n".encode())
        os._exit(FAILED)
    os.close(ready[1])
    os.close(go[0])
    if os.read(ready[0], 1) and asked.user and asked.level == 3:
        # All users and groups, as they are: files keep their owners, and no capability reaches beyond the room.
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{pid}/{name}", "w") as file:
                file.write("0 0 4294967295\n")
    os.close(go[1])
    status = waited(pid, listening)
    if asked.told >= 0:
        with open("/proc/self/net/dev", "rb") as counted:
            os.write(asked.told, counted.read())
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        _libc.signal(number, None)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128)


def listen(asked: Asked) -> Any:  # of `_socket`: `socket` is slow to import
    """The socket at which processes of the stage ask for rooms."""
    import _socket

    made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    made.bind(asked.rooms)
    os.chmod(asked.rooms, 0o600)
    if asked.user:
        os.chown(asked.rooms, asked.user, asked.user)
    made.listen(64)
    return made


def waited(pid: int, listening: Any) -> int:
    """Wait for the stage, and make rooms while it runs; its status."""
    if listening is None:
        return os.waitpid(pid, 0)[1]
    place = os.pidfd_open(pid)
    poller = select.poll()
    poller.register(place, select.POLLIN)
    poller.register(listening.fileno(), select.POLLIN)
    rooms: broker.Server | None = None
    while True:
        for found, _ in poller.poll():
            if found == place:
                if rooms is not None:
                    rooms.close()
                return os.waitpid(pid, 0)[1]
            if rooms is None:  # few stages ask: only they wait for these imports
                from helder.sealed import broker

                rooms = broker.Server(listening, poller)
            rooms.answer(found)


def become(asked: Asked, ready: int, go: int) -> None:
    """In the stage's process: give up what it does not need, and run it.

    Raises:
        OSError: a wall could not be put up, or there is no such program.
    """
    parent = os.getppid()
    if asked.user and asked.level == 3 and _libc.unshare(NEW_USER):
        raise OSError(ctypes.get_errno(), "no user namespace can be made")
    os.write(ready, b".")
    os.read(go, 1)
    os.close(ready)
    os.close(go)
    drop(asked.user)
    _libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(FAILED)
    count = max(PROCESSES, 64 * (os.cpu_count() or 1))
    _, most = resource.getrlimit(resource.RLIMIT_NPROC)
    if most == resource.RLIM_INFINITY or most > count:
        resource.setrlimit(resource.RLIMIT_NPROC, (count, count))
    landlock.restrict(
        [path for path in asked.reads if os.path.lexists(path)],
        [path for path in asked.writes if os.path.lexists(path)],
        tcp=asked.tcp,
        lists=[path for path in asked.lists if os.path.lexists(path)],
    )
    seccomp.restrict(seccomp.stage_program(tcp=asked.tcp, netlink=asked.netlink))
    os.execv(asked.command[0], asked.command)


def drop(user: int) -> None:
    """Give up every capability; as root, be another user, who may read what has any owner.

    Raises:
        OSError: something is kept.
    """
    if not user:
        _libc.prctl(PR_CAP_AMBIENT, AMBIENT_CLEAR, 0, 0, 0)
        capabilities(0)
        return
    for number in range(64):
        if number != READ_ANY:
            _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # those that the kernel does not know are refused
    _libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    capabilities(1 << READ_ANY)
    if _libc.prctl(PR_CAP_AMBIENT, AMBIENT_RAISE, READ_ANY, 0, 0):
        raise OSError(ctypes.get_errno(), "the right to read inputs is refused")


def capabilities(kept: int) -> None:
    """Keep some capabilities and no other."""
    head = struct.pack("=Ii", CAPABILITY_VERSION, 0)
    if _libc.syscall(CAPSET[os.uname().machine], head, struct.pack("=6I", kept, kept, kept, 0, 0, 0)):
        raise OSError(ctypes.get_errno(), "capabilities are kept")


if __name__ == "__main__":
    main(sys.argv[1:])
