"""`helder new`, `helder plan`, `helder run`."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import click

from helder.commands import talk
from helder.errors import HelderError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--example", default="dose-instructions", show_default=True, help="Which one; an unknown name lists all.")
@talk.json_option
def new(folder: Path, example: str, as_json: bool) -> None:
    """Make the project FOLDER from an example: its recipe and its data."""
    from helder import examples

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise HelderError(
            f"{folder} is there already and not empty.",
            "A new project would overwrite what lies in it.",
            "Choose another name.",
        )
    examples.materialise(example, folder)
    if as_json:
        talk.data({"folder": str(folder), "example": example, "files": sorted(p.name for p in folder.iterdir())})
        return
    talk.say(f"Made {folder} from the example {example}. Read {folder / 'recipe.toml'}, then:\n")
    click.echo(f"helder plan {shlex.quote(str(folder))}\nhelder run {shlex.quote(str(folder))}")


@click.command()
@talk.project_argument
@click.option("--on", "machines", metavar="MACHINES", help="On other machines, on paper: 8xh100, 2x8xh100, cpu-16.")
@click.option(
    "--published", metavar="NAME", help="A published way of training instead of PROJECT, with --on: olmo2-7b."
)
@talk.json_option
def plan(project: Path, machines: str | None, published: str | None, as_json: bool) -> None:
    """Show each stage of PROJECT: time, memory, energy (estimates) and why. Runs nothing but probes."""
    from helder.project import Project

    if published is not None:
        from helder.commands import fleet

        fleet.show_published(published, machines, as_json)
        return
    opened = Project.open(project, files=machines is None)  # on other machines, data may be elsewhere too
    if machines is not None:
        from helder.commands import fleet

        fleet.show(opened, machines, as_json)
        return
    from helder.plan import estimate

    with talk.events(as_json) as on_event:
        planned: dict[str, Any] = estimate(opened, on_event)
    if as_json:
        talk.data(planned)
        return
    click.echo(plan_table(planned))


def plan_table(planned: dict[str, Any]) -> str:
    """The stages of a plan as a table, with their sum."""

    def cells(stage: dict[str, Any]) -> list[str]:
        seconds, memory, energy = (stage.get(key) for key in ("seconds", "memory", "energy_joules"))
        return [
            stage["stage"],
            "-" if seconds is None else talk.duration(seconds),
            "-" if memory is None else talk.size(memory),
            "-" if energy is None else f"{energy / 3600:.1f} Wh",
            stage.get("why", ""),
        ]

    stages = planned["stages"]
    known = [stage for stage in stages if stage.get("seconds") is not None]
    total: dict[str, Any] = {"stage": "all"}
    if known:  # else there is nothing to add up, and 0 s would say that it takes no time
        total |= {key: sum(stage[key] for stage in known) for key in ("seconds", "energy_joules")}
        total["memory"] = max(stage["memory"] for stage in known)
    head = ["stage", "time", "memory", "energy", "why (all figures are estimates)"]
    text = talk.table([cells(stage) for stage in [*stages, total]], head, right=(1, 2, 3))
    return "\n\n".join([text, *planned.get("notes", [])])


@click.command()
@talk.project_argument
@click.option(
    "--seal",
    type=click.Choice(["best", "3", "2", "0"]),
    help="How closed the room of each stage must be; default: HELDER_SEAL, or the best that is proved here.",
)
@talk.json_option
def run(project: Path, seal: str | None, as_json: bool) -> None:
    """Make the model of PROJECT: run every stage that is not done yet, then write the report.

    Interrupt it at any time; `helder run` continues. What is done is not run again.
    """
    from helder import pipeline
    from helder.commands.scores import short_table
    from helder.evaluate import contaminated
    from helder.project import Project
    from helder.sealed import room

    if seal is not None:
        os.environ[room.SETTING] = seal
    opened = Project.open(project)
    with talk.events(as_json) as on_event:
        made = pipeline.run(opened, on_event)
    scores = json.loads((made["scores"].path / "scores.json").read_text(encoding="utf-8"))
    found = contaminated.told(opened, {name: item.path for name, item in made.items()}, scores)
    command = "helder serve" + ("" if project == Path() else f" {shlex.quote(str(project))}")
    if as_json:
        artifacts = {name: {"path": str(item.path), "sha256": item.digest} for name, item in made.items()}
        told = {"artifacts": artifacts, "contamination": [one.to_json() for one in found], "scores": scores}
        talk.data({**told, "report": str(opened.report), "serve": command})
        return
    for sentence in contaminated.sentences(opened, found, scores):
        click.echo(sentence)
    click.echo(f"\n{short_table(scores)}")
    click.echo(f"\n{scores['recommendation']['text']}")
    if "retrieval" in scores:
        click.echo(f"\n{scores['retrieval']['text']}")
    click.echo(f"\nreport: {opened.report}\nserve:  {command}")
