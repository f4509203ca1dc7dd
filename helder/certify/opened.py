"""A bundle that was opened: its signed list, its statements, and where things lie in it.

Opening believes nothing yet: what is read here is what `integrity` and `lineage` then hold against signatures, digests
and schemas. It costs time and memory by what the bundle's list says, within bounds, not by what lies in the folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from helder.certify import layout
from helder.errors import ExitCode, HelderError
from helder.ledger import keys
from helder.ledger.artifact import FileEntry
from helder.ledger.keys import PublicKey
from helder.ledger.statement import Statement

MOST_KEYS = 64
WAY = "way"


@dataclass(frozen=True)
class Entry:
    """A statement of the bundle's ledger.

    Attributes:
        file: its path in the bundle.
        stage, digest: which artifact it speaks of. An imported model is called in a run by what it is for there.
        role: "way" for those that led to the model and its scores, "superseded" for earlier ones of the same stage,
            else "other".
        payload_sha256: of what is signed.
    """

    file: str
    stage: str
    digest: str
    role: str
    payload_sha256: str


@dataclass(frozen=True)
class Source:
    """Something that did not come from a stage: a file or folder that the recipe names, or that a model came from.

    Attributes:
        stage, name: which stage read it, under which name.
        kind: "file" or "folder".
        path: where it lies in the bundle; None when it is not in it.
    """

    stage: str
    name: str
    kind: str
    digest: str
    path: str | None


@dataclass(frozen=True)
class Bundle:
    """What the release says lies in a folder.

    Attributes:
        payload: what is signed, to the byte.
        predicate: the release, see `helder.ledger.predicates`.
        files: path → size and digest of every file that is there.
        withheld: the same of those that are not.
    """

    root: Path
    payload: bytes
    statement: Mapping[str, Any]
    files: Mapping[str, FileEntry]
    withheld: Mapping[str, FileEntry]

    @property
    def digest(self) -> str:
        """SHA-256 of what is signed: by it a release is known."""
        return sha256(self.payload).hexdigest()

    @property
    def predicate(self) -> Mapping[str, Any]:
        predicate: Mapping[str, Any] = self.statement["predicate"]
        return predicate

    @cached_property
    def entries(self) -> list[Entry]:
        return [
            Entry(one["file"], one["stage"], one["digest"], one["role"], one["sha256"])
            for one in self.predicate["ledger"]
        ]

    @cached_property
    def sources(self) -> list[Source]:
        return [
            Source(one["stage"], one["name"], one["kind"], one["digest"], one["path"])
            for one in self.predicate["sources"]
        ]

    def folder(self, stage: str) -> Path:
        """Where the artifact of a stage lies."""
        return self.root / layout.ARTIFACTS / stage

    def whole(self, stage: str, said: Statement) -> bool:
        """Whether every file of an artifact is in the bundle."""
        return all(f"{layout.ARTIFACTS}/{stage}/{one['path']}" in self.files for one in said.predicate["outputs"])

    def below(self, folder: str) -> Iterator[FileEntry]:
        """The listed files below a folder."""
        return (entry for path, entry in self.files.items() if path.startswith(f"{folder}/"))


def files_of(records: Sequence[Mapping[str, Any]]) -> dict[str, FileEntry]:
    """path → file of a release's list.

    Raises:
        HelderError: code 3: a path leaves the bundle, or stands there twice.
    """
    found: dict[str, FileEntry] = {}
    for one in records:
        path = layout.relative(one["path"])
        if path in found:
            raise HelderError(f"The list names {path!r} twice.", fix="Do not use it.", code=ExitCode.FAILED)
        found[path] = FileEntry(path, one["size"], one["sha256"])
    return found


def keys_in(root: Path) -> list[PublicKey]:
    """The public keys that lie in a bundle: whose they are is for the verifier to know."""
    folder = root / layout.KEYS
    found = []
    for path in few(folder, "*.pem"):
        key = keys.PublicKey.from_pem(layout.read(path, 1 << 14), f"keys/{path.name}")
        if not key.id.startswith(path.stem):
            raise layout.refuse(path, f"It holds the key {key.id[:16]}…, which is called otherwise.")
        found.append(key)
    return found


def few(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder of keys; none where it is none.

    Raises:
        HelderError: code 3, more than any release has.
    """
    if not folder.is_dir() or folder.is_symlink():
        return []
    paths = sorted(islice(folder.glob(pattern), MOST_KEYS + 1))
    if len(paths) > MOST_KEYS:
        raise layout.refuse(folder, f"It holds more than {MOST_KEYS} files {pattern}.")
    return paths
