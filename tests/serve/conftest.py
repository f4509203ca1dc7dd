"""One tiny model for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.serve import tiny


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> tiny.Tiny:
    torch.set_num_threads(1)
    folder: Path = tmp_path_factory.mktemp("tiny")
    return tiny.make(folder)
