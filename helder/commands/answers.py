"""`helder ask` and `helder serve`."""

from __future__ import annotations

from pathlib import Path

import click

from helder.commands import talk
from helder.project import Project

format_option = click.option("--format", help="Which file answers, such as q4_0; default: the one the run recommends.")


@click.command()
@click.argument("questions", nargs=-1)
@click.option("--project", default=".", type=click.Path(path_type=Path), help="The project; default: this folder.")
@click.option("--file", type=click.Path(path_type=Path), help="One question a line, or a JSONL or CSV file.")
@click.option("--out", type=click.Path(path_type=Path), help="Write answers to this .jsonl or .csv file.")
@format_option
@talk.json_option
def ask(
    questions: tuple[str, ...],
    project: Path,
    file: Path | None,
    out: Path | None,
    format: str | None,
    as_json: bool,
) -> None:
    """Ask QUESTIONS; each answer is held to the form of the task."""
    from helder.serve import ask as answering

    if not questions and file is None:
        raise click.UsageError("Give a question, or --file.")
    answering.main(Project.open(project), list(questions), file, format, out)


@click.command()
@talk.project_argument
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The port; 0: any free one.",
)
@format_option
@talk.json_option
def serve(project: Path, host: str, port: int, format: str | None, as_json: bool) -> None:
    """Serve the model of PROJECT behind an OpenAI-compatible API; programs need the token that is shown."""
    from helder.serve import api

    api.serve(Project.open(project), host, port, format)
