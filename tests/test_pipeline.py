"""The journey with tiny stages: what runs, what does not run again, and what an interruption leaves."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from helder import pipeline
from helder.errors import ExitCode, HelderError
from helder.ledger.artifact import Artifact
from helder.project import Project
from helder.stage import Interrupted
from helder.train.settings import resolve
from tests import fake_project

STAGES = ["base", "data", "probe", "train", "files"]
STAGES += [f"predict-{name}" for name in ("weights", "q8_0", "q4_0", "base", "trivial", "nearest")]
STAGES += ["scores"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Project:
    fake_project.use_tiny_stages(monkeypatch, home)
    return Project.open(fake_project.make(tmp_path / "doses"))


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A home and a project that was run to the end, once for all tests of this module; its digests."""
    place = tmp_path_factory.mktemp("once")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(place / "home"))
        patch.setenv("OMP_NUM_THREADS", "1")
        fake_project.use_tiny_stages(patch, place / "home")
        made, ran = run(Project.open(fake_project.make(place / "doses")))
    assert ran == STAGES[1:]
    return place, made


@pytest.fixture
def finished(once: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the project that was run to the end, elsewhere on the disk."""
    shutil.copytree(once[0], tmp_path / "copy")
    monkeypatch.setenv("HELDER_HOME", str(tmp_path / "copy" / "home"))
    fake_project.use_tiny_stages(monkeypatch, tmp_path / "copy" / "home")
    return Project.open(tmp_path / "copy" / "doses")


@pytest.fixture
def made(once: tuple[Path, dict[str, str]]) -> dict[str, str]:
    """The digests of the project that was run to the end, by stage."""
    return once[1]


def run(project: Project) -> tuple[dict[str, str], list[str]]:
    """Digests by stage, and the names of the stages that ran."""
    ran: list[str] = []

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "started":
            ran.append(event["stage"])

    made = pipeline.run(project, on_event)
    return fake_project.digests(made), ran


def states(project: Project) -> dict[str, str]:
    return {step.name: step.state for step in pipeline.status(project)}


def rewrite(project: Project, old: str, new: str) -> Project:
    text = project.path.read_text(encoding="utf-8")
    assert old in text
    project.path.write_text(text.replace(old, new), encoding="utf-8")
    return Project.open(project.folder)


def test_every_stage_runs_once_in_order_and_the_report_is_written(finished: Project, made: dict[str, str]) -> None:
    assert list(made) == STAGES
    assert finished.report.exists()
    assert not (finished.folder / "run" / "work").exists()


def test_same_recipe_same_inputs_nothing_runs_again_not_even_in_another_place(
    finished: Project, made: dict[str, str]
) -> None:
    ledger = sorted(path.name for path in (finished.folder / "run" / "ledger").iterdir())
    again, ran = run(finished)
    assert ran == []
    assert again == {name: digest for name, digest in made.items() if name != "probe"}
    assert sorted(path.name for path in (finished.folder / "run" / "ledger").iterdir()) == ledger


def test_a_time_budget_becomes_a_number_of_steps_that_later_runs_keep(finished: Project, made: dict[str, str]) -> None:
    shutil.rmtree(finished.folder / "run")
    again, ran = run(finished)
    assert "probe" not in ran
    assert again == {name: digest for name, digest in made.items() if name != "probe"}


def test_another_time_budget_is_measured_again(finished: Project) -> None:
    _, ran = run(rewrite(finished, "5 min", "6 min"))
    assert ran[:2] == ["probe", "train"]
    assert "data" not in ran


def test_a_budget_in_steps_needs_no_probe(finished: Project) -> None:
    _, ran = run(rewrite(finished, 'budget = "5 min"', "steps = 3"))
    assert ran[0] == "train"


def test_what_does_not_depend_on_a_change_is_not_run_again_and_a_change_back_finds_all(
    finished: Project, made: dict[str, str]
) -> None:
    changed = rewrite(finished, '["q8_0", "q4_0"]', '["q8_0"]')
    _, ran = run(changed)
    assert ran == ["files", "predict-q8_0", "scores"]
    again, ran = run(rewrite(changed, '["q8_0"]', '["q8_0", "q4_0"]'))
    assert ran == []
    assert again["scores"] == made["scores"]


def test_changed_data_run_everything_that_comes_from_them(finished: Project) -> None:
    (finished.folder / "train.jsonl").write_text('{"input": "more", "output": "x"}\n', encoding="utf-8")
    _, ran = run(finished)
    assert ran == STAGES[1:]


def test_renaming_and_touching_files_runs_nothing(finished: Project) -> None:
    (finished.folder / "train.jsonl").rename(finished.folder / "renamed.jsonl")
    os.utime(finished.folder / "renamed.jsonl", (0, 0))
    _, ran = run(rewrite(finished, "train.jsonl", "renamed.jsonl"))
    assert ran == []


def test_a_damaged_artifact_is_told_and_made_again(finished: Project, made: dict[str, str]) -> None:
    file = pipeline.made(finished)["files"].path / "deep" / "copy.json"
    file.write_text(file.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert states(finished)["files"] == "damaged"
    events: list[dict[str, Any]] = []
    again = pipeline.run(finished, events.append)
    assert [e["stage"] for e in events if e["event"] == "started"] == ["files"]
    assert [e["stage"] for e in events if e["event"] == "warning"] == ["files"]
    assert again["files"].digest == made["files"]
    assert states(finished)["files"] == "done"


def test_a_tampered_statement_counts_as_none(finished: Project, made: dict[str, str]) -> None:
    path = next((finished.folder / "run" / "ledger").glob("*-data.json"))
    envelope = json.loads(path.read_text(encoding="utf-8"))
    envelope["payload"] = envelope["payload"][:100] + "AAAA" + envelope["payload"][104:]
    path.write_text(json.dumps(envelope), encoding="utf-8")
    again, ran = run(finished)
    assert ran == ["data"]
    assert again["data"] == made["data"]


def test_statements_of_a_machine_that_is_not_known_are_not_believed(finished: Project, home: Path) -> None:
    (home / "keys").mkdir()
    shutil.rmtree(Path(os.environ["HELDER_HOME"]) / "keys")
    with pytest.raises(HelderError, match="does not know") as caught:
        pipeline.run(finished)
    assert caught.value.code == ExitCode.UNCHECKED


def test_a_base_model_that_changed_is_refused(project: Project, home: Path) -> None:
    (fake_project.base_folder(home) / "config.json").write_text("{ }", encoding="utf-8")
    with pytest.raises(HelderError, match="has changed since it was imported") as caught:
        pipeline.run(project)
    assert "helder model import tiny" in caught.value.fix


def test_a_finished_run_can_be_looked_at_where_the_base_model_was_never_imported(
    finished: Project, made: dict[str, str]
) -> None:
    shutil.rmtree(fake_project.base_folder(Path(os.environ["HELDER_HOME"])))
    found = fake_project.digests(pipeline.made(finished))
    assert found == {name: digest for name, digest in made.items() if name != "probe"}
    with pytest.raises(HelderError, match="no model tiny"):
        pipeline.run(finished)
    with pytest.raises(HelderError, match="no model other"):
        pipeline.made(rewrite(finished, '"tiny"', '"other"'))


def test_the_statement_about_the_base_model_is_copied_into_the_ledger_once(finished: Project) -> None:
    run(finished)
    names = sorted(path.name for path in (finished.folder / "run" / "ledger").iterdir())
    assert [name for name in names if "base" in name and "predict" not in name] == ["001-base.json"]


def test_status_shows_what_is_done_what_could_run_and_what_waits(project: Project, finished: Project) -> None:
    assert set(states(finished).values()) == {"done"}
    shutil.rmtree(finished.folder / "run")
    (finished.folder / "helder.lock").unlink()
    before = states(finished)
    assert before["base"] == "done"
    assert before["data"] == "ready"
    assert {before[name] for name in before if name not in ("base", "data")} == {"waiting"}
    pipeline.run(finished, until="data")
    after = states(finished)
    assert (after["data"], after["probe"], after["train"]) == ("done", "ready", "waiting")


def test_looking_writes_nothing(project: Project) -> None:
    before = sorted(path.name for path in project.folder.rglob("*"))
    pipeline.status(project)
    assert sorted(path.name for path in project.folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("label", {"trivial", "linear"}), ("record", {"trivial", "nearest"}), ("text", {"trivial", "nearest"})],
)
def test_the_baselines_fit_the_task(project: Project, kind: str, expected: set[str]) -> None:
    steps = pipeline.status(rewrite(project, "[data]", f'[data]\nkind = "{kind}"'))
    subjects = {step.name.removeprefix("predict-") for step in steps if step.name.startswith("predict-")}
    assert subjects - {"weights", "q8_0", "q4_0", "base"} == expected


def test_a_linear_model_gets_all_examples_beside_those_that_the_model_saw(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("{}\n{}\n{}\n", encoding="utf-8")
    here = Artifact(tmp_path, "0" * 64, "both")
    assert not pipeline.saw_only_some(here, here), "a training that does not say saw all"
    (tmp_path / "seen.json").write_text('{"ids": ["a", "b"]}', encoding="utf-8")
    assert pipeline.saw_only_some(here, here)
    assert pipeline.baselines("label", True) == ("trivial", "linear", "linear-all")
    assert pipeline.baselines("record", True) == ("trivial", "nearest")


def test_settings_of_each_stage_are_resolved_and_hold_no_path(
    finished: Project, once: tuple[Path, dict[str, str]]
) -> None:
    said = pipeline.statements(finished)
    for name in said:
        assert str(once[0]) not in json.dumps(said[name].payload), name
    train = said["train"].predicate
    assert train["settings"]["steps"] > 0
    assert train["settings"]["learning_rate"] > 0
    data = said["data"].predicate
    assert set(data["inputs"]) == {"train", "test", "test-foreign"}


def test_further_train_files_labels_and_schema_are_inputs_under_their_names(project: Project) -> None:
    for name in ("more.jsonl", "labels.txt"):
        (project.folder / name).write_text("x", encoding="utf-8")
    changed = rewrite(project, '"train.jsonl"', '["train.jsonl", "more.jsonl"]\nlabels = "labels.txt"')
    pipeline.run(changed, until="data")
    data = pipeline.statements(changed)["data"].predicate
    assert set(data["inputs"]) == {"train", "train-2", "labels", "test", "test-foreign"}
    assert data["settings"]["labels"] is None


def test_a_damaged_lock_file_is_told_and_not_overwritten(project: Project) -> None:
    (project.folder / "helder.lock").write_text("{", encoding="utf-8")
    with pytest.raises(HelderError, match=r"helder\.lock cannot be read"):
        pipeline.run(project)
    assert (project.folder / "helder.lock").read_text(encoding="utf-8") == "{"


@pytest.mark.parametrize("stage", ["train", "predict-nearest"])
def test_interrupted_at_a_stage_the_next_run_continues_there(project: Project, stage: str) -> None:
    def interrupt(event: dict[str, Any]) -> None:
        if event["event"] == "progress" and event["stage"] == stage:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        pipeline.run(project, interrupt)
    assert caught.value.code == ExitCode.INTERRUPTED
    ran: list[str] = []
    pipeline.run(project, lambda event: ran.append(event["stage"]) if event["event"] == "started" else None, stage)
    assert ran == [stage]


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_the_digests_of_an_undisturbed_run(project: Project) -> None:
    project = rewrite(project, 'budget = "5 min"', "steps = 3")
    undisturbed, _ = run(project)
    shutil.rmtree(project.folder / "run")
    moments, kills = random.Random(0), 0
    while _killed_after(project, moments.randint(1, 9)):
        kills += 1
    made, ran = run(project)
    assert kills >= 5
    assert ran == []
    assert made == undisturbed


def _killed_after(project: Project, count: int) -> bool:
    """Run in a process that kills itself at its `count`-th event; whether it came to that."""
    pid = os.fork()
    if pid == 0:
        left = count

        def on_event(event: dict[str, Any]) -> None:
            nonlocal left
            left -= event["event"] != "kept"
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            pipeline.run(project, on_event)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def test_what_the_labels_are_written_as_reaches_the_data_stage(tmp_path: Path) -> None:
    folder = fake_project.make(tmp_path, fake_project.RECIPE.replace("[data]", '[data]\nwrite = "name"'))
    assert pipeline.data_settings(Project.open(folder))["write"] == "name"


CHAIN = """\
[[train]]
name = "pretrain"
objective = "text"
text = ["one.txt", "two.txt"]
steps = 3
seeds = [1, 2]

[[train]]
objective = "preference"
pairs = "pairs.jsonl"
steps = 2

[[train]]
objective = "distil"
teacher = "tiny"
teach = "answers"
steps = 2
"""


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Project:
    """A project with several trainings."""
    fake_project.use_tiny_stages(monkeypatch, home)
    folder = tmp_path / "chain"
    recipe = fake_project.RECIPE.replace('[train]\nbudget = "5 min"\n', CHAIN)
    made = fake_project.make(folder, recipe)
    for name in ("one.txt", "two.txt", "pairs.jsonl"):
        (made / name).write_text(name, encoding="utf-8")
    return Project.open(made)


def test_several_trainings_follow_one_another_each_with_what_it_learns_from(chain: Project) -> None:
    pipeline.run(chain)
    said = pipeline.statements(chain)
    takes = {name: {key: entry["name"] for key, entry in one.predicate["inputs"].items()} for name, one in said.items()}
    assert list(takes)[2:9] == [
        "tokens-pretrain",
        "train-pretrain-1",
        "train-pretrain-2",
        "average-pretrain",
        "train-preference",
        "teacher-distil",
        "teach-distil",
    ]
    assert takes["tokens-pretrain"] == {"base": "tiny", "text": "one.txt", "text-2": "two.txt"}
    assert takes["train-pretrain-2"] == {"base": "tiny", "text": "tokens-pretrain"}
    assert takes["average-pretrain"] == {
        "train-pretrain-1": "train-pretrain-1",
        "train-pretrain-2": "train-pretrain-2",
    }
    assert takes["train-preference"] == {"base": "average-pretrain", "pairs": "pairs.jsonl"}
    assert takes["teach-distil"] == {"teacher": "tiny", "data": "data"}
    assert takes["train"] == {"base": "train-preference", "data": "teach-distil"}
    assert takes["files"]["train"] == "train"


def test_each_seed_is_a_training_and_the_rest_of_the_settings_is_the_same(chain: Project) -> None:
    pipeline.run(chain)
    said = pipeline.statements(chain)
    one, two = (said[f"train-pretrain-{seed}"].predicate["settings"] for seed in (1, 2))
    assert (one["seed"], two["seed"]) == (1, 2)
    assert {**one, "seed": 0} == {**two, "seed": 0}
    assert one["objective"] == "text"
    assert said["train"].predicate["settings"]["objective"] == "answers", "the student learns from written answers"


def test_a_change_in_a_later_training_leaves_the_earlier_ones(chain: Project) -> None:
    first = pipeline.run(chain)
    text = chain.path.read_text(encoding="utf-8").replace(
        'pairs = "pairs.jsonl"\nsteps = 2', 'pairs = "pairs.jsonl"\nsteps = 5'
    )
    chain.path.write_text(text, encoding="utf-8")
    ran: list[str] = []
    pipeline.run(
        Project.open(chain.folder),
        lambda event: ran.append(event["stage"]) if event["event"] == "started" else None,
    )
    assert first["train-pretrain-1"]
    assert ran[0] == "train-preference"
    assert not [name for name in ran if "pretrain" in name]


@pytest.mark.parametrize(
    ("base", "training", "optimizer"),
    [
        ('model = "scratch"\nsize = "olmo2-14m"', "steps = 1", "muon"),
        ('model = "scratch"\nsize = "olmo2-14m"', 'optimizer = "adamw"', "adamw"),
        ('model = "scratch"\nsize = "olmo2-14m"', 'objective = "reward"', "adamw"),
        ('model = "tiny"', "steps = 1", "adamw"),
    ],
)
def test_a_model_made_from_nothing_learns_with_muon_unless_told_otherwise(
    tmp_path: Path, base: str, training: str, optimizer: str
) -> None:
    recipe = fake_project.RECIPE.replace('model = "tiny"', base).replace('budget = "5 min"', training)
    project = Project.open(fake_project.make(tmp_path / "doses", recipe))
    section = pipeline.train_section(project, project.recipe.final)
    assert resolve(section)["optimizer"] == optimizer


def test_trust_adds_its_stages_and_asks_our_models_again_and_nothing_else(
    finished: Project, made: dict[str, str]
) -> None:
    plain, ran = run(rewrite(finished, '["q8_0", "q4_0"]', "[]"))
    assert ran == ["files", "scores"]
    asked = rewrite(Project.open(finished.folder), "[compress]", "[trust]\nitems = 5\n\n[compress]")
    again, ran = run(asked)
    assert ran == ["predict-weights", "scores", "trust-answers", "trust"]
    assert {name for name in plain if again[name] != plain[name]} == {"predict-weights"}
    inputs = pipeline.statements(asked)["trust"].predicate["inputs"]
    assert set(inputs) == {"data", "trust-answers", "predict-weights"}
    _, ran = run(rewrite(asked, "items = 5", "items = 5\nrisk = 0.1"))
    assert ran == ["trust"]  # another risk asks nobody again
    assert run(Project.open(finished.folder))[1] == []


def test_canaries_are_planted_only_where_the_recipe_asks(finished: Project) -> None:
    assert "canaries" not in pipeline.data_settings(finished)
    asked = rewrite(finished, "[compress]", "[trust]\n\n[compress]")
    assert "canaries" not in pipeline.data_settings(asked)
    planted = rewrite(asked, "[trust]", "[trust]\ncanaries = 8")
    assert pipeline.data_settings(planted)["canaries"] == 8


def test_while_nobody_knows_which_file_answers_the_stages_of_trust_wait(project: Project) -> None:
    asked = rewrite(project, "[compress]", "[trust]\n\n[compress]")
    assert states(asked)["trust-answers"] == states(asked)["trust"] == "waiting"
