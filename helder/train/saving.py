"""When the state of a training is saved, and which of the saved states stay in the artifact.

An interrupted training continues from the newest state. Those that stay cut the training into slices, each of which can
be taken again by itself (`helder.train.replay`): the more there are, the less a check of one costs, and the more disk
they take. A pure function of settings and sizes: what is measured would keep other states each time. Light: no torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from helder.train.settings import TrainSettings

KEPT_BYTES = 4_000_000_000  # of all states that one training keeps (assumption: what a small team's disk has to spare)
MOST_KEPT = {"full": 4, "upper": 4, "lora": 32}  # of states small enough for more (assumption: five slices will do)
PARTS = 4  # of a training of which a kill costs one at most
ADAM_BYTES = 12  # of a weight's whole state: itself and two moments, fp32
# Tokens that have to be learnt before saving the state of a whole model takes 2 % of the time. On processors 1.6 ns of
# a core for each byte hashed twice, written and forced to the disk, 240 tokens a core and second for 135 M weights
# (docs/log.md): 32,000. On GPUs 1 GB/s, and 37 % of an H100's 989 TFLOP/s (assumption).
CLOSEST_TOKENS = {"cpu": 40_000, "cuda": 40_000_000}


@dataclass(frozen=True)
class Saving:
    """Steps behind which a state is saved.

    Attributes:
        steps: all of them; the end is none.
        kept: those whose state stays.
    """

    steps: range
    kept: tuple[int, ...]


def plan(settings: TrainSettings, steps: int, *, state_bytes: float, parameters: float, step_tokens: float) -> Saving:
    """When to save.

    Args:
        steps: of the whole training.
        state_bytes: of one state.
        parameters: of the whole model.
        step_tokens: that a step computes.
    """
    most = settings.states
    if most < 0:
        most = min(MOST_KEPT[settings.method], int(KEPT_BYTES // state_bytes))
    every = settings.checkpoint_every
    if not every and settings.states > 0:
        every = math.ceil(steps / (most + 1))
    if not every:
        tokens = CLOSEST_TOKENS[settings.device] * state_bytes / (ADAM_BYTES * parameters)
        every = max(math.ceil(tokens / step_tokens), math.ceil(steps / max(PARTS, most + 1)))
    # A training goes on where new answers are drawn: what was drawn before is no state that has to be saved.
    every = math.ceil(every / settings.reuse) * settings.reuse
    saved = range(every, steps, every)
    return Saving(saved, spread(saved, most))


def spread(items: Sequence[int], most: int) -> tuple[int, ...]:
    """At most so many of the items, about as far from each other as from both ends."""
    if len(items) <= most:
        return tuple(items)
    return tuple(items[(place + 1) * (len(items) + 1) // (most + 1) - 1] for place in range(most))
