"""Bundles that somebody changed, with the key or without: a folder, or the one file that it is handed over in.

The first byte of an input chooses: changes to the folder, as in `folders`, or to the bytes of the archive. Who has the
key can change what statements say (`said`, signed anew) and list what lies there (`list`): so is reached what stands
behind the signatures. The bundle is one of a real run, with each large file cut to a hundred bytes and all of it made
consistent again; it is made once (20 seconds of a processor) and kept under `build/`.

Without the key nothing may pass: a bundle that is not byte for byte the true one has to fail.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from contextlib import suppress
from functools import cache
from pathlib import Path

from bench.fuzz import folders
from bench.fuzz.harness import ROOT, Target, change_bytes, change_json, scratch
from bench.fuzz.statement import key
from helder.certify import archive, layout
from helder.certify.verdict import Result
from helder.certify.verify import verify
from helder.errors import HelderError
from helder.ledger import envelope
from helder.ledger.artifact import FileEntry, hash_file, manifest_digest
from helder.ledger.statement import PAYLOAD_TYPE

FOLDER, ZIP = b"f", b"z"
KEPT = ROOT / "build" / "fuzz-bundle"
HEAVY = (".safetensors", ".gguf", ".npy", ".html")  # what levels 1 and 2 hash, and do not read
LARGE, SHORT = 4000, 100  # bytes of a file that is cut, and to which
INSIDE = ("said", "list")
given: dict[str, Path] = {}  # "bundle": a bundle to begin with, in place of one that is made


def shrunk(bundle: Path, target: Path) -> Path:
    """A bundle with its large files cut, everything signed again with our key."""
    from tests.certify.forge import Forger

    forger = Forger(bundle, target, key())
    for path in sorted(target.rglob("*")):
        name = path.relative_to(target)
        large = path.suffix in HEAVY or name.parts[0] == layout.DOCUMENTS
        if path.is_file() and large and path.stat().st_size > LARGE:
            # Told apart, as the whole files are: what is made of which is known by digests.
            path.write_bytes(path.read_bytes()[:SHORT] + hashlib.sha256(str(name).encode()).digest())
    for path in (target / layout.KEYS).glob("*.pem"):
        path.unlink()
    (target / layout.KEYS / f"{key().public.id[:12]}.pem").write_bytes(key().public.to_pem())
    return forger.close(page=False, rendered=False)


@cache
def base() -> Path:
    """The true bundle."""
    if "bundle" in given:
        return shrunk(given["bundle"], scratch() / "bundle")
    if not KEPT.is_dir():
        import pytest

        from helder.certify import bundle as making
        from tests.certify.small_run import make, one_thread
        from tests.examples.test_recipes import run_here

        place = scratch() / "run"
        with pytest.MonkeyPatch.context() as patch, one_thread():
            patch.setenv("HELDER_HOME", str(place / "home"))
            patch.setenv("OMP_NUM_THREADS", "1")
            run_here(patch)
            made = making.certify(make(place / "project"), place / "bundle")
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        shrunk(made, place / "small")
        shutil.copytree(place / "small", KEPT)
        shutil.rmtree(place)
    return Path(shutil.copytree(KEPT, scratch() / "bundle"))  # beside its changed copies, which share its files


@cache
def files() -> dict[str, bytes]:
    return {path.relative_to(base()).as_posix(): path.read_bytes() for path in base().rglob("*") if path.is_file()}


@cache
def packed() -> bytes:
    path = scratch() / "bundle.zip"
    path.unlink(missing_ok=True)
    return archive.pack(base(), path).read_bytes()


def run(data: bytes) -> None:
    if data[:1] == ZIP:
        _archive(data[1:])
        return
    wanted = folders.changes(data[1:])
    folder = scratch() / "changed"
    names = folders.fresh(base(), folder, share=True)
    folders.apply(folder, names, wanted, said=_said, list=_list)
    verdict = verify(folder, level=2, trusted=[key().public])
    json.dumps(verdict.to_json())
    if not any(kind in INSIDE for kind, *_ in wanted):
        passed = verdict.level(1).result is Result.PASSED
        if _same(folder):
            assert passed, "the true bundle does not pass"
        elif passed:
            raise AssertionError("a changed bundle passes")


def _same(folder: Path) -> bool:
    """Whether a folder is the true bundle; what only spells the same envelope otherwise counts as the same."""
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    there |= {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_symlink()}
    if set(there) != set(files()):
        return False
    for name, path in there.items():
        if path.is_symlink():
            return False
        if path.stat().st_ino != (base() / name).stat().st_ino and path.read_bytes() != files()[name]:
            spelled = name in layout.OUTSIDE and name.endswith(".json")
            if not spelled or _inside(path.read_bytes()) != _inside(files()[name]):
                return False
    return True


def _inside(sealed: bytes) -> bytes | None:
    try:
        opened = envelope.open(sealed, [key().public])
    except HelderError:
        return None
    return opened.payload if opened.signers and not opened.unknown and not opened.broken else None


def _archive(data: bytes) -> None:
    """Changes of the archive's bytes: its central directory is at the end."""
    whole = bytearray(packed())
    for kind, number, at, text in folders.changes(data):
        new = text.encode("utf-8", "surrogatepass")[:200]
        place = len(whole) - 1 - (number * 97 + at) % min(len(whole), 30_000) if whole else 0
        if kind == "cut":
            del whole[place:]
        elif kind == "insert":
            whole[place:place] = new
        elif kind == "drop":
            del whole[place : place + max(1, len(new))]
        else:
            whole[place : place + len(new)] = new
    path = scratch() / "changed.zip"
    path.write_bytes(whole)
    verdict = verify(path, level=2, trusted=[key().public])
    json.dumps(verdict.to_json())


