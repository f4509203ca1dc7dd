"""Whether a log is what was written: every record hashed anew, from a copy or from the folder of a running server.

What a log can show by itself: that it agrees with itself, down to each byte, and with the checkpoint that its key
signed; that the organisation says that this key is the log's; that each text is the one that was logged, and that each
missing one was erased by the rules. What it cannot show: that it is the only history. Whoever has the log's key can
write another and sign it. A checkpoint that was kept elsewhere shows it: every record of that time must still be there,
unchanged and in its place. What came after that checkpoint, it says nothing about.

Nothing is written, and no lock is taken; where the log moves on meanwhile, the look is taken again.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helder.certify.verdict import Finding, Result
from helder.errors import ExitCode, HelderError
from helder.ledger import merkle
from helder.ledger.keys import PublicKey
from helder.serve.audit import journal as journals
from helder.serve.audit import log_key, texts, tiles
from helder.serve.audit.log import CHECKPOINT, ERASING, JOURNAL, TEXTS
from helder.serve.audit.note import Checkpoint, VerifierKey
from helder.serve.audit.record import decoded, digests
from helder.serve.audit.tiles import WIDTH, Tile
from helder.serve.audit.tree import Tree

LOOKS = 5  # at a log that is being written
MISSING = 1000  # bundles that may be missing and are still told one by one
SHOWN = 20  # faults that are told of one kind
NOT_SHOWN = (
    "Whether this is the only history: whoever has the log's key can sign another. "
    "Keep checkpoints elsewhere, and give one with --against."
)


@dataclass
class Report:
    """What was found in a log.

    Attributes:
        findings: what was looked at, with its result.
        facts: how many records, of which kinds, the root.
        not_shown: what this verification cannot show, in words.
    """

    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    not_shown: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        found = {finding.result for finding in self.findings}
        if Result.FAILED in found:
            return ExitCode.FAILED
        return ExitCode.UNCHECKED if Result.UNCHECKED in found else ExitCode.DONE

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.result is Result.FAILED]

    def add(self, place: str, what: str, result: Result) -> None:
        self.findings.append(Finding(place, what, result))

    def failed(self, place: str, what: str) -> None:
        self.add(place, what, Result.FAILED)

    def passed(self, place: str, what: str) -> None:
        self.add(place, what, Result.PASSED)

    def to_json(self) -> dict[str, Any]:
        return {
            "result": {ExitCode.DONE: "passed", ExitCode.FAILED: "failed"}.get(self.exit_code, "could not be checked"),
            "findings": [finding.to_json() for finding in self.findings],
            "facts": self.facts,
            "not_shown": self.not_shown,
        }


def verify(folder: Path, *, against: Mapping[str, bytes] | None = None, known: Iterable[PublicKey] = ()) -> Report:
    """Check every byte of a log.

    Args:
        folder: of the log, or of a copy of it.
        against: checkpoints that were kept elsewhere, by the names that the report calls them.
        known: keys of organisations that are believed.

    Raises:
        HelderError: there is no log there.
    """
    folder, known = Path(folder), list(known)
    if not folder.is_dir():
        raise HelderError(f"There is no folder {folder}.", "", "Name the folder of an audit log.")
    names = (folder / name for name in (CHECKPOINT, log_key.STATEMENT, "tile", JOURNAL))
    if not any(path.is_symlink() or path.exists() for path in names):  # a link to an impossible name exists as well
        raise HelderError(f"{folder} holds no audit log.", f"There is no {CHECKPOINT} in it.", "Name another folder.")
    for _ in range(LOOKS):
        before = _state(folder)
        report = _Look(folder, dict(against or {}), known).report
        if not report.faults or _state(folder) == before:
            break
    return report


def _state(folder: Path) -> list[tuple[str, bytes]]:
    """What changes when a log goes on."""
    found = []
    for path in (folder / CHECKPOINT, folder / ERASING, *(path for _, path in journals.segments(folder / JOURNAL))):
        try:
            found.append((path.name, path.read_bytes()))
        except OSError:
            found.append((path.name, b""))
    return found


class _Look:
    """One look at a log, from the key to the texts."""

    def __init__(self, folder: Path, against: dict[str, bytes], known: list[PublicKey]) -> None:
        self.folder, self.report = folder, Report()
        self.entries: dict[str, int] = {}
        self.erased: list[tuple[int, int]] = []
        self.kept: dict[int, tuple[str, dict[str, str | None], str]] = {}  # number -> (id, digests, what is kept)
        self.there: list[tuple[int, int]] = []  # answers whose text, or salt, is there
        self.missing: list[tuple[int, int]] = []  # answers whose text, or salt, was kept and is not there
        self.told: dict[str, int] = {}
        self.size = 1 << 62  # records, those in the journal included; known at the end
        self.early = 0  # texts that were there before their record
        key = self._key(known)
        if key is None:
            return
        try:
            segments = [journals.read(path) for _, path in journals.segments(folder / JOURNAL)]
        except OSError:
            segments = []  # it is rewritten this moment: the next look finds it, or the missing records
        point = self._checkpoint(key)
        wanted = self._outside(against, key)
        if point is None:
            return
        self._records(point, segments, wanted)
        if not against:
            self.report.not_shown.append(NOT_SHOWN)

    def fault(self, kind: str, place: str, what: str) -> None:
        """A fault; of one kind no more than `SHOWN` are told."""
        self.told[kind] = self.told.get(kind, 0) + 1
        if self.told[kind] <= SHOWN:
            self.report.failed(place, what)

    def _key(self, known: list[PublicKey]) -> VerifierKey | None:
        try:
            key = log_key.read(self.folder)
        except HelderError as error:
            self.report.failed(log_key.STATEMENT, f"{error.what} {error.why}")
            return None
        try:
            signers = log_key.signers(self.folder, known).signers
        except HelderError as error:
            unknown = error.code == ExitCode.UNCHECKED
            self.report.add(
                log_key.STATEMENT, f"{error.what} {error.why}", Result.UNCHECKED if unknown else Result.FAILED
            )
        else:
            who = ", ".join(signer[:12] for signer in signers)
            self.report.passed(log_key.STATEMENT, f"{who} says that {key.vkey} is the key of this log")
        self.report.facts |= {"log": key.name, "vkey": key.vkey}
        return key

    def _checkpoint(self, key: VerifierKey) -> Checkpoint | None:
        try:
            point = Checkpoint.read((self.folder / CHECKPOINT).read_bytes(), key, "The log's checkpoint")
        except OSError:
            self.report.failed(CHECKPOINT, "it is missing or cannot be read")
            return None
        except HelderError as error:
            self.report.failed(CHECKPOINT, f"{error.what} {error.why}")
            return None
        self.report.passed(CHECKPOINT, f"{point.size:,} records, signed with the log's key")
        self.report.facts |= {"records": point.size, "root": point.root.hex()}
        return point

    def _outside(self, against: dict[str, bytes], key: VerifierKey) -> list[tuple[str, Checkpoint]]:
        """The checkpoints from outside that the log's key signed; a fault for each other."""
        found = []
        for name, note in against.items():
            try:
                found.append((name, Checkpoint.read(note, key, f"The checkpoint {name}")))
            except HelderError as error:
                self.report.failed(name, f"{error.why} Either it is of another log, or this log has got another key.")
        return found

    # -- records ------------------------------------------------------------------------------------------------

    def _records(
        self, point: Checkpoint, segments: list[journals.Segment], outside: list[tuple[str, Checkpoint]]
    ) -> None:
        # Whoever made the checkpoint may say any size; so many files are looked for as can be there.
        needed, there = -(-point.size // WIDTH), _count(self.folder / "tile/entries")
        if needed > there + MISSING:
            self.report.failed("tile", f"of {needed:,} bundles of records {needed - there:,} are missing")
            return
        tree, roots = Tree(lambda level, number: []), dict[int, bytes]()
        wanted = {checkpoint.size for _, checkpoint in outside}
        if 0 in wanted:
            roots[0] = merkle.root([])
        inside: dict[int, bytes] = {}  # records that the journal may hold a second time
        lowest = min((segment.first for segment in segments if segment.first is not None), default=point.size)
        for number in range(needed):
            width = min(WIDTH, point.size - number * WIDTH)
            for place, (leaf, data) in enumerate(self._bundle(number, width), number * WIDTH):
                tree.append(leaf)
                if tree.size in wanted:
                    roots[tree.size] = tree.root()
                if data is not None:
                    self._entry(place, data)
                    if place >= lowest:
                        inside[place] = data
            self._upper(tree)
            if width == WIDTH:
                self._texts(number)
        self._last(tree)
        agrees = tree.root() == point.root
        if agrees:
            self.report.passed("tile", f"all {point.size:,} records, hashed anew, have the root of the checkpoint")
        else:
            self.report.failed("tile", "the records do not have the root that the checkpoint says: one was changed")
        waiting = self._journal(point.size, segments, inside)
        for name, checkpoint in outside:
            self._compare(name, checkpoint, point, roots)
        self.size = point.size + waiting
        for number in range(point.size // WIDTH, self.size // WIDTH + 1):
            self._texts(number)
        if self.early:
            self.report.add(
                TEXTS, f"{self.early} are of records that are not in the log yet, or never came there", Result.SKIPPED
            )
        self._erasures()
        for kind, count in self.told.items():
            if count > SHOWN:
                self.report.failed(kind, f"{count - SHOWN:,} more faults of this kind")
        self.report.facts["kinds"] = dict(sorted(self.entries.items()))

    def _bundle(self, number: int, width: int) -> list[tuple[bytes, bytes | None]]:
        """(leaf, record) of each record of a bundle; the leaf from the tile where the record cannot be read."""
        records, leaves = self._tile(Tile(None, number, width)), self._tile(Tile(0, number, width))
        if records is None:
            return [(leaf, None) for leaf in leaves or [b"\0" * tiles.HASH] * width]
        found: list[tuple[bytes, bytes | None]] = [(merkle.leaf(data), data) for data in records]
        for place, ((leaf, _), digest) in enumerate(zip(found, leaves or [], strict=False), number * WIDTH):
            if leaf != digest:
                self.fault(
                    "records", f"record {place}", f"is not the one whose digest is in {Tile(0, number, width).path}"
                )
        return found

    def _tile(self, tile: Tile) -> list[bytes] | None:
        """The contents of a tile or bundle, or None and a fault."""
        for one in (tile, Tile(tile.level, tile.number)):  # the full one may have taken its place this moment
            try:
                data = (self.folder / one.path).read_bytes()
                found = tiles.unbundle(data) if tile.level is None else tiles.hashes(data)
            except OSError:
                continue
            except ValueError as error:
                self.fault("files", one.path, f"is damaged: {error}")
                return None
            if len(found) == one.width:
                return found[: tile.width]
            self.fault("files", one.path, f"holds {len(found)} instead of {one.width}")
            return None
        self.fault("files", tile.path, "is missing or cannot be read")
        return None

    def _upper(self, tree: Tree) -> None:
        """Compare the full tiles above the records that have just been completed, and let go of them."""
        level = 1
        while tree.size % (WIDTH << (8 * level)) == 0 and tree.size:
            self._same(tree, Tile(level, (tree.size >> (8 * (level + 1))) - 1))
            level += 1
        tree.forget(tree.size)

    def _last(self, tree: Tree) -> None:
        """Compare the partial tiles."""
        for tile in tiles.of_size(tree.size):
            if tile.level and tile.width < WIDTH:
                self._same(tree, tile)

    def _same(self, tree: Tree, tile: Tile) -> None:
        found, made = self._tile(tile), tree.tile(tile)
        if found is not None and made != tiles.joined(found):
            self.fault("files", tile.path, "does not hold the digests of what is below it")

    def _entry(self, place: int, data: bytes) -> None:
        try:
            entry = decoded(data)
            kind = entry["kind"]
            if kind == "answer":
                self.kept[place] = (entry["id"], entry["digests"], entry["kept"])
            else:  # an erasure, or a recovery that names records without texts
                self.erased += [(int(first), int(last)) for first, last in entry["records"]]
        except (ValueError, KeyError, TypeError) as error:
            self.fault("records", f"record {place}", f"is no record: {error}")
            return
        self.entries[kind] = self.entries.get(kind, 0) + 1

    def _journal(self, size: int, segments: list[journals.Segment], inside: dict[int, bytes]) -> int:
        """The records that are not yet in tiles; how many."""
        try:
            later, cut = journals.records(segments, size, lambda place, data: inside.get(place, data) == data)
        except ValueError as error:
            self.report.failed(JOURNAL, str(error))
            return 0
        for place, data in enumerate(later, size):
            self._entry(place, data)
        self.report.facts["waiting"] = len(later)
        if later:
            self.report.add(
                JOURNAL, f"{len(later):,} more records wait for the next checkpoint; no signature is over them yet",
                Result.SKIPPED,
            )  # fmt: skip
        if cut:
            self.report.add(
                JOURNAL, f"its last {len(cut):,} bytes were cut by a crash, or were damaged: the next start says so",
                Result.SKIPPED,
            )  # fmt: skip
        return len(later)

    def _compare(self, name: str, outside: Checkpoint, point: Checkpoint, roots: dict[int, bytes]) -> None:
        """The checkpoint from outside with the tree of today."""
        if outside.size > point.size:
            self.report.failed(
                name, f"it says {outside.size:,} records, the log has {point.size:,}: the end was taken away"
            )
        elif not hmac.compare_digest(roots[outside.size], outside.root):
            self.report.failed(
                name, f"the first {outside.size:,} records are not those of that time: history was rewritten"
            )
        else:
            later = point.size - outside.size
            self.report.passed(name, f"the first {outside.size:,} records are those of that time, unchanged")
            if later:
                self.report.not_shown.append(f"The {later:,} records after {name}: it cannot speak for them.")

    # -- texts --------------------------------------------------------------------------------------------------

    def _texts(self, number: int) -> None:
        """Check the texts of a bundle, all of whose records are known by now."""
        try:
            lines, cut = texts.read(texts.path_of(self.folder / TEXTS, number))
        except OSError:
            lines, cut = [], b""
        where, there = f"texts of bundle {number}", set()
        if cut:
            self.fault("texts", where, f"hold {len(cut):,} bytes that are no line of theirs")
        for line in lines:
            entry = self.kept.get(line["index"])
            if line["index"] >= self.size:
                self.early += 1
            elif entry is None or entry[0] != line["id"]:
                self.fault("texts", where, f"hold something that belongs to no record (it says {line['index']})")
            elif fault := _differs(line, entry):
                self.fault("texts", f"text of record {line['index']}", fault)
                there.add(line["index"])
            else:
                there.add(line["index"])
        for place in range(number * WIDTH, (number + 1) * WIDTH):
            entry = self.kept.pop(place, None)
            if place in there:
                texts.extend(self.there, place)
            elif entry is not None and entry[2] != "nothing":
                texts.extend(self.missing, place)

    def _erasures(self) -> None:
        """Whether what is missing was erased by the rules, and what was erased is missing."""
        self.erased.sort()
        merged: list[tuple[int, int]] = []
        for first, last in self.erased:
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        if not (self.folder / TEXTS).exists() and not (self.folder / JOURNAL).exists():
            self.report.not_shown.append("What lies beside the records: this is an export, without texts and salts.")
            return
        for first, last in self.missing:
            for place in range(first, last + 1):
                if not texts.within(place, merged):
                    self.fault("texts", f"text of record {place}", "is missing, and no record says that it was erased")
        for first, last in self.there:
            for place in range(first, last + 1):
                if texts.within(place, merged):
                    self.fault("texts", f"text of record {place}", "is there, and a record says that it was erased")
        kept, erased = (sum(last - first + 1 for first, last in those) for those in (self.there, self.missing))
        self.report.facts |= {"texts_or_salts_kept": kept, "erased": erased}
        if "texts" not in self.told:
            self.report.passed(TEXTS, f"{kept:,} are those that were logged, {erased:,} were erased by the rules")


def _count(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


def _differs(line: texts.Line, entry: tuple[str, dict[str, str | None], str]) -> str | None:
    """Why a text is not the one that was logged."""
    _, logged, kept = entry
    try:
        salts = {name: bytes.fromhex(salt) for name, salt in line["salts"].items()}
        if kept == "nothing":
            return "is kept, and the record says that nothing is"
        if kept == "digests":
            return "is kept, and the record says that only salts are" if "prompt" in line else None
        return None if digests(line, salts) == logged else "is not the one that was logged"
    except (KeyError, TypeError, ValueError, AttributeError):
        return "is damaged"
