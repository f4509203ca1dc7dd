"""The light install: everything but training works where torch and its company are not installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from helder.errors import ExitCode
from tests.serve import finished, tiny

REPOSITORY = Path(__file__).parent.parent
# What `helder[train]` adds, what comes with it, and what other projects of this field would bring along.
ABSENT = ("torch", "safetensors", "sklearn", "scipy", "joblib", "transformers", "numba", "pydivsufsort", "daft")
ABSENT += (
    "pandas",
    "selectolax",
    "pypdfium2",
    "pyarrow",
    "tiktoken",
    "ray",
    "orjson",
)  # what `helder[documents]` adds too
# The modules that compute with torch. Every other module of Helder is light.
TRAINING = {
    "helder.evaluate.suites.loglikelihood",
    "helder.model.kernels",
    "helder.model.transformer",
    "helder.model.weights",
    "helder.serve.generate",
    "helder.train.again",
    "helder.train.average",
    "helder.train.checkpoint",
    "helder.train.devices",
    "helder.train.examples",
    "helder.train.loop",
    "helder.train.masters",
    "helder.train.objectives",
    "helder.train.optimizer",
    "helder.train.parallel",
    "helder.train.launch",
    "helder.train.lora",
    "helder.train.probe",
    "helder.train.sharded",
    "helder.train.stage",
    "helder.train.worker",
    "helder.train.world",
}
# The modules that read documents with a library of `helder[documents]`.
READING = {"helder.data.extract.pdf", "helder.data.extract.web"}
WITHOUT = f"""\
import sys
from importlib.machinery import PathFinder


class Light(PathFinder):
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname.partition(".")[0] in {ABSENT!r}:
            return None
        return super().find_spec(fullname, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Light
"""
IMPORT_ALL = """\
import importlib, json, pkgutil, helder
needs = {}
for module in pkgutil.walk_packages(helder.__path__, "helder."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        needs[module.name] = error.name
print(json.dumps(needs))
"""


@pytest.fixture
def light(tmp_path: Path) -> dict[str, str]:
    """The environment of a Python that finds none of `ABSENT`, nor do the processes that it starts."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WITHOUT, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(tmp_path / "site")}


def helder(light: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from helder.cli import main; main()", *arguments]
    return subprocess.run(command, env=light, capture_output=True, text=True, check=False)


def test_every_module_that_does_not_train_can_be_imported(light: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], env=light, capture_output=True, text=True, check=True)
    needs = json.loads(done.stdout)
    assert set(needs) == TRAINING | READING
    assert {needs[name] for name in TRAINING} <= {"torch", "safetensors"}
    assert {needs[name] for name in READING} <= {"selectolax", "pypdfium2"}


def test_projects_are_made_and_checked(light: dict[str, str], tmp_path: Path) -> None:
    assert helder(light, "new", str(tmp_path / "doses")).returncode == ExitCode.DONE
    assert helder(light, "recipe", "check", str(tmp_path / "doses")).returncode == ExitCode.DONE
    found = json.loads(helder(light, "doctor", "--json").stdout)
    assert found["can_train"] is False


def test_a_model_that_was_made_elsewhere_answers(light: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    project = finished.make(tmp_path / "doses", tiny.make(tmp_path / "tiny"))
    done = helder(light, "ask", "2 tabs tds pc", "--project", str(project), "--format", "q8_0", "--context", "256")
    assert done.returncode == ExitCode.DONE, done.stderr
    assert isinstance(json.loads(done.stdout), list)


def test_what_needs_torch_says_what_to_install_before_anything_is_fetched(light: dict[str, str]) -> None:
    done = helder(light, "model", "import", "smollm2-135m-instruct", "--allow-network")
    assert done.returncode == ExitCode.USER
    assert "needs torch" in done.stderr
    assert "pip install 'helder[train]'" in done.stderr
    assert "started" not in done.stderr


def test_every_file_beside_the_code_is_in_the_wheel() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    package = REPOSITORY / "helder"
    taken = {
        path for pattern in settings["tool"]["setuptools"]["package-data"]["helder"] for path in package.glob(pattern)
    }
    files = {path for path in package.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert files - taken == set()
    needed = ("recipe.schema.json", "report/template.html", "model/library.toml", "examples/icd10cm/train.jsonl.gz")
    assert {package / name for name in needed} <= taken
