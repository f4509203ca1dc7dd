"""Learning rate as a pure function of the step."""

from __future__ import annotations


def learning_rate(step: int, steps: int, peak: float, warmup: float) -> float:
    """Linear warm-up over the first `warmup` part of the steps, then linear decay to zero.

    Linear decay to zero: Bergsma et al. 2025, "Straight to Zero". The last step's rate is above zero, so that no
    step is wasted.

    Args:
        step: from 0.
        steps: of the whole training.
        peak: the highest rate.
        warmup: part of the steps, 0 to 1.
    """
    rising = round(steps * warmup)
    if step < rising:
        return peak * (step + 1) / (rising + 1)
    return peak * (steps - step) / max(1, steps - rising)
