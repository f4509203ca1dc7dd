"""Bytes on one device when weights, gradients and optimiser are shared out over all of them (FSDP2, `fully_shard`).

Every block is a unit: its weights are gathered in the precision of the products just before they are used, the next
one's meanwhile, and given up again. The embedding and the head belong to the outermost unit, which stays gathered.
Gradients are summed in fp32 and shared out block by block. On a single device nothing is shared out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from helder.fleet.work import FP32, Work

Kept = Literal["none", "selective", "full"]
LEVELS: tuple[Kept, ...] = ("none", "selective", "full")
USABLE = 0.95  # of the memory; the rest is for the runtime and for what falls between blocks (assumption)
SELECTIVE = 0.5  # of the activations are kept: every other matrix product (torchtitan's selective checkpointing)
LOGIT_BYTES = 2 + FP32 + FP32  # of one logit, not fused: bf16, fp32, and its gradient
LOSS_ROWS = 1024  # of which the logits exist at once, fused (assumption)
# What is made once more in the backward pass, as a part of the forward pass. Attention is kept by "selective".
AGAIN: Mapping[Kept, float] = MappingProxyType({"none": 0.0, "selective": 0.25, "full": 1.0})


@dataclass(frozen=True)
class Memory:
    """Bytes on one device, at the worst moment of a step.

    Attributes:
        weights: this device's share of the weights: trained ones in fp32, frozen ones in the products' precision.
        gathered: weights that are whole for a moment.
        gradients: this device's share, in fp32, and those of the block that is worked on.
        optimizer: this device's share of the moments.
        activations: kept for the backward pass, and those of the block that is worked on.
        logits: and their gradients.
        others: share of a reference model or a teacher, and what of it is gathered.
    """

    weights: float
    gathered: float
    gradients: float
    optimizer: float
    activations: float
    logits: float
    others: float

    @property
    def total(self) -> float:
        return (
            self.weights
            + self.gathered
            + self.gradients
            + self.optimizer
            + self.activations
            + self.logits
            + self.others
        )


def memory(work: Work, devices: int, sequences: float, level: Kept) -> Memory:
    """Bytes on each of `devices` devices that work on `sequences` sequences at once.

    The longest sequence must fit even where most are shorter.
    """
    shape = work.architecture
    size = 2 if work.precision == "bf16" else FP32
    tokens = max(sequences * work.length, work.sequence_length)
    share = 1 / devices
    tuned_blocks = 0 if work.method == "lora" else 1
    tuned_head = shape.embedding_parameters if work.method == "full" else 0
    whole: float = (2 * shape.block_parameters + shape.embedding_parameters) * size
    gathered = whole
    if devices == 1:  # nothing is gathered, but trained weights are copied into the products' precision
        whole = 0.0
        gathered = (2 * tuned_blocks * shape.block_parameters + tuned_head) * size if size != FP32 else 0.0
    others = work.held_parameters * size * share
    if work.held_parameters:
        others += whole * work.held_parameters / shape.parameters
    return Memory(
        weights=share * (FP32 * work.trained_parameters + size * work.frozen_parameters),
        gathered=gathered,
        gradients=share * FP32 * work.trained_parameters
        + (size * (tuned_blocks * shape.block_parameters + tuned_head) if devices > 1 else 0.0),
        optimizer=share * work.state_bytes,
        activations=tokens * activations(work, level),
        logits=(min(tokens, LOSS_ROWS) if work.fused_loss else tokens) * shape.vocabulary_size * LOGIT_BYTES,
        others=others,
    )


def activations(work: Work, level: Kept) -> float:
    """Bytes of one token.

    Of a block are kept: the input of either norm and what leaves it, query, key and value, the answer of attention, and
    three of the feed-forward's width. Attention is computed in tiles, so that no matrix of time by time exists.
    """
    shape = work.architecture
    size = 2 if work.precision == "bf16" else FP32
    keys = shape.kv_heads * shape.head_width
    block = size * (4 * shape.width + 2 * shape.attention_width + 2 * keys + 3 * shape.feed_forward_width)
    inputs = size * shape.width
    layers = max(1, round(work.upper * shape.layers)) if work.method == "upper" else shape.layers
    ends = 2 * inputs  # of the last norm, and the gradient that goes back
    if level == "full":
        return layers * inputs + block + ends
    return layers * block * (SELECTIVE if level == "selective" else 1.0) + ends
