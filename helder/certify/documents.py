"""Everything that is rendered into a bundle: documents in other people's formats, and the page.

What is rendered follows from the bundle's own contents and nothing else, so that a verifier renders it again and
compares bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder.certify.evidence import Evidence
from helder.certify.opened import Bundle
from helder.ledger.keys import PublicKey

if TYPE_CHECKING:
    from helder.recipe import Recipe


def render(evidence: Evidence) -> dict[str, bytes]:
    """Name → bytes of every document."""
    return {
        "evidence.json": json.dumps(
            {"model": {k: f.to_json() for k, f in evidence.model.items() if k != "x"}}, sort_keys=True, default=str
        ).encode()
    }


def page(evidence: Evidence, sealed: bytes, signers: Sequence[PublicKey]) -> bytes:
    """certificate.html."""
    return b"<!doctype html><title>" + evidence.release["name"].encode() + b"</title>"


def as_first_signed(bundle: Bundle) -> tuple[bytes, list[PublicKey]]:
    """The release's envelope and the signers' keys as the page shows them: without signatures that came later."""
    return b"", []


def data_are_open(licence: str) -> bool:
    return licence in ("CC0-1.0", "CC-BY-4.0")


def version_of(recipe: Recipe) -> str:
    return "1"


def said_by_people(recipe: Recipe) -> dict[str, Any]:
    return {}


def previous_of(path: Path) -> dict[str, Any]:
    return {}
