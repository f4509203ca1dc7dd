"""The audit log: notes, keys, tiles and records as bytes, and the folder of a log that somebody changed.

The first byte of an input chooses. A changed folder is verified, against a checkpoint that was kept elsewhere, and
opened as a server does after a crash. Where the verification finds no fault, every record must be what it was.
"""

from __future__ import annotations

import json
import random
from contextlib import suppress
from functools import cache
from pathlib import Path

from bench.fuzz import folders
from bench.fuzz.harness import Target, change_bytes, change_json, change_text, scratch
from helder.errors import ExitCode, HelderError
from helder.ledger.keys import SigningKey
from helder.serve.audit import AuditLog, Keep, Record, note, tiles
from helder.serve.audit.disk import Disk
from helder.serve.audit.record import decoded
from helder.serve.audit.verify import verify

NOTE, TEXT, KEY, PATH, BUNDLE, RECORD, FOLDER = (bytes([number]) for number in range(7))
ORIGIN = "hospital.example/doses"
RECORDS = 20


class Quick(Disk):
    """A disk that is not waited for."""

    def sync(self, descriptor: int) -> None:
        pass

    def sync_folder(self, descriptor: int) -> None:
        pass


@cache
def organisation() -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return SigningKey.of(ec.derive_private_key(0x1F3C, ec.SECP256R1()))


@cache
def signer() -> note.NoteKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return note.NoteKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def record(number: int) -> Record:
    return Record(
        id=f"chatcmpl-{number:024x}", who="ward", model="doses", model_sha256="7" * 64, format="q8_0",
        engine="llama.cpp 1.0", prompt=f"{number} tabs", answer=f"[{number}]", finish_reason="stop",
        settings={"temperature": 0.0}, prompt_ids=(1, number), answer_ids=(3,), time="2026-11-25T10:00:00.000Z",
    )  # fmt: skip


def _open(folder: Path) -> AuditLog:
    return AuditLog.open(folder, organisation(), ORIGIN, Keep("texts"), disk=Quick(), publish_every=None)


@cache
def made() -> tuple[Path, bytes]:
    """A closed log with some of its records in the journal alone, and its checkpoint."""
    folder = scratch() / "log"
    with _open(folder) as log:
        for number in range(RECORDS):
            log.append(record(number))
    return folder, (folder / "checkpoint").read_bytes()


def run(data: bytes) -> None:
    kind, data = data[:1], data[1:]
    if kind == NOTE:
        note.Checkpoint.read(data, signer().public)
    elif kind == TEXT:
        text = data.decode("utf-8", "replace").replace("\x00", "") + "\n"
        found = note.Checkpoint.read(signer().sign(text).encode(), signer().public)
        assert found.size >= 0 and len(found.root) == 32
    elif kind == KEY:
        read = note.VerifierKey.read(data.decode("utf-8", "replace"))
        assert note.VerifierKey.read(read.vkey) == read
    elif kind == PATH:
        tile = tiles.Tile.read(data.decode("utf-8", "replace"))
        assert tile is None or tile.path == data.decode(), "two names for one tile"
    elif kind == BUNDLE:
        with suppress(ValueError):
            assert tiles.bundle(tiles.unbundle(data)) == data
        with suppress(ValueError):
            assert tiles.joined(tiles.hashes(data)) == data
    elif kind == RECORD:
        with suppress(ValueError):
            decoded(data)
    else:
        _folder(data)


def _folder(data: bytes) -> None:
    source, checkpoint = made()
    folder = scratch() / "changed"
    folders.apply(folder, folders.fresh(source, folder), folders.changes(data))
    against = {"kept elsewhere": checkpoint}
    with suppress(HelderError):
        report = verify(folder, against=against, known=[organisation().public])
        if report.exit_code == ExitCode.DONE:
            entries = f"tile/entries/000.p/{RECORDS}"
            assert (folder / entries).read_bytes() == (source / entries).read_bytes(), "a changed record was not found"
    with suppress(HelderError), _open(folder) as log:
        log.append(record(RECORDS))
        log.receipt(record(0).id)
        log.receipt(record(RECORDS).id)
        log.entries(0, 100)
        log.erase(id=record(1).id, by="ward")
        log.publish()


def seeds() -> list[bytes]:
    source, checkpoint = made()
    entries = next(source.glob("tile/entries/*.p/*")).read_bytes()
    own = note.Checkpoint(ORIGIN, 3, bytes(32))
    found = [NOTE + own.sign(signer()).encode(), TEXT + own.text.rstrip("\n").encode(), NOTE + checkpoint]
    found += [KEY + signer().public.vkey.encode(), PATH + b"tile/0/x001/234.p/7", PATH + b"tile/entries/000"]
    found += [BUNDLE + entries[:1200], RECORD + tiles.unbundle(entries)[0]]
    found += [FOLDER + json.dumps([one]).encode() for one in (
        ["set", 0, 10, "x"], ["cut", 1, 9, ""], ["gone", 2, 0, ""], ["end", 3, 0, "x"], ["name", 0, 0, "tile/0/000"],
        ["link", 4, 0, "/etc/passwd"], ["copy", 5, 6, ""], ["folder", 0, 0, "texts/x001"], ["drop", 7, 3, "abc"],
    )]  # fmt: skip
    return found


def mutate(data: bytes, chance: random.Random) -> bytes:
    kind, data = data[:1], data[1:]
    if kind == FOLDER:
        return kind + folders.mutate(data, chance)
    if kind == RECORD:
        return kind + change_json(data, chance)
    return kind + (change_bytes if kind == BUNDLE else change_text)(data, chance)


TARGET = Target("log", run, seeds, mutate, words=(b"\xe2\x80\x94 ", b"tile/", b".p/", b"x000/", b'"kind"', b'"link"'))
