"""Mixed precision (Micikevicius et al. 2018): weights are kept and changed in fp32, and multiplied as copies in bf16.

The optimizer sees the fp32 masters only. The linear layers of the blocks hold working copies in the compute dtype, made
anew before each step: once for all parts of a batch, and their gradients stay in the compute dtype until the parts are
summed. Norms, the embedding and the output head are their own masters: sums over many tokens meet in their gradients.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from helder.model.transformer import Linear, Transformer


class Masters:
    """The trained weights of a model.

    Making it holds the trained linear layers of the blocks in `compute`; weights that need no gradient are left alone.

    Attributes:
        parameters: name in the model → fp32 master, in sorted order.
        working: the parameter of the model that stands for each master, in the same order; often the master itself.
    """

    def __init__(self, model: Transformer, compute: torch.dtype) -> None:
        copied = {
            f"model.{name}.weight": module
            for name, module in model.model.named_modules()
            if isinstance(module, Linear) and module.weight.requires_grad and module.weight.dtype != compute
        }
        self.parameters: dict[str, nn.Parameter] = {}
        for name, parameter in sorted(model.named_parameters()):
            if parameter.requires_grad:
                self.parameters[name] = nn.Parameter(parameter.detach()) if name in copied else parameter
        for module in copied.values():
            module.weight = nn.Parameter(module.weight.detach().to(compute))
        found = dict(model.named_parameters())
        self.working: list[Tensor] = [found[name] for name in self.parameters]

    @torch.no_grad()
    def refresh(self) -> None:
        """Copy what the optimizer changed into the model."""
        for master, working in zip(self.parameters.values(), self.working, strict=True):
            if working is not master:
                working.copy_(master)
