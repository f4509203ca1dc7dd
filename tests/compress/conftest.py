"""Small imported models of every family, and questions to ask them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from helder.model import importer
from helder.model.sources import on_disk
from tests.model import small


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a small model of a family, as its import leaves it."""
    made: dict[str, Path] = {}

    def of(family: str) -> Path:
        if family not in made:
            place = tmp_path_factory.mktemp(family)
            source = on_disk(small.make(place / "source", family=family, tied=family != "olmo2"))
            for name in ("model", "scratch"):
                (place / name).mkdir()
            settings = importer.settings(source, "chatml")
            importer.run(settings, dict(source.files), place / "model", place / "scratch", lambda event, **fields: None)
            made[family] = place / "model"
        return made[family]

    return of


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data artifact as far as the stage looks at it."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "task.json").write_text(json.dumps({"name": "doses"}), encoding="utf-8")
    lines = "".join(json.dumps({"input": text}) + "\n" for text in small.TEXTS)
    (folder / "test.jsonl").write_text(lines, encoding="utf-8")
    return folder
