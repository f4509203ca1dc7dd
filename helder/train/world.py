"""The processes of one training, and what they say to each other.

A training alone is a world of one, in which everything here is free. Several are started by torchrun
(`helder.train.launch`), each with its rank; they speak through gloo on processors and NCCL on GPUs. What is added up is
added in the order of the ranks, or by a collective whose order follows from their number, so that the same world gives
the same bits each time. Another world adds in another order: its size is recorded.

Objects travel as JSON in tensors: torch's own way of sending objects would unpickle what comes in.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from helder.errors import ExitCode, HelderError
from helder.train.parallel import Loss, Parts
from helder.train.settings import TrainSettings


@dataclass(frozen=True)
class World:
    """The processes that train together.

    Attributes:
        rank: the number of this one, from 0.
        size: how many they are.
        device: where this one computes.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @classmethod
    def join(cls, settings: TrainSettings, device: torch.device) -> World:
        """The world that the settings ask for; waits until all others are there.

        Raises:
            HelderError: this process was started alone, or in a world of another size.
        """
        if settings.world == 1:
            return cls(device=device)
        if int(os.environ.get("WORLD_SIZE", "1")) != settings.world:
            raise HelderError(
                f"This training has {settings.world} processes, and {os.environ.get('WORLD_SIZE', '1')} were started.",
                "They have to be started together (`helder.train.launch`).",
                "This is a defect of ours; please report it.",
                ExitCode.OURS,
            )
        if not dist.is_initialized():
            if device.type == "cuda":
                dist.init_process_group("nccl", device_id=device)
            else:
                dist.init_process_group("gloo")
        return cls(dist.get_rank(), dist.get_world_size(), device)

    @property
    def first(self) -> bool:
        """Whether this process writes what all have made."""
        return self.rank == 0

    @cached_property
    def mesh(self) -> dist.device_mesh.DeviceMesh:
        """All processes in one row, for shares of weights."""
        return dist.device_mesh.init_device_mesh(self.device.type, (self.size,))

    def share(self, items: Sequence[Any]) -> Sequence[Any]:
        """This process's run of `items`: all shares one behind another are `items`."""
        return items[self.rank * len(items) // self.size : (self.rank + 1) * len(items) // self.size]

    def places(self, parts: int, each: int) -> range:
        """The parts of a batch, of `parts`, that this process makes when each makes at most `each`."""
        return range(min(parts, self.rank * each), min(parts, (self.rank + 1) * each))

    def gather(self, value: Any) -> list[Any]:
        """What each process has to say, in the order of their ranks; `value` goes through JSON."""
        if self.size == 1:
            return [value]
        told = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8).to(self.device)
        sizes = [torch.zeros(1, dtype=torch.int64, device=self.device) for _ in range(self.size)]
        dist.all_gather(sizes, torch.tensor([len(told)], device=self.device))
        room = max(int(size) for size in sizes)
        heard = [torch.zeros(room, dtype=torch.uint8, device=self.device) for _ in range(self.size)]
        dist.all_gather(heard, torch.nn.functional.pad(told, (0, room - len(told))))
        return [json.loads(bytes(one[: int(size)].tolist())) for one, size in zip(heard, sizes, strict=True)]

    def told_by_first(self, value: Any) -> Any:
        """What the first process has to say."""
        return self.gather(value if self.first else None)[0]

    def agree(self, what: str, value: Any, found: Sequence[Any]) -> None:
        """Make sure that all processes have found the same as this one.

        Raises:
            HelderError: they have not.
        """
        if any(one != value for one in found):
            raise HelderError(
                f"The processes of the training do not have the same {what}.",
                f"{found}",
                "Start them with the same code, the same packages and the same files on every host.",
            )

    def barrier(self) -> None:
        """Wait until all are here."""
        if self.size > 1:
            dist.barrier()


class Parallel:
    """Data parallelism over processes (DDP): each makes the gradients of its parts, then they are summed over all.

    torch's DistributedDataParallel sums what reaches a weight's `grad` through autograd's own accumulation. Here the
    gradients of the parts are taken with `autograd.grad` of bf16 copies and summed into fp32 (`helder.train.parallel`):
    they are whole when the sum over processes begins, which is one collective over one piece of memory. That piece, in
    fp32, stays: several processes hold more than one with as many parts.

    Args:
        parts: makes the gradients of this process's parts.
    """

    def __init__(self, world: World, parts: Parts) -> None:
        self.world, self.parts, self.masters = world, parts, parts.masters
        sizes = [master.numel() for master in self.masters]
        self.buffer = torch.zeros(sum(sizes), device=world.device)
        pieces = torch.split(self.buffer, sizes)
        self.views = [piece.view_as(master) for piece, master in zip(pieces, self.masters, strict=True)]

    def backward(self, losses: Sequence[Loss]) -> Tensor:
        """Make the gradients of all processes' losses, summed; the sum of this one's losses.

        Args:
            losses: of the whole batch, the same in every process; at most `parts.count` for each.
        """
        own = [losses[place] for place in self.world.places(len(losses), self.parts.count)]
        if own:
            loss = self.parts.backward(own)
            for place, view in enumerate(self.views):
                view.copy_(self.parts.take(place))
        else:  # fewer examples than parts
            loss = torch.zeros(())
            self.buffer.zero_()
        dist.all_reduce(self.buffer)
        return loss

    def norm(self) -> Tensor:
        """The norm of all gradients together."""
        return nn.utils.get_total_norm(self.views)

    def take(self, place: int, factor: float | None = None) -> Tensor:
        """The gradient of a master, times `factor`; it is asked for once."""
        return self.views[place] if factor is None else self.views[place].mul_(factor)


def gathered(tensor: Tensor) -> Tensor:
    """A weight as one piece where it is; all processes call it, for the same weights in one order."""
    from torch.distributed.tensor import DTensor

    found = tensor.detach()
    return found.full_tensor() if isinstance(found, DTensor) else found


def whole(tensor: Tensor) -> Tensor:
    """`gathered`, in the processor's memory."""
    return gathered(tensor).cpu()


def fill(target: Tensor, found: Tensor) -> None:
    """Put a whole tensor, or this process's share of it, into its place; the way back of `whole`."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if isinstance(target, DTensor):
        mesh, cut = target.device_mesh, target.placements
        found = distribute_tensor(found.to(target.device), mesh, cut, src_data_rank=None)  # every process has read it
    target.copy_(found)
