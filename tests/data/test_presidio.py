"""Presidio beside our own patterns: asked for in the recipe, recorded, and missed with a way out."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from helder.data import presidio
from helder.errors import HelderError
from tests.data.clean.test_stage import document, kept, run, state

TEXT = "Wallet 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa, mail anna@example.org"


@dataclass
class Result:
    entity_type: str
    start: int
    end: int


class Analyzer:
    """Finds one kind that we do not know, and one that we do."""

    def __init__(self, **given: Any) -> None:
        self.given = given

    def analyze(self, text: str, language: str, score_threshold: float) -> list[Result]:
        assert (language, score_threshold) == ("en", 0.3)
        begin, mail = text.find("1A1z"), text.find("anna@")
        found = [Result("CRYPTO", begin, begin + 34)] if begin >= 0 else []
        return found + ([Result("EMAIL_ADDRESS", mail, mail + 16)] if mail >= 0 else [])

    def get_recognizers(self, language: str) -> list[Any]:
        return [types.SimpleNamespace(name="CryptoRecognizer")]


class Registry:
    def load_predefined_recognizers(self, languages: list[str], nlp_engine: Any) -> None:
        assert nlp_engine.nlp == {"en": "blank en"}, "a model would be fetched"

    def remove_recognizer(self, name: str) -> None:
        assert name in presidio.LEFT_OUT


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small presidio of our own."""
    engines = types.ModuleType("presidio_analyzer.nlp_engine")
    vars(engines)["SpacyNlpEngine"] = lambda models: types.SimpleNamespace(nlp=None)
    library = types.ModuleType("presidio_analyzer")
    vars(library).update(AnalyzerEngine=Analyzer, RecognizerRegistry=Registry, nlp_engine=engines)
    spacy = types.ModuleType("spacy")
    vars(spacy)["blank"] = lambda language: f"blank {language}"
    for module in (library, engines, spacy):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    real = importlib.metadata.version
    own = {"presidio-analyzer": "2.2.0", "spacy": "3.8.0"}
    monkeypatch.setattr(presidio, "version", lambda name: own.get(name) or real(name))


@pytest.mark.usefixtures("installed")
def test_what_presidio_finds_is_blacked_out_beside_ours_and_its_version_is_recorded(tmp_path: Path) -> None:
    found = run(tmp_path / "a", [document(TEXT, "a.txt")], personal_data="redact", personal_data_engine="presidio")
    assert state(tmp_path / "a") == {"a.txt": "redacted"}
    assert kept(tmp_path / "a")[0]["text"] == "Wallet [CRYPTO], mail [E-MAIL]"
    assert found["personal_data"]["findings"] == {"crypto": 1, "e-mail": 1}
    summary = json.loads((tmp_path / "a" / "out" / "summary.json").read_text(encoding="utf-8"))
    engine = summary["personal_data"]["engine"]
    assert engine["versions"] == {"presidio-analyzer": "2.2.0", "spacy": "3.8.0"}
    assert (engine["model"], engine["recognisers"]) == ("blank", ["CryptoRecognizer"])


def test_the_usual_engine_are_our_own_patterns(tmp_path: Path) -> None:
    found = run(tmp_path / "a", [document(TEXT, "a.txt")])
    assert found["personal_data"]["engine"] == {"name": "patterns"}
    assert found["personal_data"]["findings"] == {"e-mail": 1}


def test_when_it_is_not_installed_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(HelderError, match="presidio is not installed") as caught:
        run(tmp_path / "a", [document(TEXT)], personal_data_engine="presidio")
    assert "helder[presidio]" in str(caught.value.fix)


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="no engine 'magic'"):
        run(tmp_path / "a", [document(TEXT)], personal_data_engine="magic")


def test_the_real_one_finds_more_than_ours_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("presidio_analyzer", reason="presidio is not installed (helder[presidio])")
    import socket

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("presidio asks the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    engine = presidio.engine()
    assert [finding.kind for finding in engine(TEXT)] == ["crypto", "e-mail"]
    assert [finding.kind for finding in engine("See https://example.org on 3 May 2024.")] == []
