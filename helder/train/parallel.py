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
from typing import Any, TypeVar

import torch
from torch import Tensor

Item = TypeVar("Item")
Loss = Callable[[], Tensor]


class Parts:
    """The threads that make the gradients of the parts, and what they made.

    Gradients are kept as they come, in the compute dtype: a set in fp32 is never there. The sums are made in fp32, when
    they are asked for. Two parts in bf16 take as much room as their sum; more are added up on the way.

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
        self._made = [0] * len(self.working)  # how many parts' gradients are there
        self._held: list[list[Tensor]] = [[] for _ in self.working]  # one for each part, or the sum
        self._storages: list[set[int]] = []  # where the gradients of each part lie
        self._fold = self._broken = False
        # For GPUs autograd goes back in threads of its own, in which a hook does not know whose part it sees.
        self._on_the_way = all(tensor.device.type == "cpu" for tensor in self.working)
        if self._on_the_way:
            for place, tensor in enumerate(self.working):
                hooked: Any = tensor  # torch gives `register_hook` no types
                hooked.register_hook(partial(self._keep, place))

    def backward(self, losses: Sequence[Loss]) -> Tensor:
        """Make the gradients of several losses; the sum of the losses. What was held before is let go.

        Sums are taken in the order of `losses`, whichever is ready first.

        Args:
            losses: at most `count`; each makes one scalar, all at the same time, each in a thread of its own.
        """
        if len(losses) > self.count:
            raise ValueError(f"{len(losses)} losses for {self.count} parts: one would wait for another that never ends")
        self._made, self._held = [0] * len(self.working), [[] for _ in self.working]
        self._storages = [set() for _ in losses]
        self._fold, self._broken = len(losses) > 2, False
        futures = [self._pool.submit(self._gradients, part, loss) for part, loss in enumerate(losses)]
        wait(futures)
        values = [future.result() for future in futures]
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total

    def norm(self) -> Tensor:
        """The norm of all gradients together."""
        norms = [torch.linalg.vector_norm(self._sum(place)) for place in range(len(self.masters))]
        total: Tensor = torch.linalg.vector_norm(torch.stack(norms))
        return total

    def take(self, place: int, factor: float | None = None) -> Tensor:
        """The gradient of a master, in fp32, times `factor`; it is held no longer."""
        total = self._sum(place)
        self._held[place] = []
        return total if factor is None else total.mul_(factor)

    def _sum(self, place: int) -> Tensor:
        """What is held of a master, in fp32: in place where it is fp32 already, else as a new tensor."""
        first, *rest = self._held[place]
        if first.is_sparse:
            total = torch.zeros_like(self.masters[place]).add_(first)
        elif first.dtype == torch.float32:
            total = first
        else:
            total = torch.empty_like(self.masters[place]).copy_(first)
        for gradient in rest:
            total.add_(gradient)
        if total is first:
            self._held[place] = [total]
        return total

    def _gradients(self, part: int, loss: Loss) -> Tensor:
        self._own.part = part
        try:
            value = loss()
            gradients = torch.autograd.grad(value, self.working)
            if not self._on_the_way:  # else `_keep` took them while they were made
                for place, gradient in enumerate(gradients):
                    self._keep(place, gradient)
        except BaseException:
            with self._turn:
                self._broken = True  # nobody waits for what will not come
                self._turn.notify_all()
            raise
        finally:
            self._own.part = None
        return value.detach()

    def _keep(self, place: int, gradient: Tensor) -> Tensor | None:
        """Keep a part's gradient when it is its turn; what autograd keeps instead takes no room."""
        part = getattr(self._own, "part", None)
        if part is None:
            return None  # somebody else's backward pass
        with self._turn:
            self._turn.wait_for(lambda: self._made[place] == part or self._broken)
        held = self._held[place]
        # What later parts are added to is nobody else's: autograd may still give the same tensor to another weight.
        own = self._alone(part, gradient) and not (self._fold and part == 0 and not gradient.is_sparse)
        held.append(gradient if own else gradient.clone(memory_format=torch.contiguous_format))
        if part and self._fold:
            self._held[place] = [self._sum(place)]
        with self._turn:
            self._made[place] += 1
            self._turn.notify_all()
        return None if gradient.is_sparse else gradient.new_zeros(()).expand(gradient.shape)

    def _alone(self, part: int, gradient: Tensor) -> bool:
        """Whether a gradient can be kept and changed: autograd gives the same tensor to all terms of a sum."""
        if gradient.is_sparse:
            return True
        if not gradient.is_contiguous():
            return False
        place = gradient.untyped_storage().data_ptr()
        if place in self._storages[part]:
            return False
        self._storages[part].add(place)
        return True


def deal(items: Sequence[Item], count: int) -> list[Sequence[Item]]:
    """Items as at most `count` parts, none of them empty, neighbours in different ones.

    The examples of a batch stand in the order of their lengths: dealt out, the parts are about as long as each other.
    """
    return [items[place::count] for place in range(min(count, len(items)))]
