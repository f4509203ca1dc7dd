"""Weights, gradients and what the optimizer remembers, a share of each in every process: FSDP2 (Zhao et al. 2023).

The fp32 shares are the masters; before a block computes, the shares of its weights are gathered in the dtype of the
matrix products, and its gradients are summed in fp32 on their way back to the shares. The embedding, the last norm and
the output head are gathered in fp32, as `helder.train.masters` keeps them. All of it is torch's `fully_shard`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method

from helder.model.transformer import Transformer
from helder.train.parallel import Loss
from helder.train.world import World, whole


class ShardedMasters:
    """The shares that this process holds; what `helder.train.masters.Masters` is for whole weights.

    Args:
        model: fp32 and whole in every process; its weights are shares from then on.

    Attributes:
        parameters: name in the model → fp32 share, in sorted order.
    """

    def __init__(self, model: Transformer, compute: torch.dtype, world: World) -> None:
        self.model, self.world = model, world
        model.sparse_rows = False  # gradients are cut into shares and summed as dense ones
        block = MixedPrecisionPolicy(param_dtype=compute, reduce_dtype=torch.float32, cast_forward_inputs=False)
        root = MixedPrecisionPolicy(reduce_dtype=torch.float32, cast_forward_inputs=False)
        for layer in model.model.layers:
            fully_shard(layer, mesh=world.mesh, mp_policy=block)
        fully_shard(model, mesh=world.mesh, mp_policy=root)
        register_fsdp_forward_method(model, "hidden")  # the objectives ask for hidden states, not for logits
        for module in model.modules():
            if isinstance(module, FSDPModule):
                # A loss is divided by the whole batch already: sum, do not average.
                module.set_gradient_divide_factor(1.0)
                module.set_force_sum_reduction_for_comms(True)
        self.parameters: dict[str, nn.Parameter] = {
            name: parameter for name, parameter in sorted(model.named_parameters()) if parameter.requires_grad
        }

    def refresh(self) -> None:
        """Forget what is still gathered from before the shares were changed."""
        assert isinstance(self.model, FSDPModule)
        self.model.reshard()


class InTurn:
    """Makes the gradients of a process's parts one after another; what `helder.train.parallel.Parts` does side by side.

    All processes gather and sum together, so that each has to make as many parts as the others.
    """

    def __init__(self, model: Transformer, masters: ShardedMasters, parts: int) -> None:
        self.model, self.masters, self.parts = model, masters, parts

    def backward(self, losses: Sequence[Loss]) -> Tensor:
        """Make the shares of the gradients of all processes' losses, summed; the sum of this one's losses.

        Args:
            losses: of the whole batch, the same in every process; at most `parts` for each. Where there are fewer, a
                process makes the first one in place of each that it misses, times zero.
        """
        assert isinstance(self.model, FSDPModule)
        own = [losses[place] for place in self.masters.world.places(len(losses), self.parts)]
        for parameter in self.masters.parameters.values():
            parameter.grad = None
        total: Tensor | None = None
        for place in range(self.parts):
            self.model.set_requires_gradient_sync(place == self.parts - 1)
            loss = own[place]() if place < len(own) else losses[0]() * 0.0
            torch.autograd.backward(loss)
            total = loss.detach() if total is None else total + loss.detach()
        assert total is not None
        return total

    def norm(self) -> Tensor:
        """The norm of all gradients together, of all shares; all processes call it."""
        return whole(nn.utils.get_total_norm([self._gradient(place) for place in range(len(self.masters.parameters))]))

    def take(self, place: int, factor: float | None = None) -> Tensor:
        """The share of a gradient, times `factor`; it is asked for once."""
        return self._gradient(place) if factor is None else self._gradient(place).mul_(factor)

    def _gradient(self, place: int) -> Tensor:
        gradient = list(self.masters.parameters.values())[place].grad
        assert gradient is not None
        return gradient
