"""`helder model`: import, list, show and export base models, and the sizes of those made from nothing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from helder.commands import talk

if TYPE_CHECKING:
    from helder.model.store import Entry


@click.group()
def model() -> None:
    """Import, list, show and export base models."""


@model.command("import")
@click.argument("source")
@click.option("--name", help="Keep it under this name; default: from its source.")
@click.option("--chat-format", help="Its chat format, when it does not carry one that is known, such as chatml.")
@click.option("--allow-network", is_flag=True, help="Allow the download that this source needs; it is recorded.")
@talk.json_option
def import_(source: str, name: str | None, chat_format: str | None, allow_network: bool, as_json: bool) -> None:
    """Import a base model.

    SOURCE is a GGUF file, a Hugging Face folder, a starter (smollm2-135m-instruct), or a hub name.
    """
    from helder.model import store

    with talk.events(as_json) as on_event:
        entry = store.import_model(
            source, name, allow_network=allow_network, chat_format=chat_format, on_event=on_event
        )
    if as_json:
        talk.data(facts(entry))
        return
    talk.say("Imported. In a recipe:\n")
    click.echo(f'[base]\nmodel = "{entry.name}"')


@model.command("list")
@talk.json_option
def list_(as_json: bool) -> None:
    """List the models that were imported."""
    from helder.model import store

    entries = [facts(entry) for entry in store.entries()]
    if as_json:
        talk.data(entries)
    elif entries:
        rows = [[one["name"], one["sha256"][:12], str(one["source"].get("licence", "unknown"))] for one in entries]
        click.echo(talk.table(rows, ["name", "sha256", "licence"]))
    else:
        talk.say("No models yet. Begin with: helder model import smollm2-135m-instruct --allow-network")


@model.command("sizes")
@talk.json_option
def sizes_(as_json: bool) -> None:
    """List the sizes that a model made from nothing can have.

    Parameters are those with the published vocabulary; a model made here has its own.
    """
    from helder.model.sizes import sizes

    known = list(sizes().values())
    if as_json:
        counted = [{**dataclasses.asdict(one), "parameters": one.published.parameter_count} for one in known]
        talk.data(counted)
        return
    rows = [
        [
            one.name,
            one.family,
            talk.count(one.published.parameter_count),
            f"{one.vocabulary_size:,}",
            f"{one.width:,} x {one.layers} x {one.heads}",
        ]
        for one in known
    ]
    head = ["name", "family", "parameters", "vocabulary", "width x layers x heads"]
    click.echo(talk.table(rows, head, right=(2, 3)))
    click.echo("\nSources:")
    for source in dict.fromkeys(one.source for one in known):
        names = [one.name for one in known if one.source == source]
        click.echo(f"{names[0]} to {names[-1]}: {source}")


@model.command()
@click.argument("name")
@talk.json_option
def show(name: str, as_json: bool) -> None:
    """Show where the model NAME comes from."""
    from helder.model import store

    found = next((facts(entry) for entry in store.entries() if entry.name == name), None)
    if found is None:
        store.find(name)  # tells what there is, and the way out
        return
    if as_json:
        talk.data(found)
        return
    rows = [[key, str(value)] for key, value in found.items() if key != "source"]
    click.echo(talk.table([*rows, *([key, str(value)] for key, value in found["source"].items())], ["what", "found"]))


@model.command()
@click.argument("name")
@click.option(
    "--format",
    "form",
    type=click.Choice(["f32", "f16", "q8_0", "q4_0"]),
    default="q4_0",
    show_default=True,
    help="How weights are written.",
)
@talk.json_option
def export(name: str, form: str, as_json: bool) -> None:
    """Write the imported model NAME as a GGUF file, as it is; print where the file lies."""
    from helder.ledger.artifact import hash_file
    from helder.model import store

    with talk.events(as_json) as on_event:
        path = store.export(name, form, on_event)
    if as_json:
        size, digest = hash_file(path)
        talk.data({"model": name, "format": form, "path": str(path), "bytes": size, "sha256": digest})
        return
    click.echo(str(path))


def facts(entry: Entry) -> dict[str, Any]:
    """What is known of an imported model, as JSON."""
    said = entry.statement.predicate
    return {
        "name": entry.name,
        "path": str(entry.artifact.path),
        "sha256": entry.artifact.digest,
        "imported": said["timings"]["started"],
        "helder": said["code"]["helder"],
        "source": entry.source,
    }
