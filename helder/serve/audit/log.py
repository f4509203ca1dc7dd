"""The audit log of a server: every answer is in it, safe on the disk, before it is given.

    FOLDER/
      checkpoint              how far the log is, signed (C2SP tlog-checkpoint)
      tile/…                  records and the digests of their tree (C2SP tlog-tiles)
      journal/…               what was acknowledged and is not yet in tiles (`journal.py`)
      texts/…                 what lies beside the records and can be erased (`texts.py`)
      log.json, log.vkey      which key signs, said by the organisation; log.pem is that key (`log_key.py`)
      ids                     where each id is: made anew when it is missing or does not fit
      erasing.json            an erasure that is under way

The order of writing: texts, synced; the journal, synced; then the caller is told. Many callers that come at once share
one sync. Tiles and the checkpoint follow within a second, and at once where somebody asks for a proof: tiles, synced;
the checkpoint, put in its place in one step; only then the journal forgets. After a crash at any point `open` goes on
from what is there. A checkpoint is only ever signed over records that are safe, so that no two of them disagree.

What it does not do: hinder somebody who can read the log's key from writing another history and signing it. Only a
checkpoint kept elsewhere shows that (`helder audit verify --against`).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.ledger import merkle
from helder.ledger.keys import SigningKey
from helder.serve.audit import journal as journals
from helder.serve.audit import log_key, texts, tiles
from helder.serve.audit.disk import Disk
from helder.serve.audit.ids import Ids
from helder.serve.audit.journal import Journal
from helder.serve.audit.note import Checkpoint, NoteKey
from helder.serve.audit.receipt import Damaged, NotLogged, Receipt, Stamped, no_disk
from helder.serve.audit.record import Keep, Record, decoded, event
from helder.serve.audit.texts import Line, Texts
from helder.serve.audit.tiles import WIDTH, Tile
from helder.serve.audit.tree import Tree

CHECKPOINT, JOURNAL, TEXTS, IDS, ERASING, LOCK = "checkpoint", "journal", "texts", "ids", "erasing.json", "lock"
PUBLISH_EVERY = 1.0  # seconds from a record to the checkpoint over it; assumption: witnesses come less often
RETAIN_EVERY = 3600.0  # seconds between two looks for texts that are too old
NAMED = 2000  # ranges that the record of an erasure names; a longer erasure is several records
LARGEST_PAGE = 1000  # records that are given out at once


@dataclass
class _Ticket:
    """Somebody who waits for a record to be safe."""

    id: str
    data: bytes
    line: dict[str, Any] | None
    index: int = -1
    error: BaseException | None = None
    done: bool = field(default=False)


class AuditLog:
    """An audit log that is being written; at most one process has it open. Use `AuditLog.open`, and close it."""

    def __init__(self, folder: Path, key: NoteKey, keep: Keep, disk: Disk, lock: int) -> None:
        self.folder, self.key, self.keep, self.disk = folder, key, keep, disk
        self.trouble: Exception | None = None  # why the last publication in the background failed
        self._lock_file = lock
        self._tree = Tree(lru_cache(64)(self._full_tile))
        self._bundle = lru_cache(8)(self._full_bundle)
        self._base = 0  # the record that `_entries` begins with: the start of the last bundle that is published
        self._entries: list[bytes] = []
        self._ids = Ids()
        self._published = Checkpoint(key.name, 0, merkle.root([]))
        self._note = ""
        self._texts = Texts(disk, folder / TEXTS)
        self._journal = Journal(disk, folder / JOURNAL)
        self._pending: list[_Ticket] = []
        self._state = threading.Lock()  # what is in memory
        self._committing = threading.Lock()  # who writes journal and texts
        self._publishing = threading.Lock()  # who writes tiles and the checkpoint
        self._closing, self._news = threading.Event(), threading.Event()
        self._closed = False
        self._worker: threading.Thread | None = None

    @classmethod
    def open(
        cls,
        folder: Path,
        key: SigningKey,
        origin: str,
        keep: Keep,
        *,
        disk: Disk | None = None,
        publish_every: float | None = PUBLISH_EVERY,
    ) -> AuditLog:
        """Open a log, or begin one; goes on after a crash.

        What is checked here is what goes on from here: the checkpoint, the last tiles, the journal, and that every
        full file is there. `helder audit verify` checks every byte.

        Args:
            folder: where it lies; made if it is not there.
            key: of the organisation, which says whose log it is.
            origin: its name, such as hospital.example/doses; it stands in every checkpoint.
            keep: what is kept beside the records, from now on.
            disk: what files are written through.
            publish_every: seconds between publications in the background; None for none.

        Raises:
            HelderError: another process has it (code 1), it is damaged (code 3), or the disk does not take it.
        """
        disk = disk or Disk()
        try:
            synced = disk.make_folder(folder)
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise no_disk(folder, error) from error
        try:
            _hold(lock, folder)
            _check_is_log(folder)
            log_key_ = log_key.take(folder, key, origin, disk)
            log = cls(folder, log_key_, keep, disk, lock)
            disk.sync_folders(synced)
            log._recover()
        except OSError as error:
            os.close(lock)
            raise no_disk(folder, error) from error
        except BaseException:
            os.close(lock)
            raise
        if publish_every is not None:
            log._worker = threading.Thread(target=log._work, args=(publish_every,), name="audit-log", daemon=True)
            log._worker.start()
        return log

    # -- writing ------------------------------------------------------------------------------------------------

    def append(self, record: Record) -> Receipt:
        """Put a record into the log; it is safe on the disk when this returns. Any number of threads.

        Raises:
            NotLogged: it is not in the log (the disk is full or fails), or too long for one.
        """
        try:
            data, line = record.split(self.keep)
        except HelderError as error:
            raise NotLogged(error.what, error.why, error.fix, error.code) from error
        return self._append(record.id, data, line)

    def _append(self, id: str, data: bytes, line: dict[str, Any] | None = None) -> Receipt:
        ticket = _Ticket(id, data, line)
        with self._state:
            self._pending.append(ticket)
        with self._committing:  # whoever comes first writes for all who wait
            if not ticket.done:
                with self._state:
                    waiting, self._pending = self._pending, []
                self._commit(waiting)
        if not ticket.done:
            raise RuntimeError("a record was neither written nor refused")
        if ticket.error is not None:
            raise no_disk(self.folder, ticket.error, NotLogged) from ticket.error
        return Receipt(id, self.key.name, ticket.index, merkle.leaf(data).hex())

    def _commit(self, waiting: Sequence[_Ticket]) -> None:
        """Write what waits; `_committing` is held."""
        first = self._tree.size
        for place, ticket in enumerate(waiting, first):
            ticket.index = place
        try:
            if self._closed:
                raise OSError("the log is closed")
            try:
                self._texts.add({ticket.index: ticket.line for ticket in waiting if ticket.line is not None})
                self._journal.write(first, [ticket.data for ticket in waiting])
            except BaseException:
                self._texts.undo()
                raise
        except Exception as error:  # noqa: BLE001  every one who waits is told
            for ticket in waiting:
                ticket.error, ticket.done = error, True
            return
        with self._state:
            for ticket in waiting:
                self._take(ticket.id, ticket.data)
                ticket.done = True
        self._news.set()

    def _take(self, id: str, data: bytes) -> None:
        """A record that is safe, into memory."""
        self._tree.append(merkle.leaf(data))
        self._entries.append(data)
        self._ids.add(id)

    def publish(self) -> str:
        """Write tiles and a checkpoint over every record so far; the checkpoint.

        Raises:
            HelderError: the disk does not take it; every record stays where it was, in the journal.
        """
        with self._publishing:
            try:
                return self._publish()
            except OSError as error:
                raise no_disk(self.folder, error) from error

    def _publish(self) -> str:
        with self._committing:  # between two commits, so that the new segment begins where the tiles end
            size = self._tree.size
            if size == self._published.size and self._note:
                return self._note
            with self._state:
                written = [(tile, self._content(tile)) for tile in tiles.of_size(size, self._published.size)]
                root = self._tree.root()
            self._journal.begin(size)
            segment = self._journal.number
        folders: set[Path] = {self.folder}
        for tile, data in written:
            path = self.folder / tile.path
            folders.update(self.disk.make_folder(path.parent))
            folders.add(path.parent)
            self.disk.replace(path, data)
        self.disk.sync_folders(folders)
        checkpoint = Checkpoint(self.key.name, size, root)
        note = checkpoint.sign(self.key)
        self.disk.replace(self.folder / CHECKPOINT, note.encode("utf-8"))
        self.disk.sync_folders([self.folder])
        with self._state:
            before, self._published, self._note = self._published, checkpoint, note
            self._tree.forget(size)
            base = size // WIDTH * WIDTH
            del self._entries[: base - self._base]
            self._base = base
        # What is left lying here after a crash is cleared away by `open`.
        with suppress(OSError):
            self._journal.forget(segment)
            for tile in tiles.of_size(before.size):
                if tile.width < WIDTH and _grown(tile, size):
                    self.disk.remove(self.folder / tile.path)
                    with suppress(OSError):
                        (self.folder / tile.path).parent.rmdir()
        return note

    def _content(self, tile: Tile) -> bytes:
        """The bytes of a tile that is written now; `_state` is held."""
        if tile.level is None:
            start = tile.number * WIDTH - self._base
            return tiles.bundle(self._entries[start : start + tile.width])
        data = self._tree.tile(tile)
        assert data is not None, tile
        return data

    def _work(self, every: float) -> None:
        """What the log does in the background: publish, and erase what is too old."""
        looked = time.monotonic()
        while not self._closing.is_set():
            self._news.wait(RETAIN_EVERY)
            self._news.clear()
            if self._closing.wait(every):
                return
            try:
                self.publish()
                if time.monotonic() - looked >= RETAIN_EVERY:
                    looked = time.monotonic()
                    self.retain()
                self.trouble = None
            except Exception as error:  # noqa: BLE001  told by `trouble`, and tried again; nothing is lost meanwhile
                self.trouble = error
                self._news.set()

    def close(self) -> None:
        """Publish what is not yet, and let go. Closing twice is fine.

        Raises:
            HelderError: the disk did not take the checkpoint; the next `open` makes it.
        """
        if self._closed:
            return
        self._closing.set()
        self._news.set()
        if self._worker is not None:
            self._worker.join()
        try:
            self.publish()
            with suppress(OSError):
                with self._state:
                    ids = self._ids.copy()
                ids.save(self.folder / IDS, self.disk, self._tree.root_of)
        finally:
            with self._committing:
                self._closed = True
                self._journal.leave()
                self._texts.close()
            os.close(self._lock_file)

    def __enter__(self) -> AuditLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- reading ------------------------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        return self.key.name

    @property
    def size(self) -> int:
        """How many records are in the log."""
        return self._tree.size

    def receipt(self, id: str) -> Stamped | None:
        """The record of an answer with the proof that it is in the log; None when there is none of that id.

        Raises:
            HelderError: the disk does not take the checkpoint that the proof needs, or the log is damaged.
        """
        place = self.find(id)
        if place is None:
            return None
        if place >= self._published.size:
            self.publish()
        with self._state:
            size, note = self._published.size, self._note
            proof = [digest.hex() for digest in self._tree.inclusion(place, size)]
        data = self.record(place)
        kept = self._texts.of(place, id)
        salts = None if kept is None else dict(kept["salts"])
        return Stamped(decoded(data), data, place, merkle.leaf(data).hex(), size, proof, note, salts)

    def find(self, id: str) -> int | None:
        """The number of the record of an id."""
        with self._state:
            found = self._ids.places(id)
        return next((place for place in found if decoded(self.record(place))["id"] == id), None)

    def record(self, place: int) -> bytes:
        """A record by its number.

        Raises:
            IndexError: there are not so many.
            HelderError: code 3, its bundle is damaged.
        """
        with self._state:
            if place >= self._base:
                return self._entries[place - self._base]
        return self._bundle(place // WIDTH)[place % WIDTH]

    def entries(self, start: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """Records with their numbers, from `start` on; at most `LARGEST_PAGE`."""
        stop = min(self.size, start + min(limit, LARGEST_PAGE))
        return [{"index": place, "record": decoded(self.record(place))} for place in range(max(start, 0), stop)]

    def texts(self, id: str) -> dict[str, Any] | None:
        """What is kept beside a record: texts and salts; None when nothing is, or there is no such record."""
        place = self.find(id)
        return None if place is None else self._texts.of(place, id)

    def checkpoint(self) -> str:
        """A signed checkpoint over every record so far."""
        return self.publish()

    def extension(self, old: int) -> tuple[list[str], str]:
        """(the digests that show that the log of `old` records begins that of the checkpoint, the checkpoint).

        Raises:
            IndexError: the log has fewer.
        """
        if not 0 < old <= self.size:
            raise IndexError(f"the log has {self.size} records")
        self.publish()
        with self._state:
            return [digest.hex() for digest in self._tree.consistency(old, self._published.size)], self._note

    def file(self, path: str) -> bytes | None:
        """A file of the log by its C2SP path: a tile, a bundle, or `checkpoint`; None when there is none.

        A partial tile of any checkpoint that there was is given, also when the full one has taken its place.
        """
        if path == CHECKPOINT:
            return self.checkpoint().encode("utf-8")
        tile = Tile.read(path)
        if tile is None:
            return None
        with self._state:
            size = self._published.size
            count = size if tile.level is None else size >> (8 * tile.level)
            if tile.number * WIDTH + tile.width > count:
                return None
            start = tile.number * WIDTH
            if tile.level is None and start >= self._base:
                return tiles.bundle(self._entries[start - self._base :][: tile.width])
            if tile.level is not None and (data := self._tree.tile(tile)) is not None:
                return data
        if tile.level is None:
            return tiles.bundle(self._bundle(tile.number)[: tile.width])
        return tiles.joined(self._full_tile(tile.level, tile.number)[: tile.width])

    def _full_tile(self, level: int, number: int) -> list[bytes]:
        return self._read_tile(Tile(level, number))

    def _full_bundle(self, number: int) -> list[bytes]:
        return self._read_tile(Tile(None, number))

    def _read_tile(self, tile: Tile) -> list[bytes]:
        path = self.folder / tile.path
        try:
            data = path.read_bytes()
            found = tiles.unbundle(data) if tile.level is None else tiles.hashes(data)
        except FileNotFoundError as error:
            raise Damaged(self.folder, f"{tile.path} is missing") from error
        except ValueError as error:
            raise Damaged(self.folder, f"{tile.path} cannot be read: {error}") from error
        if len(found) != tile.width:
            raise Damaged(self.folder, f"{tile.path} holds {len(found)}, not {tile.width}")
        return found

    # -- erasing ------------------------------------------------------------------------------------------------

    def erase(self, *, id: str | None = None, who: str | None = None, by: str, reason: str = "") -> int:
        """Erase what is kept beside the record of an answer, or beside all that one asked; how many records.

        The tree stays as it is, and a record of the erasure comes into the log, without any text.

        Args:
            by: the name of who erases.
            reason: a word or two, such as "request of the person"; it stays in the log for ever.

        Raises:
            HelderError: nobody and nothing of that name; or the disk does not take it: what is begun is finished by
                the next `open`.
        """
        if (id is None) == (who is None):
            raise ValueError("erase one record or those of one person")
        if id is not None:
            place = self.find(id)
            if place is None:
                raise HelderError(f"There is no record {id!r} in {self.folder}.", "", "See: helder audit show")
            places = [place]
        else:
            numbers = [number for number, _ in texts.files(self.folder / TEXTS)]
            places = [place for number in numbers for place in self._kept(lambda entry: entry["who"] == who, number)]
        return self._erase("erasure", places, by, reason)

    def retain(self, now: datetime | None = None) -> int:
        """Erase what is older than the policy keeps; how many records. A record says so."""
        if self.keep.days is None:
            return 0
        before = (now or datetime.now(UTC)) - timedelta(days=self.keep.days)
        oldest = before.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        places = []
        for number, _ in texts.files(self.folder / TEXTS):
            # Times rise with the numbers but for moments, so that what is younger need not be read.
            if number * WIDTH < self.size and decoded(self.record(number * WIDTH))["time"] >= oldest:
                break
            places += self._kept(lambda entry: entry["time"] < oldest, number)
        return self._erase("retention", places, "helder", f"older than {self.keep.days} days")

    def _kept(self, wanted: Callable[[dict[str, Any]], bool], number: int) -> list[int]:
        """Those answers of a bundle of which something is kept and that are wanted."""
        found = []
        for line in texts.read(texts.path_of(self.folder / TEXTS, number))[0]:
            if self._belongs(line) and wanted(decoded(self.record(line["index"]))):
                found.append(line["index"])
        return found

    def _erase(self, kind: str, places: list[int], by: str, reason: str) -> int:
        spans = ranges(sorted(places))
        for start in range(0, len(spans), NAMED):
            part = spans[start : start + NAMED]
            record = event(kind, by, {"reason": reason, "records": part})
            entry = decoded(record)
            try:
                self.disk.replace(self.folder / ERASING, record)
                self.disk.sync_folders([self.folder])
                self._append(entry["id"], record)
                self._finish_erasing(part)
            except OSError as error:
                raise no_disk(self.folder, error) from error
        return len(places)

    def _finish_erasing(self, spans: Sequence[tuple[int, int]]) -> None:
        with self._committing:
            self._texts.erase(spans)
        self.disk.remove(self.folder / ERASING)
        self.disk.sync_folders([self.folder])

    # -- going on after a crash ---------------------------------------------------------------------------------

    def _recover(self) -> None:
        for name in (JOURNAL, TEXTS):
            self.disk.sync_folders(self.disk.make_folder(self.folder / name))
        existing = journals.segments(self.folder / JOURNAL)
        self._journal = Journal(self.disk, self.folder / JOURNAL, existing[-1][0] if existing else 0)
        path = self.folder / CHECKPOINT
        if path.exists():
            self._resume(path.read_bytes())
        elif (self.folder / "tile").exists() or any(journals.read(found).frames for _, found in existing):
            raise Damaged(self.folder, "its checkpoint is missing")
        published = self._tree.size
        cut = self._read_journal([found for _, found in existing], published)
        self._clear_texts(published)
        without = self._without_texts(published)
        self._ids.load(self.folder / IDS, self.size, self._tree.root_of, self._ids_from)
        self._clear_partials()
        self._publish()
        if cut or without:
            # Records without texts were in the journal when its disk failed twice, and were never acknowledged.
            facts = {"cut_bytes": len(cut), "cut_sha256": hashlib.sha256(cut).hexdigest(), "records": without}
            record = event("recovery", "helder", facts)
            self._append(decoded(record)["id"], record)
        self._go_on_erasing()
        self.retain()

    def _resume(self, note: bytes) -> None:
        """Take up the tree of the checkpoint from the last tiles."""
        self._published = Checkpoint.read(note, self.key.public, f"The checkpoint of the log {self.folder}")
        size = self._published.size
        if size:  # so that a size that is not true is seen before every file of it is looked for
            self._partial(Tile(None, (size - 1) // WIDTH, (size - 1) % WIDTH + 1))
        for tile in tiles.of_size(size):
            path = self.folder / tile.path
            fits = path.is_file() and (tile.level is None or path.stat().st_size == tile.width * tiles.HASH)
            if not fits and not self._is_full_instead(tile):
                state = "has another length" if path.is_file() else "is missing"
                raise Damaged(self.folder, f"{tile.path} {state}")
        self._tree.resume(size, self._partial)
        self._base = size // WIDTH * WIDTH
        if size > self._base:
            self._entries = self._partial(Tile(None, self._base // WIDTH, size - self._base))
            last = self._partial(Tile(0, self._base // WIDTH, size - self._base))
            for place, (data, digest) in enumerate(zip(self._entries, last, strict=True), self._base):
                if merkle.leaf(data) != digest:
                    raise Damaged(self.folder, f"record {place} is not the one that the tree was made over")
        if self._tree.root() != self._published.root:
            raise Damaged(self.folder, "its last tiles do not have the root that its checkpoint says")

    def _is_full_instead(self, tile: Tile) -> bool:
        """Whether the full tile is there where the checkpoint needs a part: a crash before the next checkpoint."""
        return tile.width < WIDTH and (self.folder / Tile(tile.level, tile.number).path).is_file()

    def _partial(self, tile: Tile) -> list[bytes]:
        if not (self.folder / tile.path).exists() and self._is_full_instead(tile):
            return self._read_tile(Tile(tile.level, tile.number))[: tile.width]
        return self._read_tile(tile)

    def _read_journal(self, paths: Sequence[Path], published: int) -> bytes:
        """Take the records of the journal into memory; what was cut off at its end."""
        try:
            records, cut = journals.records(
                [journals.read(path) for path in paths], published, lambda place, data: self.record(place) == data
            )
        except ValueError as error:
            raise Damaged(self.folder, str(error)) from error
        for place, data in enumerate(records, published):
            try:
                decoded(data)
            except ValueError as error:
                raise Damaged(self.folder, f"record {place} in its journal: {error}") from error
            self._tree.append(merkle.leaf(data))
            self._entries.append(data)
        return cut

    def _clear_texts(self, published: int) -> None:
        """Remove what was kept of records that did not come into the log."""
        start = max(published - 1, 0) // WIDTH
        for number, _ in texts.files(self.folder / TEXTS):
            if number >= start:
                self._texts.keep_only(number, self._belongs)

    def _without_texts(self, published: int) -> list[tuple[int, int]]:
        """Those records of the journal of which something should be kept, and is not."""
        found: list[tuple[int, int]] = []
        for place in range(published, self.size):
            entry = decoded(self.record(place))
            if entry["kind"] == "answer" and entry["kept"] != "nothing" and not self._texts.of(place, entry["id"]):
                texts.extend(found, place)
        return found

    def _belongs(self, line: Line) -> bool:
        place = line["index"]
        return 0 <= place < self.size and bool(decoded(self.record(place))["id"] == line["id"])

    def _ids_from(self, start: int) -> Iterator[str]:
        """The ids of the records from a number on, as the records have them."""
        for place in range(start, self.size):
            try:
                yield decoded(self.record(place))["id"]
            except ValueError as error:
                raise Damaged(self.folder, f"record {place}: {error}") from error

    def _clear_partials(self) -> None:
        """Remove what publications that a crash cut short left: partial tiles of no checkpoint, unfinished files."""
        needed = {tile.path for tile in tiles.of_size(self._published.size)}
        for path in list(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            stale = ".p/" in name and name.startswith("tile/") and name not in needed
            if path.is_file() and (stale or (path.name.startswith(".") and path.name.endswith(".part"))):
                self.disk.remove(path)
                with suppress(OSError):
                    path.parent.rmdir()

    def _go_on_erasing(self) -> None:
        path = self.folder / ERASING
        if not path.exists():
            return
        try:
            record = path.read_bytes()
            entry = decoded(record)
            spans = [(max(0, first), min(last, self.size - 1)) for first, last in entry["records"]]
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(self.folder, f"{ERASING} is no erasure") from error
        if self.find(entry["id"]) is None:
            self._append(entry["id"], record)
        self._finish_erasing(spans)


def ranges(places: Sequence[int]) -> list[tuple[int, int]]:
    """Rising numbers as ranges, the first and the last number of each."""
    found: list[tuple[int, int]] = []
    for place in places:
        texts.extend(found, place)
    return found


def _grown(tile: Tile, size: int) -> bool:
    count = size if tile.level is None else size >> (8 * tile.level)
    return count > tile.number * WIDTH + tile.width


def _hold(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise HelderError(
            f"The audit log {folder} is in use.",
            "Another process has it open, most often `helder serve`; two writers would make two histories.",
            "Stop it first, or ask it: what changes the log can be asked of the server by whoever administers it.",
        ) from error


def _check_is_log(folder: Path) -> None:
    there = {path.name for path in folder.iterdir()} - {LOCK}
    unfinished = {name for name in there if name.startswith(".") and name.endswith(".part")}
    if there - unfinished and log_key.PRIVATE not in there:
        raise HelderError(
            f"{folder} is no audit log that can be gone on with.",
            f"There is something in it ({sorted(there)[0]}), and not the key {log_key.PRIVATE}.",
            "Choose an empty folder, or restore the key.",
        )