def _said(folder: Path, name: str, text: str) -> None:
    """One change of what an envelope says, signed anew; the text decides which."""
    path = folder / name
    opened = envelope.open(path.read_bytes(), [])
    folders.put(path, envelope.seal(change_json(opened.payload, random.Random(text)), PAYLOAD_TYPE, [key()]))


def _list(folder: Path, name: str, text: str) -> None:
    """The release lists what lies there, signed anew."""
    path = folder / layout.RELEASE
    said = json.loads(envelope.open(path.read_bytes(), []).payload)
    found = [one for one in folder.rglob("*") if one.is_file() and not one.is_symlink()]
    names = sorted(one.relative_to(folder).as_posix() for one in found)
    listed = [FileEntry(one, *hash_file(folder / one)) for one in names if one not in layout.OUTSIDE]
    said["predicate"]["files"] = [entry.to_json() for entry in listed]
    said["subject"][0]["digest"]["sha256"] = manifest_digest(listed)
    for one in said["predicate"]["ledger"]:
        with suppress(OSError, HelderError, ValueError, KeyError, TypeError):
            opened = envelope.open((folder / one["file"]).read_bytes(), [])
            one["sha256"] = hashlib.sha256(opened.payload).hexdigest()
    folders.put(path, envelope.seal(json.dumps(said).encode(), PAYLOAD_TYPE, [key()]))


def seeds() -> list[bytes]:
    one = [["set", 0, 10, "x"], ["cut", 1, 9, ""], ["gone", 2, 0, ""], ["end", 3, 0, "x"], ["name", 0, 0, "a/b"],
           ["link", 4, 0, "/etc/passwd"], ["copy", 5, 6, ""], ["folder", 0, 0, "a"], ["drop", 7, 3, "abc"]]  # fmt: skip
    ledger = [number for number, name in enumerate(sorted(files())) if name.startswith(layout.LEDGER)][:3]
    release = sorted(files()).index(layout.RELEASE)
    found = [FOLDER + b"[]", ZIP + b"[]", ZIP + b'[["set", 3, 50, "x"]]', ZIP + b'[["cut", 3, 50, ""]]']
    found += [FOLDER + json.dumps([change]).encode() for change in one]
    for number in ledger:
        found.append(FOLDER + json.dumps([["said", number, 0, "a"], ["list", 0, 0, ""]]).encode())
    return [*found, FOLDER + json.dumps([["said", release, 0, "b"]]).encode()]


def mutate(data: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.05:
        return data[:1] + change_bytes(data[1:], chance)
    kinds = folders.KINDS + INSIDE * 8 if data[:1] == FOLDER else ("set", "set", "cut", "insert", "drop")
    changed = folders.mutate(data[1:], chance, kinds)
    if data[:1] == FOLDER and chance.random() < 0.7:
        wanted = [list(one) for one in folders.changes(changed) if one[0] != "list"]
        for one in wanted:
            if one[0] == "said" and chance.random() < 0.5:
                one[3] = str(chance.randrange(1 << 30))
        if any(one[0] == "said" for one in wanted):
            wanted.append(["list", 0, 0, ""])
        changed = json.dumps(wanted).encode()
    return data[:1] + changed


TARGET = Target("bundle", run, seeds, mutate, words=(b'"said"', b'"list"', b'"link"', b'"gone"', b'"copy"'))
