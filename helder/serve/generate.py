"""Our generator: answers from `helder.model.transformer`, many prompts at a time, greedy or drawn.

For evaluating weights before any file is made of them. llama.cpp (`engine.py`) is the one that serves; both
are given the same prompts and the same grammar, and on F32 weights they write the same tokens.

Prompts of different lengths share a batch without padding or masks: every sequence of the batch stands at
the same position at all times. The batch begins with as many tokens as its shortest prompt has, and then
moves one token a step; a longer prompt is fed its own next token while a shorter one already writes.
Finished sequences leave the batch. What all prompts begin with (the instruction and the examples of an untrained
model) is computed once. The result is a function of the list of prompts: in fp32 the sum over a
batch of another size may differ in its last bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from helder.errors import HelderError
from helder.serve.answer import Answer

if TYPE_CHECKING:
    from helder.model.transformer import Cache, Transformer
    from helder.serve.constrain import Constraint, Matcher


@dataclass(frozen=True)
class Drawing:
    """Draw tokens by their probability instead of taking the most probable one.

    Each draw is a pure function of the seed, the prompt's place in the list and the token's place in the answer: no
    generator has a state that would have to be kept.

    Attributes:
        temperature: logits are divided by it; above 0.
        seed: any text.
        top_p: only the most probable tokens are drawn from, as few as have this much of the probability together
            (nucleus sampling, Holtzman et al. 2020); 1 for all.
    """

    temperature: float
    seed: str
    top_p: float = 1.0

    def choose(self, logits: Tensor, places: Sequence[tuple[int, int]]) -> list[int]:
        """A token for each row of logits, (batch, vocabulary_size).

        Args:
            places: of each row, (place of the prompt, place of the token).
        """
        odds = (logits.double() / self.temperature).softmax(-1)
        if self.top_p < 1:
            ordered, tokens = odds.sort(dim=-1, descending=True, stable=True)
            before = ordered.cumsum(-1) - ordered
            odds = torch.zeros_like(odds).scatter(-1, tokens, ordered * (before < self.top_p))
        odds = odds.cumsum(-1)
        drawn = [self._number(*place) for place in places]
        wanted = torch.tensor(drawn, dtype=torch.float64, device=logits.device)[:, None] * odds[:, -1:]
        found: list[int] = (
            torch.searchsorted(odds, wanted, right=True).squeeze(1).clamp_(max=logits.shape[1] - 1).tolist()
        )
        return found

    def _number(self, prompt: int, token: int) -> float:
        """A number in [0, 1)."""
        digest = hashlib.sha256(f"{self.seed}/{prompt}/{token}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48


SHORTEST_START = 16  # tokens; computing fewer once for all prompts saves nothing


@dataclass
class _Sequence:
    """One answer in the making."""

    index: int
    prompt: Sequence[int]
    matcher: Matcher | None
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


@torch.inference_mode()
def generate(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    *,
    stop_ids: Sequence[int],
    max_tokens: int,
    decode: Callable[[list[int]], str],
    constraint: Constraint | None = None,
    logprobs: bool = False,
    drawing: Drawing | None = None,
    stop_texts: Sequence[str] = (),
    batch: int = 32,
    progress: Callable[[int], None] | None = None,
) -> list[Answer]:
    """Answer each prompt.

    Args:
        model: the transformer; its weights' dtype is that of the arithmetic, or that of its mixed precision.
        prompts: token ids; not empty.
        stop_ids: tokens that end an answer.
        max_tokens: at most so many tokens for each answer, the ending one included.
        decode: token ids -> text.
        constraint: the form that every answer follows; made with the same `stop_ids`.
        logprobs: also return the log-probability of each token, before the constraint.
        drawing: how tokens are drawn, which no constraint restricts; None takes the most probable one.
        stop_texts: texts that end an answer as soon as they stand in it; the answer still holds them.
        batch: sequences computed together.
        progress: called with the number of answers that just ended.

    Returns:
        One answer for each prompt, in the order of the prompts.

    Raises:
        HelderError: a prompt is empty or does not fit the model's context.
    """
    _check(prompts, model.config.context_length, max_tokens)
    if constraint is not None and drawing is not None:
        raise ValueError("answers are held to a form or drawn freely, not both")
    answers: list[Answer | None] = [None] * len(prompts)
    start = _common_start(model, prompts)
    order = sorted(range(len(prompts)), key=lambda index: (len(prompts[index]), index))
    for first in range(0, len(order), batch):
        sequences = [
            _Sequence(index, prompts[index], constraint.start() if constraint else None)
            for index in order[first : first + batch]
        ]
        made = _answer_batch(model, start, sequences, set(stop_ids), max_tokens, decode, logprobs, drawing, stop_texts)
        for sequence, answer in made:
            answers[sequence.index] = answer
            if progress:
                progress(1)
    return [answer for answer in answers if answer is not None]


def _check(prompts: Sequence[Sequence[int]], context: int, max_tokens: int) -> None:
    if max_tokens < 1:
        raise ValueError("max_tokens must be at least 1")
    for number, prompt in enumerate(prompts, start=1):
        if not prompt:
            raise HelderError(f"Prompt {number} is empty.", "", "Give at least one token.")
        if len(prompt) >= context:
            raise HelderError(
                f"Prompt {number} has {len(prompt)} tokens and the context holds {context}.",
                "A prompt is never cut, and at least one token must be left for the answer.",
                "Shorten the text, or use a base model with a longer context.",
            )


def _common_start(model: Transformer, prompts: Sequence[Sequence[int]]) -> Cache | None:
    """Keys and values of what all prompts begin with; None when that is too short to be worth it.

    The last token of each prompt is left out: its logits are what the answer begins with.
    """
    if len(prompts) < 2:
        return None
    shortest = min(len(prompt) for prompt in prompts) - 1
    length = next((place for place in range(shortest) if len({prompt[place] for prompt in prompts}) > 1), shortest)
    if length < SHORTEST_START:
        return None
    cache = _cache(model, 1, length)
    model.hidden(torch.tensor([list(prompts[0][:length])], device=cache.keys.device), cache)
    return cache


def _cache(model: Transformer, batch: int, capacity: int) -> Cache:
    """A cache in the dtype of the arithmetic, where the model is."""
    from helder.model.transformer import Cache

    weight = model.model.embed_tokens.weight
    return Cache(model.config, batch, capacity, model.model.norm.compute or weight.dtype, weight.device)


def _answer_batch(
    model: Transformer,
    start: Cache | None,
    sequences: list[_Sequence],
    stop_ids: set[int],
    max_tokens: int,
    decode: Callable[[list[int]], str],
    logprobs: bool,
    drawing: Drawing | None,
    stop_texts: Sequence[str],
) -> list[tuple[_Sequence, Answer]]:
    """All answers of one batch."""
    # A token is a byte at least, and a text may begin within one.
    tail = max((len(text.encode("utf-8")) for text in stop_texts), default=0) + 1
    shortest = len(sequences[0].prompt)
    longest = max(len(sequence.prompt) for sequence in sequences)
    capacity = min(longest + max_tokens, model.config.context_length)
    cache = _cache(model, len(sequences), capacity)
    if start is not None:
        cache.keys[:, :, :, : start.length] = start.keys
        cache.values[:, :, :, : start.length] = start.values
        cache.length = start.length
    device = cache.keys.device
    ids = torch.tensor([list(sequence.prompt[cache.length : shortest]) for sequence in sequences], device=device)
    done: list[tuple[_Sequence, Answer]] = []
    while sequences:
        logits = model.lm_head(model.hidden(ids, cache)[:, -1]).to(torch.float32)  # (batch, vocabulary_size)
        if drawing is not None:
            tokens = drawing.choose(logits, [(sequence.index, len(sequence.ids)) for sequence in sequences])
        else:
            tokens = _choose(logits, [_writing(sequence, cache.length) for sequence in sequences])
        staying: list[int] = []
        for row, sequence in enumerate(sequences):
            if cache.length < len(sequence.prompt):
                tokens[row] = sequence.prompt[cache.length]
                staying.append(row)
                continue
            if logprobs:
                sequence.logprobs.append(float(torch.log_softmax(logits[row], -1)[tokens[row]]))
            reason = _advance(sequence, tokens[row], stop_ids)
            if reason is None and stop_texts:
                written = decode(sequence.ids[-tail:])
                reason = "stop" if any(text in written for text in stop_texts) else None
            if reason is None and (len(sequence.ids) == max_tokens or cache.length == capacity):
                reason = "length"
            if reason is None:
                staying.append(row)
            else:
                ended_by_token = reason == "stop" and tokens[row] in stop_ids
                count = len(sequence.ids) + ended_by_token
                done.append(
                    (
                        sequence,
                        Answer(
                            text=decode(sequence.ids),
                            ids=tuple(sequence.ids),
                            finish_reason="stop" if reason == "stop" else "length",
                            prompt_tokens=len(sequence.prompt),
                            completion_tokens=count,
                            logprobs=tuple(sequence.logprobs[: len(sequence.ids)]),
                            ended_by=tokens[row] if ended_by_token else None,
                        ),
                    )
                )
        if len(staying) < len(sequences):
            cache.keep(torch.tensor(staying, dtype=torch.int64, device=device))
            sequences = [sequences[row] for row in staying]
        ids = torch.tensor([[tokens[row]] for row in staying], device=device)
    return done


def _writing(sequence: _Sequence, position: int) -> Matcher | None:
    """The matcher of a sequence that writes at this position and is constrained."""
    return sequence.matcher if position >= len(sequence.prompt) else None


def _choose(logits: Tensor, matchers: list[Matcher | None]) -> list[int]:
    """The most probable token of each row that its matcher allows; logits: (batch, vocabulary_size)."""
    choices: list[int] = logits.argmax(-1).tolist()
    for row, matcher in enumerate(matchers):
        if matcher is None:
            continue
        allowed = torch.from_numpy(matcher.allowed()).to(logits.device)
        if not allowed[choices[row]]:
            choices[row] = int(logits[row].masked_fill(~allowed, -torch.inf).argmax())
    return choices


def _advance(sequence: _Sequence, token: int, stop_ids: set[int]) -> str | None:
    """Add one token; "stop" when it or the form of the answer ended the answer."""
    if token in stop_ids:
        return "stop"
    sequence.ids.append(token)
    if sequence.matcher is None:
        return None
    sequence.matcher.accept(token)
    return "stop" if sequence.matcher.ended else None
