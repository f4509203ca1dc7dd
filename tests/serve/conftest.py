"""One tiny model for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from helder.project import Project
from tests.serve import finished, tiny
from tests.serve.running import Running, start


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> tiny.Tiny:
    torch.set_num_threads(1)
    folder: Path = tmp_path_factory.mktemp("tiny")
    return tiny.make(folder)


@pytest.fixture(scope="session")
def finished_home(model: tiny.Tiny, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A project whose run is finished, and the home with the key that signed it."""
    root = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(root / "home"))
        return finished.make(root / "doses", model), root / "home"


@pytest.fixture
def project(finished_home: tuple[Path, Path], home: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The finished project, under the home that believes its statements."""
    folder, key_home = finished_home
    monkeypatch.setenv("HELDER_HOME", str(key_home))
    return Project.open(folder)


@pytest.fixture(scope="session")
def server(finished_home: tuple[Path, Path]) -> Iterator[Running]:
    """One server for all tests that only ask it."""
    running = start(*finished_home)
    yield running
    running.process.kill()
    running.process.wait()
