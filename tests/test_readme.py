"""What the README tells a new user to write and to type is understood."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from pathlib import Path

import click
import pytest

from helder import pipeline
from helder.commands import group
from helder.data import stage
from helder.project import Project

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
OWN_DATA = re.split(r"^## ", README.partition("## Your own data\n")[2], flags=re.MULTILINE)[0]
BLOCKS = [
    textwrap.dedent(block) for block in re.findall(r"(?:^(?:    .*)?\n)+", OWN_DATA, re.MULTILINE) if block.strip()
]
RECIPE, COMMANDS, RECORD = BLOCKS
ROWS = [(f"Gat in de weg bij nummer {n}, graag spoed", "Wegen") for n in range(12)]
ROWS += [(f"Boom om bij nummer {n}", "Groen") for n in range(12)]


def records(project: Path) -> str:
    """Run the data stage as `helder run` would; the kind of task that it sees."""
    opened, output = Project.open(project), project / "output"
    output.mkdir()
    inputs = {name: artifact.path for name, artifact in pipeline.sources(opened).items() if artifact}
    stage.run(pipeline.data_settings(opened), inputs, output, project, lambda event, **fields: None)
    return str(json.loads((output / "task.json").read_text(encoding="utf-8"))["kind"])


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_recipe_of_ones_own_data_reads_what_the_text_says(tmp_path: Path, separator: str, encoding: str) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    lines = [f"melding{separator}afdeling", *(f'"{text} – {encoding}"{separator}{label}' for text, label in ROWS)]
    (tmp_path / "meldingen.csv").write_text("\n".join(lines) + "\n", encoding=encoding)
    assert records(tmp_path) == "label"


def test_a_record_as_it_is_shown_is_seen_as_one(tmp_path: Path) -> None:
    example = json.loads(RECORD)
    question, answer = example
    days = ("maandag", "dinsdag", "woensdag", "donderdag")
    lines = []
    for number, day in enumerate(days * 4):
        record = {**example[answer], "dag": day}
        if number % 3 == 0:
            del record["uur"]  # what says nothing may be left out
        lines.append(json.dumps({question: f"{day} {number}", answer: record}))
    (tmp_path / "meldingen.csv").with_suffix(".jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    recipe = RECIPE.replace("meldingen.csv", "meldingen.jsonl").replace('"melding"', f'"{question}"')
    (tmp_path / "recipe.toml").write_text(recipe.replace('"afdeling"', f'"{answer}"'), encoding="utf-8")
    assert records(tmp_path) == "record"


def test_the_commands_for_ones_own_data_can_be_typed() -> None:
    commands = [shlex.split(line, comments=True) for line in COMMANDS.splitlines() if line.strip()]
    assert {words[1] for words in commands} == {"recipe", "plan", "run", "ask"}
    for words in commands:
        assert words[0] == "helder"
        with click.Context(group.helder) as context:
            name, command, rest = group.helder.resolve_command(context, words[1:])
            assert command is not None
            command.make_context(name, rest)  # raises when an option or an argument is not known
