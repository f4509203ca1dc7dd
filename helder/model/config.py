"""What a transformer of ours is made of, in numbers. Light: no torch, so that plans and readers of files can use it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes and constants of one transformer.

    Attributes:
        vocabulary_size: rows of the embedding.
        width: size of the residual stream.
        layers: number of blocks.
        heads: query heads.
        kv_heads: key and value heads; divides `heads`.
        head_width: size of one head.
        feed_forward_width: inner size of the SwiGLU.
        rope_theta: base of the rotary position embedding.
        norm_epsilon: added to the mean square in RMSNorm.
        tied: the output head shares the embedding's weights.
        context_length: longest sequence the model was made for, in tokens.
        attention_bias: query, key and value projections have a bias (Qwen2).
        post_norm: the norms of a block stand behind its sublayers, before the residual sum, not before them (OLMo 2).
        qk_norm: query and key are normed over their whole width, before heads are split (OLMo 2).
    """

    vocabulary_size: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    feed_forward_width: int
    rope_theta: float
    norm_epsilon: float
    tied: bool
    context_length: int
    attention_bias: bool = False
    post_norm: bool = False
    qk_norm: bool = False

    def __post_init__(self) -> None:
        if self.heads % self.kv_heads:
            raise ValueError(f"heads ({self.heads}) is not a multiple of kv_heads ({self.kv_heads})")
        if self.head_width % 2:
            raise ValueError(f"head_width ({self.head_width}) is odd; rotary embeddings need pairs")

    @property
    def parameter_count(self) -> int:
        """Parameters, a tied head counted once."""
        attention = self.width * self.head_width * (2 * self.heads + 2 * self.kv_heads)
        bias = self.head_width * (self.heads + 2 * self.kv_heads) if self.attention_bias else 0
        norms = self.head_width * (self.heads + self.kv_heads) if self.qk_norm else 0
        block = attention + bias + norms + 3 * self.width * self.feed_forward_width + 2 * self.width
        embeddings = self.vocabulary_size * self.width * (1 if self.tied else 2)
        return self.layers * block + embeddings + self.width
