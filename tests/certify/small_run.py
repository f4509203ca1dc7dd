"""The smallest real run that goes the whole way of olmo2: six trainings of four steps, each with one kept state."""

from __future__ import annotations

from pathlib import Path

import pytest

from helder import pipeline
from helder.project import Project
from tests.examples.test_recipes import run_here, small


def make(folder: Path) -> Project:
    """Run it; its stages run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        run_here(patch)
        project = small("olmo2", folder, steps=4)
        recipe = project.path.read_text(encoding="utf-8").replace("[[train]]\n", "[[train]]\nstates = 1\n")
        project.path.write_text(recipe, encoding="utf-8")
        project = Project.open(folder)
        pipeline.run(project)
    return project
