"""The recipes of the examples, run whole at small size: few lines, few steps, every stage of the way."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from helder import examples, pipeline, stage_child
from helder import stage as stages
from helder.errors import HelderError
from helder.examples.files import read
from helder.project import Project
from helder.recipe import Recipe
from helder.sealed.room import Seal
from helder.stage import OnEvent, Stage
from helder.train.settings import resolve

LINES = {"train": 40, "text": 60, "better": 40, "pairs": 40, "dev": 6, "test": 6}
OLMO2 = [
    *("data", "tokenizer", "base"),
    *("tokens-pretrain", "train-pretrain"),
    *("tokens-anneal", "train-anneal-1", "train-anneal-2", "average-anneal"),
    *("train-tune", "train-prefer", "train"),
    *("files", "predict-weights", "predict-q8_0", "predict-trivial", "predict-nearest", "scores"),
]


def small(name: str, folder: Path, steps: int = 2) -> Project:
    """A new project of an example, with the first lines of its files and a few steps of each training."""
    examples.materialise(name, folder)
    for path in folder.glob("*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = lines[: LINES[path.stem]]
        if path.stem == "train" and "block" in (labels := [json.loads(line) for line in lines])[0]:
            kept = list({one["block"]: line for one, line in zip(labels, lines, strict=True)}.values())  # one of each
        path.write_text("".join(kept), encoding="utf-8")
    recipe = folder / "recipe.toml"
    text = re.sub(r"(?m)^(epochs|steps|tokens|budget) = [^#\n]+", f"steps = {steps} ", recipe.read_text("utf-8"))
    recipe.write_text(text, encoding="utf-8")
    return Project.open(folder)


def run(project: Project) -> tuple[dict[str, str], list[str]]:
    """Digests by stage, and the names of the stages that ran."""
    ran: list[str] = []

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "started":
            ran.append(event["stage"])

    made = pipeline.run(project, on_event)
    return {name: artifact.digest for name, artifact in made.items()}, ran


def run_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stages run in this process: torch is imported once, not for each of them."""

    def execute(stage: Stage, work: Path, log: Path, on_event: OnEvent, lock: int | None) -> Mapping[str, Any]:
        with (work / "events").open("w+", encoding="utf-8") as events:
            closing = stage_child.execute(stages._job(stage, work, events.fileno()), events)
        return {**stages._judge(stage.name, closing, 0, log), "seal": Seal().to_json()}

    monkeypatch.setattr(stages, "_execute", execute)


def check_whole(project: Project, made: Mapping[str, str]) -> None:
    """Every stage is done and has its statement, the report is there, and a second run runs nothing."""
    assert [step.state for step in pipeline.status(project)] == ["done"] * len(made)
    said = pipeline.statements(project)
    assert {name: statement.digest for name, statement in said.items()} == dict(made)
    assert project.recipe.name in project.report.read_text(encoding="utf-8")
    assert run(project) == (made, [])


