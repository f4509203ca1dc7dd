"""Ways to change an audit log, drawn at random: by somebody who has the files, or an insider who has the log's key too.

Every way is undone again, so that one log serves for thousands.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helder.ledger import merkle, statement
from helder.serve.audit import log_key, tiles
from helder.serve.audit.note import Checkpoint, NoteKey
from helder.serve.audit.tiles import Tile
from helder.serve.audit.tree import Tree
from tests.serve.audit.logs import KEY

FILES = ("bit flip", "truncation", "deletion", "bytes swapped", "file swapped", "record cut out", "records reordered")
INSIDE = ("replaced record", "fork", "rollback", "record removed", "records exchanged", "other key", "emptied")
KINDS = FILES + INSIDE


@contextmanager
def mutated(folder: Path, kind: str, draw: random.Random, key: NoteKey) -> Iterator[str]:
    """The log, changed in one way of this kind; what was done, in words.

    Args:
        key: the log's own, which insiders have.
    """
    if kind in FILES:
        inside = sorted(path for path in (folder / "tile").rglob("*") if path.is_file())
        path = draw.choice([*inside, folder / "checkpoint"])
        other = draw.choice([one for one in inside if one != path])
        if kind in ("record cut out", "records reordered"):
            path = draw.choice(sorted(one for one in (folder / "tile/entries").rglob("*") if one.is_file()))
        before, others = path.read_bytes(), other.read_bytes()
        try:
            yield f"{kind}: {path.relative_to(folder)} {_change(path, other, kind, draw)}"
        finally:
            path.write_bytes(before)
            other.write_bytes(others)
        return
    kept = folder.with_name(folder.name + "-kept")
    shutil.copytree(folder, kept)
    try:
        yield f"{kind}: {_forge(folder, kind, draw, key)}"
    finally:
        shutil.rmtree(folder)
        kept.rename(folder)


def _change(path: Path, other: Path, kind: str, draw: random.Random) -> str:
    data = path.read_bytes()
    changed, place = bytearray(data), draw.randrange(len(data))
    if kind == "bit flip":
        changed[place] ^= 1 << draw.randrange(8)
    elif kind == "truncation":
        del changed[place:]
    elif kind == "deletion":
        path.unlink()
        return ""
    elif kind == "bytes swapped":
        second = next(one for one in draw.sample(range(len(data)), len(data)) if data[one] != data[place])
        changed[place], changed[second] = changed[second], changed[place]
    elif kind == "file swapped":
        changed = bytearray(other.read_bytes())
        other.write_bytes(data)
    else:
        records = tiles.unbundle(data)
        if kind == "record cut out":
            del records[draw.randrange(len(records))]
        else:
            first, second = draw.sample(range(len(records)), 2)
            records[first], records[second] = records[second], records[first]
        changed = bytearray(tiles.bundle(records))
    path.write_bytes(changed)
    return f"at {place}"


def _forge(folder: Path, kind: str, draw: random.Random, key: NoteKey) -> str:
    """Another history, consistent in itself and signed."""
    records = entries(folder)
    place = draw.randrange(len(records))
    if kind in ("replaced record", "fork"):
        records[place] = records[place].replace(b'"confidence":0.5', b'"confidence":0.9')
        if kind == "fork":
            del records[place + 1 :]
            records += [records[place].replace(b'"ward-', b'"hall-')] * draw.randrange(1, 400)
    elif kind == "rollback":
        del records[place:]
    elif kind == "record removed":
        del records[place]
    elif kind == "records exchanged":
        other = draw.choice([one for one in range(len(records)) if one != place])
        records[place], records[other] = records[other], records[place]
    elif kind == "emptied":
        records = []
    else:
        key = NoteKey.generate(key.name)
        said = log_key.statement_of(key.public, "2026-11-25T12:00:00Z")
        (folder / log_key.STATEMENT).write_bytes(statement.sign(said, KEY))
    write(folder, records, key)
    return f"at {place}"


def entries(folder: Path) -> list[bytes]:
    """The records of a closed log."""
    found: list[bytes] = []
    for path in sorted((folder / "tile/entries").rglob("*")):
        if path.is_file():
            found += tiles.unbundle(path.read_bytes())
    return found


def write(folder: Path, records: list[bytes], key: NoteKey) -> None:
    """Tiles and a checkpoint over these records."""
    for name in ("tile", "journal"):
        shutil.rmtree(folder / name, ignore_errors=True)
    tree = Tree(lambda level, number: [])
    for data in records:
        tree.append(merkle.leaf(data))
    for tile in tiles.of_size(len(records)):
        path = folder / tile.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(tree, tile, records))
    (folder / "checkpoint").write_text(Checkpoint(key.name, tree.size, tree.root()).sign(key), encoding="utf-8")


def content(tree: Tree, tile: Tile, records: list[bytes]) -> bytes:
    if tile.level is None:
        return tiles.bundle(records[tile.number * tiles.WIDTH :][: tile.width])
    return tree.tile(tile) or b""
