"""The transformer: one file, one settings class (`helder.model.config`), for every family that Helder reads.

What it is for: logits from token ids, for training, evaluation and generation. It knows nothing about text,
tokenizers, chat formats or files; `families.py` maps the names in files to the names here.

Architecture: blocks of grouped-query attention and SwiGLU, RMSNorm, rotary position embeddings. Three settings make the
families out of it: Llama (SmolLM2) has none of them, Qwen2 has `attention_bias`, OLMo 2 has `post_norm` and `qk_norm`.
Parameter names are those of the Hugging Face implementations, so that their folders load as they are.
With `attention="explicit"` or `"sdpa"` the arithmetic follows `transformers`' eager and sdpa paths operation by
operation, and fp32 logits are equal to the last bit (tests/model/test_transformer.py).

Initialisation: none here. Weights are loaded, or drawn by whoever makes a model from nothing: `torch`'s own draws give
other bits on another instruction set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helder.model.config import TransformerConfig
from helder.model.kernels import MixedRMSNorm, applied, causal_attention, gated_down, linear, look_up

AttentionKernel = Literal["sdpa", "explicit", "flex"]


class Cache:
    """Keys and values of the tokens seen so far, for generation.

    All sequences of the batch have the same length: whoever generates groups prompts by length, so that no
    position is padding and no mask is needed.
    """

    def __init__(
        self,
        config: TransformerConfig,
        batch: int,
        capacity: int,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (config.layers, batch, config.kv_heads, capacity, config.head_width)
        self.keys = torch.empty(shape, dtype=dtype, device=device)
        self.values = torch.empty(shape, dtype=dtype, device=device)
        self.length = 0

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store `keys`, `values`: (batch, kv_heads, time, head_width); return all seen up to now."""
        end = self.length + keys.shape[2]
        self.keys[layer, :, :, self.length : end] = keys
        self.values[layer, :, :, self.length : end] = values
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def keep(self, rows: Tensor) -> None:
        """Keep only these sequences of the batch; `rows`: (kept,) indices."""
        self.keys, self.values = self._kept(self.keys, rows), self._kept(self.values, rows)

    def _kept(self, tensor: Tensor, rows: Tensor) -> Tensor:
        """Copies what is filled only: most of the room is not."""
        layers, _, heads, capacity, width = tensor.shape
        kept = tensor.new_empty((layers, len(rows), heads, capacity, width))
        kept[:, :, :, : self.length] = tensor[:, rows, :, : self.length]
        return kept


