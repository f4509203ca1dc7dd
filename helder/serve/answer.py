"""What a model answered: the record that both generators return."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

FinishReason = Literal["stop", "length"]
Score = Literal["whole", "mean", "least"]  # what a confidence is made of, see `Answer.confidence`
SCORES: tuple[Score, ...] = ("whole", "mean", "least")


@dataclass(frozen=True)
class Decoding:
    """How an answer is to be written; what each setting means: `helder.serve.completer.Completer.complete`."""

    grammar: str | None = None
    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    top: int = 0


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        text: the answer without the token that ended it.
        ids: the tokens generated, without the token that ended the answer.
        finish_reason: "stop" when the model (or the form of the task, or a stop text) ended the answer,
            "length" when max_tokens or the context did.
        prompt_tokens: tokens of the prompt.
        completion_tokens: tokens generated, the ending one included when there was one.
        logprobs: natural logarithm of the probability that the model gave to each of `ids`, before any
            constraint; empty unless asked for. llama.cpp reports none for the parts of a character that is
            split over several tokens: then the whole is empty.
        alternatives: for each of `ids`, the most probable tokens in its place and the logarithms of their
            probabilities, the best first; empty where `logprobs` is.
        ended_by: the token that ended the answer, from our own generator; None when none did.
        restarts: how often the engine crashed and was started again while this was answered.
        seconds: time spent reading the prompt and writing the answer, 0 where it was not measured.
            Two answers that differ only here are equal.
    """

    text: str
    ids: tuple[int, ...]
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    logprobs: tuple[float, ...] = ()
    alternatives: tuple[tuple[tuple[int, float], ...], ...] = field(default=(), compare=False)
    ended_by: int | None = field(default=None, compare=False)
    restarts: int = field(default=0, compare=False)
    seconds: tuple[float, float] = field(default=(0.0, 0.0), compare=False)

    def confidence(self, score: Score) -> float | None:
        """How sure the model was, 0 to 1; None where no log-probabilities are known.

        Args:
            score: "whole": the probability that it gave to the answer; "mean": the geometric mean of its tokens'
                probabilities, which does not fall with length; "least": that of the token it was least sure of.
        """
        if not self.logprobs:
            return None
        if score == "least":
            return math.exp(min(self.logprobs))
        whole = math.fsum(self.logprobs)
        return math.exp(whole if score == "whole" else whole / len(self.logprobs))
