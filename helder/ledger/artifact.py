"""Artifacts: folders and files whose identity is the digest of their contents.

The digest of a folder is the SHA-256 of its canonical manifest: the sorted relative paths, each with size
and SHA-256. The digest of a single file is the plain SHA-256 of its bytes, so that `sha256sum` can check
it. File modes, times, owners and empty folders are not part of the identity; links, devices, sockets and
pipes are refused, because what they lead to could change without the digest noticing.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.ledger import canonical

CHUNK = 1 << 20  # bytes read at a time: large enough that hashing, not calling, is what takes the time


@dataclass(frozen=True)
class FileEntry:
    """One file of a manifest: relative path with forward slashes, size in bytes, SHA-256 in hexadecimal."""

    path: str
    size: int
    sha256: str

    def to_json(self) -> dict[str, Any]:
        return {"path": self.path, "size": self.size, "sha256": self.sha256}


@dataclass(frozen=True)
class Artifact:
    """A folder or a file, with the digest it had when it was taken up and a name for people."""

    path: Path
    digest: str
    name: str

    @classmethod
    def of(cls, path: Path, name: str) -> Artifact:
        """Take up what lies at `path`, hashing all of it.

        Raises:
            HelderError: nothing is there, or it holds something other than plain files and folders.
        """
        return cls(path, digest_path(path), name)

    def intact(self) -> bool:
        """Whether the contents still have the digest (hashes all of it)."""
        try:
            return digest_path(self.path) == self.digest
        except (HelderError, OSError):
            return False


def manifest(folder: Path) -> list[FileEntry]:
    """The files below `folder`, sorted by path, hashed on as many threads as there are usable CPUs.

    Raises:
        HelderError: a link, a device, a socket, a pipe, or a name that is not UTF-8 lies in the folder.
    """
    paths = sorted(_files(folder, folder))
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        hashed = list(pool.map(lambda relative: hash_file(folder / relative), paths))
    return [FileEntry(path, size, sha256) for path, (size, sha256) in zip(paths, hashed, strict=True)]


def manifest_digest(entries: list[FileEntry]) -> str:
    """The digest of a folder with these files."""
    return canonical.digest({"helder/manifest": 1, "files": [entry.to_json() for entry in entries]})


def digest_path(path: Path) -> str:
    """The digest of a folder or of a single file."""
    if path.is_symlink():
        raise _not_plain(path, "a link")
    if path.is_dir():
        return manifest_digest(manifest(path))
    if not path.exists():
        raise HelderError(f"{path} does not exist.", fix="Check the name, or make it again.")
    if not path.is_file():
        raise _not_plain(path, "a device, a socket or a pipe")
    return hash_file(path)[1]


def hash_file(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 of one file, without following a link."""
    hasher, size, buffer = hashlib.sha256(), 0, bytearray(CHUNK)
    view = memoryview(buffer)
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0) as stream:
        while count := stream.readinto(buffer):
            hasher.update(view[:count])
            size += count
    return size, hasher.hexdigest()


def _files(root: Path, folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                yield from _files(root, path)
            elif stat.S_ISREG(mode):
                yield _name(path.relative_to(root))
            else:
                raise _not_plain(path, "a link" if stat.S_ISLNK(mode) else "a device, a socket or a pipe")


def _name(relative: Path) -> str:
    name = relative.as_posix()
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise HelderError(
            f"The file name {os.fsencode(name)!r} is not UTF-8.",
            "An artifact's identity is written as UTF-8, so this name has no stable form.",
            "Rename the file.",
        ) from None
    return name


def _not_plain(path: Path, kind: str) -> HelderError:
    return HelderError(
        f"{path} is {kind}; an artifact holds only plain files and folders.",
        "What a link or a device leads to could change without the digest noticing.",
        "Put the file itself there.",
    )


def fsync_file(path: Path) -> None:
    """Make the bytes of one file, or the entries of one folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_tree(folder: Path) -> None:
    """`fsync_file` for every file and folder below `folder`, and for itself."""
    for parent, _, names in os.walk(folder):
        for name in names:
            fsync_file(Path(parent, name))
        fsync_file(Path(parent))


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file so that a reader sees all of it or none: temporary file beside it, fsync, rename, fsync.

    A reader that comes after a crash finds either the old file or the new one. The temporary file is
    removed when writing fails.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_file(path.parent)


def temporary_beside(path: Path) -> Path:
    """A name for a file that is to become `path`, which no other process or thread uses."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")


def move_folder(source: Path, target: Path) -> None:
    """Move a folder to `target`, which must not exist, in one step, and make the move survive a power cut.

    Raises:
        OSError: the two lie on different file systems, or the target is there already.
    """
    if target.exists() or target.is_symlink():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
    fsync_file(target.parent)


def remove(path: Path) -> None:
    """Remove a file or a folder if it is there; links are removed, not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
