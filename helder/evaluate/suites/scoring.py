"""From log-likelihoods to choices: the normalisations of OLMES (Gu et al. 2024, arXiv:2406.08446, section 3.3).

    acc_raw         the most probable continuation
    acc_per_char    the most probable for each character, the space in front counted
    acc_per_token   the most probable for each token
    acc_uncond      the one that the question makes most more probable (pointwise mutual information)
    bits_per_byte   how improbable the right continuation is, for each byte; less is better

Of equal ones the first is chosen. lm-evaluation-harness calls the first two `acc` and `acc_norm`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CHOOSING = ("acc_raw", "acc_per_char", "acc_per_token", "acc_uncond")
# Names of one measure in the settings of the tasks.
BITS = ("bits_per_byte", "bits_per_byte_corr", "logits_per_byte")


@dataclass(frozen=True)
class Weighed:
    """A continuation and what the model gives it.

    Attributes:
        logprob: natural logarithm of its probability.
        bare_logprob: the same without the question, where the task asks for it.
    """

    text: str
    logprob: float
    tokens: int
    greedy: bool
    cut: int = 0
    bare_logprob: float | None = None

    @property
    def bits_per_byte(self) -> float:
        return -self.logprob / math.log(2) / max(1, len(self.text.encode("utf-8")))


def chosen(choices: Sequence[Weighed]) -> dict[str, int]:
    """The place of the choice that each normalisation takes; `acc_uncond` only where all were scored both ways."""
    found = {
        "acc_raw": _best([one.logprob for one in choices]),
        "acc_per_char": _best([one.logprob / max(1, len(one.text)) for one in choices]),
        "acc_per_token": _best([one.logprob / max(1, one.tokens) for one in choices]),
    }
    bare = [one.bare_logprob for one in choices]
    if None not in bare:
        found["acc_uncond"] = _best(
            [one.logprob - without for one, without in zip(choices, bare, strict=True) if without is not None]
        )
    return found


def _best(values: Sequence[float]) -> int:
    return max(range(len(values)), key=lambda place: (values[place], -place))
