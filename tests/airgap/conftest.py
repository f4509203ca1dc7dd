"""One key and one small folder; tests change copies of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from helder.ledger.keys import SigningKey
from tests.airgap import sticks


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture(scope="session")
def made(key: SigningKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sticks.write(tmp_path_factory.mktemp("made") / "stick", key)


@pytest.fixture
def stick(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "stick"))
