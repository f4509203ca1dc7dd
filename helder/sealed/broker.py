"""Rooms for programs of strangers, asked for by a stage that is in a closed room itself.

Nothing behind the walls of a stage's room can make namespaces any more, and a stage that judges programs needs a room
for each. So the process that waits for the stage (`helder.sealed.launcher`), which is in the same namespaces but not
behind Landlock and seccomp, makes them: it is asked over a unix socket that is only in that room. What is asked for are
files and how many bytes may be written; which command makes the room is not a matter of whoever asks. The stage then
speaks with the room's warden itself.

One connection is one room, and its end is the room's.

    → "room" WORK + [control, errors, files]      ← "pid" N | "error" WHY
    → "end"    end the program that runs in it     ← "done"
    → "kill"   end the room                        ← "done"
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from helder.errors import HelderError
from helder.sealed import idle, walls

MESSAGE = 1 << 12
OPENED = 3  # open files that come with a room: its control, its errors, its files
LENGTH = 8  # bytes of a length, as in `packed`


def near() -> bool:
    """Whether this process is in a stage's room, where rooms are asked for."""
    return Path(walls.SOCKET).exists()


def packed(files: Mapping[str, bytes]) -> bytes:
    """Files as one: name and contents, each behind its length."""
    parts = [part for name, contents in sorted(files.items()) for part in (name.encode(), contents)]
    return b"".join(len(part).to_bytes(LENGTH, "big") + part for part in parts)


def unpacked(data: bytes) -> dict[str, bytes]:
    """What `packed` made.

    Raises:
        ValueError: it did not make that.
    """
    parts, place = [], 0
    while place < len(data):
        size = int.from_bytes(data[place : place + LENGTH], "big")
        parts.append(data[place + LENGTH : place + LENGTH + size])
        place += LENGTH + size
    if place != len(data) or len(parts) % 2:
        raise ValueError("the files of a room do not end where they should")
    return {name.decode(): contents for name, contents in zip(parts[::2], parts[1::2], strict=True)}


class Distant:
    """A room's first process, which another one started; used as a `subprocess.Popen`.

    Args:
        files: that lie in the room, as one (`packed`), in an open file.
        work: bytes that may be written in it.
        control: what its warden is spoken with.

    Raises:
        HelderError: the room cannot be made.
    """

    def __init__(self, files: int, work: int, control: int) -> None:
        told, tell = os.pipe()
        self.stderr = os.fdopen(told, "rb")
        self._asked = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._asked.connect(walls.SOCKET)
            socket.send_fds(self._asked, [b"room\0%d" % work], [control, tell, files])
            word, _, said = self._asked.recv(MESSAGE).decode("utf-8", "replace").partition("\0")
        finally:
            os.close(tell)
        if word != "pid":
            self._asked.close()
            self.stderr.close()
            raise HelderError("A room could not be made.", said or "Nobody answers.", "Run it again.")
        self.pid = int(said)

    def kill(self) -> None:
        """End the room."""
        self._ask(b"kill")

    def end(self) -> None:
        """End the program that runs in it."""
        self._ask(b"end")

    def wait(self) -> None:
        """Be done with it."""
        self._asked.close()

    def _ask(self, what: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended
            self._asked.send(what)
            self._asked.recv(MESSAGE)


class Server:
    """The other side, in the process that waits for the stage.

    Args:
        listening: where stages ask.
        poller: told of every connection.
    """

    def __init__(self, listening: socket.socket, poller: select.poll) -> None:
        self._listening = socket.socket(fileno=os.dup(listening.fileno()))
        self._number, self._poller = listening.fileno(), poller
        self._rooms: dict[int, tuple[socket.socket, subprocess.Popen[bytes] | None]] = {}

    def answer(self, place: int) -> None:
        """Take a connection, or what came over one.

        Args:
            place: the descriptor at which something happened.
        """
        if place == self._number:
            made, _ = self._listening.accept()
            self._rooms[made.fileno()] = made, None
            self._poller.register(made.fileno(), select.POLLIN)
            return
        connection, process = self._rooms[place]
        opened: Sequence[int] = ()
        try:
            data, opened, _, _ = socket.recv_fds(connection, MESSAGE, OPENED)
            word, _, work = data.decode("ascii").partition("\0")
            if word == "room" and process is None and len(opened) == OPENED:
                process = self._made(int(work), *opened)
                self._rooms[place] = connection, process
                connection.send(b"pid\0%d" % process.pid)
            elif word in ("end", "kill") and process is not None:
                if word == "end":
                    idle.end(idle.programs(process.pid))
                else:
                    process.kill()
                    process.wait()
                connection.send(b"done")
            else:
                self._forget(place)
        except (OSError, ValueError, HelderError) as error:
            with contextlib.suppress(OSError):
                connection.send(f"error\0{error}".encode()[:MESSAGE])
            self._forget(place)
        finally:
            for one in opened:
                os.close(one)

    def close(self) -> None:
        """End all rooms."""
        for place in sorted(self._rooms):
            self._forget(place)

    def _forget(self, place: int) -> None:
        connection, process = self._rooms.pop(place)
        self._poller.unregister(place)
        connection.close()
        if process is not None:
            process.kill()
            process.wait()

    def _made(self, work: int, control: int, errors: int, files: int) -> subprocess.Popen[bytes]:
        """Start a room; raises HelderError and OSError."""
        from helder.sealed import untrusted

        with Path(f"/proc/self/fd/{files}").open("rb") as stream:
            given = unpacked(stream.read())
        for name in given:
            # They are files of the room's own folder, wherever their names would lead.
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise ValueError(f"a file of a room is called {name!a}")
        return untrusted.launched(given, work, control, errors)
