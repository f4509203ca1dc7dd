"""What is said of documents in forms: who looked for personal data, and which passages were taken out."""

from __future__ import annotations

from typing import Any

import pytest

from helder.certify import document_facts, document_words
from helder.certify.document_facts import OfDocuments

PRESIDIO = {"name": "presidio", "versions": {"presidio-analyzer": "2.2.366", "spacy": "3.8"}, "language": "en"}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function: summary.json of the stage "clean" → what is known of the documents."""

    def made(engine: dict[str, Any], repeated: dict[str, Any]) -> OfDocuments:
        summary = {
            "documents": 9,
            "counts": {"kept": 9},
            "conflicts": 0,
            "personal_data": {"policy": "report", "engine": engine, "findings": {"e-mail": 2}, "note": "It is so."},
            "repeated_passages": repeated,
        }
        found: OfDocuments = object.__new__(OfDocuments)
        monkeypatch.setattr(document_facts.OfDocuments, "_cleaned", (summary, "0" * 64))
        nothing = document_facts.Fact(None, "")
        files = dict.fromkeys(("paths", "accepted", "held", "refused", "documents"), nothing)
        monkeypatch.setattr(document_facts.OfDocuments, "files", files)
        return found

    return made


def test_patterns_alone_are_told_as_patterns(told: Any) -> None:
    words = document_words.personal(told({"name": "patterns"}, {"looked_for": False}))
    assert words is not None
    assert words.startswith("Patterns were looked for in the documents; found: e-mail 2. Policy report")


def test_presidio_is_told_with_its_versions_and_that_it_has_no_model_of_names(told: Any) -> None:
    words = document_words.personal(told({**PRESIDIO, "model": "blank", "recognisers": []}, {"looked_for": False}))
    assert words is not None
    assert "presidio (presidio-analyzer 2.2.366, spacy 3.8; language en; a blank pipeline, without a model" in words


def test_repeated_passages_are_told_where_they_were_taken_out(told: Any) -> None:
    cut = {"looked_for": True, "least_words": 40, "parts": 2, "passages": 7, "documents": 3, "bytes": 1234}
    words = " ".join(document_words.account(told({"name": "patterns"}, cut)))
    assert "7 passages of 40 words or more" in words
    assert "out of 3 documents (1234 bytes)" in words
    assert "within 2 parts" in words
    assert "passages" not in " ".join(document_words.account(told({"name": "patterns"}, {"looked_for": False})))
