"""problemtools judges small packages of every kind the same way; `bench/problemtools_side.py` compares more."""

import os
import shutil
from pathlib import Path

import pytest

from bench.problemtools_side import sides
from tests.evaluate.judge import packages

PROGRAM = os.environ.get("VERIFYPROBLEM") or shutil.which("verifyproblem")
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="problemtools is not installed: set VERIFYPROBLEM to its verifyproblem"
)
KINDS = ["floats", "strict", "scores", "speaks", "subtasks"]


@pytest.mark.parametrize("kind", KINDS)
def test_problemtools_gives_the_same_verdicts_and_scores(kind: str, tmp_path: Path) -> None:
    folder = next(one for one in packages.legacy_kinds(tmp_path) if one.name == kind)
    found = sides(str(PROGRAM), folder)
    assert found.compared > 5 and found.differences == ()


@pytest.mark.parametrize("seed", [1000, 1001])
def test_problemtools_grades_groups_with_drawn_settings_the_same(seed: int, tmp_path: Path) -> None:
    found = sides(str(PROGRAM), packages.random_tree(tmp_path / "tree", seed))
    assert found.compared > 4 and found.differences == ()
