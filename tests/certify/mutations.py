"""Ways to tamper with a bundle, made by a generator: by somebody without the key, and by an insider who has it.

Each names the level that promises to find it, and a word of the place that its message has to name.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from helder.certify import layout
from helder.certify.verdict import Result
from helder.ledger.keys import SigningKey
from tests.certify.forge import Forger

OTHER = SigningKey.generate()


@dataclass(frozen=True)
class Mutation:
    """One way to tamper.

    Attributes:
        level: which level promises to find it.
        place: what its message names, or part of it.
        apply: changes the bundle in a folder of its own.
        result: what the level has to say.
    """

    name: str
    level: int
    place: str
    apply: Callable[[Path], None]
    result: Result = Result.FAILED


# -- from outside: whoever can write, and cannot sign -----------------------------------------------------------------


def outside(bundle: Path) -> Iterator[Mutation]:
    """Of every file a byte; and of each, one more way to spoil it, in turn."""
    files = sorted(path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file())
    ways = (cut_short, grow, remove, empty, rename, link, double)
    for place, path in enumerate(files):
        if path == layout.RELEASE or path == layout.PAGE_STATEMENT:
            continue
        if (bundle / path).stat().st_size:
            yield Mutation(f"a byte of {path}", 1, path, change_byte(path))
        way = ways[place % len(ways)] if (bundle / path).stat().st_size else grow
        yield Mutation(f"{way.__name__} {path}", 1, path, way(path))
    weights = [path for path in files if path.endswith("model.safetensors")]
    for one, other in pairwise(weights):
        yield Mutation(f"swap {one} and {other}", 1, one, swap(one, other))
    for name in (layout.RELEASE, layout.PAGE_STATEMENT):
        yield Mutation(f"a byte of the payload of {name}", 1, name, change_payload(name))
        yield Mutation(f"cut {name} in two", 1, name, halve(name))
        yield Mutation(f"no {name}", 1, name, remove(name))
        yield Mutation(f"a link for {name}", 1, name, link(name))
        yield Mutation(f"{name} signed by nobody", 1, name, unsigned(name))
        yield Mutation(f"an unknown field beside the payload of {name}", 1, name, field_beside(name))
    yield Mutation("a file too many", 1, "notes.txt", lambda root: write(root / "artifacts/train/notes.txt", b"x"))
    yield Mutation("a folder of files too many", 1, "more/", many_files)
    yield Mutation("a pipe", 1, "pipe", lambda root: os.mkfifo(root / "artifacts" / "pipe"))
    yield Mutation("signed again by another key", 1, OTHER.public.id, signed_by_another, Result.UNCHECKED)


def write(path: Path, data: bytes) -> None:
    """Write a file, whatever lies there: the copy may be the bundle's own file by another name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def change_byte(path: str) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        data = bytearray((root / path).read_bytes())
        place = int.from_bytes(hashlib.sha256(path.encode()).digest()[:6], "big") % len(data)
        data[place] ^= 1 << (place % 8)
        write(root / path, bytes(data))

    return apply


def change_payload(path: str) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        outer = json.loads((root / path).read_bytes())
        text = outer["payload"]
        place = len(text) // 2
        outer["payload"] = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        write(root / path, json.dumps(outer, indent=1).encode() + b"\n")

    return apply


def unsigned(path: str) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        outer = json.loads((root / path).read_bytes())
        write(root / path, json.dumps({**outer, "signatures": []}).encode())

    return apply


def field_beside(path: str) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        outer = json.loads((root / path).read_bytes())
        write(root / path, json.dumps({**outer, "note": "believe me"}).encode())

    return apply


def cut_short(path: str) -> Callable[[Path], None]:
    return lambda root: write(root / path, (root / path).read_bytes()[:-1])


def halve(path: str) -> Callable[[Path], None]:
    return lambda root: write(root / path, (root / path).read_bytes()[: (root / path).stat().st_size // 2])


def grow(path: str) -> Callable[[Path], None]:
    return lambda root: write(root / path, (root / path).read_bytes() + b"\n")


def empty(path: str) -> Callable[[Path], None]:
    return lambda root: write(root / path, b"")


def remove(path: str) -> Callable[[Path], None]:
    return lambda root: (root / path).unlink()


def rename(path: str) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        (root / path).rename((root / path).with_name(f"{Path(path).name}.old"))

    return apply


def double(path: str) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        shutil.copyfile(root / path, (root / path).with_name(f"{Path(path).name}.copy"))

    return apply


def link(path: str) -> Callable[[Path], None]:
    """The same content, by way of a link: what it leads to can change without the bundle changing."""

    def apply(root: Path) -> None:
        kept = root.with_name(f"{root.name}-{Path(path).name}")
        (root / path).rename(kept)
        (root / path).symlink_to(kept)

    return apply


def swap(one: str, other: str) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        first, second = (root / one).read_bytes(), (root / other).read_bytes()
        write(root / one, second)
        write(root / other, first)

    return apply


def many_files(root: Path) -> None:
    for place in range(300):
        write(root / "more" / str(place), b"")


def signed_by_another(root: Path) -> None:
    """Everything as it was, signed by somebody else from top to bottom."""
    for path in (root / layout.KEYS).glob("*.pem"):
        path.unlink()
    forger = Forger(root, root.with_name(f"{root.name}-again"), OTHER)
    write(forger.root / layout.KEYS / f"{OTHER.public.id[:12]}.pem", OTHER.public.to_pem())
    closed = forger.close()
    shutil.rmtree(root)
    closed.rename(root)
