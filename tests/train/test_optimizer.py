"""The optimizers against the same written plainly, who changes which weight, and steps of a few at a time."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from helder.train import checkpoint, optimizer
from helder.train.optimizer import Optimizer, orthogonal, together
from helder.train.settings import TrainSettings

NAMES = {
    "lm_head.weight": (20, 8),
    "model.embed_tokens.weight": (20, 8),
    "model.layers.0.mlp.up_proj.weight": (12, 8),
    "model.layers.0.post_attention_layernorm.weight": (8,),
}


def parameters(seed: int = 0) -> dict[str, nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    made = {name: nn.Parameter(torch.randn(shape, generator=generator)) for name, shape in NAMES.items()}
    return made


def gradients(seed: int = 1) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in NAMES.values()]


@pytest.mark.parametrize("shape", [(48, 48), (96, 32), (32, 96)])
def test_newton_schulz_gives_the_singular_vectors_with_values_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = left.T @ orthogonal(matrix) @ right.T
    values = found.diagonal()
    assert 0.6 < values.min() < values.max() < 1.25
    assert (found - values.diag()).abs().max() < 1e-3


@pytest.mark.parametrize("rate", [0.1, 0.01])
def test_muon_in_fp32_is_torchs_but_for_the_rounding_of_bf16(rate: float) -> None:
    moved = {}
    precisions: tuple[Literal["fp32", "bf16"], ...] = ("fp32", "bf16")
    for precision in precisions:
        settings = TrainSettings(optimizer="muon", precision=precision, muon_learning_rate=rate, weight_decay=0.1)
        made = parameters()
        before = {name: parameter.detach().clone() for name, parameter in made.items()}
        found = Optimizer(made, settings, tied=False)
        for _ in range(3):
            found.step(1.0, gradients().__getitem__)
        moved[precision] = {name: made[name].detach() - before[name] for name in made}
    for name, ours in moved["fp32"].items():
        torch.testing.assert_close(ours, moved["bf16"][name], rtol=0.05, atol=0.05 * rate)
    state = found.state()
    assert "momentum_buffer.model.layers.0.mlp.up_proj.weight" in state
    assert "exp_avg.model.embed_tokens.weight" in state


def test_adamw_is_the_published_one() -> None:
    settings = TrainSettings(learning_rate=0.01, weight_decay=0.1)
    made, name = parameters(), "model.layers.0.mlp.up_proj.weight"
    gradient, before = gradients()[list(NAMES).index(name)], made[name].detach().clone()
    Optimizer(made, settings, tied=False).step(0.5, gradients().__getitem__)
    rate = 0.5 * 0.01  # the first step's means are the gradient and its square
    expected = before * (1 - rate * 0.1) - rate * gradient / (gradient.abs() + 1e-8)
    torch.testing.assert_close(made[name].detach(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("tied", [False, True])
def test_norms_and_an_embedding_that_is_looked_up_only_do_not_decay(tied: bool) -> None:
    made = parameters()
    before = {name: parameter.detach().clone() for name, parameter in made.items()}
    nothing = [torch.zeros_like(parameter) for parameter in made.values()]
    Optimizer(made, TrainSettings(learning_rate=0.1, weight_decay=0.5), tied).step(1.0, nothing.__getitem__)
    kept = {name for name, parameter in made.items() if parameter.equal(before[name])}
    embedding = set() if tied else {"model.embed_tokens.weight"}
    assert kept == {"model.layers.0.post_attention_layernorm.weight"} | embedding


SHAPES = {"model.embed_tokens.weight": (7, 4), "model.layers.0.a.weight": (4, 4), "model.layers.0.norm.weight": (4,)}


def drawn(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}


def stepped(kind: Any, steps: int, state: dict[str, torch.Tensor] | None = None, start: int = 0) -> Any:
    """(weights, state) after some steps with drawn gradients, going on from `state`."""
    parameters = {name: torch.nn.Parameter(tensor) for name, tensor in drawn(99).items()}
    made = Optimizer(parameters, TrainSettings(optimizer=kind, weight_decay=0.1), tied=True)
    places = checkpoint.state(parameters, made)
    for key, tensor in (state or {}).items():
        places[key].copy_(tensor)
    for step in range(start, steps):
        gradients = list(drawn(step).values())
        made.step(0.5, lambda place, gradients=gradients: gradients[place])
        assert all(parameter.grad is None for parameter in parameters.values())
    return {key: tensor.clone() for key, tensor in checkpoint.state(parameters, made).items()}


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_weights_changed_one_after_another_get_the_bits_of_all_at_once(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = stepped(kind, 3)
    monkeypatch.setattr(optimizer, "TOGETHER", 1)
    by_themselves = stepped(kind, 3)
    assert at_once.keys() == by_themselves.keys()
    assert all(at_once[key].equal(by_themselves[key]) for key in at_once)


def test_steps_are_those_of_torch() -> None:
    parameters = {name: torch.nn.Parameter(tensor) for name, tensor in drawn(99).items()}
    vectors = [parameter for parameter in parameters.values() if parameter.ndim == 1]
    matrices = [parameter for parameter in parameters.values() if parameter.ndim > 1]
    settings = TrainSettings()
    plain = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=0.5 * settings.learning_rate,
        betas=(settings.beta1, settings.beta2),
    )
    for step in range(3):
        for parameter, gradient in zip(parameters.values(), drawn(step).values(), strict=True):
            parameter.grad = gradient
        plain.step()
    ours = stepped("adamw", 3)
    for name, parameter in parameters.items():
        torch.testing.assert_close(ours[f"weight.{name}"], parameter.detach())


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_what_was_remembered_is_all_that_a_later_step_needs(kind: str) -> None:
    whole, continued = stepped(kind, 4), stepped(kind, 4, stepped(kind, 2), start=2)
    assert all(whole[key].equal(continued[key]) for key in whole)


@given(sizes=st.lists(st.integers(1, 2 * optimizer.TOGETHER), max_size=9))
def test_every_weight_is_in_one_group_and_groups_are_small(sizes: list[int]) -> None:
    groups = list(together(sizes))
    assert [place for group in groups for place in group] == list(range(len(sizes)))
    assert all(len(group) == 1 or sum(sizes[place] for place in group) <= optimizer.TOGETHER for group in groups)
