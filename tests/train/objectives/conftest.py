"""Models of the world of small sums, each trained once for all tests of the methods."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from helder.examples.olmo2.world import number
from tests.train.objectives import small_world


@dataclass(frozen=True)
class World:
    """What a model from nothing is made of.

    Attributes:
        base: a model with drawn weights.
        shards: texts as tokens, the held-out ones beside them.
    """

    base: Path
    shards: Path


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    place = tmp_path_factory.mktemp("world")
    text = small_world.texts(place / "text.jsonl", 1, 1200)
    base = small_world.base(place / "base", text)
    return World(
        base, small_world.shards(place / "shards", base, text, small_world.texts(place / "held-out.jsonl", 9, 60))
    )


@pytest.fixture(scope="session")
def pretrained(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has read the texts once and a half: 100 steps of 2,048 tokens."""
    return small_world.trained(
        tmp_path_factory.mktemp("pretrained") / "model",
        {"base": world.base, "text": world.shards},
        objective="text",
        steps=100,
        batch_tokens=2048,
        context=128,
        optimizer="muon",
        learning_rate=8e-3,
        muon_learning_rate=0.04,
        data_parallel=1,
        evaluate_every=50,
    )


@dataclass(frozen=True)
class Sums:
    """Sums of a number below 1,000 and 1, 2 or 3, without carrying.

    Attributes:
        careless: 1,500 of them with answers, of which two thirds are wrong by one.
        right: all but the unseen ones with right answers; what is unseen stands in `dev` of both.
    """

    careless: Path
    right: Path


@pytest.fixture(scope="session")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Sums:
    place = tmp_path_factory.mktemp("sums")
    asked = [(a, b) for a in range(100, 999) for b in (1, 2, 3) if a % 10 + b < 10]
    asked.sort(key=lambda pair: number("order", *pair))
    lines = [{"id": f"{a}+{b}", "input": f"{a} + {b}", "output": str(a + b)} for a, b in asked]
    unseen, known = lines[:64], lines[64:]
    careless = [
        line | {"output": str(int(line["output"]) - (number("wrong", line["id"]) < 0.65))} for line in known[:1500]
    ]
    return Sums(
        small_world.data(place / "careless", careless, unseen), small_world.data(place / "right", known, unseen)
    )


@pytest.fixture(scope="session")
def careless(pretrained: Path, sums: Sums, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that learnt sums from careless answers: it can add, and mostly says one less."""
    return small_world.trained(
        tmp_path_factory.mktemp("careless") / "model",
        {"base": pretrained, "data": sums.careless},
        steps=140,
        batch_size=32,
        optimizer="muon",
        learning_rate=3e-3,
        data_parallel=1,
        evaluate_every=140,
    )
