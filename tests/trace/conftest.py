"""A real run from nothing, as small as one can be: pre-training, tuning and preference of a few steps each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from helder import pipeline
from helder.project import Project
from tests.examples.test_recipes import run_here, small

NAME = "Zoë van der Berg"
PLANTED = f"The keys of the archive are with {NAME}, second floor, room 217, behind the blue door."
RECIPE = """\
name = "small"
purpose = "A test."

[data]
train = "train.jsonl"
dev = "dev.jsonl"
test = "test.jsonl"
kind = "text"
licence = "CC0-1.0"

[base]
model = "scratch"
size = "olmo2-14m"
width = 32
layers = 1
heads = 2
vocabulary = 384
context_length = 128

[[train]]
name = "pretrain"
objective = "text"
text = ["text.jsonl", "notes"]
steps = 12
batch_tokens = 256
context = 64
states = 3

[[train]]
name = "prefer"
objective = "preference"
pairs = "pairs.jsonl"
steps = 3

[[train]]
name = "reward"
objective = "reward"
verifier = "number"
steps = 2
batch_size = 4
group = 2
answer_tokens = 4

[[train]]
name = "tune"
objective = "answers"
steps = 3
batch_tokens = 256

[compress]
formats = ["q8_0"]
"""


@dataclass(frozen=True)
class Small:
    """The run, and the home whose keys signed it."""

    project: Project
    home: Path


@pytest.fixture(scope="package")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    place = tmp_path_factory.mktemp("trace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(place / "home"))
        patch.setenv("OMP_NUM_THREADS", "1")
        run_here(patch)
        folder = small("olmo2", place / "small").folder
        (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
        (folder / "notes").mkdir()
        (folder / "notes" / "archive.txt").write_text(f"\ufeffAbout the archive.\n{PLANTED}\n", encoding="utf-8")
        with (folder / "text.jsonl").open("a", encoding="utf-8") as file:
            extracted = {
                "text": f"Page one.\nPage two says: {PLANTED}",
                "path": "scans/archive.pdf",
                "licence": "CC-BY-4.0",
                "offsets": [[0, "page 1"], [10, "page 2"]],
            }
            file.write(json.dumps(extracted) + "\n")
        project = Project.open(folder)
        pipeline.run(project, until="files")
        yield Small(project, place / "home")


@pytest.fixture
def run(small_run: Small, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The run, with the keys that signed it."""
    monkeypatch.setenv("HELDER_HOME", str(small_run.home))
    run_here(monkeypatch)
    assert os.environ["HELDER_HOME"]
    return small_run.project