class RMSNorm(nn.Module):
    """Root-mean-square norm (Zhang and Sennrich 2019), the mean in fp32 whatever the input.

    Args:
        residual: what it gives is added to the residual stream, which stays fp32 in mixed precision.
    """

    def __init__(self, width: int, epsilon: float, residual: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon, self.residual = epsilon, residual
        self.compute: torch.dtype | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.compute is not None:
            into = torch.float32 if self.residual else self.compute
            return applied(MixedRMSNorm, x, self.weight, self.epsilon, into)
        wide = x.to(torch.float32)
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return self.weight * wide.to(x.dtype)


class Linear(nn.Linear):
    """A linear layer whose weights follow the dtype of its input: the cast of mixed-precision training."""

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return linear(x, self.weight.to(x.dtype), bias)


def rotary_tables(config: TransformerConfig, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary embedding (Su et al. 2021), in fp32.

    Args:
        positions: (time,) or (batch, time), integers.

    Returns:
        cosines and sines, each (..., time, head_width), the halves repeated.
    """
    even = torch.arange(0, config.head_width, 2, dtype=torch.int64, device=positions.device)
    exponents = even.float() / config.head_width
    frequencies = 1.0 / (config.rope_theta**exponents)
    angles = positions[..., None].float() * frequencies
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def within(documents: Tensor) -> Tensor:
    """The place of each token in its own document; `documents`: (batch, time), see `Transformer.hidden`."""
    places = torch.arange(documents.shape[1], device=documents.device).expand_as(documents)
    begins = torch.ones_like(documents, dtype=torch.bool)
    begins[:, 1:] = documents[:, 1:] != documents[:, :-1]
    return places - torch.where(begins, places, 0).cummax(dim=1).values


def rotate(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Apply the rotary embedding to x: (batch, heads, time, head_width)."""
    first, second = x.chunk(2, dim=-1)
    return x * cosines + torch.cat((-second, first), dim=-1) * sines


@dataclass(frozen=True)
class Sight:
    """What each token of a batch may look at, made once for all layers.

    Attributes:
        kernel: how attention is computed.
        mask: for "sdpa", true where a token may look; for "explicit", what is added to the scores. (time, seen) or
            (batch, 1, time, seen); None when nothing is to be hidden or the kernel knows the causal order itself.
        causal: the kernel hides what comes after a token.
        blocks: for "flex", which blocks of tokens are looked at.
        training: whole sequences in mixed precision, for gradients: the kernel may round otherwise than `transformers`.
    """

    kernel: AttentionKernel
    mask: Tensor | None
    causal: bool
    blocks: Any = None
    training: bool = False


def sight(
    kernel: AttentionKernel, time: int, seen: int, documents: Tensor | None, dtype: torch.dtype, device: torch.device
) -> Sight:
    """A token sees itself and what stands before it, in its own document.

    Args:
        kernel: "sdpa" is torch's; "explicit" is matrix product, softmax, matrix product: faster for short sequences
            in bf16 on CPUs, memory quadratic in time; "flex" is torch's for packed documents, "sdpa" without them.
        time: tokens whose queries are asked.
        seen: tokens whose keys are there; the last `time` of them are the query's own.
        documents: (batch, time), the same number for tokens of one document; None when a row is one document.
    """
    if kernel == "flex":
        if documents is not None:
            return Sight(kernel, None, causal=False, blocks=document_blocks(documents))
        kernel = "sdpa"
    if time == 1 and documents is None:
        return Sight(kernel, None, causal=False)
    if kernel == "sdpa" and documents is None and seen == time:
        return Sight(kernel, None, causal=True)
    visible = torch.ones(time, seen, dtype=torch.bool, device=device).tril(seen - time)
    if documents is not None:
        visible = visible & (documents[:, None, :, None] == documents[:, None, None, :])
    if kernel == "sdpa":
        return Sight(kernel, visible, causal=False)
    blocked = torch.zeros(visible.shape, dtype=dtype, device=device)
    return Sight(kernel, blocked.masked_fill_(~visible, torch.finfo(dtype).min), causal=False)


def document_blocks(documents: Tensor) -> Any:
    """What `torch.nn.attention.flex_attention` may look at; `documents`: (batch, time), see `sight`."""
    from torch.nn.attention.flex_attention import create_block_mask

    def visible(row: Tensor, head: Tensor, asking: Tensor, asked: Tensor) -> Tensor:
        return (asked <= asking) & (documents[row, asked] == documents[row, asking])

    batch, time = documents.shape
    return create_block_mask(visible, batch, None, time, time, device=str(documents.device))


@cache
def flex_attention(compiled: bool) -> Callable[..., Tensor]:
    """torch's flex attention; not compiled it computes every score, which only a processor's test should."""
    from torch.nn.attention.flex_attention import flex_attention

    return cast(Callable[..., Tensor], torch.compile(flex_attention) if compiled else flex_attention)


def attend(query: Tensor, key: Tensor, value: Tensor, sight: Sight) -> Tensor:
    """Scaled dot-product attention.

    Args:
        query: (batch, heads, time, head_width).
        key, value: (batch, kv_heads, seen, head_width); seen ≥ time, the last `time` of them are the query's own.
        sight: who sees whom.

    Returns:
        (batch, time, heads * head_width)
    """
    batch, heads, time, width = query.shape
    groups = heads // key.shape[1]
    if sight.kernel == "flex":
        flex = flex_attention(query.device.type == "cuda")
        out = flex(query, key, value, block_mask=sight.blocks, enable_gqa=groups > 1)
        return out.transpose(1, 2).reshape(batch, time, heads * width)
    if groups > 1:
        key = key[:, :, None].expand(-1, -1, groups, -1, -1).reshape(batch, heads, -1, width)
        value = value[:, :, None].expand(-1, -1, groups, -1, -1).reshape(batch, heads, -1, width)
    if sight.kernel == "sdpa":
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=sight.mask, is_causal=sight.causal)
    else:
        scores = torch.matmul(query, key.transpose(2, 3)) * width**-0.5
        if sight.mask is not None:
            scores = scores + sight.mask
        weights = F.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
        out = torch.matmul(weights, value)
    return out.transpose(1, 2).reshape(batch, time, heads * width)


class Attention(nn.Module):
    """Grouped-query attention (Ainslie et al. 2023) with rotary positions."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        queries, keys = config.heads * config.head_width, config.kv_heads * config.head_width
        self.head_width = config.head_width
        self.q_proj = Linear(config.width, queries, bias=config.attention_bias)
        self.k_proj = Linear(config.width, keys, bias=config.attention_bias)
        self.v_proj = Linear(config.width, keys, bias=config.attention_bias)
        self.o_proj = Linear(queries, config.width, bias=False)
        self.q_norm = RMSNorm(queries, config.norm_epsilon) if config.qk_norm else None
        self.k_norm = RMSNorm(keys, config.norm_epsilon) if config.qk_norm else None

    def forward(
        self,
        x: Tensor,
        tables: tuple[Tensor, Tensor],
        layer: int,
        cache: Cache | None,
        sight: Sight,
    ) -> Tensor:
        batch, time, _ = x.shape
        split = (batch, time, -1, self.head_width)
        query, key = self.q_proj(x), self.k_proj(x)
        if self.q_norm is not None and self.k_norm is not None:
            query, key = self.q_norm(query), self.k_norm(key)
        if sight.training and sight.kernel == "explicit":
            value = self.v_proj(x).view(split)
            trained: Tensor = self.o_proj(
                causal_attention(query.view(split), key.view(split), value, tables, sight.mask)
            )
            return trained
        query = rotate(query.view(split).transpose(1, 2), *tables)
        key = rotate(key.view(split).transpose(1, 2), *tables)
        value = self.v_proj(x).view(split).transpose(1, 2)
        if cache is not None:
            key, value = cache.append(layer, key, value)
        out: Tensor = self.o_proj(attend(query, key, value, sight))
        return out


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.gate_proj = Linear(config.width, config.feed_forward_width, bias=False)
        self.up_proj = Linear(config.width, config.feed_forward_width, bias=False)
        self.down_proj = Linear(config.feed_forward_width, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_proj(x), self.up_proj(x)
        if gate.requires_grad and isinstance(self.down_proj, Linear):  # LoRA puts another in its place
            return gated_down(gate, up, self.down_proj.weight.to(gate.dtype))
        out: Tensor = self.down_proj(F.silu(gate) * up)
        return out


class Block(nn.Module):
    """One layer: attention, then feed-forward, each added to the residual stream; a norm before or behind each."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.post_norm = config.post_norm
        self.self_attn = Attention(config)
        self.mlp = FeedForward(config)
        # The second norm of Llama's blocks and the first of OLMo 2's have the same name in Hugging Face's folders.
        self.post_attention_layernorm = RMSNorm(config.width, config.norm_epsilon, residual=config.post_norm)
        if config.post_norm:
            self.post_feedforward_layernorm = RMSNorm(config.width, config.norm_epsilon, residual=True)
        else:
            self.input_layernorm = RMSNorm(config.width, config.norm_epsilon)

    def forward(
        self,
        x: Tensor,
        tables: tuple[Tensor, Tensor],
        layer: int,
        cache: Cache | None,
        sight: Sight,
    ) -> Tensor:
        if self.post_norm:
            dtype = self.post_attention_layernorm.compute or x.dtype
            x = x + self.post_attention_layernorm(self.self_attn(x.to(dtype), tables, layer, cache, sight))
            out: Tensor = x + self.post_feedforward_layernorm(self.mlp(x.to(dtype)))
            return out
        x = x + self.self_attn(self.input_layernorm(x), tables, layer, cache, sight)
        out = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Trunk(nn.Module):
    """Everything below the output head."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocabulary_size, config.width)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.width, config.norm_epsilon)


class Transformer(nn.Module):
    """A decoder-only language model.

    Made empty (on the "meta" device or with whatever memory holds) and filled by `from_folder` or by the caller.
    """

    def __init__(self, config: TransformerConfig, attention: AttentionKernel = "sdpa") -> None:
        super().__init__()
        self.config, self.attention = config, attention
        self.sparse_rows = True  # the embedding's gradient has only the rows that were looked up
        self.model = Trunk(config)
        self.lm_head = Linear(config.width, config.vocabulary_size, bias=False)
        if config.tied:
            self.lm_head.weight = self.model.embed_tokens.weight

    def mixed_precision(self, compute: torch.dtype | None) -> Transformer:
        """Run matrix products in `compute` (bf16), keep weights and the residual stream as they are.

        None goes back to plain arithmetic in the dtype of the weights. Returns the model itself.
        """
        for module in self.modules():
            if isinstance(module, RMSNorm):
                module.compute = compute
        return self

    @classmethod
    def from_folder(
        cls, folder: Path, dtype: torch.dtype = torch.float32, attention: AttentionKernel = "sdpa"
    ) -> Transformer:
        """Load a Hugging Face folder (config.json, *.safetensors).

        Raises:
            HelderError: unsupported architecture; tensors missing, extra or of another shape (named).
        """
        from helder.model.families import read_config
        from helder.model.weights import load_weights

        config = read_config(folder)
        with torch.device("meta"):
            model = cls(config, attention)
        model.to_empty(device="cpu")
        model.to(dtype)
        if config.tied:
            model.lm_head.weight = model.model.embed_tokens.weight
        load_weights(model, folder)
        return model

    def hidden(self, ids: Tensor, cache: Cache | None = None, documents: Tensor | None = None) -> Tensor:
        """The residual stream after the last norm.

        Args:
            ids: (batch, time), integers. Shorter sequences are padded on the right: under the causal mask
                nothing before the padding sees it, and what stands at the padding is for nobody.
            cache: what was seen before; it is extended by `ids`.
            documents: (batch, time), for several documents packed into one row: the same number for the tokens of one
                document, which stand together. None of them sees another, and each begins at position 0.

        Returns:
            (batch, time, width)
        """
        if cache is not None and documents is not None:
            raise ValueError("packed documents are for training; a cache holds one document a row")
        start, time = (cache.length if cache is not None else 0), ids.shape[1]
        table = self.model.embed_tokens.weight
        # On a GPU memory is not what is short, and torch has a deterministic kernel for the dense gradient.
        sparse = self.sparse_rows and table.requires_grad and torch.is_grad_enabled() and table.device.type == "cpu"
        x = look_up(ids, table) if sparse else self.model.embed_tokens(ids)
        if self.model.norm.compute is not None:
            x = x.float()  # frozen embeddings are held in the compute dtype; the residual stream is not
        places = torch.arange(start, start + time, device=ids.device)
        cosines, sines = rotary_tables(self.config, places if documents is None else within(documents))
        if documents is not None:
            cosines, sines = cosines[:, None], sines[:, None]  # the same for all heads
        dtype = self.model.norm.compute or x.dtype
        tables = (cosines.to(dtype), sines.to(dtype))
        seen = sight(self.attention, time, start + time, documents, dtype, ids.device)
        if cache is None and self.model.norm.compute is not None:
            seen = replace(seen, training=True)
        for layer, block in enumerate(self.model.layers):
            x = block(x, tables, layer, cache, seen)
        if cache is not None:
            cache.length += time
        out: Tensor = self.model.norm(x)
        return out

    def forward(self, ids: Tensor, cache: Cache | None = None, documents: Tensor | None = None) -> Tensor:
        """Logits for the next token at each position.

        Args:
            ids: (batch, time), integers.
            cache, documents: see `hidden`.

        Returns:
            (batch, time, vocabulary_size)
        """
        logits: Tensor = self.lm_head(self.hidden(ids, cache, documents))
        return logits
