"""A whole run with passages: every subject is asked with and without, and what is shown of it can be checked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from helder import pipeline
from helder.certify import bundle as bundles
from helder.certify.verdict import Result
from helder.certify.verify import verify
from helder.errors import HelderError
from helder.examples.handbook_questions import rooms
from helder.ledger import keys
from helder.project import Project
from helder.recipe import Recipe
from helder.report import render
from helder.retrieve import SUFFIX
from helder.serve.locate import locate
from tests.certify.small_run import one_thread
from tests.examples.test_recipes import run_here

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
vocabulary = 512
context_length = 256

[retrieve]
documents = "leaflets"
passage = 48
overlap = 0
top = 2
learn = true

[train]
steps = 2
batch_tokens = 512

[compress]
formats = ["q8_0"]
"""


@dataclass(frozen=True)
class Made:
    project: Project
    home: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    place = tmp_path_factory.mktemp("passages")
    with pytest.MonkeyPatch.context() as patch, one_thread():
        patch.setenv("HELDER_HOME", str(place / "home"))
        patch.setenv("OMP_NUM_THREADS", "1")
        run_here(patch)
        folder = place / "small"
        (folder / "leaflets").mkdir(parents=True)
        for name, text in list(rooms.leaflets().items())[:4]:
            (folder / "leaflets" / name).write_text(text, encoding="utf-8")
        for name, most in (("train", 30), ("dev", 6), ("test", 8)):
            lines = "".join(json.dumps(one) + "\n" for one in rooms.questions(name)[:most])
            (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
        project = Project.open(folder)
        pipeline.run(project)
        yield Made(project, place / "home")


@pytest.fixture
def project(made: Made, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("HELDER_HOME", str(made.home))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run_here(monkeypatch)
    with one_thread():
        yield made.project


def test_every_subject_is_asked_with_passages_too(project: Project) -> None:
    places = pipeline.made(project)
    scores = json.loads((places["scores"].path / "scores.json").read_text(encoding="utf-8"))
    roles = {one["name"]: one["role"] for one in scores["subjects"]}
    assert {name for name, role in roles.items() if role == "retrieval"} == {f"weights{SUFFIX}", f"q8_0{SUFFIX}"}
    pairs = {(one["a"], one["b"]) for one in scores["comparisons"] if one["why"] == "retrieval"}
    assert pairs == {(f"weights{SUFFIX}", "weights"), (f"q8_0{SUFFIX}", f"weights{SUFFIX}"), (f"q8_0{SUFFIX}", "q8_0")}
    assert scores["retrieval"]["verdict"] == "not shown"
    assert "was not asked with passages" in scores["retrieval"]["text"]


def test_the_training_saw_its_questions_with_their_passages(project: Project) -> None:
    said = pipeline.statements(project)
    assert said["train"].predicate["inputs"]["data"]["digest"]["sha256"] == said["ground"].digest
    assert said["predict-weights"].predicate["inputs"]["data"]["digest"]["sha256"] == said["data"].digest
    assert [step.state for step in pipeline.status(project)] == ["done"] * len(said)


def test_the_report_and_the_command_say_what_training_was_worth(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    from helder.commands.group import call

    assert "Was training worth it, beside passages?" in render.render(project).read_text(encoding="utf-8")
    assert call(["eval", str(project.folder)]) == 0
    assert "the tuned model with passages" in capsys.readouterr().out


def test_the_file_is_found_with_its_passages(project: Project) -> None:
    located = locate(project.run_folder, "q8_0")
    assert located.passages == pipeline.made(project)["passages"].path
    assert located.grounding == {"top": 2, "room": 96}


def test_strangers_make_passages_and_answers_again(project: Project, tmp_path: Path) -> None:
    made = bundles.certify(project, tmp_path / "bundle")
    verdict = verify(made, level=3, scores=6, nonce="drawn for this test", trusted=[keys.signing_key().public])
    assert {"passages", "ground"} <= set(verdict.level(3).facts["made_again"])
    assert [verdict.level(number).result for number in (1, 2, 3, 5)] == [Result.PASSED] * 4, [
        finding for level in verdict.levels for finding in level.findings if finding.result is not Result.PASSED
    ]


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ('documents = "leaflets"\noverlap = 96', "overlap = 96 has to be less than passage = 96"),
        ('documents = "leaflets"\ntop = 0', "top"),
        ('documents = "leaflets"\nembeddings = "x.gguf"', "embeddings"),
        ("top = 3", "documents"),
    ],
)
def test_a_table_that_cannot_be_followed_is_refused_by_name(table: str, named: str) -> None:
    recipe = f'name = "a"\n[data]\ntrain = "t"\n[base]\nmodel = "b"\n[retrieve]\n{table}\n'
    with pytest.raises(HelderError) as refused:
        Recipe.parse(recipe)
    assert named in str(refused.value.what) + str(refused.value.why)


def test_documents_that_are_not_there_are_named(tmp_path: Path) -> None:
    text = 'name = "a"\n[data]\ntrain = "t.jsonl"\n[base]\nmodel = "b"\n[retrieve]\ndocuments = "leafletz"\n'
    (tmp_path / "t.jsonl").write_text("", encoding="utf-8")
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    with pytest.raises(HelderError, match="leafletz"):
        Recipe.load(tmp_path / "recipe.toml")
