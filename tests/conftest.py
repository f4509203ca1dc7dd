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
