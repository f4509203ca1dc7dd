"""From gradients to weights: AdamW for all, or Muon for the matrices of the blocks and AdamW for the rest.

AdamW: Loshchilov and Hutter 2019, in torch's fused form, which is three times as fast as its loop. Muon: Jordan et al.
2024, the momentum of a matrix made orthogonal by Newton-Schulz steps, `torch.optim.Muon`. Both are torch's own, but for
Muon in fp32: torch's makes the steps in bf16 in any case, which processors round differently and some only emulate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from helder.model.kernels import times
from helder.train.settings import TrainSettings

TOGETHER = 1 << 23  # weights changed in one call: 32 MB of gradients (assumption: enough to keep the calls few)
MUON_MOMENTUM = 0.95  # Jordan et al. 2024
NEWTON_SCHULZ, NEWTON_SCHULZ_STEPS, SMALLEST_NORM = (3.4445, -4.7750, 2.0315), 5, 1e-7  # the same


class Muon(torch.optim.Muon):
    """Muon with Newton-Schulz steps in fp32; its settings and its state are torch's."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                momentum = self.state[parameter].setdefault("momentum_buffer", torch.zeros_like(parameter))
                momentum.lerp_(parameter.grad, 1 - group["momentum"])
                update = orthogonal(parameter.grad.lerp(momentum, group["momentum"]))
                rows, columns = parameter.shape
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"] * math.sqrt(max(1.0, rows / columns)))


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix with about the same singular vectors, all singular values between 0.7 and 1.2 (Jordan et al. 2024)."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    found: Tensor = (matrix.T if tall else matrix) / matrix.norm().clamp(min=SMALLEST_NORM)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = times(found, found)
        found = a * found + times(b * gram + c * times(gram, gram), found.T)  # gram is symmetric
    return found.T if tall else found


class Optimizer:
    """Changes the weights by their gradients.

    Args:
        parameters: name → fp32 weight, in sorted order.
        settings: rates, decay and which optimizer.
        tied: the embedding is the output head too.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], settings: TrainSettings, tied: bool) -> None:
        self._members: list[torch.optim.Optimizer] = []
        of_muon = {name for name in parameters if settings.optimizer == "muon" and is_hidden_matrix(name, parameters)}
        if of_muon:
            muon = (torch.optim.Muon if settings.precision == "bf16" else Muon)(
                [parameter for name, parameter in parameters.items() if name in of_muon],
                lr=settings.muon_learning_rate,
                weight_decay=settings.weight_decay,
                momentum=MUON_MOMENTUM,
                adjust_lr_fn="original",
            )
            self._members.append(muon)
        rest = {name: parameter for name, parameter in parameters.items() if name not in of_muon}
        # An embedding that is looked up only is not pulled towards zero: rare rows would fade (OLMo 2).
        kept = {name for name in rest if rest[name].ndim == 1 or (name.endswith("embed_tokens.weight") and not tied)}
        groups = [
            {"params": [rest[name] for name in rest if name not in kept], "weight_decay": settings.weight_decay},
            {"params": [rest[name] for name in rest if name in kept], "weight_decay": 0.0},
        ]
        if rest:
            adamw = torch.optim.AdamW(
                [group for group in groups if group["params"]],
                lr=settings.learning_rate,
                betas=(settings.beta1, settings.beta2),
                fused=True,
            )
            self._members.append(adamw)
        self._homes = {
            name: (self._members[0 if name in of_muon else -1], parameter) for name, parameter in parameters.items()
        }
        # Made before anything that comes and goes: between activations they would leave holes in the heap that nothing
        # else fits into (docs/log.md).
        for member, parameter in self._homes.values():
            kinds = ("momentum_buffer",) if isinstance(member, torch.optim.Muon) else ("exp_avg", "exp_avg_sq")
            member.state[parameter] = {kind: torch.zeros_like(parameter) for kind in kinds}
            if isinstance(member, torch.optim.AdamW):
                member.state[parameter]["step"] = torch.zeros((), device=parameter.device)
        self._peaks = [[float(group["lr"]) for group in member.param_groups] for member in self._members]

    def step(self, factor: float, gradient: Callable[[int], Tensor]) -> None:
        """Take one step with `factor` times the highest rates.

        The weights are changed a few at a time, so that fp32 gradients of only these are there.

        Args:
            gradient: the gradient of a weight, by its place in the sorted order; asked for once each.
        """
        for member, peaks in zip(self._members, self._peaks, strict=True):
            for group, peak in zip(member.param_groups, peaks, strict=True):
                group["lr"] = factor * peak
        homes = list(self._homes.values())
        for places in together([parameter.numel() for _, parameter in homes]):
            for place in places:
                homes[place][1].grad = gradient(place)
            for member in self._members:
                if any(homes[place][0] is member for place in places):
                    member.step()  # passes over weights without a gradient
            for place in places:
                homes[place][1].grad = None

    def state(self) -> dict[str, Tensor]:
        """What is remembered of each weight, as "<kind>.<name of the weight>"; to be read and to be filled."""
        return {
            f"{kind}.{name}": tensor
            for name, (member, parameter) in self._homes.items()
            for kind, tensor in member.state[parameter].items()
        }


def together(sizes: Sequence[int]) -> Iterator[range]:
    """Neighbours whose sizes are `TOGETHER` or less in sum, or one that is larger."""
    start = total = 0
    for place, size in enumerate(sizes):
        if place > start and total + size > TOGETHER:
            yield range(start, place)
            start, total = place, 0
        total += size
    if sizes:
        yield range(start, len(sizes))


def is_hidden_matrix(name: str, parameters: Mapping[str, nn.Parameter]) -> bool:
    """Whether a weight is a matrix between hidden states: of a block, not of the embedding or the head."""
    return ".layers." in name and parameters[name].ndim == 2
