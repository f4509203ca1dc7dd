"""The kernels against the same written plainly with torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from helder.model.kernels import HEAD_CHUNK, linear_cross_entropy, linear_distillation, linear_log_probability

ROWS, WIDTH, VOCABULARY = 2 * HEAD_CHUNK + 88, 16, 50


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


TARGETS = torch.from_numpy(np.random.default_rng(1).integers(0, VOCABULARY, ROWS))


def agree(ours: Callable[[Tensor, Tensor], Tensor], plain: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Value and gradients of a function of hidden states and head."""
    found = []
    for function in (ours, plain):
        hidden, weight = drawn(ROWS, WIDTH).requires_grad_(), drawn(VOCABULARY, WIDTH, seed=2).requires_grad_()
        value = function(hidden, weight)
        value.backward()  # type: ignore[no-untyped-call]
        found.append((value.detach(), hidden.grad, weight.grad))
    for mine, reference in zip(*found, strict=True):
        assert mine is not None and reference is not None
        torch.testing.assert_close(mine, reference, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("z_loss", [0.0, 1e-5, 0.1])
def test_cross_entropy_and_z_loss(z_loss: float) -> None:
    def plain(hidden: Tensor, weight: Tensor) -> Tensor:
        logits = hidden @ weight.T
        return F.cross_entropy(logits, TARGETS, reduction="sum") + z_loss * logits.logsumexp(-1).square().sum()

    agree(lambda hidden, weight: linear_cross_entropy(hidden, weight, TARGETS, z_loss), plain)


@pytest.mark.parametrize(("share", "temperature"), [(1.0, 1.0), (0.5, 2.0), (0.0, 1.0)])
def test_distillation(share: float, temperature: float) -> None:
    taught, head = drawn(ROWS, 8, seed=3), drawn(VOCABULARY, 8, seed=4)

    def plain(hidden: Tensor, weight: Tensor) -> Tensor:
        logits, right = hidden @ weight.T, F.softmax(taught @ head.T / temperature, dim=-1)
        soft = F.kl_div(F.log_softmax(logits / temperature, dim=-1), right, reduction="sum") * temperature**2
        return share * soft + (1 - share) * F.cross_entropy(logits, TARGETS, reduction="sum")

    agree(
        lambda hidden, weight: linear_distillation(hidden, weight, TARGETS, (taught, head), share, temperature), plain
    )


def test_log_probabilities() -> None:
    factors = drawn(ROWS, seed=5)

    def plain(hidden: Tensor, weight: Tensor) -> Tensor:
        logs = F.log_softmax(hidden @ weight.T, dim=-1)
        return (logs.gather(1, TARGETS[:, None]).squeeze(1) * factors).sum()

    agree(lambda hidden, weight: (linear_log_probability(hidden, weight, TARGETS) * factors).sum(), plain)
