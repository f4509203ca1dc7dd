"""Example: a model from nothing but text, by every step of OLMo 2's way, small enough for two cores.

The text is a made-up world of small sums (`world.py`); the sums of the test stand nowhere in it. This module writes the
files into a new project; it needs the standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from helder.examples.files import Example, read

# name of the file → (seed, lines); changing one changes every digest that follows from it.
SIZES = {
    "text": (1, 8_000),
    "better": (2, 3_000),
    "train": (3, 800),
    "dev": (4, 100),
    "test": (5, 300),
    "pairs": (6, 600),
}


def contents() -> dict[str, bytes]:
    """The files of the example: name → bytes, the same on every machine."""
    from helder.examples.olmo2 import world

    made: dict[str, list[dict[str, Any]]] = {
        "text": world.documents(*SIZES["text"], share_of_sums=0.4),
        "better": world.documents(*SIZES["better"], share_of_sums=0.8),
        "pairs": world.pairs(*SIZES["pairs"]),
        **{name: world.questions(*SIZES[name], held_out=name == "test") for name in ("train", "dev", "test")},
    }
    asked = {line["input"] for line in made["train"]}
    made["dev"] = [line for line in made["dev"] if line["input"] not in asked]
    shipped = {name: read(__package__, name) for name in EXAMPLE.shipped}
    return shipped | {f"{name}.jsonl": json_lines(lines) for name, lines in made.items()}


def json_lines(records: Iterable[dict[str, Any]]) -> bytes:
    """Records as JSON, one a line."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode("utf-8")


def materialise(folder: Path) -> None:
    """Write the example into a folder, which is made when it is not there.

    Raises:
        HelderError: a file of the same name is already there, or the folder cannot be written.
    """
    EXAMPLE.write(folder, contents())


EXAMPLE = Example(
    name="olmo2",
    summary="from nothing but text, by OLMo 2's way: tokenizer, pre-training, annealing, tuning, preference, reward",
    licence="CC0-1.0 (made up)",
    shipped=("README.md", "recipe.toml"),
)