@pytest.fixture(scope="module")
def olmo2(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, str], list[str]]:
    """(home, project, digests, stages that ran) of the recipe olmo2, run once in processes of its own."""
    place = tmp_path_factory.mktemp("olmo2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(place / "home"))
        patch.setenv("OMP_NUM_THREADS", "1")
        project = small("olmo2", place / "olmo2")
        return place / "home", project.folder, *run(project)


@pytest.fixture
def chain(
    olmo2: tuple[Path, Path, dict[str, str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> tuple[Project, dict[str, str]]:
    monkeypatch.setenv("HELDER_HOME", str(olmo2[0]))
    return Project.open(olmo2[1]), olmo2[2]


def test_olmo2_goes_the_whole_way_and_a_second_run_runs_nothing(
    olmo2: tuple[Path, Path, dict[str, str], list[str]], chain: tuple[Project, dict[str, str]]
) -> None:
    assert olmo2[3] == OLMO2
    check_whole(*chain)


def test_each_training_of_olmo2_begins_with_what_the_one_before_it_made(chain: tuple[Project, dict[str, str]]) -> None:
    project, made = chain
    said = pipeline.statements(project)
    before = {
        "train-pretrain": "base",
        "train-anneal-1": "train-pretrain",
        "train-anneal-2": "train-pretrain",
        "train-tune": "average-anneal",
        "train-prefer": "train-tune",
        "train": "train-prefer",
    }
    for name, one in before.items():
        assert said[name].predicate["inputs"]["base"]["digest"]["sha256"] == made[one], name
    assert {said[name].predicate["settings"]["objective"] for name in before} == {
        *("text", "answers", "preference", "reward")
    }
    assert len({made[name] for name in (*before, "average-anneal")}) == len(before) + 1, "each changes the weights"


def test_the_report_of_olmo2_shows_every_training(chain: tuple[Project, dict[str, str]]) -> None:
    page = chain[0].report.read_text(encoding="utf-8")
    for name in OLMO2:
        if name.startswith("train"):
            assert f"<h3>{name}: learns " in page
    assert page.count("<polyline") == 6
    assert "made from nothing in the form of olmo2-14m" in page
    assert "learnt from: pairs.jsonl" in page


def test_each_answer_that_olmo2_is_rewarded_for_is_kept(chain: tuple[Project, dict[str, str]]) -> None:
    path = pipeline.made(chain[0])["train"].path / "rollouts.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    group = chain[0].recipe.final.group or 0
    assert {line["rollout"] for line in lines} == {0, 1}
    questions = {(line["rollout"], line["question"]) for line in lines}
    assert len(lines) == group * len(questions), "to each question as many answers as a group has"
    assert {line["reward"] for line in lines} <= {0.0, 1.0}


def test_a_wrong_key_in_the_second_training_is_named_with_its_line() -> None:
    lines = read("helder.examples.olmo2", "recipe.toml").decode("utf-8").splitlines()
    place = next(place for place, line in enumerate(lines) if line.startswith('name = "anneal"'))
    lines.insert(place + 1, "learning_rat = 1e-3")
    with pytest.raises(HelderError) as error:
        Recipe.parse("\n".join(lines))
    told = str(error.value.to_json())
    assert "learning_rat" in told
    assert f"line {place + 2}" in told


@pytest.mark.parametrize("name", ["olympiccoder", "icd10cm-from-scratch"])
def test_the_other_recipes_from_nothing_run_whole(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_here(monkeypatch)
    project = small(name, tmp_path / name)
    made, ran = run(project)
    assert ran[:4] == ["data", "tokenizer", "base", "train"]
    assert ran[-1] == "scores"
    check_whole(project, made)


def test_the_handbook_reads_its_documents_then_learns_from_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("selectolax")
    pytest.importorskip("pypdfium2")
    run_here(monkeypatch)
    project = small("handbook", tmp_path / "handbook", steps=1)
    made = pipeline.run(project, until="train")
    assert {"extract", "tokens-read", "train-read", "train"} <= made.keys()
    tokens = made["tokens-read"].path
    learnt = [json.loads(line)["id"] for line in (tokens / "train-documents.jsonl").read_text("utf-8").splitlines()]
    assert "vrijwilligers.docx" in learnt
    assert not {"zorg/intake-mevrouw-j.txt", "gedichten/regen.txt"} & set(learnt), "what waits is not learnt from"


def test_the_same_recipe_elsewhere_gives_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_here(monkeypatch)
    projects = [small("olympiccoder", tmp_path / place, steps=1) for place in ("here", "there")]
    made = [
        {name: artifact.digest for name, artifact in pipeline.run(project, until="train").items()}
        for project in projects
    ]
    assert made[0] == made[1]
    assert "train" in made[0]


def test_the_lora_variant_of_olympiccoder_is_a_recipe_that_trains_additions(tmp_path: Path) -> None:
    examples.materialise("olympiccoder", tmp_path / "x")
    whole, lora = (Recipe.load(tmp_path / "x" / name) for name in ("recipe.toml", "lora.toml"))
    settings = resolve(lora.final.model_dump(include={"objective", "method", "lora_rank", "schedule", "floor"}))
    assert (settings["method"], settings["lora_rank"]) == ("lora", 16)
    assert lora.data == whole.data
    for key in ("schedule", "floor", "warmup", "gradient_clip", "packing", "weight_decay"):
        assert getattr(lora.final, key) == getattr(whole.final, key), key


def test_programs_are_learnt_from_what_is_there_and_then_from_running_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_here(monkeypatch)
    project = small("programs", tmp_path / "programs")
    recipe = project.folder / "recipe.toml"
    text = recipe.read_text(encoding="utf-8").replace("batch_size = 24", "batch_size = 2")
    recipe.write_text(text.replace("group = 8", "group = 2"), encoding="utf-8")
    project = Project.open(project.folder)
    made = pipeline.run(project, until="train")
    lines = [json.loads(line) for line in (made["train"].path / "rollouts.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) == 2 * 2 * 2
    assert {line["reward"] for line in lines} <= {0.0, 1.0}
    facts = pipeline.statements(project)["train"].predicate["facts"]
    assert facts["verifier"] == "judged@1"
    tests = [json.loads(line)["tests"] for line in (made["data"].path / "train.jsonl").read_text("utf-8").splitlines()]
    assert all(len(one) == 5 for one in tests)
