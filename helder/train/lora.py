"""LoRA (Hu et al. 2021): tune low-rank additions to the linear layers of the blocks, leave the weights alone.

Frozen weights are held in the compute dtype, so nothing of them is converted or differentiated while training; merging
takes the fp32 weights from the base folder again.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from helder.model.draws import uniform
from helder.model.kernels import linear
from helder.model.transformer import Linear, Transformer


class LoraLinear(nn.Module):
    """A frozen linear layer with a trained addition: x W^T + (x A^T) B^T · alpha / rank.

    `up` (out, rank) begins at zero, so training begins at the base model; `down` (rank, in) at values that depend on
    the seed of the training and the weight's name (`helder.model.draws`).
    """

    def __init__(self, frozen: Linear, rank: int, alpha: float, seed: str, name: str) -> None:
        super().__init__()
        self.frozen, self.scale = frozen, alpha / rank
        rows, columns = frozen.weight.shape
        self.down = nn.Parameter(
            torch.from_numpy(uniform((rank, columns), 1 / math.sqrt(columns), seed, f"lora/{name}"))
        )
        self.up = nn.Parameter(torch.zeros(rows, rank))

    def forward(self, x: Tensor) -> Tensor:
        inner = linear(x, self.down.to(x.dtype)) * self.scale
        return torch.add(self.frozen(x), linear(inner, self.up.to(x.dtype)))

    def addition(self) -> Tensor:
        """What is added to the weight: (out, in), fp32."""
        return (self.up.detach() @ self.down.detach()) * self.scale


def add_lora(model: Transformer, rank: int, alpha: float, seed: str, compute: torch.dtype) -> dict[str, LoraLinear]:
    """Freeze the model, hold it in `compute`, and add LoRA to every linear layer of its blocks.

    Returns:
        Name of the weight → its layer, in sorted order.
    """
    model.requires_grad_(False)
    for module in model.modules():
        if isinstance(module, Linear | nn.Embedding):
            module.to(compute)
    added: dict[str, LoraLinear] = {}
    for prefix, module in sorted(model.model.named_modules(prefix="model")):
        for child, layer in sorted(module.named_children()):
            if isinstance(layer, Linear):
                name = f"{prefix}.{child}.weight"
                added[name] = LoraLinear(layer, rank, alpha, seed, name)
                setattr(module, child, added[name])
    return added
