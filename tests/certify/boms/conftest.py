"""One release of each kind; tests only read them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from helder.certify.evidence import Evidence
from tests.certify.boms import releases

KINDS: dict[str, dict[str, Any]] = {
    "made from nothing": {"objectives": ("text", "answers", "preference", "reward"), "people": releases.PEOPLE},
    "only texts": {"objectives": ("text",)},
    "imported base": {"base": "imported", "kind": "record", "people": releases.PEOPLE},
    "LoRA": {"base": "imported", "kind": "label", "method": "lora", "licence": "unknown"},
    "a teacher": {"base": "imported", "objectives": ("distil",)},
    "lists of records": {"base": "imported", "kind": "records", "licence": "Ours, ask us"},
    "records withheld": {
        "base": "imported",
        "kind": "record",
        "withheld": {
            "artifacts/data/t": "It holds records.",
            "artifacts/data/dev": "It holds records.",
            "artifacts/predict-": "It holds records.",
            "sources/": "It holds records.",
        },
    },
    "all withheld": {"withheld": {"artifacts/": "Not for you.", "sources/": "Not for you."}},
}


@pytest.fixture(scope="session")
def all_kinds(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Evidence]:
    return {name: releases.make(tmp_path_factory.mktemp("release"), **how) for name, how in KINDS.items()}


@pytest.fixture(params=KINDS)
def evidence(request: pytest.FixtureRequest, all_kinds: Mapping[str, Evidence]) -> Evidence:
    """Each kind of release in turn."""
    return all_kinds[request.param]


@pytest.fixture
def bundle(evidence: Evidence) -> Path:
    """Where the files of `evidence` lie."""
    place = evidence.places["train"]
    assert place is not None
    return place.parent.parent
