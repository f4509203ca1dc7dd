"""OLMo 2's architecture written plainly, for `bench.train`: what one would write who trains it in a short loop.

RMSNorm behind each sublayer, query and key normed over their whole width, rotary positions, SwiGLU, untied head;
torch's own attention and cross-entropy. Weights are named as Helder's, so that both can begin at the same ones.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)
        self.q_norm = nn.RMSNorm(width, eps=1e-6)
        self.k_norm = nn.RMSNorm(width, eps=1e-6)

    def forward(self, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        batch, time, width = x.shape
        split = (batch, time, self.heads, width // self.heads)
        query = self.q_norm(self.q_proj(x)).view(split).transpose(1, 2)
        key = self.k_norm(self.k_proj(x)).view(split).transpose(1, 2)
        value = self.v_proj(x).view(split).transpose(1, 2)
        out = F.scaled_dot_product_attention(
            rotated(query, cosines, sines), rotated(key, cosines, sines), value, is_causal=True
        )
        result: Tensor = self.o_proj(out.transpose(1, 2).reshape(batch, time, width))
        return result


def rotated(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    turned = x * cosines + torch.cat((-second, first), dim=-1) * sines
    return turned.to(x.dtype)


class FeedForward(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Block(nn.Module):
    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.self_attn, self.mlp = Attention(width, heads), FeedForward(width, inner)
        self.post_attention_layernorm = nn.RMSNorm(width, eps=1e-6)
        self.post_feedforward_layernorm = nn.RMSNorm(width, eps=1e-6)

    def forward(self, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        x = x + self.post_attention_layernorm(self.self_attn(x, cosines, sines))
        out: Tensor = x + self.post_feedforward_layernorm(self.mlp(x))
        return out


class PlainOlmo2(nn.Module):
    def __init__(self, vocabulary: int, width: int, layers: int, heads: int, inner: int, context: int) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(Block(width, heads, inner) for _ in range(layers))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        exponents = torch.arange(0, width // heads, 2).float() / (width // heads)
        angles = torch.arange(context)[:, None].float() / 500_000.0**exponents
        angles = torch.cat((angles, angles), dim=-1)
        self.register_buffer("cosines", angles.cos(), persistent=False)
        self.register_buffer("sines", angles.sin(), persistent=False)

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy, in nats; ids and targets: (batch, context)."""
        x = self.embed_tokens(ids)
        for block in self.layers:
            x = block(x, self.cosines, self.sines)
        logits = self.lm_head(self.norm(x))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())
