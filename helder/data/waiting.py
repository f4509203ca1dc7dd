"""What waits for a person: from the manifest of "extract" and, when it was run, the account of "clean"."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helder.data import accounts
from helder.data.decisions import Decisions

EXCERPT = 400  # characters of a document that are shown to who decides


def waiting(extract: Path, clean: Path | None, decisions: Decisions) -> list[dict[str, Any]]:
    """What nobody has decided yet: {path, row, document, sha256, why, stage, excerpt}, in the order of the manifest.

    Args:
        extract, clean: the folders of the two artifacts; `clean` is None when it is not made yet.
    """
    paths = list(accounts.paths(extract))
    sha256 = {one["path"]: one["sha256"] for one in paths}
    decided = decisions.documents()
    found = [
        {"path": one["path"], "row": None, "document": None, "sha256": one["sha256"], "why": one["why"], "excerpt": ""}
        for one in paths
        if one["state"] == "held" and not one["documents"] and decisions.of_file(one["sha256"] or "") is None
    ]
    held = dict(_held_by_clean(clean)) if clean is not None else {}
    seen = set()
    for document in documents(extract / "documents.jsonl"):
        why = document["held"] or held.get(document["id"])
        if why and document["id"] not in decided and document["id"] not in seen:
            seen.add(document["id"])
            found.append(
                {
                    "path": document["path"],
                    "row": document["row"],
                    "document": document["id"],
                    "sha256": sha256.get(document["path"]) or "",
                    "why": why,
                    "excerpt": document["text"][:EXCERPT],
                }
            )
    order = {path: place for place, path in enumerate(sha256)}
    return sorted(found, key=lambda one: order.get(one["path"], 0))


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file of documents, one after the other."""
    with path.open("rb") as lines:
        for line in lines:
            yield json.loads(line)


def _held_by_clean(clean: Path) -> Iterator[tuple[str, str]]:
    for one in accounts.documents(clean):
        if one.get("state") == "held":
            yield one["id"], str(one.get("why") or "held")
