"""Plans: what is still to be done has its figures, what is done has none, and nothing is measured in vain."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from helder import pipeline
from helder.commands.project import plan_table
from helder.plan import estimate
from helder.project import Project
from tests import fake_project

STEPS = fake_project.RECIPE.replace('budget = "5 min"', "steps = 3")
FIGURES = ("seconds", "memory", "energy_joules")


@pytest.fixture(autouse=True)
def stages(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    fake_project.use_tiny_stages(monkeypatch, home)


def planned(project: Project) -> tuple[dict[str, dict[str, Any]], list[str], list[str]]:
    """Rows by stage, notes, and the names of the stages that ran for it."""
    ran: list[str] = []
    plan = estimate(project, lambda event: ran.append(event["stage"]) if event["event"] == "started" else None)
    return {row["stage"]: row for row in plan["stages"]}, plan["notes"], ran


def test_before_a_run_only_records_and_probe_are_made_and_every_stage_has_its_figures(tmp_path: Path) -> None:
    project = Project.open(fake_project.make(tmp_path / "doses"))
    rows, notes, ran = planned(project)
    assert ran == ["data", "probe"]
    assert rows["data"]["state"] == "done"
    left = [row for row in rows.values() if row["state"] != "done"]
    assert {"train", "files", "predict-weights", "scores"} <= {row["stage"] for row in left}
    assert all(row[figure] > 0 for row in left for figure in FIGURES)
    assert notes[0].startswith("Training: ")
    assert planned(project)[2] == [], "planned twice, measured once"


def test_a_budget_in_steps_is_probed_once(tmp_path: Path) -> None:
    project = Project.open(fake_project.make(tmp_path / "doses", STEPS))
    assert planned(project)[2] == ["data", "probe"]
    rows, _, ran = planned(project)
    assert ran == []
    assert rows["train"]["seconds"] > 0


@pytest.mark.parametrize("recipe", [fake_project.RECIPE, STEPS], ids=["time", "steps"])
def test_when_all_is_done_nothing_runs_and_nothing_is_estimated(tmp_path: Path, recipe: str) -> None:
    project = Project.open(fake_project.make(tmp_path / "doses", recipe))
    pipeline.run(project)
    rows, notes, ran = planned(project)
    assert ran == []
    assert {row["state"] for row in rows.values()} == {"done"}
    assert all(row[figure] is None for row in rows.values() for figure in FIGURES)
    assert notes == ["Everything is done; `helder run` would run nothing again."]


def test_a_training_that_is_done_is_not_probed(tmp_path: Path) -> None:
    project = Project.open(fake_project.make(tmp_path / "doses", STEPS))
    pipeline.run(project, until="train")
    rows, notes, ran = planned(project)
    assert ran == []
    assert rows["train"]["why"] == "done already"
    assert rows["files"]["seconds"] is None
    assert rows["files"]["why"] == "not estimated"
    assert "cannot be estimated" in notes[0]


def test_what_is_left_after_a_training_is_estimated_from_the_probe_before_it(tmp_path: Path) -> None:
    project = Project.open(fake_project.make(tmp_path / "doses"))
    pipeline.run(project, until="train")
    rows, notes, ran = planned(project)
    assert ran == []
    assert rows["train"]["seconds"] is None
    assert rows["files"]["seconds"] > 0
    assert not any(note.startswith("Training: ") for note in notes)


def test_what_is_gone_is_planned_again(tmp_path: Path) -> None:
    project = Project.open(fake_project.make(tmp_path / "doses"))
    shutil.rmtree(pipeline.run(project)["files"].path)
    rows, _, ran = planned(project)
    assert ran == []
    assert rows["files"]["seconds"] > 0
    assert rows["train"]["why"] == "done already"


def test_the_table_has_a_dash_for_what_is_done_and_adds_up_the_rest(tmp_path: Path) -> None:
    project = Project.open(fake_project.make(tmp_path / "doses"))
    plan = estimate(project)
    lines = {line.split()[0]: line.split() for line in plan_table(plan).splitlines() if line}
    assert lines["data"][1:] == ["-", "-", "-", "done", "already"]
    assert lines["all"][1:] != ["-", "-", "-"]
    pipeline.run(project)
    lines = {line.split()[0]: line.split() for line in plan_table(estimate(project)).splitlines() if line}
    assert lines["all"][1:] == ["-", "-", "-"]
    assert "0.0" not in plan_table(estimate(project))


def test_trust_is_estimated_too_and_the_development_set_is_asked(tmp_path: Path) -> None:
    project = Project.open(fake_project.make(tmp_path / "doses"))
    plain, _, _ = planned(project)
    text = project.path.read_text(encoding="utf-8").replace("[compress]", "[trust]\n\n[compress]")
    project.path.write_text(text, encoding="utf-8")
    rows, _, ran = planned(Project.open(project.folder))
    assert ran == []
    for name in ("trust-answers", "trust"):
        assert all(rows[name][figure] > 0 for figure in FIGURES)
    assert "600 answers" in rows["trust-answers"]["why"]
    assert rows["predict-weights"]["why"] != plain["predict-weights"]["why"]
    assert rows["predict-base"]["why"] == plain["predict-base"]["why"]
