"""`helder model`: import, list and show base models."""

from __future__ import annotations

import click

from helder.commands import talk


@click.group()
def model() -> None:
    """Import, list and show base models."""


@model.command("import")
@click.argument("source")
@click.option("--name", help="Keep it under this name; default: from its source.")
@click.option("--allow-network", is_flag=True, help="Allow a download from the model hub; it is recorded.")
@talk.json_option
def import_(source: str, name: str | None, allow_network: bool, as_json: bool) -> None:
    """Import SOURCE: a GGUF file, a Hugging Face folder, a hub name, or smollm2-135m-instruct."""
    from helder.model import store

    with talk.events(as_json) as on_event:
        entry = store.import_model(source, name=name, allow_network=allow_network, on_event=on_event)
    talk.data(entry) if as_json else talk.say(f'Imported. In a recipe: [base] model = "{entry["name"]}"')


@model.command("list")
@talk.json_option
def list_(as_json: bool) -> None:
    """List the models that were imported."""
    from helder.model import store

    entries = store.entries()
    if as_json:
        talk.data(entries)
    elif entries:
        rows = [[entry["name"], entry.get("licence", "?"), entry.get("note", "")] for entry in entries]
        click.echo(talk.table(rows, ["name", "licence", "note"]))
    else:
        talk.say("No models yet. Begin with: helder model import smollm2-135m-instruct")


@model.command()
@click.argument("name")
@talk.json_option
def show(name: str, as_json: bool) -> None:
    """Show where the model NAME comes from."""
    from helder.model import store

    entry = store.show(name)
    if as_json:
        talk.data(entry)
        return
    for key, value in entry.items():
        click.echo(f"{key}: {value}")
