"""Data parallelism inside one process: a batch is cut into parts whose gradients are made side by side.

The matrices of a small model do not keep several threads busy, and between them stand many small operations that run in
one: two halves of a batch with a thread each are faster than one batch with two threads (docs/log.md). The number of
parts decides which sums are made, so it is part of the settings. One thread in all and one for each part give the same
bits; several threads in a part may add up in another order, and their number is recorded with the environment.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

Item = TypeVar("Item")
Loss = Callable[[], Tensor]


class Parts:
    """The threads that make the gradients of the parts.

    A gradient is added to its master's as soon as it is made, and let go: those of a part are never all there at once.

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
        self._own = threading.local()  # `part`: which one a thread is making
        self._turn = threading.Condition()
        self._added = [0] * len(self.working)  # how many parts each master's gradient holds
        self._broken = False
        # For GPUs autograd goes back in threads of its own, in which a hook does not know whose part it sees.
        self._on_the_way = all(tensor.device.type == "cpu" for tensor in self.working)
        if self._on_the_way:
            for place, tensor in enumerate(self.working):
                tensor.register_hook(partial(self._add, place))  # type: ignore[no-untyped-call]

    def backward(self, losses: Sequence[Loss]) -> Tensor:
        """Put the summed gradients of several losses into the masters' `grad`, in fp32; the sum of the losses.

        Sums are taken in the order of `losses`, whichever is ready first. What `grad` held before is replaced.

        Args:
            losses: at most `count`; each makes one scalar, all at the same time, each in a thread of its own.
        """
        if len(losses) > self.count:
            raise ValueError(f"{len(losses)} losses for {self.count} parts: one would wait for another that never ends")
        self._added, self._broken = [0] * len(self.working), False
        futures = [self._pool.submit(self._gradients, part, loss) for part, loss in enumerate(losses)]
        wait(futures)
        values = [future.result() for future in futures]
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total

    def _gradients(self, part: int, loss: Loss) -> Tensor:
        self._own.part = part
        try:
            value = loss()
            gradients = torch.autograd.grad(value, self.working)
            if not self._on_the_way:  # else `_add` took them while they were made
                for place, gradient in enumerate(gradients):
                    self._add(place, gradient)
        except BaseException:
            with self._turn:
                self._broken = True  # nobody waits for what will not come
                self._turn.notify_all()
            raise
        finally:
            self._own.part = None
        return value.detach()

    def _add(self, place: int, gradient: Tensor) -> Tensor | None:
        """Add a part's gradient when it is its turn; what autograd keeps instead takes no room."""
        part = getattr(self._own, "part", None)
        if part is None:
            return None  # somebody else's backward pass
        with self._turn:
            self._turn.wait_for(lambda: self._added[place] == part or self._broken)
        master = self.masters[place]
        if part:
            assert master.grad is not None
            master.grad.add_(gradient)
        else:
            if master.grad is None:
                master.grad = torch.empty_like(master)
            master.grad.copy_(gradient)
        with self._turn:
            self._added[place] += 1
            self._turn.notify_all()
        return gradient.new_zeros(()).expand_as(gradient)


def deal(items: Sequence[Item], count: int) -> list[Sequence[Item]]:
    """Items as at most `count` parts, none of them empty, neighbours in different ones.

    The examples of a batch stand in the order of their lengths: dealt out, the parts are about as long as each other.
    """
    return [items[place::count] for place in range(min(count, len(items)))]
