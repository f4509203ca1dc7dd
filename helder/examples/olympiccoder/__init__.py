"""Example: reasoning, then a program in C++: OlympicCoder's way of tuning, on small problems that are made up.

The problems come from `problems.py`. This module writes the files into a new project; it needs the standard library
only.
"""

from __future__ import annotations

from helder.examples.files import Example, json_lines, read

# name of the file → (seed, problems); changing one changes every digest that follows from it.
SIZES = {"train": (1, 1_800), "dev": (2, 60), "test": (3, 96)}


def contents() -> dict[str, bytes]:
    """The files of the example: name → bytes, the same on every machine."""
    from helder.examples.olympiccoder import problems

    files = {name: read(__package__, name) for name in EXAMPLE.shipped}
    asked: set[str] = set()
    for name, (seed, count) in SIZES.items():
        made = problems.problems(seed, count, held_out=name == "test", but=asked)
        asked |= {problem.input for problem in made}
        files[f"{name}.jsonl"] = json_lines(problem.line() for problem in made)
    return files


EXAMPLE = Example(
    name="olympiccoder",
    summary="a small programming problem becomes a line of thought and a program in C++; a model from nothing",
    licence="CC0-1.0 (made up)",
    shipped=("README.md", "lora.toml", "recipe.toml"),
)
