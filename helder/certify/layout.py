"""Where things lie in a bundle, and how a folder from a stranger is looked at without being led astray by it.

BUNDLE/
  certificate.html         for people; certificate.dsse.json says whose it is
  release.dsse.json        the signed list of every other file, and of what is withheld
  keys/                    public keys of the signers; a hint, whom to believe decides the verifier
  ledger/                  every statement of the run
  artifacts/<stage>/       what each stage made
  sources/<digest>/        the files that the recipe names
  signatures/              OpenSSF Model Signing bundles
  documents/               the same facts in other people's formats
  commitment/              the Merkle root over the records
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.ledger import canonical

PAGE, PAGE_STATEMENT, RELEASE = "certificate.html", "certificate.dsse.json", "release.dsse.json"
TIME_STAMP = "release.tsr"
OUTSIDE = (PAGE, PAGE_STATEMENT, RELEASE, TIME_STAMP)  # not in the release's list: they are made after it
LEDGER, ARTIFACTS, SOURCES, KEYS = "ledger", "artifacts", "sources", "keys"
SIGNATURES, DOCUMENTS, LICENCES = "signatures", "documents", "licences"
MOST_STATEMENT = 64 << 20  # bytes of a statement that are read: a release may list half a million files
MOST_UNLISTED = 100  # files that are not listed, after which nobody looks for more
DEEPEST = 32  # folders in folders


def relative(path: str) -> str:
    """A path of a list as it is used, if it stays in the bundle.

    Raises:
        HelderError: code 3, it leaves the folder or is written in a way that two readers could understand differently.
    """
    parts = PurePosixPath(path).parts
    plain = bool(parts) and "/".join(parts) == path and not path.startswith("/")
    if not plain or any(part in (".", "..") for part in parts) or any(sign in path for sign in "\\\0:"):
        raise HelderError(
            f"The list names the path {path!r}.",
            "A path of a bundle is relative, stays in it, and is written in one way only.",
            "Do not use this bundle; ask for another.",
            ExitCode.FAILED,
        )
    return path


def names(folder: Path, known: frozenset[str] | set[str]) -> Iterator[tuple[str, str | None]]:
    """(relative path, what is wrong with it) of everything below a folder that is no folder itself, unsorted.

    Links are named, never followed. Nothing is opened. After `MOST_UNLISTED` paths that are not `known` it ends: a
    folder with a million files too many takes no longer to refuse than one with a hundred.
    """
    left = [""]
    strange = 0
    while left:
        inside = left.pop()
        with os.scandir(folder / inside) as entries:
            for entry in entries:
                path = f"{inside}/{entry.name}" if inside else entry.name
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    if path.count("/") >= DEEPEST:
                        yield path, "it lies too deep"
                    else:
                        left.append(path)
                    continue
                wrong = None if stat.S_ISREG(mode) else "it is a link" if stat.S_ISLNK(mode) else "it is no plain file"
                if path not in known:
                    strange += 1
                yield path, wrong
                if strange > MOST_UNLISTED:
                    return


def read(path: Path, most: int = MOST_STATEMENT) -> bytes:
    """A small file of a bundle.

    Raises:
        HelderError: code 3: it is not there, no plain file, or larger than `most` bytes.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise refuse(path, f"It cannot be read: {error.strerror}.") from error
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise refuse(path, "It is no plain file.")
        if about.st_size > most:
            raise refuse(path, f"It has {about.st_size:,} bytes; {most:,} are the most that such a file may have.")
        return file.read(most)


def refuse(path: Path, why: str) -> HelderError:
    return HelderError(f"{path.name} cannot be used.", why, "Get the bundle again from its source.", ExitCode.FAILED)


def read_json(path: Path) -> Any:
    """A small JSON file of a bundle.

    Raises:
        HelderError: code 3, see `read`; or it is no JSON.
    """
    try:
        return canonical.loads(read(path))
    except (ValueError, RecursionError) as error:
        raise refuse(path, f"It is no JSON: {error}.") from error
