"""What lies beside the tree: prompts, answers and salts, which can be erased without touching a digest of it.

One file for each bundle of 256 records, a line for each record that something is kept of. Lines are added as records
come; erasing writes the file anew without them, or removes it. A line belongs to a record by its number and its id:
what a crash left of a record that is not in the log belongs to none, and is cleared away.

What this does not do: overwrite blocks of the disk. Erased text can lie in free space, snapshots and backups until they
are overwritten; only an encrypted disk and backups that expire bound that.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from helder.ledger import canonical
from helder.serve.audit.disk import Disk
from helder.serve.audit.record import parsed
from helder.serve.audit.tiles import WIDTH, numbered

Line = dict[str, Any]


class Texts:
    """The texts of a log that is being written. One thread at a time."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        self.disk, self.folder = disk, folder
        self._number = -1
        self._descriptor: int | None = None
        self._touched: dict[int, int] = {}  # bundle -> bytes of its file before the last `add`
        self._unclean: dict[int, int] = {}  # the same, of files that hold lines of records that did not come in

    def add(self, lines: Mapping[int, Line]) -> None:
        """Keep lines, by the number of their record, in rising order; they survive a power cut when this returns.

        Raises:
            OSError: some may lie there all the same: `undo`.
        """
        self._touched = {}
        self._settle()
        rows: dict[int, list[bytes]] = {}
        for place, line in lines.items():
            rows.setdefault(place // WIDTH, []).append(canonical.dumps({"index": place, **line}) + b"\n")
        for number, row in rows.items():
            descriptor = self._open(number)
            self._touched[number] = os.fstat(descriptor).st_size
            self.disk.write(descriptor, b"".join(row))
            self.disk.sync(descriptor)

    def undo(self) -> None:
        """Take back what the last `add` did: its records did not come into the log. What fails is tried again."""
        self._unclean = {**self._touched, **self._unclean}
        self._touched = {}
        with suppress(OSError):
            self._settle()

    def _settle(self) -> None:
        for number, size in list(self._unclean.items()):
            descriptor = self._open(number)
            self.disk.cut(descriptor, size)
            self.disk.sync(descriptor)
            del self._unclean[number]

    def erase(self, spans: Sequence[tuple[int, int]]) -> int:
        """Remove what is kept of the records in these ranges, both ends included; how many lines there were.

        Args:
            spans: (first, last), rising.

        Raises:
            OSError: some may be left; erasing again goes on.
        """
        numbers = {number for first, last in spans for number in range(first // WIDTH, last // WIDTH + 1)}
        return sum(self.keep_only(number, lambda line: not within(line["index"], spans)) for number in sorted(numbers))

    def keep_only(self, number: int, wanted: Callable[[Line], bool]) -> int:
        """Write the file of a bundle anew with the lines that are wanted; how many were not.

        Raises:
            OSError: the file is as it was.
        """
        path = self._path(number)
        if not path.exists():
            return 0
        if number == self._number:
            self.close()
        lines, cut = read(path)
        left = [line for line in lines if wanted(line)]
        if len(left) == len(lines) and not cut:
            return 0
        if left:
            self.disk.replace(path, b"".join(canonical.dumps(line) + b"\n" for line in left))
        else:
            self.disk.remove(path)
        self.disk.sync_folders([path.parent])
        return len(lines) - len(left)

    def of(self, place: int, id: str) -> Line | None:
        """What is kept of a record; None when nothing is."""
        return of(self.folder, place, id)

    def close(self) -> None:
        self._number = -1
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            with suppress(OSError):
                os.close(descriptor)

    def _path(self, number: int) -> Path:
        return path_of(self.folder, number)

    def _open(self, number: int) -> int:
        if number == self._number and self._descriptor is not None:
            return self._descriptor
        self.close()
        path = self._path(number)
        synced = self.disk.make_folder(path.parent)
        descriptor = self.disk.append_to(path)
        try:
            self.disk.sync_folders([*synced, path.parent])
        except BaseException:
            os.close(descriptor)
            raise
        self._number, self._descriptor = number, descriptor
        return descriptor


def extend(spans: list[tuple[int, int]], place: int) -> None:
    """Add a number to ranges that it lies behind."""
    if spans and place == spans[-1][1] + 1:
        spans[-1] = (spans[-1][0], place)
    else:
        spans.append((place, place))


def within(place: int, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether a number lies in one of the rising ranges."""
    found = bisect_right(spans, place, key=lambda span: span[0]) - 1
    return found >= 0 and place <= spans[found][1]


def path_of(folder: Path, number: int) -> Path:
    """The file of a bundle's texts."""
    return folder / f"{numbered(number)}.jsonl"


def of(folder: Path, place: int, id: str) -> Line | None:
    """What is kept of a record."""
    try:
        lines, _ = read(path_of(folder, place // WIDTH), id)
    except FileNotFoundError:
        return None
    return next((line for line in lines if line["index"] == place and line["id"] == id), None)


def read(path: Path, id: str | None = None) -> tuple[list[Line], bytes]:
    """The lines of a file, and what is no line: the end of one that was cut, or damage.

    Args:
        id: only those in which this id stands.
    """
    lines, cut = [], []
    wanted = b"" if id is None else id.encode("utf-8")
    for raw in path.read_bytes().splitlines(keepends=True):
        if wanted not in raw:
            continue
        try:
            line = parsed(raw.removesuffix(b"\n"))
            if not raw.endswith(b"\n") or type(line["index"]) is not int or type(line["id"]) is not str:
                raise ValueError("no line of ours")
        except (ValueError, TypeError, KeyError):
            cut.append(raw)
        else:
            lines.append(line)
    return lines, b"".join(cut)


def files(folder: Path) -> Iterator[tuple[int, Path]]:
    """(bundle, file) of all that is kept, in order."""
    found: Iterable[Path] = folder.rglob("*.jsonl") if folder.is_dir() else ()
    for path in sorted(found):
        digits = "".join(path.relative_to(folder).with_suffix("").parts).replace("x", "")
        if digits.isdigit() and path_of(folder, int(digits)) == path:
            yield int(digits), path
