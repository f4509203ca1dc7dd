"""Every path under a folder, exactly once, and the identity of the folder as it lies there.

A folder of people holds links, pipes, and names that are not UTF-8. An artifact (`helder.ledger.artifact`) refuses
them, since what a link leads to can change; here they are part of the identity by what they are, a link by where it
points, and none is ever followed or opened. Files are opened relative to their own folder and without following links,
so that nothing outside the folder is opened even when somebody swaps a folder for a link meanwhile.

Not seen here: a hard link to a file elsewhere, and another file system that is mounted inside the folder. Both lie in
it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from helder.errors import HelderError
from helder.ledger import canonical
from helder.ledger.artifact import CHUNK, Artifact

Kind = Literal["file", "link", "pipe", "socket", "device", "unreadable"]
DEEP = 200  # folders inside one another; each costs an open descriptor while it is walked (assumption)


@dataclass(frozen=True)
class Found:
    """One path under the folder.

    Attributes:
        path: relative, as the system gives it; bytes that are not UTF-8 are surrogates.
        kind: "file", or why it cannot be read. A folder is told only when it cannot be looked into.
        size: bytes of a file.
        target: where a link points.
    """

    path: str
    kind: Kind
    size: int = 0
    target: str = ""

    @property
    def key(self) -> bytes:
        """What paths are sorted by: their bytes."""
        return os.fsencode(self.path)


def walk(root: Path) -> list[Found]:
    """Every path under a folder that is no folder, sorted by its bytes; a single file is a folder of one.

    Raises:
        HelderError: nothing is there, or it is a link, a device or a pipe itself.
    """
    try:
        status = os.lstat(root)
    except OSError as error:
        raise HelderError(f"{root} is not there.", str(error), "Check the name under [documents] folders.") from error
    if stat.S_ISREG(status.st_mode):
        return [Found(root.name, "file", status.st_size)]
    if not stat.S_ISDIR(status.st_mode):
        raise HelderError(f"{root} is no folder and no file.", "A link could lead anywhere.", "Name the folder itself.")
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        return sorted(_below(descriptor, "", 0), key=lambda found: found.key)
    finally:
        os.close(descriptor)


def _below(folder: int, inside: str, deep: int) -> Iterator[Found]:
    with os.scandir(folder) as entries:
        names = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    for name, status in names:
        path, mode = f"{inside}{name}", status.st_mode
        if stat.S_ISREG(mode):
            yield Found(path, "file", status.st_size)
        elif stat.S_ISLNK(mode):
            yield Found(path, "link", target=os.readlink(name, dir_fd=folder))
        elif stat.S_ISDIR(mode):
            if deep >= DEEP:
                yield Found(path, "unreadable")
                continue
            try:
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            except OSError:
                yield Found(path, "unreadable")
                continue
            try:
                yield from _below(inner, f"{path}/", deep + 1)
            finally:
                os.close(inner)
        elif stat.S_ISFIFO(mode):
            yield Found(path, "pipe")
        else:
            yield Found(path, "socket" if stat.S_ISSOCK(mode) else "device")


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not make us wait


class Opener:
    """Opens files under a folder for reading, no link followed on the way.

    The folder of the last file stays open, since the next one mostly lies in it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._single = not root.is_dir()
        self._folder: tuple[str, int] | None = None

    def open(self, path: str) -> int:
        """A descriptor, which is the caller's.

        Raises:
            OSError: it is gone, a link by now, no plain file, or may not be read.
        """
        folder, _, name = path.rpartition("/")
        file = os.open(self._root, _FILE) if self._single else os.open(name, _FILE, dir_fd=self._opened(folder))
        if stat.S_ISREG(os.fstat(file).st_mode):
            return file
        os.close(file)
        raise OSError("it is no plain file any more")

    def _opened(self, folder: str) -> int:
        if self._folder is None or self._folder[0] != folder:
            self.close()
            at = os.open(self._root, _FOLDER)
            for part in folder.split("/") if folder else ():
                try:
                    inner = os.open(part, _FOLDER, dir_fd=at)
                finally:
                    os.close(at)
                at = inner
            self._folder = (folder, at)
        return self._folder[1]

    def close(self) -> None:
        """Let the folder go."""
        if self._folder is not None:
            os.close(self._folder[1])
            self._folder = None


@contextmanager
def opened(root: Path, path: str) -> Iterator[int]:
    """A descriptor for reading a file under the folder, no link followed on the way.

    Raises:
        OSError: it is gone, a link by now, no plain file, or may not be read.
    """
    opener = Opener(root)
    try:
        file = opener.open(path)
    finally:
        opener.close()
    try:
        yield file
    finally:
        os.close(file)


def hashed(descriptor: int) -> tuple[int, str]:
    """Size and SHA-256 of an open file."""
    hasher, size = hashlib.sha256(), 0
    # A buffer of a small file's size: that of a large one would cost more than reading does.
    buffer = bytearray(min(CHUNK, os.fstat(descriptor).st_size + 1))
    view = memoryview(buffer)
    while count := os.preadv(descriptor, [buffer], size):
        hasher.update(view[:count])
        size += count
    return size, hasher.hexdigest()


def shown(path: str) -> str:
    """A path that can be written and read: each path has one form, and no two paths have the same.

    Bytes that are not UTF-8 become `\\xff`, characters that cannot be seen `\\n` or `\\u202e`, a backslash two.
    """
    if path.isascii() and path.isprintable() and "\\" not in path:
        return path
    return "".join(map(_shown, path))


def _shown(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character.isprintable():
        return character
    # Not repr(), whose choice of what is printable is the same but whose forms \x80 would be those of odd bytes.
    special = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return special.get(character) or (
        f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
    )


@dataclass(frozen=True)
class Folder(Artifact):
    """A folder of people as the input of a stage: its digest is over every path, odd ones too."""

    @classmethod
    def of(cls, path: Path, name: str) -> Folder:
        """Take up a folder as it lies there, or a file."""
        return cls(path, digest(path), name)

    def intact(self) -> bool:
        """Whether every path is still what it was."""
        try:
            return digest(self.path) == self.digest
        except (HelderError, OSError):
            return False


def digest(root: Path) -> str:
    """The digest of a folder as it lies there; of a single file, the SHA-256 of its bytes.

    A folder of plain files has the digest that an artifact of them has (`helder.ledger.artifact`).
    """
    found = walk(root)
    if not root.is_dir():
        with opened(root, root.name) as descriptor:
            return hashed(descriptor)[1]
    files: list[canonical.Json] = []
    odd: list[canonical.Json] = []
    for one in found:
        if one.kind == "file":
            try:
                with opened(root, one.path) as descriptor:
                    size, sha256 = hashed(descriptor)
            except OSError:
                odd.append({"path": shown(one.path), "kind": "unreadable", "target": ""})
                continue
            files.append({"path": shown(one.path), "size": size, "sha256": sha256})
        else:
            odd.append({"path": shown(one.path), "kind": one.kind, "target": shown(one.target)})
    record: dict[str, canonical.Json] = {"helder/manifest": 1, "files": files}
    if odd:
        record["odd"] = odd
    return canonical.digest(record)
