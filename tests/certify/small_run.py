"""The smallest real run that goes the whole way of olmo2: six trainings of four steps, each with one kept state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from helder import pipeline
from helder.project import Project
from tests.examples.test_recipes import run_here, small


@contextmanager
def one_thread() -> Iterator[None]:
    """As many threads as statements then name; torch reads the variable when it is imported, and that may be past."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def make(folder: Path) -> Project:
    """Run it; its stages run in this process."""
    with pytest.MonkeyPatch.context() as patch, one_thread():
        patch.setenv("OMP_NUM_THREADS", "1")
        run_here(patch)
        project = small("olmo2", folder, steps=4)
        recipe = project.path.read_text(encoding="utf-8").replace("[[train]]\n", "[[train]]\nstates = 1\n")
        project.path.write_text(recipe, encoding="utf-8")
        project = Project.open(folder)
        pipeline.run(project)
    return project
