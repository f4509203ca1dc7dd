"""Learning rate as a pure function of the step."""

from __future__ import annotations

import math
from typing import Literal

Shape = Literal["linear", "cosine", "constant"]


def learning_rate(
    step: int, steps: int, peak: float, warmup: float, shape: Shape = "linear", floor: float = 0.0
) -> float:
    """Linear warm-up over the first `warmup` part of the steps, then decay to `floor` times the peak.

    Linear decay to zero: Bergsma et al. 2025, "Straight to Zero"; OLMo 2's mid-training. Cosine: Loshchilov and Hutter
    2017; OLMo 2's pre-training, with a floor of 0.1. The last step's rate is above the floor, so that no step is
    wasted.

    Args:
        step: from 0.
        steps: of the whole training.
        peak: the highest rate.
        warmup: part of the steps, 0 to 1.
        shape: how the rate falls; "constant" does not.
        floor: 0 to 1, what is left of the peak at the end.
    """
    rising = round(steps * warmup)
    if step < rising:
        return peak * (step + 1) / (rising + 1)
    left = (steps - step) / max(1, steps - rising)
    if shape == "constant":
        return peak
    if shape == "cosine":
        left = (1 - math.cos(math.pi * left)) / 2
    return peak * left if not floor else peak * (floor + (1 - floor) * left)
