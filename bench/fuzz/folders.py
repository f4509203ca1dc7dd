"""Folders from somebody that were changed: an input is a list of changes to a true one, as JSON.

    [["set", 3, 120, "\\u00ff"], ["cut", 0, 50, ""], ["link", 2, 0, "/etc/passwd"]]

Each is (what, which file, where, text); numbers are taken modulo what is there, and what makes no sense is passed over,
so that any list of changes is one.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.fuzz.harness import TEXTS, change_json

MOST = 12  # changes
KINDS = ("set", "insert", "cut", "drop", "gone", "copy", "move", "name", "folder", "link", "end")
Special = Callable[[Path, str, str], None]


def changes(data: bytes) -> list[tuple[str, int, int, str]]:
    """The changes that an input asks for; an empty list where it is none."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return []
    right: list[tuple[str, int, int, str]] = []
    for one in found if isinstance(found, list) else ():
        if isinstance(one, list) and [type(part) for part in one] == [str, int, int, str]:
            right.append((one[0], one[1], one[2], one[3]))
    return right[:MOST]


def fresh(source: Path, target: Path, share: bool = False) -> list[str]:
    """A copy, and the names of all its files, sorted.

    Args:
        share: files are shared until `apply` changes them; for readers that write nothing.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=os.link if share else shutil.copyfile, symlinks=True)
    return sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())


def apply(folder: Path, names: list[str], wanted: list[tuple[str, int, int, str]], **special: Special) -> None:
    """Change a folder.

    Args:
        names: its files, in the order in which changes count them.
        special: further kinds of changes: (folder, file, text) of a change.
    """
    for kind, number, at, text in wanted:
        name = names[number % len(names)]
        try:
            if kind in special:
                special[kind](folder, name, text)
            else:
                _change(folder, folder / name, names, kind, at, text)
        except (OSError, ValueError):  # gone already, a name that none can have
            continue


def _change(folder: Path, path: Path, names: list[str], kind: str, at: int, text: str) -> None:
    new = text.encode("utf-8", "surrogatepass")[:4096]
    if kind in ("copy", "move"):
        other = folder / names[at % len(names)]
        data = path.read_bytes()
        if kind == "move":
            path.unlink()
        put(other, data)
    elif kind in ("name", "folder"):
        place = folder / text
        if place.resolve().is_relative_to(folder.resolve()) and len(text) < 200:
            place.parent.mkdir(parents=True, exist_ok=True)
            put(place, new) if kind == "name" else place.mkdir()
    elif kind == "link":
        path.unlink()
        path.symlink_to(text or "nowhere")
    elif kind == "gone":
        path.unlink()
    elif kind in KINDS:
        data = path.read_bytes()
        at %= len(data) + 1
        whole = {
            "set": data[:at] + new + data[at + len(new) :],
            "insert": data[:at] + new + data[at:],
            "cut": data[:at],
            "drop": data[:at] + data[at + max(1, len(new)) :],
            "end": data + new,
        }
        put(path, whole.get(kind, b""))


def put(path: Path, data: bytes) -> None:
    """Write a file that may share its contents with another folder's."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def mutate(data: bytes, chance: random.Random, kinds: tuple[str, ...] = KINDS) -> bytes:
    """One more change, one less, or one that is another."""
    if chance.random() < 0.2:
        return change_json(data, chance)
    wanted: list[Any] = [list(one) for one in changes(data)]
    if wanted and chance.random() < 0.3:
        del wanted[chance.randrange(len(wanted))]
    if wanted and chance.random() < 0.3:
        place = chance.randrange(4)
        wanted[chance.randrange(len(wanted))][place] = _one(chance, kinds)[place]
    else:
        wanted.append(_one(chance, kinds))
    return json.dumps(wanted[-MOST:]).encode()


def _one(chance: random.Random, kinds: tuple[str, ...]) -> list[Any]:
    text = chance.choice(TEXTS)[:200].decode("utf-8", "replace")
    if chance.random() < 0.5:
        text = chr(chance.randrange(256)) * chance.choice((1, 1, 2, 8))
    return [chance.choice(kinds), chance.randrange(200), chance.randrange(1 << chance.randrange(1, 16)), text]
