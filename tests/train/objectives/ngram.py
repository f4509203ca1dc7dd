"""What a model has to beat: an n-gram model over the same tokens (Witten and Bell 1991, interpolated)."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from helder.tokens.shards import Shard


def bits_per_byte(train: Shard, test: Shard, order: int, vocabulary: int) -> float:
    """Bits per byte of the documents of `test` under an n-gram model of `train`, as `Text.look` counts them."""
    counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for document in documents(train):
        for place in range(1, len(document)):
            for length in range(order):
                if length <= place:
                    counts[tuple(document[place - length : place])][document[place]] += 1
    bits = 0.0
    for document in documents(test):
        for place in range(1, len(document)):
            chance = 1.0 / vocabulary
            for length in range(order):
                seen = counts.get(tuple(document[place - length : place])) if length <= place else None
                if seen:
                    total, different = seen.total(), len(seen)
                    chance = (seen[document[place]] + different * chance) / (total + different)
            bits -= math.log2(chance)
    return bits / test.bytes


def documents(shard: Shard) -> list[Sequence[int]]:
    ends = [*shard.starts.tolist()[1:], shard.tokens]
    return [shard.ids[start:end].tolist() for start, end in zip(shard.starts.tolist(), ends, strict=True)]
