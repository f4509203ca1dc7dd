"""The same bits: twice, resumed, with one thread and two, for every method; and values that were once found.

`tests/train/bits.py` holds the recipes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from helder.ledger.artifact import digest_path
from helder.ledger.environment import flags
from helder.train import loop
from tests.train import bits

Golden = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return bits.make_inputs(tmp_path_factory.mktemp("bits") / "inputs")


@pytest.fixture(scope="module")
def once(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """What a recipe makes undisturbed, with one thread."""
    made: dict[str, Path] = {}

    def of(recipe: str) -> Path:
        if recipe not in made:
            made[recipe] = with_threads(1, recipe, inputs, tmp_path_factory.mktemp("once"))
        return made[recipe]

    return of


def with_threads(threads: int, recipe: str, inputs: dict[str, Path], place: Path, **settings: Any) -> Path:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return bits.train(recipe, inputs, place, **settings)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("recipe", bits.RECIPES)
@pytest.mark.parametrize("threads", [1, 2])
def test_twice_with_one_thread_and_with_two_gives_the_same_bits(
    inputs: dict[str, Path], once: Callable[[str], Path], tmp_path: Path, recipe: str, threads: int
) -> None:
    assert digest_path(with_threads(threads, recipe, inputs, tmp_path)) == digest_path(once(recipe))


@pytest.mark.parametrize("recipe", bits.RECIPES)
def test_a_killed_training_continues_to_the_same_bits(
    inputs: dict[str, Path],
    once: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    recipe: str,
) -> None:
    step, taken = loop.Trainer.step, []

    def dies(self: loop.Trainer, number: int, steps: int) -> dict[str, Any]:
        if number == 5:  # after the checkpoint of step 4: the fifth step is done twice
            raise KeyboardInterrupt
        return step(self, number, steps)

    def counts(self: loop.Trainer, number: int, steps: int) -> dict[str, Any]:
        taken.append(number)
        return step(self, number, steps)

    monkeypatch.setattr(loop.Trainer, "step", dies)
    with pytest.raises(KeyboardInterrupt):
        with_threads(1, recipe, inputs, tmp_path)
    monkeypatch.setattr(loop.Trainer, "step", counts)
    assert digest_path(with_threads(1, recipe, inputs, tmp_path)) == digest_path(once(recipe))
    assert taken == [4, 5]


def test_another_seed_gives_other_bits(inputs: dict[str, Path], once: Callable[[str], Path], tmp_path: Path) -> None:
    other = with_threads(1, "reward", inputs, tmp_path, seed=1)
    assert digest_path(other) != digest_path(once("reward"))


def test_rewards_of_the_small_recipe_differ_so_that_there_is_something_to_learn(once: Callable[[str], Path]) -> None:
    lines = (once("reward") / "rollouts.jsonl").read_text(encoding="utf-8").splitlines()
    assert len({json.loads(line)["reward"] for line in lines}) > 2
    log = [json.loads(line) for line in (once("reward") / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all(line["gradient_norm"] > 0 for line in log)


@pytest.fixture(scope="module")
def golden() -> Golden:
    found: Golden = json.loads(bits.GOLDEN.read_text(encoding="utf-8"))
    return found


def needs(profile: str, golden: Golden) -> None:
    """Skip where golden values cannot be expected, and say which part of the environment is another one."""
    there, here = golden[profile]["environment"], bits.environment(profile)
    other = [f"{name} is {here[name]}, not {there[name]}" for name in there if here[name] != there[name]]
    if other:
        pytest.skip(f"The golden values of {profile} hold in another environment: {'; '.join(other)}")


def test_losses_and_weights_are_the_golden_ones(golden: Golden, tmp_path: Path) -> None:
    needs("fast", golden)
    assert bits.in_child("fast", tmp_path / "fast") == golden["fast"]["recipes"]


@pytest.mark.skipif(not {"avx2", "fma"} <= flags(), reason="The portable profile needs AVX2 and FMA.")
@pytest.mark.parametrize("restricted", [False, True], ids=["whole processor", "restricted processor"])
def test_portable_losses_and_weights_are_the_golden_ones_on_every_processor(
    golden: Golden, tmp_path: Path, restricted: bool
) -> None:
    needs("portable", golden)
    variables = bits.RESTRICTED | {"NPY_DISABLE_CPU_FEATURES": bits.numpy_features()} if restricted else {}
    assert bits.in_child("portable", tmp_path / "portable", **variables) == golden["portable"]["recipes"]
