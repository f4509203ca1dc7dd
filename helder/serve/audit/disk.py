"""The few things that the audit log does to a disk, in one place, so that every way they fail can be tried.

Nothing here is believed before it was synced: a written file may be lost, a renamed one may have its old name, when
the power goes. A write that the system cuts short is continued, and raises when it does not go on.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from helder.ledger.artifact import temporary_beside

PRIVATE = 0o600  # records name who asked; texts are what was asked


class Disk:
    """What is done to files. Tests put a layer in between that fails."""

    def create(self, path: Path) -> int:
        """A new file, open for appending; the descriptor.

        Raises:
            FileExistsError: there is one.
        """
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)

    def append_to(self, path: Path) -> int:
        """A file, made if there is none, open for appending; the descriptor."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)

    def write(self, descriptor: int, data: bytes) -> None:
        """All of `data`.

        Raises:
            OSError: some of it may have been written.
        """
        rest = memoryview(data)
        while rest:
            count = self.write_some(descriptor, rest)
            if count <= 0:
                raise OSError(errno.EIO, "nothing more is written")
            rest = rest[count:]

    def write_some(self, descriptor: int, data: memoryview) -> int:
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """Make the bytes and the length of a file survive a power cut."""
        os.fdatasync(descriptor)

    def cut(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def replace(self, path: Path, data: bytes) -> None:
        """A file whole or not at all. Its name is sure after `sync_folders`."""
        temporary = temporary_beside(path)
        try:
            descriptor = self.create(temporary)
            try:
                self.write(descriptor, data)
                self.sync(descriptor)
            finally:
                os.close(descriptor)
            self.rename(temporary, path)
        except BaseException:
            with suppress(OSError):
                self.remove(temporary)
            raise

    def rename(self, source: Path, target: Path) -> None:
        source.replace(target)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def make_folder(self, folder: Path) -> list[Path]:
        """A folder and those above it; those in which something new has to be synced, from above."""
        missing: list[Path] = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for one in reversed(missing):
            self.make_one_folder(one)
        return [one.parent for one in reversed(missing)]

    def make_one_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)

    def sync_folders(self, folders: Iterable[Path]) -> None:
        """Make the names in these folders survive a power cut."""
        for folder in sorted(set(folders)):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                self.sync_folder(descriptor)
            finally:
                os.close(descriptor)

    def sync_folder(self, descriptor: int) -> None:
        os.fsync(descriptor)
