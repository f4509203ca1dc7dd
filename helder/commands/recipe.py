"""`helder recipe`: explain and check recipes."""

from __future__ import annotations

import click

from helder.commands import talk


@click.group()
def recipe() -> None:
    """Explain and check recipes."""


@recipe.command()
@talk.json_option
def schema(as_json: bool) -> None:
    """Explain every key.

    Prints the JSON Schema of a recipe: every key, its type, its default and what it is for.
    """
    from helder.recipe import json_schema

    del as_json  # it is JSON either way
    talk.data(json_schema())


@recipe.command()
@talk.project_argument
@talk.json_option
def check(project: str, as_json: bool) -> None:
    """Check a recipe.

    Reads the recipe of PROJECT and shows it with every default filled in.
    """
    from helder.project import Project

    opened = Project.open(project)
    resolved = opened.recipe.model_dump(mode="json", by_alias=True)
    if as_json:
        talk.data(resolved)
        return
    tables = [(key, value) for key, value in resolved.items() if isinstance(value, dict)]
    trainings = resolved.pop("train")
    tables += [("train" if len(trainings) == 1 else "[train]", training) for training in trainings]
    for key, value in resolved.items():
        if not isinstance(value, dict):
            click.echo(f"{key} = {value!r}")
    for key, table in tables:
        click.echo(f"\n[{key}]")
        for inner, setting in table.items():
            click.echo(f"{inner} = {'(not given)' if setting is None else repr(setting)}")
