"""A vocabulary that was learnt from a few sentences, and documents of a made-up house."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helder.retrieve import index as indexing
from helder.retrieve.index import Index
from helder.tokens import bpe
from helder.tokens.tokenizer import Tokenizer
from helder.trace.words import Words

HOUSE = """\
# Zalen

De Kas is er voor twaalf mensen. De Kas kost 15 euro per uur! Vraag het aan Zoë van de balie.

# Openingstijden

Op dinsdag gaat het huis om 9 uur open. Op zaterdag sluit het om twee uur 's middags.
"""
LETTER = "Dear neighbours,\nthe Attic seats twenty.  It costs 18 euros an hour; ask at the desk.\n"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder, as far as its tokenizer."""
    folder = tmp_path_factory.mktemp("retrieve")
    (folder / "text.txt").write_text(f"{HOUSE}\n{LETTER}", encoding="utf-8")
    settings = {"vocabulary": 320, "chat_format": "chatml", "cut": "smollm"}
    made = folder / "model"
    made.mkdir()
    bpe.run(settings, {"text": folder / "text.txt"}, made, folder, lambda *a, **k: None)
    return made


@pytest.fixture(scope="session")
def vocabulary(model: Path) -> Words:
    return Words(Tokenizer.load(model))


def build(target: Path, model: Path, texts: dict[str, str], **settings: object) -> Path:
    """The artifact of the stage "passages" of some documents."""
    documents = target.with_name(f"{target.name}-documents")
    documents.mkdir()
    for name, text in texts.items():
        (documents / name).write_text(text, encoding="utf-8")
    target.mkdir()
    asked = {"passage": 40, "overlap": 0, "stem": "none"} | settings
    indexing.run(asked, {"base": model, "text": documents}, target, target, lambda *a, **k: None)
    return target


@pytest.fixture(scope="session")
def house(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("house") / "index", model, {"huis.md": HOUSE, "letter.txt": LETTER})


@pytest.fixture
def index(house: Path) -> Index:
    return Index(house)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
