"""Example: a dose instruction as a prescriber wrote it → a record of dose, frequency and duration.

The data are made up by a seeded generator (`generate.py`); a second test set holds the cases of another organisation
(`foreign.py`). This module writes them into a new project; it needs the standard library only.
"""

from __future__ import annotations

import json

from helder.examples.files import Example, json_lines, read

# name of the made-up file → (seed, lines); changing one changes every digest that follows from it.
DUTCH_LEARNT = 0.25  # share of Dutch lines in the training; the base model knows less of it than of English
SIZES = {"train": (1, 20_000), "dev": (2, 300), "test": (3, 400)}


def contents() -> dict[str, bytes]:
    """The files of the example: name → bytes, the same on every machine."""
    from helder.examples.dose_instructions.generate import generate

    shipped = {name: read(__package__, name) for name in EXAMPLE.shipped}
    foreign = [json.loads(line)["input"] for line in shipped["foreign.jsonl"].decode("utf-8").splitlines()]
    train = generate(*SIZES["train"], split="train", dutch_share=DUTCH_LEARNT, exclude=foreign)
    taken = [*foreign, *(line["input"] for line in train)]
    dev = generate(*SIZES["dev"], split="train", exclude=taken)
    dev = [line | {"id": line["id"].replace("train", "dev")} for line in dev]
    test = generate(*SIZES["test"], split="test", exclude=taken + [line["input"] for line in dev])
    made = {"train.jsonl": train, "dev.jsonl": dev, "test.jsonl": test}
    return shipped | {name: json_lines(lines) for name, lines in made.items()}


EXAMPLE = Example(
    name="dose-instructions",
    summary="a dose instruction as written → form, dose, frequency, duration (made-up data, English and Dutch)",
    licence="CC0-1.0 (made up); foreign.jsonl MIT",
    shipped=("README.md", "recipe.toml", "schema.json", "foreign.jsonl", "foreign.LICENSE"),
)
