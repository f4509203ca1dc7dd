"""Training arithmetic: what plain autograd does, with fewer passes over memory.

Weights and the residual stream are fp32, matrix products run in bf16 or fp32. `torch.autocast` does the same, but
converts the input of every linear layer by itself and runs every norm in several fp32 passes. `Transformer` uses it
only when `compute` is set; answers are made without it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

HEAD_CHUNK = 256  # rows of logits held at once: 256 x 49,152 in fp32 are 50 MB (measured best of 128…1024)


class MixedRMSNorm(torch.autograd.Function):
    """RMSNorm in fp32 that reads one dtype and writes another, in one step each way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float, dtype: torch.dtype) -> Tensor:
        wide = x.float()
        scale = torch.rsqrt(wide.square().mean(-1, keepdim=True).add_(epsilon))
        ctx.save_for_backward(x, weight, scale)
        return (wide * scale).mul_(weight).to(dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        x, weight, scale = ctx.saved_tensors
        gradient = gradient.float()
        normed = x * scale
        weight_gradient = None
        if ctx.needs_input_grad[1]:
            weight_gradient = (gradient * normed).flatten(0, -2).sum(0)
        gradient = gradient * weight
        inner = (gradient * normed).mean(-1, keepdim=True)
        return gradient.addcmul_(normed, inner, value=-1.0).mul_(scale).to(x.dtype), weight_gradient, None, None


class LinearCrossEntropy(torch.autograd.Function):
    """Output head and cross-entropy together, a chunk of rows at a time, gradients made on the way forward.

    The logits of a batch over a vocabulary of 49,152 are the largest tensor of training; here no more than
    `HEAD_CHUNK` rows of them exist at any time.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        compute = hidden.dtype
        head = weight.to(compute)
        hidden_gradient = torch.empty_like(hidden)
        head_gradient = torch.zeros_like(weight) if weight.requires_grad else None
        loss = torch.zeros((), dtype=torch.float32)
        for start in range(0, len(hidden), HEAD_CHUNK):
            rows, wanted = hidden[start : start + HEAD_CHUNK], targets[start : start + HEAD_CHUNK]
            logs = F.log_softmax(F.linear(rows, head).float(), dim=-1)
            loss += F.nll_loss(logs, wanted, reduction="sum")
            share = logs.exp_()
            share[torch.arange(len(wanted)), wanted] -= 1.0
            share = share.to(compute)
            hidden_gradient[start : start + HEAD_CHUNK] = share @ head
            if head_gradient is not None and compute == head_gradient.dtype:
                head_gradient.addmm_(share.T, rows)  # no second tensor of the head's size
            elif head_gradient is not None:
                head_gradient += (share.T @ rows).float()
        ctx.save_for_backward(hidden_gradient, *(() if head_gradient is None else (head_gradient,)))
        return loss

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None]:
        hidden_gradient, *head_gradient = ctx.saved_tensors
        factor = gradient.item()
        return (
            hidden_gradient * factor,
            head_gradient[0].mul_(factor) if head_gradient else None,
            None,
        )


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Summed cross-entropy of `hidden @ weight.T` against `targets`, in nats.

    Args:
        hidden: (rows, width), compute dtype.
        weight: (vocabulary_size, width), fp32 master weights or frozen weights of the compute dtype.
        targets: (rows,), integers.
    """
    return LinearCrossEntropy.apply(hidden, weight, targets)  # type: ignore[no-any-return,no-untyped-call]
