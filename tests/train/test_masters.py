"""fp32 masters and their working copies."""

from __future__ import annotations

from pathlib import Path

import torch

from helder.model.transformer import Transformer
from helder.train.masters import Masters


def test_in_bf16_the_blocks_multiply_copies_and_the_rest_is_its_own_master(base: Path) -> None:
    model = Transformer.from_folder(base)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    masters = Masters(model, torch.bfloat16)
    assert list(masters.parameters) == sorted(before)
    for (name, master), working in zip(masters.parameters.items(), masters.working, strict=True):
        assert master.dtype == torch.float32
        assert master.equal(before[name]), "nothing is rounded"
        assert working is dict(model.named_parameters())[name]
        assert (working.dtype == torch.bfloat16) == name.endswith("_proj.weight")
        assert (working is master) == (not name.endswith("_proj.weight"))


def test_in_fp32_there_are_no_copies(base: Path) -> None:
    masters = Masters(Transformer.from_folder(base), torch.float32)
    assert all(map(lambda one, other: one is other, masters.parameters.values(), masters.working))


def test_what_is_not_trained_is_left_alone(base: Path) -> None:
    model = Transformer.from_folder(base).requires_grad_(False)
    model.model.norm.requires_grad_(True)
    masters = Masters(model, torch.bfloat16)
    assert list(masters.parameters) == ["model.norm.weight"]
    assert model.model.layers[0].mlp.up_proj.weight.dtype == torch.float32


def test_refresh_brings_a_change_into_the_model_rounded_once(base: Path) -> None:
    model = Transformer.from_folder(base)
    masters = Masters(model, torch.bfloat16)
    name = "model.layers.0.mlp.up_proj.weight"
    with torch.no_grad():
        masters.parameters[name].mul_(1.5)
    masters.refresh()
    assert model.model.layers[0].mlp.up_proj.weight.equal(masters.parameters[name].bfloat16())
