"""`helder data`: take in folders of documents, show what became of every file, decide about what waits."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helder.commands import talk
from helder.data import accounts

if TYPE_CHECKING:
    from helder.data.decisions import Decision
    from helder.project import Project

SHOWN = 20  # reasons that are shown without --all
STATES = ("accepted", "held", "refused")
project_option = click.option(
    "--project", default=".", type=click.Path(path_type=Path), help="The project; this folder by default."
)
all_option = click.option("--all", "everything", is_flag=True, help="Name every file, not only the first.")


@click.group()
def data() -> None:
    """Take in folders of documents, show what became of every file, decide about what waits."""


@data.command()
@click.argument("folder", type=click.Path(path_type=Path))
@project_option
@click.option("--dry", is_flag=True, help="Only show what would be taken; leave the recipe as it is.")
@all_option
@talk.json_option
def add(folder: Path, project: Path, dry: bool, everything: bool, as_json: bool) -> None:
    """Read every file of FOLDER, show what would be taken, and put FOLDER into the recipe.

    Files stay where they are. When there is no recipe, or --dry is given, only what would be taken is shown.
    """
    from helder.data.extract import stage
    from helder.recipe import FILE_NAME

    recipe = project / FILE_NAME if project.is_dir() else project
    with tempfile.TemporaryDirectory() as place, talk.events(as_json) as on_event:
        output, scratch = Path(place, "output"), Path(place, "scratch")
        output.mkdir()
        scratch.mkdir()

        def report(event: str, **fields: Any) -> None:
            if event == "progress":
                on_event({"event": event, "stage": "documents", **fields})

        stage.read_folders([(folder, {"name": str(folder)})], {}, output, scratch, report)
        paths = list(accounts.paths(output))
        manifest = stage.read_manifest(output) if as_json else {}
    changed = not dry and recipe.is_file() and put_into(recipe, folder)
    if as_json:
        talk.data({**manifest, "recipe": str(recipe) if changed else None})
        return
    click.echo(table(paths))
    tell_reasons(paths, everything)
    if changed:
        talk.say(f"\n{recipe} names it now. What waits for a person: helder data review")
    elif not dry and recipe.is_file():
        talk.say(f"\n{recipe} names it already, or a folder that it lies in.")
    elif not dry:
        talk.say(f"\nThere is no recipe here to put it into; with one, [documents] says: folders = [{quoted(folder)}]")


@data.command()
@talk.project_argument
@all_option
@talk.json_option
def show(project: Path, everything: bool, as_json: bool) -> None:
    """Show what became of every file of PROJECT's documents, and then of every document in the cleaning.

    Documents that were not read yet are read now.
    """
    from helder.data.extract import stage
    from helder.project import Project

    opened = Project.open(project)
    made = prepared(opened, as_json)
    if as_json:
        account = json.loads((made["clean"] / "account.json").read_text(encoding="utf-8"))
        talk.data({**stage.read_manifest(made["extract"]), "cleaning": account})
        return
    paths = list(accounts.paths(made["extract"]))
    click.echo(table(paths))
    tell_reasons(paths, everything)
    tell_cleaning(made["clean"], everything)


@data.command()
@talk.project_argument
@click.option("--accept", multiple=True, metavar="PATH|ID", help="Learn from it; a folder ends with a slash.")
@click.option("--refuse", multiple=True, metavar="PATH|ID", help="Leave it out for good.")
@click.option("--why", default="", help="The reason, which is kept with the decision.")
@talk.json_option
def review(project: Path, accept: tuple[str, ...], refuse: tuple[str, ...], why: str, as_json: bool) -> None:
    """List what waits for a person in PROJECT, and take decisions.

    Without options, on a terminal, it asks about one after the other. Decisions are kept in the file that the recipe
    names (decisions.json), with the day, and the next run follows them. Each is kept as soon as it is taken: whoever
    stops, or is interrupted, loses none.
    """
    from helder.data.decisions import Decisions, decide
    from helder.data.waiting import waiting
    from helder.errors import HelderError
    from helder.project import Project

    opened = Project.open(project)
    asked = opened.recipe.documents
    if asked is None:
        raise HelderError(f"{opened.path} has no [documents].", "So nothing waits.", "helder data add FOLDER")
    made = prepared(opened, as_json)
    file = opened.folder / asked.decisions
    open_ones = waiting(made["extract"], made.get("clean"), Decisions.read(file))
    taken: list[Decision] = []

    def keep(decision: Decision) -> None:
        Decisions.read(file).with_([decision]).write(file)
        taken.append(decision)

    interrupted: click.Abort | None = None
    if accept or refuse:
        taken = decide(open_ones, accept, refuse, why, today())
        Decisions.read(file).with_(taken).write(file)
    elif not as_json and at_terminal():
        try:
            ask(open_ones, keep)
        except click.Abort as stopped:
            interrupted = stopped
    if taken:
        open_ones = waiting(made["extract"], made.get("clean"), Decisions.read(file))
    if as_json:
        talk.data({"waiting": open_ones, "decided": [one.__dict__ for one in taken], "file": str(file)})
        return
    if taken:
        said = "1 decision is" if len(taken) == 1 else f"{len(taken)} decisions are"
        talk.say(f"{said} kept in {file}; helder run follows.")
    elif interrupted is None:
        rows = [
            [one["path"] + (f", {one['row']}" if one["row"] else ""), one["document"] or "-", one["why"]]
            for one in open_ones
        ]
        if rows:
            click.echo(talk.table(rows, ["what waits", "document", "why"]))
    talk.say(f"{len(open_ones)} wait for a person." if open_ones else "Nothing waits for a person.")
    if interrupted is not None:
        raise interrupted


def at_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(waiting: Sequence[Mapping[str, Any]], keep: Callable[[Decision], None]) -> None:
    """Ask about one after the other, and hand on each decision before the next question.

    Raises:
        click.Abort: interrupted, or nobody is there any more; a decision whose reason was not yet given is none.
    """
    from helder.data.decisions import Decision, Word

    for number, one in enumerate(waiting, start=1):
        click.echo(f"\n{number} of {len(waiting)}: {one['path']}" + (f", {one['row']}" if one["row"] else ""))
        click.echo(f"it waits because: {one['why']}")
        if one["excerpt"]:
            click.echo("    " + visible(one["excerpt"]).replace("\n", "\n    "))
        choices = ["accept", "refuse", "later", "stop"] if one["document"] else ["refuse", "later", "stop"]
        answer = click.prompt("what shall be done", type=click.Choice(choices), default="later")
        if answer == "stop":
            break
        if answer == "later":
            continue
        word: Word = "accept" if answer == "accept" else "refuse"
        reason = str(click.prompt("why", default="", show_default=False))
        keep(Decision(word, one["document"], one["path"], one["sha256"], reason, today()))


def visible(text: str) -> str:
    """Text from outside for a terminal: nothing in it can move the cursor or turn the line around."""
    from helder.data.extract.walk import shown

    return "\n".join(shown(line) for line in text.split("\n"))


def today() -> str:
    """The day on which a person decides."""
    from datetime import UTC, datetime

    return datetime.now(UTC).date().isoformat()


def prepared(project: Project, as_json: bool) -> dict[str, Path]:
    """The folders of what "extract" and "clean" made, which are run when they are not done."""
    from helder import pipeline
    from helder.errors import HelderError

    if project.recipe.documents is None:
        raise HelderError(f"{project.path} has no [documents].", "So no folder is read.", "helder data add FOLDER")
    with talk.events(as_json) as on_event:
        made = pipeline.prepare(project, on_event)
    return {name: artifact.path for name, artifact in made.items()}


def table(paths: Sequence[Mapping[str, Any]]) -> str:
    """How many files of each kind are accepted, held and refused, with the sum, and how many documents they make."""
    counts: dict[str, Counter[str]] = {}
    for one in paths:
        kind = counts.setdefault(one["media_type"] or "not read", Counter())
        kind[one["state"]] += 1
        kind["documents"] += len(one["documents"])
    total: Counter[str] = Counter()
    for kind in counts.values():
        total.update(kind)
    columns = (*STATES, "documents")
    rows = [[name, *(f"{kind[column]:,}" for column in columns)] for name, kind in sorted(counts.items())]
    rows.append(["all", *(f"{total[column]:,}" for column in columns)])
    return talk.table(rows, ["files", *columns], right=(1, 2, 3, 4))


def tell_reasons(paths: Sequence[Mapping[str, Any]], everything: bool) -> None:
    """The reasons of what is not accepted, and the warnings of what is, held ones first."""
    rows = [
        [one["state"], one["path"], one["why"]]
        for state in ("held", "refused")
        for one in paths
        if one["state"] == state
    ]
    rows += [["warning", one["path"], warning] for one in paths for warning in one["warnings"]]
    if not rows:
        return
    shown = rows if everything else rows[:SHOWN]
    click.echo("\n" + talk.table(shown, ["what", "path", "why"]))
    if len(rows) > len(shown):
        talk.say(f"… and {len(rows) - len(shown):,} more: --all")


def tell_cleaning(clean: Path, everything: bool) -> None:
    """What became of the documents after they were read: how many stay, and why the others do not."""
    account = accounts.counts(clean)
    counts = ", ".join(f"{state} {count:,}" for state, count in account["counts"].items() if count)
    click.echo(f"\nof {account['total']:,} documents after cleaning: {counts}")
    rows = []
    for one in accounts.documents(clean):
        name = one["path"] + (f", {one['row']}" if one.get("row") else "")
        if one["state"] != "kept":
            other = f": {one['of']['path']}" if "of" in one and one["of"]["path"] not in one["why"] else ""
            rows.append([one["state"], name, one["why"] + other])
        elif "repeated" in one:
            cut, of = one["repeated"], ", ".join(dict.fromkeys(each["path"] for each in one["repeated"]["of"]))
            rows.append(["shortened", name, f"{cut['passages']} passages, {cut['bytes']:,} bytes, which stand in {of}"])
    shown = rows if everything else rows[:SHOWN]
    if shown:
        click.echo("\n" + talk.table(shown, ["what", "document", "why"]))
    if len(rows) > len(shown):
        talk.say(f"… and {len(rows) - len(shown):,} more: --all")


def quoted(folder: Path) -> str:
    """A path as TOML text."""
    return json.dumps(str(folder), ensure_ascii=False)


def put_into(recipe: Path, folder: Path) -> bool:
    """Put a folder into `folders` of [documents] of a recipe; False when it, or one that it lies in, is there already.

    The text of the recipe stays as it is but for this line, comments too. Whether it then says what it should is
    checked before it is written.

    Raises:
        HelderError: it cannot be put there without a person; the message says what to write.
    """
    import os
    import re
    import tomllib

    from helder.errors import HelderError
    from helder.ledger.artifact import write_atomic

    where = os.path.relpath(folder.absolute(), recipe.parent.absolute())
    name = folder.absolute().as_posix() if where.startswith("..") else Path(where).as_posix()
    text = recipe.read_text(encoding="utf-8")
    before = tomllib.loads(text)
    documents = before.get("documents")
    named = [] if documents is None else documents.get("folders", [])
    there = [*named, *(str(one.get("folder")) for one in (documents or {}).get("sources", []))]
    if any(Path(name).is_relative_to(one) for one in there):
        return False
    entry = quoted(Path(name))
    heading = re.search(r"^\[documents\][^\n]*\n", text, re.MULTILINE)
    if documents is None:
        changed = f"{text.rstrip()}\n\n[documents]\nfolders = [{entry}]\n"
    elif heading is None:
        changed = text
    elif "folders" not in documents:
        changed = f"{text[: heading.end()]}folders = [{entry}]\n{text[heading.end() :]}"
    else:
        body = text[heading.end() :]
        listed = re.search(
            r"^(\s*folders\s*=\s*\[)((?:[^\]\"'#]|\"[^\"\n]*\"|'[^'\n]*'|#[^\n]*)*?)(,?\s*)\]", body, re.MULTILINE
        )
        changed = text
        if listed:
            comma = ", " if named else ""
            changed = f"{text[: heading.end()]}{body[: listed.end(2)]}{comma}{entry}]{body[listed.end() :]}"
    wanted = {**before, "documents": {**(documents or {}), "folders": [*named, name]}}
    try:
        fits = tomllib.loads(changed) == wanted
    except tomllib.TOMLDecodeError:
        fits = False
    if not fits:
        raise HelderError(
            f"{recipe} was left as it is: [documents] is written in a way that is not changed by machine.",
            fix=f"Add {entry} to folders under [documents].",
        )
    write_atomic(recipe, changed.encode("utf-8"))
    return True
