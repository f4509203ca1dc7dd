"""Disks that fail, for the audit log: at any one thing that is done to them, in every way that disks do.

`Failing` refuses: no room, an error, or half of a write and then no room. `Power` goes out: what was not synced is
lost, whole or in part, in any folder up to any point; and nothing can be done any more until the log is opened again.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path

from helder.serve.audit.disk import Disk

FAULTS = ("no room", "error", "short write")


class Counted(Disk):
    """Every step that can fail goes through `step`."""

    def __init__(self) -> None:
        self.steps = 0

    def step(self, what: str) -> None:
        self.steps += 1

    def create(self, path: Path) -> int:
        self.step("create")
        return super().create(path)

    def append_to(self, path: Path) -> int:
        self.step("open")
        return super().append_to(path)

    def write_some(self, descriptor: int, data: memoryview) -> int:
        self.step("write")
        return super().write_some(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self.step("sync")

    def cut(self, descriptor: int, size: int) -> None:
        self.step("cut")
        super().cut(descriptor, size)

    def rename(self, source: Path, target: Path) -> None:
        self.step("rename")
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self.step("remove")
        super().remove(path)

    def make_one_folder(self, folder: Path) -> None:
        self.step("folder")
        super().make_one_folder(folder)

    def sync_folder(self, descriptor: int) -> None:
        self.step("sync folder")


class Failing(Counted):
    """Fails at step `at`, and at `more` after it.

    Args:
        fault: one of `FAULTS`.
    """

    def __init__(self, at: int, fault: str, more: int = 0) -> None:
        super().__init__()
        self.at, self.fault, self.more = at, fault, more

    @property
    def fails(self) -> bool:
        return self.at <= self.steps <= self.at + self.more

    def step(self, what: str) -> None:
        super().step(what)
        if self.fails and (self.fault != "short write" or what != "write"):
            number = errno.EIO if self.fault == "error" else errno.ENOSPC
            raise OSError(number, os.strerror(number))

    def write_some(self, descriptor: int, data: memoryview) -> int:
        if self.steps + 1 < self.at or self.steps + 1 > self.at + self.more or self.fault != "short write":
            return super().write_some(descriptor, data)
        self.step("write")
        os.write(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Outage(BaseException):
    """The power is gone. No code of ours may catch it as an error of the disk."""


class Power(Counted):
    """The power goes out at step `at`.

    What reaches the disk of what was not synced is drawn: of a file, a beginning of what was added, maybe with rubbish
    behind; of a folder, the first so many changes of names.
    """

    def __init__(self, at: int, draw: random.Random) -> None:
        super().__init__()
        self.at, self.draw, self.out = at, draw, False
        self.unsynced: dict[Path, int] = {}  # file -> how much of it is sure
        self.changes: dict[Path, list[Callable[[], None]]] = {}  # folder -> how to take back each change of a name

    def step(self, what: str) -> None:
        super().step(what)
        if self.out or self.steps >= self.at:
            if not self.out:
                self.out = True
                self._lose()
            raise Outage

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        self.changes.setdefault(path.parent, []).append(lambda: path.unlink(missing_ok=True))
        self.unsynced[path] = 0
        return descriptor

    def append_to(self, path: Path) -> int:
        new = not path.exists()
        descriptor = super().append_to(path)
        if new:
            self.changes.setdefault(path.parent, []).append(lambda: path.unlink(missing_ok=True))
            self.unsynced[path] = 0
        return descriptor

    def write_some(self, descriptor: int, data: memoryview) -> int:
        path = _path(descriptor)
        self.unsynced.setdefault(path, path.stat().st_size)
        if self.steps + 1 >= self.at and not self.out:
            os.write(descriptor, data)  # it may reach the disk, in part or whole
        return super().write_some(descriptor, data)

    def cut(self, descriptor: int, size: int) -> None:
        path = _path(descriptor)
        self.unsynced[path] = min(self.unsynced.get(path, size), size)
        super().cut(descriptor, size)

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        self.unsynced.pop(_path(descriptor), None)

    def rename(self, source: Path, target: Path) -> None:
        before = target.read_bytes() if target.exists() else None
        super().rename(source, target)
        self.unsynced[target] = self.unsynced.pop(source, target.stat().st_size)

        def back() -> None:
            if before is None:
                target.unlink(missing_ok=True)
            else:
                target.write_bytes(before)

        self.changes.setdefault(target.parent, []).append(back)

    def remove(self, path: Path) -> None:
        before = path.read_bytes() if path.exists() else None
        super().remove(path)
        if before is not None:
            self.changes.setdefault(path.parent, []).append(lambda: _put_back(path, before))

    def make_one_folder(self, folder: Path) -> None:
        super().make_one_folder(folder)
        self.changes.setdefault(folder.parent, []).append(lambda: _take_away(folder))

    def sync_folder(self, descriptor: int) -> None:
        super().sync_folder(descriptor)
        self.changes.pop(_path(descriptor), None)

    def _lose(self) -> None:
        for path, sure in self.unsynced.items():
            if path.exists():
                data = path.read_bytes()
                left = self.draw.randint(min(sure, len(data)), len(data))
                rubbish = self.draw.randbytes(self.draw.choice((0, 0, len(data) - left)))
                path.write_bytes(data[:left] + rubbish)
        for folder in sorted(self.changes, reverse=True):  # those inside others first
            changes = self.changes[folder]
            for back in reversed(changes[self.draw.randint(0, len(changes)) :]):
                back()


def _path(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()


def _put_back(path: Path, data: bytes) -> None:
    if path.parent.is_dir():
        path.write_bytes(data)


def _take_away(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
