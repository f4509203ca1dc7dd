"""The mean of several trainings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from helder.errors import HelderError
from helder.ledger.artifact import digest_path
from helder.model.transformer import Transformer
from helder.tokens.shards import Shard
from helder.train import average
from helder.train.objectives.answers import cross_entropy
from helder.train.objectives.text import measure
from tests.train import bits
from tests.train.conftest import ignore
from tests.train.objectives import small_world


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three trainings that begin alike and see the texts in other orders; "text" beside them."""
    place = tmp_path_factory.mktemp("parts")
    inputs = bits.make_inputs(place / "inputs")
    start = bits.train("text, muon", inputs, place / "start", steps=40)
    made = {
        f"seed-{seed}": bits.train(
            "text, muon", inputs | {"base": start}, place / str(seed), steps=15, seed=seed, schedule="constant"
        )
        for seed in (1, 2, 3)
    }
    return made | {"text": inputs["text"]}


def models(parts: dict[str, Path]) -> dict[str, Path]:
    return {name: path for name, path in parts.items() if name != "text"}


def test_an_average_is_no_worse_than_the_mean_of_its_parts(parts: dict[str, Path], tmp_path: Path) -> None:
    soup = small_world.made(average.run, tmp_path / "soup", {}, models(parts))
    held_out = Shard.load(parts["text"], "dev")
    losses = {
        name: measure(cross_entropy, Transformer.from_folder(path), held_out, 64)["loss"]
        for name, path in {**models(parts), "soup": soup}.items()
    }
    together = losses.pop("soup")
    assert len(set(losses.values())) == 3
    assert together <= sum(losses.values()) / 3


def test_an_average_is_the_mean_of_every_tensor_whoever_is_named_first(parts: dict[str, Path], tmp_path: Path) -> None:
    given = models(parts)
    soup = small_world.made(average.run, tmp_path / "soup", {}, given)
    turned = small_world.made(average.run, tmp_path / "turned", {}, dict(reversed(list(given.items()))))
    assert digest_path(soup) == digest_path(turned)
    tensors = [load_file(path / "model.safetensors") for path in given.values()]
    for name, mean in load_file(soup / "model.safetensors").items():
        expected = torch.stack([part[name].double() for part in tensors]).mean(0)
        torch.testing.assert_close(mean.double(), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("what", ["shape", "missing"])
def test_models_that_are_not_alike_are_refused(tmp_path: Path, what: str) -> None:
    inputs = {}
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        tensors = {"x": torch.ones(2, 2), "y": torch.ones(3)}
        if name == "b":
            tensors = {"x": torch.ones(2, 3), "y": torch.ones(3)} if what == "shape" else {"x": torch.ones(2, 2)}
        save_file(tensors, folder / "model.safetensors")
        (folder / "log.jsonl").write_text(json.dumps({"step": 1}) + "\n", encoding="utf-8")
        inputs[name] = folder
    with pytest.raises(HelderError, match="another shape" if what == "shape" else "do not have the same tensors"):
        average.run({}, inputs, tmp_path, tmp_path, ignore)
