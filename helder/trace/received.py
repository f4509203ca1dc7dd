"""A bundle that was received, where a project was meant: why nothing of it can be traced.

Nothing of the bundle is believed here; `helder verify` says what of it can be.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helder.certify import layout
from helder.certify.opened import keys_in
from helder.errors import HelderError
from helder.ledger import envelope, predicates

TEXTS = ("documents.jsonl", "train.jsonl", "train.npy")  # what documents, records and their tokens lie in
INDEX, READ = "artifacts/index-", "artifacts/extract/"  # indexes; documents as they were read, before any went out


def refuse(path: Path) -> None:
    """Say why a bundle is not traced, where a path is one.

    Raises:
        HelderError: it is a bundle: its texts are withheld from this audience, or they are there without the project.
    """
    if path.is_file() and zipfile.is_zipfile(path):
        raise HelderError(
            f"{path} is a bundle in one file, or another archive.",
            "helder trace reads the folder of a project.",
            "Unpack it, and name its folder to be told what of its texts it holds.",
        )
    if not (path / layout.RELEASE).is_file():
        return
    content = envelope.open(layout.read(path / layout.RELEASE), keys_in(path), layout.RELEASE).payload
    release: Mapping[str, Any] = predicates.read(content, predicates.RELEASE, layout.RELEASE)["predicate"]
    held = [one for one in release["withheld"] if _is_text(one["path"])]
    if held:
        raise HelderError(
            f"{path} is a bundle for the audience {release['audience']!r}, and what was learnt from is not in it.",
            f"Withheld: {held[0]['path']}, and {len(held) - 1} more such files. {held[0]['why']}",
            f"Ask whoever made {release['name']} to trace the text, or for a bundle for a regulator.",
        )
    texts = [one["path"] for one in release["files"] if _is_text(one["path"])]
    raise HelderError(
        f"{path} is a bundle, and helder trace reads the folder of a project.",
        f"What was learnt from is in it ({', '.join(texts[:3]) or 'no file of it'}), but which step saw it and which "
        "file it comes from is told from the recipe and the run folder, which are not handed over.",
        f"Ask whoever made {release['name']} to trace the text; helder verify makes the indexes again from these.",
    )


def _is_text(path: str) -> bool:
    return path.startswith(INDEX) or (path.rpartition("/")[2] in TEXTS and not path.startswith(READ))
