"""The journal: what was acknowledged and is not yet in tiles.

A row of segments, each a header and frames. A frame holds the records of one commit behind their count, their length
and a SHA-256 over all of it, and is synced before anybody is told that their record is in the log. A segment is
removed when all of its records are in tiles under a signed checkpoint.

Reading it back after a crash: a frame that is not whole at the end of a segment was never acknowledged, and is cut. One
that has whole frames behind it was, because the next is written only when the one before is safe: this is damage, and
is refused. What cannot be told apart from a crash is damage to the very last frame; it counts as cut and is told.

A segment in which a write failed is left: the next one says from which record it goes on, and what the one before
holds from there on was never acknowledged.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from helder.serve.audit.disk import Disk
from helder.serve.audit.tiles import bundle, unbundle

HEAD = struct.Struct(">8sQ32s")  # magic, first record, SHA-256 over both
FRAME = struct.Struct(">4sQIQ32s")  # magic, first record, records, bytes, SHA-256 over these and the bytes
SEGMENT_MAGIC, FRAME_MAGIC = b"HELDERJ1", b"\xf0HF1"
NAME = re.compile(r"[0-9]{10}\.journal")


class Journal:
    """The journal of a log that is being written. One thread at a time.

    Args:
        folder: where its segments lie.
        last: number of the last segment that is there, 0 for none.
    """

    def __init__(self, disk: Disk, folder: Path, last: int = 0) -> None:
        self.disk, self.folder, self.number = disk, folder, last
        self._descriptor: int | None = None
        self._good = 0  # bytes of the segment that are known to be safe

    def begin(self, first: int) -> None:
        """A new segment, which goes on from record `first`.

        Raises:
            OSError: nothing is changed then, but an empty or cut segment may lie there; the next has another number.
        """
        self.leave()
        self.number += 1
        path = self.folder / f"{self.number:010d}.journal"
        descriptor = self.disk.create(path)
        try:
            head = struct.pack(">8sQ", SEGMENT_MAGIC, first)
            self.disk.write(descriptor, head + hashlib.sha256(head).digest())
            self.disk.sync(descriptor)
            self.disk.sync_folders([self.folder])
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor, self._good = descriptor, HEAD.size

    def write(self, first: int, records: Sequence[bytes]) -> None:
        """Add records, so that they survive a power cut when this returns.

        Raises:
            OSError: they are not in the log; this segment is left, and the next write begins another.
        """
        if self._descriptor is None:
            self.begin(first)
        assert self._descriptor is not None
        framed = frame(first, records)
        try:
            self.disk.write(self._descriptor, framed)
            self.disk.sync(self._descriptor)
        except BaseException:
            # What a failed sync leaves on the disk is not known, and a second sync may lie: never use it again.
            with suppress(OSError):
                self.disk.cut(self._descriptor, self._good)
            self.leave()
            raise
        self._good += len(framed)

    def forget(self, before: int) -> None:
        """Remove the segments with a lower number: their records are in tiles."""
        for number, path in segments(self.folder):
            if number < before:
                self.disk.remove(path)

    def leave(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            with suppress(OSError):
                os.close(descriptor)


@dataclass(frozen=True)
class Segment:
    """A segment that was read.

    Attributes:
        first: the record it goes on from; None when it was cut within its header.
        frames: (first record, records) of each whole frame.
        cut: bytes after the last whole frame.
        damage: why it cannot be what a crash leaves; None when it can.
    """

    path: Path
    first: int | None
    frames: list[tuple[int, list[bytes]]]
    cut: bytes
    damage: str | None = None


def segments(folder: Path) -> list[tuple[int, Path]]:
    """The segments of a journal, in their order."""
    found = [path for path in folder.iterdir() if NAME.fullmatch(path.name)] if folder.is_dir() else []
    return sorted((int(path.name.partition(".")[0]), path) for path in found)


def records(found: Sequence[Segment], published: int, same: Callable[[int, bytes], bool]) -> tuple[list[bytes], bytes]:
    """(the records that a journal holds from number `published` on, what a crash cut off at its end).

    Args:
        found: its segments, in order.
        published: how many records are in tiles.
        same: whether the record of that number, which is in tiles, is this one.

    Raises:
        ValueError: it is not what was written; the message names the place.
    """
    later: list[bytes] = []
    cut = b""
    for segment in found:
        if segment.damage:
            raise ValueError(segment.damage)
        cut = segment.cut  # that of an earlier one was left when a write failed: nobody was told that it is in the log
        if segment.first is None:
            continue
        if segment.first > published + len(later):
            raise ValueError(f"records from {published + len(later)} on are missing in its journal")
        if segment.first >= published:
            del later[segment.first - published :]  # a write that failed, and was never acknowledged
        place = segment.first
        for first, framed in segment.frames:
            if first != place:
                raise ValueError(f"records from {place} on are missing in {segment.path.name}")
            for number, data in enumerate(framed, first):
                if number >= published:
                    later.append(data)
                elif not same(number, data):
                    raise ValueError(f"record {number} is another one in {segment.path.name}")
            place += len(framed)
    return later, cut


def frame(first: int, records: Sequence[bytes]) -> bytes:
    payload = bundle(records)
    head = struct.pack(">4sQIQ", FRAME_MAGIC, first, len(records), len(payload))
    return head + hashlib.sha256(head + payload).digest() + payload


def read(path: Path) -> Segment:
    """Read one segment back.

    Raises:
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    if len(data) < HEAD.size:
        return Segment(path, None, [], data)
    magic, first, digest = HEAD.unpack_from(data)
    if magic != SEGMENT_MAGIC or hashlib.sha256(data[:16]).digest() != digest:
        # A header is synced before anything follows it, so that one alone may have been cut by a crash.
        torn = len(data) == HEAD.size
        return Segment(path, None, [], data, None if torn else f"the header of {path.name} is damaged")
    frames, place = [], HEAD.size
    while (found := _frame(data, place)) is not None:
        frames.append(found[:2])
        place = found[2]
    cut = data[place:]
    damage = None
    if any(_frame(data, later) is not None for later in _marks(data, place + 1)):
        damage = f"{path.name} is damaged at byte {place}, within what was acknowledged"
    return Segment(path, first, frames, cut, damage)


def _marks(data: bytes, place: int) -> Iterator[int]:
    while (place := data.find(FRAME_MAGIC, place)) >= 0:
        yield place
        place += 1


def _frame(data: bytes, place: int) -> tuple[int, list[bytes], int] | None:
    """(first record, records, where it ends) of the whole frame at `place`; None when there is none."""
    if place + FRAME.size > len(data):
        return None
    magic, first, count, length, digest = FRAME.unpack_from(data, place)
    head, start = data[place : place + FRAME.size - 32], place + FRAME.size
    if magic != FRAME_MAGIC or length > len(data) - start:
        return None
    payload = data[start : start + length]
    if hashlib.sha256(head + payload).digest() != digest:
        return None
    try:
        records = unbundle(payload)
    except ValueError:
        return None
    return (first, records, start + length) if len(records) == count else None
