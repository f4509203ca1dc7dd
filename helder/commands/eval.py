"""`helder eval`: the scores of a project; or a model on a suite of tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from helder import pipeline
from helder.commands import talk
from helder.commands.scores import load, short_table
from helder.errors import HelderError
from helder.evaluate import contaminated
from helder.evaluate.trust import told
from helder.project import Project


@click.command("eval")
@click.argument("model", default=".", metavar="MODEL")
@click.option("--suite", metavar="NAME", help="Measure MODEL on these tasks; --suite list shows what there is.")
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Only this task of the suite; for each one.")
@click.option("--limit", type=click.IntRange(1), help="At most so many items of each task, chosen by the seed.")
@click.option("--samples", type=click.IntRange(1), help="Texts for each item, where a suite draws several.")
@click.option("--seed", default=0, show_default=True, help="Decides which items, which examples, and what is drawn.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the suite's own.")
@click.option("--subject", "which", help="Of a project or a bundle: weights (the default), f16, q8_0, q4_0.")
@click.option("--services", type=click.Path(path_type=Path), help="Services in a TOML file, as for `helder compare`.")
@click.option("--allow-network", "hosts", multiple=True, metavar="HOST", help="A host that may be spoken to.")
@click.option("--most-requests", type=click.IntRange(0), help="Send at most so many requests.")
@click.option("--most-money", type=click.FloatRange(0), help="Spend at most so much, in the currency of the prices.")
@click.option("--consent", metavar="DIGEST", help="Agree that what the list of this digest holds leaves.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where evaluations lie; default: evaluations/ of the project or here.",
)
@talk.json_option
def evaluate(model: str, suite: str | None, which: str | None, as_json: bool, **options: Any) -> None:
    """Show every score of the project MODEL with its interval, on every test set.

    With --suite, measure MODEL on tasks that are the same for every model. MODEL is then one of

    \b
      FOLDER          a folder with weights, a project, or a bundle
      model.gguf      a GGUF file
      claude-…, MODEL@https://host/v1, NAME of --services      a service, as `helder compare` knows it

    Every item's answer is kept, and a signed statement names what was measured by digest.
    """
    if suite is None:
        given = [name for name, value in options.items() if value]
        if given or which:
            raise HelderError(
                "This asks for a measurement and names no suite.",
                "Without --suite, the scores of a project are shown, and nothing is asked.",
                "Add --suite NAME; --suite list shows what there is.",
            )
        show(Path(model), as_json)
        return
    from helder.evaluate import suites

    if suite == "list":
        listed = [[name, sentence] for name, (_, sentence) in suites.SUITES.items()]
        if as_json:
            talk.data(dict(listed))
        else:
            click.echo(talk.table(listed, ["suite", ""]))
        return
    suites.find(suite)  # what is missing is told before anything is hashed
    from helder.evaluate.compare import services
    from helder.recipe import FILE_NAME

    tables = services.from_file(options["services"]) if options["services"] else {}
    subject = suites.subject(model, tables, which)
    here = Path(model) if (Path(model) / FILE_NAME).is_file() else Path()
    asked = suites.Options(
        options["limit"], options["seed"], options["samples"], options["tasks"], _settings(options["settings"]),
        options["hosts"], options["consent"], options["most_requests"], options["most_money"],
    )  # fmt: skip
    with talk.events(as_json) as on_event:
        folder, found = suites.run(suite, subject, asked, options["out"] or here / "evaluations", on_event)
    if as_json:
        talk.data(found)
        return
    click.echo(f"{subject.name} on {suite}\n\n{suite_table(found)}")
    for sentence in [*found.get("sentences", []), *found.get("warnings", [])]:
        click.echo(f"\n{sentence}")
    click.echo(f"\n{folder}")


def show(project: Path, as_json: bool) -> None:
    """Print the scores of a project.

    Raises:
        HelderError: it was not run to the end; see `scores.load`.
    """
    scores = load(project)
    opened = Project.open(project)
    places = {name: artifact.path for name, artifact in pipeline.made(opened).items()}
    found = contaminated.told(opened, places, scores)
    trust = told.read(places)
    if as_json:
        more = {} if trust is None else {"trust": trust}
        talk.data({"contamination": [one.to_json() for one in found], **scores, **more})
        return
    for sentence in contaminated.sentences(opened, found, scores):
        click.echo(sentence)
    click.echo(f"\n{short_table(scores)}")
    worth = [scores["retrieval"]["text"]] if "retrieval" in scores else []
    for sentence in [scores["recommendation"]["text"], *worth, *scores["warnings"]]:
        click.echo(f"\n{sentence}")
    for line in told.lines(trust, scores):
        click.echo(line)


def suite_table(found: dict[str, Any]) -> str:
    """A line for each task: how many items, which measure, its value with the interval."""
    extra = [(str(key), str(head)) for key, head in found.get("columns", [])]
    rows = []
    for row in found["rows"]:
        value = "-" if row["value"] is None else f"{row['value']:.3f}"
        between = "" if row.get("low") is None else f" ({row['low']:.3f}-{row['high']:.3f})"
        rows.append(
            [row["task"], str(row["n"]), row["metric"], value + between, *(_cell(row, key) for key, _ in extra)]
        )
    return talk.table(rows, ["task", "items", "measure", "value", *(head for _, head in extra)], right=[1])


def _cell(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def _settings(given: tuple[str, ...]) -> dict[str, str]:
    """KEY=VALUE pairs.

    Raises:
        HelderError: one has no "=", or a key stands twice.
    """
    settings: dict[str, str] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not key or key in settings:
            raise HelderError(f"--set {one} cannot be followed.", "Each is KEY=VALUE, once.", "Correct it.")
        settings[key] = value
    return settings
