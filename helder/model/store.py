"""The models that were imported on this machine: `$HELDER_HOME/models/<name>`, each with the ledger of its import."""

from __future__ import annotations

import difflib
import importlib.util
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder import stage as stages
from helder.errors import HelderError
from helder.ledger import artifact as artifacts
from helder.ledger import keys, statement
from helder.ledger.artifact import Artifact
from helder.ledger.run_folder import RunFolder
from helder.ledger.statement import Statement
from helder.model import importer, sources
from helder.stage import Stage

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
STAGE = "base"


@dataclass(frozen=True)
class Entry:
    """An imported model.

    Attributes:
        name: how recipes call it.
        artifact: its folder.
        statement: who says how it was imported.
        envelope: that statement, signed, as it lies in the ledger.
    """

    name: str
    artifact: Artifact
    statement: Statement
    envelope: bytes

    @property
    def source(self) -> dict[str, Any]:
        """Where it came from: `source.json` of the folder."""
        record: dict[str, Any] = json.loads((self.artifact.path / "source.json").read_text(encoding="utf-8"))
        return record

    def to_json(self) -> dict[str, Any]:
        """What `helder model show` prints."""
        config = json.loads((self.artifact.path / "config.json").read_text(encoding="utf-8"))
        keys = ("architectures", "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings")
        return {
            **self.source,
            "name": self.name,
            "artifact_sha256": self.artifact.digest,
            "folder": str(self.artifact.path),
            "settings": {key: config[key] for key in keys},
        }


def import_model(
    source: str,
    name: str | None = None,
    *,
    allow_network: bool = False,
    chat_format: str | None = None,
    on_event: Callable[[dict[str, Any]], None] = lambda event: None,
) -> Entry:
    """Bring a model into the store. The same source again gives the same artifact and does nothing.

    Raises:
        HelderError: see `sources.fetch` and `importer.run`; nothing half-imported stays.
    """
    if name is None and source in sources.library():
        have = _entry(source)
        if have is not None and have.artifact.intact():
            return have
    if importlib.util.find_spec("torch") is None:  # said before anything is fetched
        raise HelderError(
            "Importing a model needs torch, which is not installed.",
            "The light install asks, serves and compares; it does not import models or train.",
            "pip install 'helder[train]'",
        )
    with sources.fetch(source, allow_network) as found:
        kept = (found.name if name is None else name).lower()
        if not NAME.fullmatch(kept):
            raise HelderError(f"{kept!r} cannot be the name of a model.", "Letters, digits, . _ - only.", "--name NAME")
        folder = RunFolder(root() / kept)
        settings = importer.settings(found, chat_format)
        made = Stage(STAGE, "helder.model.importer:run", settings, found.artifacts())
        with folder.lock() as lock:
            have = _entry(kept)
            if have is None or have.statement.key != made.key or not have.artifact.intact():
                try:
                    stages.run(made, folder, on_event, lock)
                finally:
                    artifacts.remove(folder.root / "work")  # an import that failed begins anew
    return _required(kept)


def export(name: str, form: str, on_event: Callable[[dict[str, Any]], None] = lambda event: None) -> Path:
    """Write an imported model as a GGUF file, unless it was written before; where the file lies.

    The file is an artifact beside the model, with a statement of its own.

    Args:
        form: "f32", "f16", "q8_0" or "q4_0".

    Raises:
        HelderError: not imported, or it cannot be written in this format; see `helder.compress.gguf_writer`.
    """
    entry = _required(name)
    folder = RunFolder(root() / entry.name / "files")
    wanted = {"format": form, "name": entry.name}
    made = Stage("export", "helder.compress.export:run", wanted, {"model": entry.artifact})
    with folder.lock() as lock:
        said = folder.find(made.key)
        artifact = folder.held(said) if said else None
        if artifact is None or not artifact.intact():
            try:
                artifact = stages.run(made, folder, on_event, lock)
            finally:
                artifacts.remove(folder.root / "work")
    return artifact.path / f"{entry.name}-{form}.gguf"


def show(name: str) -> Entry:
    """The imported model with this name.

    Raises:
        HelderError: it was not imported.
    """
    return _required(name)


def find(name_or_path: str) -> tuple[Path, bytes]:
    """The folder of an imported model and the signed statement about it.

    Raises:
        HelderError: it was not imported.
    """
    entry = _required(name_or_path)
    return entry.artifact.path, entry.envelope


def entries() -> list[Entry]:
    """All imported models, by name."""
    folders = sorted(path.name for path in root().iterdir()) if root().is_dir() else []
    return [entry for name in folders if (entry := _entry(name)) is not None]


def root() -> Path:
    """Where imported models lie."""
    return keys.helder_home() / "models"


def _required(name: str) -> Entry:
    entry = _entry(name)
    if entry is None:
        have = [entry.name for entry in entries()]
        starters = sources.library()
        near = difflib.get_close_matches(name, {*have, *starters}, n=1)
        meant = f" Did you mean {near[0]}?" if near and name not in starters else ""
        raise HelderError(
            f"The model {name} was not imported.{meant}",
            f"Imported on this machine: {', '.join(have) or 'none'}.",
            f"helder model import {name}" + (f" {sources.ALLOW}" if name in starters else ""),
        )
    return entry


def _entry(name: str) -> Entry | None:
    """The newest import under this name, or of the file or folder at this path."""
    if not NAME.fullmatch(name):
        return _imported_from(Path(name))
    folder = RunFolder(root() / name)
    for path in sorted(folder.ledger.glob("*.json"), reverse=True) if folder.ledger.is_dir() else []:
        envelope = path.read_bytes()
        said = statement.verify(envelope, keys.known_keys(), f"The statement about {name}")
        return Entry(name, folder.held(said), said, envelope)
    return None


def _imported_from(path: Path) -> Entry | None:
    """The import of exactly what lies at this path now, whatever it is called."""
    if not path.exists():
        return None
    digests = {name: artifact.digest for name, artifact in sources.on_disk(path).artifacts().items()}
    for entry in entries():
        inputs = entry.statement.predicate["inputs"]
        if {name: record["digest"]["sha256"] for name, record in inputs.items()} == digests:
            return entry
    return None
