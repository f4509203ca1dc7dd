"""The shipped examples: what there is, and how their files come into a new project."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from helder import examples
from helder.errors import HelderError
from helder.examples.dose_instructions.generate import key
from helder.recipe import Recipe

TUNED = ["dose-instructions", "handbook-questions", "icd10cm"]  # from an imported model
MADE = ["handbook", "icd10cm-from-scratch", "olmo2", "olympiccoder", "programs"]  # from nothing
NAMES = ["dose-instructions", "handbook", "handbook-questions", "icd10cm", *MADE[1:]]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder: relative path → bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module", params=NAMES)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project of each example."""
    folder: Path = tmp_path_factory.mktemp("projects") / str(request.param)
    examples.materialise(request.param, folder)
    return folder


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project of the made-up dose instructions."""
    folder: Path = tmp_path_factory.mktemp("made-up")
    examples.materialise("dose-instructions", folder)
    return folder


def test_the_examples_are_listed_the_one_to_begin_with_first() -> None:
    assert examples.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_is_described_in_one_line(name: str) -> None:
    assert 20 < len(examples.describe(name)) < 120
    assert "\n" not in examples.describe(name)


def test_an_unknown_example_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    for ask in (examples.describe, lambda name: examples.materialise(name, tmp_path)):
        with pytest.raises(HelderError, match='no example "doses"') as error:
            ask("doses")
        assert "dose-instructions, handbook, handbook-questions, icd10cm" in error.value.fix


def test_the_recipe_of_a_new_project_can_be_read_and_its_files_are_there(project: Path) -> None:
    recipe = Recipe.load(project / "recipe.toml")
    assert recipe.name == project.name
    assert recipe.base.model == ("smollm2-135m-instruct" if recipe.name in TUNED else "scratch")
    assert recipe.data.instruction or recipe.base.scratch  # who learns from nothing is told nothing


def test_the_columns_that_the_recipe_names_are_in_every_line(project: Path) -> None:
    data = Recipe.load(project / "recipe.toml").data
    for name in ("train.jsonl", "dev.jsonl", "test.jsonl", *data.tests.values()):
        for line in lines(project / name):
            assert data.input in line
            assert data.output in line


def test_every_file_is_told_of_in_the_readme(project: Path) -> None:
    readme = (project / "README.md").read_text(encoding="utf-8")
    for path in project.iterdir():
        assert path.name == "README.md" or path.name in readme, path.name


def test_no_input_of_one_split_occurs_in_another(project: Path) -> None:
    recipe = Recipe.load(project / "recipe.toml")
    files = ["train.jsonl", "dev.jsonl", "test.jsonl", *recipe.data.tests.values()]
    splits = [{key(line[recipe.data.input]) for line in lines(project / name)} for name in files]
    for place, split in enumerate(splits):
        for other in splits[place + 1 :]:
            assert not split & other


def test_made_up_data_say_that_they_are(made_up: Path) -> None:
    assert "made up" in (made_up / "README.md").read_text(encoding="utf-8").split("|")[0]
    assert "not for care" in (made_up / "recipe.toml").read_text(encoding="utf-8")


def test_the_dose_instructions_have_the_sizes_that_the_readme_tells(made_up: Path) -> None:
    counts = {path.name: len(lines(path)) for path in made_up.glob("*.jsonl")}
    assert counts == {"train.jsonl": 20_000, "dev.jsonl": 300, "test.jsonl": 400, "foreign.jsonl": 87}
    for name, prefix in (("train", "train-"), ("dev", "dev-"), ("test", "test-"), ("foreign", "foreign-")):
        assert all(line["id"].startswith(prefix) for line in lines(made_up / f"{name}.jsonl"))


def test_two_new_projects_have_the_same_bytes(project: Path, tmp_path: Path) -> None:
    examples.materialise(project.name, tmp_path / "again")
    assert bytes_of(project) == bytes_of(tmp_path / "again")


def test_the_made_up_data_have_the_bytes_that_were_measured(made_up: Path) -> None:
    """Golden values: every figure in the documents belongs to these bytes. New phrases mean new figures."""
    found = {
        name: sha256((made_up / f"{name}.jsonl").read_bytes()).hexdigest()[:16] for name in ("train", "dev", "test")
    }
    assert found == {"train": "7693c689a5e2e153", "dev": "bc2f51258a11cc9c", "test": "b254e79f0c1cd374"}


# ---- nothing half-written --------------------------------------------------------------------------------------


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("mine", encoding="utf-8")
    with pytest.raises(HelderError, match=r"recipe\.toml is already there"):
        examples.materialise("icd10cm", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.toml"]
    assert (tmp_path / "recipe.toml").read_text(encoding="utf-8") == "mine"


def test_other_files_of_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    examples.materialise("icd10cm", tmp_path)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HelderError, match="could not be written") as error:
        examples.materialise("icd10cm", tmp_path / "new")
    assert "No space left" in error.value.why
    assert list((tmp_path / "new").iterdir()) == []


def test_a_file_in_place_of_the_folder_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("a file", encoding="utf-8")
    with pytest.raises(HelderError, match="could not be written"):
        examples.materialise("icd10cm", tmp_path / "new")
    assert (tmp_path / "new").read_text(encoding="utf-8") == "a file"


# ---- light -----------------------------------------------------------------------------------------------------


def test_the_examples_need_the_standard_library_only() -> None:
    program = (
        "import sys, pathlib, tempfile\n"
        "from helder import examples\n"
        "assert not [m for m in sys.modules if m.startswith('helder.examples.') and m != 'helder.examples.files']\n"
        "from helder.examples.dose_instructions.generate import generate\n"
        "generate(1, 5, 'train')\n"
        "examples.materialise('icd10cm', pathlib.Path(tempfile.mkdtemp()) / 'x')\n"
        "heavy = {'torch', 'numpy', 'pydantic', 'transformers', 'sklearn', 'gguf'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
