"""The kernels against the same written plainly with torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from helder.model import kernels
from helder.model.kernels import (
    ATTENTION_CHUNK,
    HEAD_CHUNK,
    MixedRMSNorm,
    causal_attention,
    gated_down,
    linear_cross_entropy,
    linear_distillation,
    linear_log_probability,
    look_up,
)
from helder.model.transformer import attend, rotary_tables, rotate, sight, within
from tests.model.test_transformer import CONFIG

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
        torch.autograd.backward(value)
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


@pytest.mark.parametrize("elements", [1, 50 * HEAD_CHUNK, 2 * 50 * HEAD_CHUNK])
def test_gradients_of_logits_may_be_gathered_in_groups_of_any_size(
    elements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "HEAD_ELEMENTS", elements)

    def plain(hidden: Tensor, weight: Tensor) -> Tensor:
        return F.cross_entropy(hidden @ weight.T, TARGETS, reduction="sum")

    agree(lambda hidden, weight: linear_cross_entropy(hidden, weight, TARGETS), plain)


def test_the_loss_of_a_token_whose_probability_fp32_cannot_hold_is_finite_and_right() -> None:
    hidden, weight = torch.tensor([[200.0], [1.0]]), torch.tensor([[1.0], [0.0], [-1.0]])
    loss = linear_cross_entropy(hidden, weight, torch.tensor([2, 0]))
    assert loss.item() == pytest.approx(400 + F.cross_entropy(weight.T, torch.tensor([0])).item())


@pytest.mark.parametrize("heads", [4, 2])
@pytest.mark.parametrize("time", [1, 7, ATTENTION_CHUNK, 2 * ATTENTION_CHUNK + 44])
@pytest.mark.parametrize("packed", [False, True])
def test_attention_of_training_is_the_explicit_one(heads: int, time: int, packed: bool) -> None:
    """Values and gradients, for one document a row and for several, with heads of their own and shared keys."""
    config = replace(CONFIG, heads=4, kv_heads=heads, head_width=8)
    documents = (torch.arange(time) * 3 // time).expand(2, time).contiguous() if packed else None
    places = torch.arange(time) if documents is None else within(documents)
    cosines, sines = rotary_tables(config, places)
    if documents is not None:
        cosines, sines = cosines[:, None], sines[:, None]
    seen = sight("explicit", time, time, documents, torch.float32, torch.device("cpu"))

    def explicit(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        turned = [rotate(x.transpose(1, 2), cosines, sines) for x in (query, key)]
        return attend(turned[0], turned[1], value.transpose(1, 2), seen)

    def ours(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return causal_attention(query, key, value, (cosines, sines), seen.mask)

    found = []
    for function in (ours, explicit):
        inputs = [drawn(2, time, count, 8, seed=count).requires_grad_() for count in (4, heads, heads)]
        out = function(*inputs)
        gradients = torch.autograd.grad((out * drawn(2, time, 32, seed=3)).sum(), inputs)
        found.append([out.detach(), *gradients])
    for mine, reference in zip(*found, strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-4, atol=1e-5)


def test_a_softmax_of_bf16_has_the_bits_of_one_of_fp32_copies() -> None:
    scores = (drawn(64, 200) * 4).bfloat16()
    assert torch.equal(torch.softmax(scores, dim=-1), torch.softmax(scores.float(), dim=-1).bfloat16())


def test_the_norm_of_training_and_its_gradients_are_those_of_torch() -> None:
    found = []
    for function in (F.rms_norm, lambda x, shape, weight, epsilon: MixedRMSNorm.apply(x, weight, epsilon, x.dtype)):
        x, weight = drawn(3, 5, WIDTH).requires_grad_(), drawn(WIDTH, seed=2).requires_grad_()
        out = function(x, (WIDTH,), weight, 1e-5)
        found.append([out.detach(), *torch.autograd.grad((out * drawn(3, 5, WIDTH, seed=3)).sum(), (x, weight))])
    for mine, reference in zip(*found, strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-5, atol=1e-5)


@pytest.fixture
def onednn() -> Iterator[None]:
    kernels.use_onednn(True)
    yield
    kernels.use_onednn(False)


def test_torch_still_has_the_private_operator_of_onednn() -> None:
    schema = str(torch.ops.mkldnn._linear_pointwise.default._schema)
    wanted = "mkldnn::_linear_pointwise(Tensor X, Tensor W, Tensor? B, str attr, Scalar?[] scalars, str? algorithm) -> "
    assert schema.startswith(wanted)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(7,), (3, 5)])
def test_a_linear_layer_through_onednn_is_torchs_within_rounding(
    onednn: None, bias: bool, shape: tuple[int, ...]
) -> None:
    found = []
    for function in (kernels.linear, F.linear):
        x, weight = drawn(*shape, WIDTH).requires_grad_(), drawn(24, WIDTH, seed=1).requires_grad_()
        offset = drawn(24, seed=2).requires_grad_() if bias else None
        value = function(x, weight, offset)
        torch.autograd.backward((value * drawn(*shape, 24, seed=3)).sum())
        found.append((value.detach(), x.grad, weight.grad, None if offset is None else offset.grad))
    for mine, reference in zip(*found, strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-5, atol=1e-5)


def test_transposed_views_are_multiplied_as_they_are(onednn: None) -> None:
    x, weight = drawn(WIDTH, 9).T, drawn(WIDTH, 11, seed=1).T
    torch.testing.assert_close(kernels.times(x, weight), x @ weight.T, rtol=1e-5, atol=1e-5)


def test_the_losses_through_onednn_are_the_plain_ones(onednn: None) -> None:
    test_cross_entropy_and_z_loss(1e-5)
    test_distillation(0.5, 2.0)
    test_log_probabilities()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("trained", [True, False])
def test_the_gated_part_of_swiglu_has_the_bits_of_torchs(dtype: torch.dtype, trained: bool) -> None:
    found = []
    for function in (gated_down, lambda gate, up, weight: F.linear(F.silu(gate) * up, weight)):
        gate, up = (drawn(3, 11, 40, seed=seed).to(dtype).requires_grad_() for seed in (0, 1))
        weight = drawn(WIDTH, 40, seed=2).to(dtype).requires_grad_(trained)
        out = function(gate, up, weight)
        inputs = (gate, up, weight) if trained else (gate, up)
        found.append([out.detach(), *torch.autograd.grad(out, inputs, drawn(3, 11, WIDTH, seed=3).to(dtype))])
    assert all(map(torch.equal, *found))


def test_the_gated_part_of_swiglu_has_the_bits_of_a_linear_layer_through_onednn(onednn: None) -> None:
    found = []
    for function in (gated_down, lambda gate, up, weight: kernels.linear(F.silu(gate) * up, weight)):
        gate, up = (drawn(3, 11, 40, seed=seed).requires_grad_() for seed in (0, 1))
        weight = drawn(WIDTH, 40, seed=2).requires_grad_()
        out = function(gate, up, weight)
        found.append([out.detach(), *torch.autograd.grad(out, (gate, up, weight), drawn(3, 11, WIDTH, seed=3))])
    assert all(map(torch.equal, *found))


def test_looking_up_has_the_gradient_of_torchs_and_the_same_bits_with_any_number_of_threads() -> None:
    ids, above = (TARGETS[:200] % 7 * 5).view(2, 100), drawn(2, 100, WIDTH, seed=3)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 2):
            torch.set_num_threads(threads)
            weight = drawn(VOCABULARY, WIDTH).requires_grad_()
            (sparse,) = torch.autograd.grad(look_up(ids, weight), weight, above)
            found.append(sparse)
    finally:
        torch.set_num_threads(before)
    assert found[0].is_sparse and len(found[0].values()) == 7
    assert all(torch.equal(each.to_dense(), found[0].to_dense()) for each in found)
    weight = drawn(VOCABULARY, WIDTH).requires_grad_()
    (dense,) = torch.autograd.grad(F.embedding(ids, weight), weight, above)
    torch.testing.assert_close(found[0].to_dense(), dense)
