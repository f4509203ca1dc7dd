"""Our transformer against an independent implementation, and mixed precision against plain arithmetic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from helder.model import families
from helder.model.config import TransformerConfig
from helder.model.kernels import linear_cross_entropy
from helder.model.transformer import AttentionKernel, Cache, Transformer, within

CONFIG = TransformerConfig(
    vocabulary_size=97,
    width=48,
    layers=3,
    heads=6,
    kv_heads=2,
    head_width=8,
    feed_forward_width=80,
    rope_theta=10000.0,
    norm_epsilon=1e-5,
    tied=True,
    context_length=128,
)


FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {"attention_bias": True},
    "olmo2": {"post_norm": True, "qk_norm": True, "tied": False, "rope_theta": 500000.0},
}
each_family = pytest.mark.parametrize("family", sorted(FAMILIES))


def drawn(attention: AttentionKernel = "sdpa", family: str = "llama") -> Transformer:
    model = Transformer(replace(CONFIG, **FAMILIES[family]), attention)
    random = np.random.default_rng(7)
    with torch.no_grad():
        for name, weights in sorted(model.named_parameters()):
            values = random.normal(1.0 if "norm" in name else 0.0, 0.2, tuple(weights.shape))
            weights.copy_(torch.from_numpy(values.astype(np.float32)))
    return model


def tokens(batch: int, time: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(batch * 1000 + time).integers(0, 97, (batch, time)))


def reference(model: Transformer, family: str, attention: str) -> Any:
    """The same weights in the implementation of `transformers`."""
    import transformers

    config, model_class = {
        "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
        "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM),
        "olmo2": (transformers.Olmo2Config, transformers.Olmo2ForCausalLM),
    }[family]
    said = families.to_config_json(model.config)
    for key in ("architectures", "dtype"):
        del said[key]
    rope = {"rope_type": "default", "rope_theta": said.pop("rope_theta")}
    made = model_class(config(**said, rope_parameters=rope, attn_implementation=attention)).eval()
    made.load_state_dict(model.state_dict())
    return made


@each_family
@pytest.mark.parametrize(("ours", "theirs"), [("sdpa", "sdpa"), ("explicit", "eager")])
@pytest.mark.parametrize(("batch", "time"), [(1, 1), (2, 7), (3, 33), (1, 128)])
def test_logits_are_those_of_transformers_to_the_last_bit(
    family: str, ours: AttentionKernel, theirs: str, batch: int, time: int
) -> None:
    model = drawn(ours, family)
    ids = tokens(batch, time)
    with torch.no_grad():
        assert (model(ids) - reference(model, family, theirs)(ids).logits).abs().max().item() == 0.0


@each_family
def test_with_padding_the_logits_of_what_is_not_padding_are_those_of_transformers(family: str) -> None:
    """`transformers` is told by a mask what we leave to the causal order."""
    model, ids = drawn("explicit", family), tokens(3, 20)
    lengths = torch.tensor([20, 13, 1])
    mask = torch.arange(20)[None] < lengths[:, None]
    ids = ids.masked_fill(~mask, 0)
    with torch.no_grad():
        theirs = reference(model, family, "eager")(ids, attention_mask=mask.long()).logits
        torch.testing.assert_close(model(ids)[mask], theirs[mask], rtol=0, atol=1e-5)


@each_family
def test_the_cache_gives_the_logits_of_the_whole_sequence_in_transformers(family: str) -> None:
    model, ids = drawn(family=family), tokens(2, 20)
    with torch.no_grad():
        whole = reference(model, family, "sdpa")(ids).logits
        cache = Cache(model.config, 2, 20, torch.float32)
        parts = [model(ids[:, :9], cache), model(ids[:, 9:12], cache)]
        parts += [model(ids[:, step : step + 1], cache) for step in range(12, 20)]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=0, atol=1e-5)


LENGTHS = [(9, 1, 14), (24,), (2, 2, 20)]  # of the documents in each row
PACKED = torch.tensor([[index for index, length in enumerate(row) for _ in range(length)] for row in LENGTHS])


@each_family
@pytest.mark.parametrize(("ours", "theirs"), [("sdpa", "sdpa"), ("explicit", "eager")])
def test_packed_documents_have_the_logits_of_transformers(family: str, ours: AttentionKernel, theirs: str) -> None:
    """`transformers` sees by the positions, which begin again, where a document ends."""
    model, ids = drawn(ours, family), tokens(3, 24)
    with torch.no_grad():
        packed = reference(model, family, theirs)(ids, position_ids=within(PACKED), use_cache=False).logits
        torch.testing.assert_close(model(ids, documents=PACKED), packed, rtol=0, atol=1e-5)


@each_family
@pytest.mark.parametrize("kernel", ["sdpa", "explicit"])
def test_a_packed_document_is_as_if_it_stood_alone(family: str, kernel: AttentionKernel) -> None:
    model, ids = drawn(kernel, family), tokens(3, 24)
    with torch.no_grad():
        packed = model(ids, documents=PACKED)
        for row, lengths in enumerate(LENGTHS):
            parts = [model(part) for part in ids[row : row + 1].split(list(lengths), dim=1)]
            torch.testing.assert_close(packed[row : row + 1], torch.cat(parts, dim=1), rtol=0, atol=1e-5)


def test_packed_documents_and_a_cache_are_refused() -> None:
    model = drawn()
    with pytest.raises(ValueError, match="packed"):
        model.hidden(tokens(1, 2), Cache(model.config, 1, 4, torch.float32), torch.zeros(1, 2))


@each_family
def test_padding_on_the_right_changes_nothing_before_it(family: str) -> None:
    model, ids = drawn("explicit", family), tokens(1, 12)
    padded = torch.cat([ids, torch.zeros(1, 5, dtype=ids.dtype)], dim=1)
    with torch.no_grad():
        torch.testing.assert_close(model(padded)[:, :12], model(ids), rtol=0, atol=1e-5)


@each_family
def test_mixed_precision_follows_plain_arithmetic(family: str) -> None:
    plain, mixed = drawn("explicit", family), drawn("explicit", family).mixed_precision(torch.bfloat16)
    ids = tokens(4, 24)
    losses = []
    for model in (plain, mixed):
        hidden = model.hidden(ids)[:, :-1].flatten(0, 1)
        loss = linear_cross_entropy(hidden, model.lm_head.weight, ids[:, 1:].flatten()) / (4 * 23)
        torch.autograd.backward(loss)
        losses.append(loss.item())
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    for (name, exact), (_, near) in zip(plain.named_parameters(), mixed.named_parameters(), strict=True):
        assert exact.grad is not None and near.grad is not None
        distance = (near.grad - exact.grad).norm() / exact.grad.norm()
        assert distance < 0.08, name


@each_family
def test_parameters_are_counted_once(family: str) -> None:
    model = drawn(family=family)
    assert model.config.parameter_count == sum(parameter.numel() for parameter in model.parameters())


def test_settings_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of kv_heads"):
        TransformerConfig(**{**CONFIG.__dict__, "kv_heads": 4})
