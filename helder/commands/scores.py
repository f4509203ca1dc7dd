"""What `helder eval` and `helder compare` read from scores that are there: what `scores.json` says, as tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from helder import pipeline
from helder.commands import talk
from helder.errors import ExitCode, HelderError
from helder.evaluate.measure import beside, score_at
from helder.project import Project


def compare_scores(first: str, second: str, project: Path, as_json: bool) -> None:
    """Print what the scores of a project say of two of its subjects.

    Raises:
        HelderError: nothing of that name was scored, or the two were not compared (code 4).
    """
    scores = load(project)
    names = [subject["name"] for subject in scores["subjects"]]
    for name in (first, second):
        if name not in names:
            raise HelderError(f"Nothing named {name} was scored.", f"Scored: {', '.join(names)}.")
    found = [item for item in scores["comparisons"] if {item["a"], item["b"]} == {first, second}]
    if not found:
        pairs = sorted({f"{item['a']} with {item['b']}" for item in scores["comparisons"]})
        raise HelderError(
            f"{first} and {second} were not compared.",
            "The run compares the model with its baselines, and each file with the weights.",
            f"Compared: {'; '.join(pairs)}.",
            ExitCode.UNCHECKED,
        )
    if as_json:
        talk.data(found)
        return
    for item in found:
        click.echo(item["sentence"])


def load(project: Path) -> dict[str, Any]:
    """The scores of a project that was run.

    Raises:
        HelderError: it was not run to the end, or not since its recipe or data changed.
    """
    done = pipeline.made(Project.open(project))
    if "scores" not in done:
        raise HelderError(
            f"{project} has no scores for its recipe and data as they are now.",
            "It was not run to the end, or something has changed since.",
            f"helder run {project}",
        )
    scores: dict[str, Any] = json.loads((done["scores"].path / "scores.json").read_text(encoding="utf-8"))
    return scores


def short_table(scores: dict[str, Any]) -> str:
    """Subjects down, test sets across: whole answers right with their interval, and what stands beside them."""
    # One that was asked all items, and a part as well, is shown with all.
    ordered = sorted(scores["results"], key=lambda item: item["subset"] is None)
    results = {(item["subject"], item["test_set"]): item for item in ordered}
    sets = {test_set["name"]: test_set["n"] for test_set in scores["test_sets"]}
    measures = [("whole", "right"), *((measure, word) for word, measure in beside(scores).items())]
    head = ["", *(f"{name}: {word}" for name in sets for _, word in measures)]
    rows = []
    for subject in scores["subjects"]:
        found = [results.get((subject["name"], name)) for name in sets]
        rows.append([subject["title"], *(share(item, measure) for item in found for measure, _ in measures)])
    items = ", ".join(f"{count} in {name}" for name, count in sets.items())
    note = f"Shares with {scores['confidence']:.0%} intervals. Items: {items}"
    return talk.table(rows, head) + f"\n{note}; n = where only a part was asked."


def share(result: dict[str, Any] | None, measure: str) -> str:
    """0.790 (0.750-0.830); with its n where only a part of the items was asked."""
    found = score_at(result, measure) if result else None
    if not result or not found or found["value"] is None:
        return "-"
    part = f" n={result['n']}" if result["subset"] is not None else ""
    return f"{found['value']:.3f} ({found['low']:.3f}-{found['high']:.3f}){part}"
