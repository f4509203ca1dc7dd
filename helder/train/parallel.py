"""Data parallelism inside one process: a batch is cut into parts whose gradients are made side by side.

The matrices of a small model do not keep several threads busy, and between them stand many small operations that run in
one: two halves of a batch with a thread each are faster than one batch with two threads (docs/log.md). The number of
parts decides which sums are made, so it is part of the settings. One thread in all and one for each part give the same
bits; several threads in a part may add up in another order, and their number is recorded with the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

Item = TypeVar("Item")
Loss = Callable[[], Tensor]


class Parts:
    """The threads that make the gradients of the parts.

    Args:
        count: how many parts a batch has at most; the threads of the process are shared out among them.
        working: what the gradients are taken of.
        masters: the fp32 weight that each of them stands for (`helder.train.masters`), in the same order.
    """

    def __init__(self, count: int, working: Sequence[Tensor], masters: Sequence[Tensor]) -> None:
        self.count, self.working, self.masters = count, list(working), list(masters)
        # OpenMP counts its threads for each thread that calls it: those of the caller stay as they are.
        threads = max(1, torch.get_num_threads() // count)
        self._pool = ThreadPoolExecutor(count, "part", torch.set_num_threads, (threads,))

    def backward(self, losses: Sequence[Loss]) -> Tensor:
        """Put the summed gradients of several losses into the masters' `grad`, in fp32; the sum of the losses.

        Sums are taken in the order of `losses`, whichever is ready first. What `grad` held before is replaced.

        Args:
            losses: each makes one scalar; they are called at the same time, each in a thread of its own.
        """
        parts = [future.result() for future in [self._pool.submit(self._gradients, loss) for loss in losses]]
        gradients = [gradients for _, gradients in parts]
        for future in [self._pool.submit(self._sum, gradients, share) for share in range(self.count)]:
            future.result()
        total = parts[0][0]
        for loss, _ in parts[1:]:
            total = total + loss
        return total

    def _gradients(self, loss: Loss) -> tuple[Tensor, list[Tensor]]:
        value = loss()
        return value.detach(), list(torch.autograd.grad(value, self.working))

    def _sum(self, parts: Sequence[list[Tensor]], share: int) -> None:
        """Sum the gradients of every `count`-th weight from `share` on; each thread has its own weights."""
        for place in range(share, len(self.masters), self.count):
            master = self.masters[place]
            if master.grad is None:
                master.grad = torch.empty_like(master)
            master.grad.copy_(parts[0][place])
            for gradients in parts[1:]:
                master.grad.add_(gradients[place])


def deal(items: Sequence[Item], count: int) -> list[Sequence[Item]]:
    """Items as at most `count` parts, none of them empty, neighbours in different ones.

    The examples of a batch stand in the order of their lengths: dealt out, the parts are about as long as each other.
    """
    return [items[place::count] for place in range(min(count, len(items)))]
