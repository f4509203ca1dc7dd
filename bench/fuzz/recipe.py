"""Recipes: TOML that a person wrote, or got from somebody."""

from __future__ import annotations

import random

from bench.fuzz.harness import ROOT, Target, change_text, scratch


def run(data: bytes) -> None:
    from helder.recipe import Recipe

    path = scratch() / "recipe.toml"
    path.write_bytes(data)
    recipe = Recipe.load(path, files=False)
    recipe.files()
    for training in recipe.train:
        assert training.amount[1] > 0, "a budget of nothing"
        recipe.paths_of(training)
    Recipe.load(path)


def seeds() -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "helder" / "examples").glob("*/recipe.toml"))]


def mutate(data: bytes, chance: random.Random) -> bytes:
    return change_text(data, chance)


TARGET = Target(
    "recipe",
    run,
    seeds,
    mutate,
    words=(b"[data]", b"[base]", b"[[train]]", b"[evaluate]", b"[compress]", b"[release]", b"[trust]", b"[documents]",
           b"[compare]", b"[retrieve]", b'budget = "3 h"', b"seeds = [1, 2]", b"1979-05-27T07:32:00Z", b'"""', b"inf",
           b"nan", b"0x7fffffffffffffff", b"scratch"),
)  # fmt: skip
