"""The optimizers against the same written plainly, and who changes which weight."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helder.train.optimizer import Optimizer, orthogonal
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
    for parameter in made.values():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    return made


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
    for precision in ("fp32", "bf16"):
        settings = TrainSettings(optimizer="muon", precision=precision, muon_learning_rate=rate, weight_decay=0.1)  # type: ignore[arg-type]
        made = parameters()
        before = {name: parameter.detach().clone() for name, parameter in made.items()}
        optimizer = Optimizer(made, settings, tied=False)
        for _ in range(3):
            optimizer.step(1.0)
        moved[precision] = {name: made[name].detach() - before[name] for name in made}
    for name, ours in moved["fp32"].items():
        torch.testing.assert_close(ours, moved["bf16"][name], rtol=0.05, atol=0.05 * rate)
    state = optimizer.state()
    assert "momentum_buffer.model.layers.0.mlp.up_proj.weight" in state
    assert "exp_avg.model.embed_tokens.weight" in state


def test_adamw_is_the_published_one() -> None:
    settings = TrainSettings(learning_rate=0.01, weight_decay=0.1)
    made, name = parameters(), "model.layers.0.mlp.up_proj.weight"
    gradient, before = made[name].grad, made[name].detach().clone()
    assert gradient is not None
    Optimizer(made, settings, tied=False).step(0.5)
    rate = 0.5 * 0.01  # the first step's means are the gradient and its square
    expected = before * (1 - rate * 0.1) - rate * gradient / (gradient.abs() + 1e-8)
    torch.testing.assert_close(made[name].detach(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("tied", [False, True])
def test_norms_and_an_embedding_that_is_looked_up_only_do_not_decay(tied: bool) -> None:
    made = parameters()
    before = {name: parameter.detach().clone() for name, parameter in made.items()}
    for parameter in made.values():
        parameter.grad = torch.zeros_like(parameter)
    Optimizer(made, TrainSettings(learning_rate=0.1, weight_decay=0.5), tied).step(1.0)
    kept = {name for name, parameter in made.items() if parameter.equal(before[name])}
    embedding = set() if tied else {"model.embed_tokens.weight"}
    assert kept == {"model.layers.0.post_attention_layernorm.weight"} | embedding
