from __future__ import annotations

from pathlib import Path

import pytest

import helder
from helder.errors import HelderError
from helder.project import Project
from tests import fake_project


def test_a_project_is_opened_by_its_folder_or_its_recipe(tmp_path: Path) -> None:
    folder = fake_project.make(tmp_path / "doses")
    for where in (folder, str(folder), folder / "recipe.toml"):
        assert Project.open(where).folder == folder
    assert Project.open(folder).report == folder / "run" / "report.html"


def test_a_decision_is_kept_beside_the_others(tmp_path: Path) -> None:
    project = Project.open(fake_project.make(tmp_path))
    assert project.decided("a") is None
    project.decide("a", {"steps": 3})
    project.decide("b", {"steps": 4})
    assert project.decided("a") == {"steps": 3}
    assert project.decided("b") == {"steps": 4}
    assert "Keep this file" in (tmp_path / "helder.lock").read_text(encoding="utf-8")


@pytest.mark.parametrize("content", ["", "[]", '{"decisions": 3}', "\0"])
def test_decisions_that_cannot_be_read_are_told(tmp_path: Path, content: str) -> None:
    project = Project.open(fake_project.make(tmp_path))
    (tmp_path / "helder.lock").write_text(content, encoding="utf-8")
    with pytest.raises(HelderError, match="cannot be read") as caught:
        project.decided("a")
    assert "remove it" in caught.value.fix


def test_every_name_of_the_public_interface_is_there_and_none_other() -> None:
    for name in helder.__all__:
        assert getattr(helder, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = helder.nothing
