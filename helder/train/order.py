"""Which examples each step sees: a pure function of seed, step and the lengths of the examples.

There is no iterator to save, to lose or to replay: any step can be asked for, in any order, on any machine. Draws are
SHA-256 digests, so they do not depend on a library's random generator or its version.

The seed of a training is drawn from the one in its settings and from the root of a Merkle tree over all that is learnt
from. Data cannot be chosen to fit an order: other data have another order, and other first weights of LoRA and other
draws of a reward. What this does not prevent is trying several seeds, or data that differ in a comma, and keeping the
best: the seed in the settings is seen by everybody, the comma by nobody.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from helder.ledger import merkle

WINDOW = 24  # batches sorted by length together: padding falls to a few percent, the order stays mixed


def draw(*parts: object) -> bytes:
    """32 bytes that depend on `parts` (integers and strings) and nothing else."""
    return hashlib.sha256("/".join(str(part) for part in parts).encode("utf-8")).digest()


def data_root(learnt: Iterable[bytes]) -> str:
    """The root of the tree over what is learnt from, each example, document, question or pair in its place.

    Without salt: it names the data for whoever has them; whoever has a guess at a single one learns nothing from it but
    with all the others.

    Args:
        learnt: each as bytes, as the model sees it: its tokens, and whatever else the loss depends on.
    """
    return merkle.root([merkle.leaf(one) for one in learnt]).hex()


def seed_for(seed: int, root: str) -> str:
    """The seed of a training on these data.

    Args:
        seed: that of the settings.
        root: see `data_root`.
    """
    return draw("order", seed, root).hex()


class Order:
    """The order of a training.

    Args:
        lengths: tokens of each example.
        batch_size: examples of a batch, or 0.
        batch_tokens: tokens of a batch with padding (longest example × examples), or 0; exactly one is given.
        seed: decides everything that is not decided by the lengths; see `seed_for`.
        window: so many batches are sorted by length together.
    """

    def __init__(
        self, lengths: Sequence[int], *, batch_size: int, batch_tokens: int, seed: int | str, window: int = WINDOW
    ) -> None:
        if bool(batch_size) == bool(batch_tokens):
            raise ValueError("give batch_size or batch_tokens, not both and not neither")
        if not lengths:
            raise ValueError("there are no examples to order")
        self.lengths, self.seed, self.window = lengths, seed, window
        self.batch_size, self.batch_tokens = batch_size, batch_tokens
        self._epochs: list[list[list[int]]] = []
        self._ends: list[int] = []

    def batch(self, step: int) -> list[int]:
        """Indices of the examples that step `step` (from 0) sees."""
        while not self._ends or self._ends[-1] <= step:
            self._epoch(len(self._epochs))
        epoch = bisect_right(self._ends, step)
        before = self._ends[epoch - 1] if epoch else 0
        return self._epochs[epoch][step - before]

    def steps_of(self, epochs: float) -> int:
        """Steps in which each example is seen `epochs` times; at least one."""
        whole, rest = int(epochs), epochs % 1
        steps = sum(len(self._epoch(epoch)) for epoch in range(whole))
        return max(1, steps + (round(rest * len(self._epoch(whole))) if rest else 0))

    def steps_for(self, tokens: int) -> int:
        """Steps until `tokens` tokens have been seen, padding not counted."""
        seen = step = 0
        while seen < tokens:
            seen += sum(self.lengths[index] for index in self.batch(step))
            step += 1
        return max(1, step)

    def _epoch(self, epoch: int) -> list[list[int]]:
        """The batches of an epoch, in the order in which they are seen."""
        while len(self._epochs) <= epoch:
            batches = self._make_epoch(len(self._epochs))
            self._epochs.append(batches)
            self._ends.append((self._ends[-1] if self._ends else 0) + len(batches))
        return self._epochs[epoch]

    def _make_epoch(self, epoch: int) -> list[list[int]]:
        shuffled = sorted(range(len(self.lengths)), key=lambda index: draw(self.seed, epoch, index))
        per_batch = self.batch_size or max(1, self.batch_tokens * len(self.lengths) // sum(self.lengths))
        window = self.window * per_batch
        batches: list[list[int]] = []
        for start in range(0, len(shuffled), window):
            part = sorted(shuffled[start : start + window], key=lambda index: (self.lengths[index], index))
            batches += self._cut(part)
        keyed = sorted(range(len(batches)), key=lambda index: draw(self.seed, epoch, "batch", index))
        return [batches[index] for index in keyed]

    def _cut(self, indices: list[int]) -> list[list[int]]:
        """Cut indices sorted by length into batches; from the long end, so that the short rest is the cheap one."""
        batches: list[list[int]] = []
        rest = indices
        while rest:
            longest = self.lengths[rest[-1]]
            count = self.batch_size or max(1, self.batch_tokens // longest)
            batches.append(rest[-count:])
            rest = rest[:-count]
        return batches
