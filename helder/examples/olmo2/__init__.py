"""Example: a model from nothing but text, by every step of OLMo 2's way, small enough for two cores.

The text is a made-up world of small sums (`world.py`); the sums of the test stand nowhere in it. This module makes the
files of a new project; it needs the standard library only.
"""

from __future__ import annotations

from typing import Any

from helder.examples.files import Example, json_lines, read

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


EXAMPLE = Example(
    name="olmo2",
    summary="from nothing but text, by OLMo 2's way: tokenizer, pre-training, annealing, tuning, preference, reward",
    licence="CC0-1.0 (made up)",
    shipped=("README.md", "recipe.toml"),
)
