"""Example: programs learnt from programs that nobody ran, and then from running them: rewards by hidden tests.

This module makes the files of a new project; it needs the standard library only.
"""

from __future__ import annotations

from helder.examples.files import Example, json_lines, read

# name of the file → (seed, lines, whether its programs are right); changing one changes every digest that follows.
SIZES = {"train": (1, 1500, False), "dev": (2, 64, True), "test": (3, 300, True)}


def contents() -> dict[str, bytes]:
    """The files of the example: name → bytes, the same on every machine."""
    from helder.examples.programs import world

    made = {name: world.items(seed, count, name, right) for name, (seed, count, right) in SIZES.items()}
    shipped = {name: read(__package__, name) for name in EXAMPLE.shipped}
    return shipped | {f"{name}.jsonl": json_lines(lines) for name, lines in made.items()}


EXAMPLE = Example(
    name="programs",
    summary="very small problems → Python, by rewards from a judge that runs the programs on hidden tests",
    licence="CC0-1.0 (made up)",
    shipped=("README.md", "recipe.toml"),
)
