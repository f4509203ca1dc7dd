"""Reads folders and single files in tests, through the stage, as a run would."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.data.extract import stage


@dataclass
class Read:
    """What the stage made of a folder."""

    manifest: dict[str, Any]
    documents: list[dict[str, Any]]
    facts: dict[str, Any]
    raw: tuple[bytes, bytes]

    def path(self, name: str) -> dict[str, Any]:
        """The line of the manifest about a path; there is exactly one."""
        (found,) = [one for one in self.manifest["paths"] if one["path"] == name]
        return dict(found)

    def text(self, name: str) -> str:
        """The text of the one document of a path."""
        return str(self.document(name)["text"])

    def document(self, name: str) -> dict[str, Any]:
        (found,) = [one for one in self.documents if one["path"] == name]
        return found


def read(folder: Path, tmp_path: Path, limits: dict[str, Any] | None = None) -> Read:
    """Read a folder."""
    place = tmp_path / f"made-{len(list(tmp_path.glob('made-*')))}"
    output, scratch = place / "output", place / "scratch"
    output.mkdir(parents=True)
    scratch.mkdir()
    facts = stage.read_folders([(folder, {"licence": "CC0-1.0"})], limits or {}, output, scratch, lambda *_, **__: None)
    raw = ((output / "manifest.json").read_bytes(), (output / "documents.jsonl").read_bytes())
    documents = [json.loads(line) for line in raw[1].splitlines()]
    return Read(json.loads(raw[0]), documents, facts, raw)


def one(tmp_path: Path, name: str, content: bytes | str, limits: dict[str, Any] | None = None) -> Read:
    """Read a folder with one file in it."""
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    (folder / name).write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return read(folder, tmp_path, limits)
