"""Looking into a log without writing to it: in the folder of a running server, or in a copy.

What is read is what is there, unverified; `helder audit verify` says whether it can be believed. Records that wait in
the journal are seen too; a proof is given for those under the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.ledger import canonical, merkle
from helder.serve.audit import journal as journals
from helder.serve.audit import log_key, texts, tiles
from helder.serve.audit.log import CHECKPOINT, JOURNAL, TEXTS
from helder.serve.audit.note import Checkpoint
from helder.serve.audit.receipt import Damaged, Stamped
from helder.serve.audit.record import decoded
from helder.serve.audit.tiles import WIDTH, Tile
from helder.serve.audit.tree import Tree

LOOKS = 5  # at a log that is being written


class Reading:
    """A log as it is now; what comes later is not seen.

    Raises:
        HelderError: there is no log in the folder, or it cannot be read (code 3).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.key = log_key.read(self.folder)
        self._bundle = lru_cache(8)(self._bundle_of)
        for left in reversed(range(LOOKS)):
            # The journal first: what leaves it meanwhile is in tiles under the checkpoint that is read after it.
            try:
                found = [journals.read(path) for _, path in journals.segments(self.folder / JOURNAL)]
                self.note = (self.folder / CHECKPOINT).read_text(encoding="utf-8")
                self.point = Checkpoint.read(self.note.encode("utf-8"), self.key, f"The checkpoint of {self.folder}")
                if self.point.size:  # so that a size that somebody made up is not believed
                    self._bundle_of((self.point.size - 1) // WIDTH)
                self.waiting, _ = journals.records(found, self.point.size, lambda place, data: True)
                return
            except ValueError as error:
                if not left:
                    raise Damaged(self.folder, str(error)) from error
            except OSError as error:
                if not left:
                    raise Damaged(self.folder, f"it cannot be read: {error}") from error

    @property
    def size(self) -> int:
        return self.point.size + len(self.waiting)

    def data(self, place: int) -> bytes:
        """A record's bytes.

        Raises:
            IndexError: there are not so many.
        """
        if not 0 <= place < self.size:
            raise IndexError(f"there is no record {place} among {self.size}")
        if place >= self.point.size:
            return self.waiting[place - self.point.size]
        return self._bundle(place // WIDTH)[place % WIDTH]

    def entry(self, place: int) -> dict[str, Any]:
        """A record, decoded.

        Raises:
            HelderError: code 3, it is damaged.
        """
        try:
            return decoded(self.data(place))
        except ValueError as error:
            raise Damaged(self.folder, f"record {place}: {error}") from error

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
        """(number, record) from `start` up to `stop`."""
        for place in range(max(start, 0), self.size if stop is None else min(stop, self.size)):
            yield place, self.entry(place)

    def find(self, id: str) -> int | None:
        """The number of the record of an id; every bundle is searched until it is found."""
        wanted = canonical.dumps({"id": id})[1:-1]
        for place in range(self.size):
            data = self.data(place)
            if wanted in data and decoded(data)["id"] == id:
                return place
        return None

    def texts(self, place: int) -> texts.Line | None:
        """What is kept beside a record."""
        return texts.of(self.folder / TEXTS, place, self.entry(place)["id"])

    def stamped(self, place: int) -> Stamped:
        """A record with the proof that it is in the log.

        Raises:
            HelderError: code 4, it waits for the next checkpoint.
        """
        if place >= self.point.size:
            raise HelderError(
                f"Record {place} waits for the next checkpoint.",
                "A server makes one every second, and when it stops.",
                "Ask again, or start and stop the server.",
                ExitCode.UNCHECKED,
            )
        tree = Tree(lru_cache(64)(lambda level, number: self._tile(Tile(level, number))))
        tree.resume(self.point.size, self._tile)
        data, line = self.data(place), self.texts(place)
        return Stamped(
            decoded(data),
            data,
            place,
            merkle.leaf(data).hex(),
            self.point.size,
            [digest.hex() for digest in tree.inclusion(place, self.point.size)],
            self.note,
            None if line is None else dict(line["salts"]),
        )

    def files(self) -> Iterator[tuple[str, bytes]]:
        """(name, bytes) of what somebody else needs to check the log up to its checkpoint; no texts, no key."""
        yield CHECKPOINT, self.note.encode("utf-8")
        for name in (log_key.STATEMENT, log_key.VKEY):
            yield name, (self.folder / name).read_bytes()
        for tile in tiles.of_size(self.point.size):
            found = self._tile(tile)
            yield tile.path, tiles.bundle(found) if tile.level is None else tiles.joined(found)

    def _bundle_of(self, number: int) -> list[bytes]:
        return self._tile(Tile(None, number, min(WIDTH, self.point.size - number * WIDTH)))

    def _tile(self, tile: Tile) -> list[bytes]:
        """A tile or bundle; the full one where it has taken the place of the part."""
        read: Callable[[bytes], list[bytes]] = tiles.unbundle if tile.level is None else tiles.hashes
        for one in (tile, Tile(tile.level, tile.number)):
            try:
                found = read((self.folder / one.path).read_bytes())
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                raise Damaged(self.folder, f"{one.path}: {error}") from error
            if len(found) == one.width:
                return found[: tile.width]
            raise Damaged(self.folder, f"{one.path} holds {len(found)}, not {one.width}")
        raise Damaged(self.folder, f"{tile.path} is missing, or the log has just gone on: ask again")
