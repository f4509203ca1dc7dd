"""Our generator: greedy answers from `helder.model.transformer`, many prompts at a time.

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
    batch: int = 32,
    progress: Callable[[int], None] | None = None,
) -> list[Answer]:
    """Answer each prompt greedily.

    Args:
        model: the transformer; its weights' dtype is that of the arithmetic.
        prompts: token ids; not empty.
        stop_ids: tokens that end an answer.
        max_tokens: at most so many tokens for each answer, the ending one included.
        decode: token ids -> text.
        constraint: the form that every answer follows; made with the same `stop_ids`.
        logprobs: also return the log-probability of each token, before the constraint.
        batch: sequences computed together.
        progress: called with the number of answers that just ended.

    Returns:
        One answer for each prompt, in the order of the prompts.

    Raises:
        HelderError: a prompt is empty or does not fit the model's context.
    """
    _check(prompts, model.config.context_length, max_tokens)
    answers: list[Answer | None] = [None] * len(prompts)
    start = _common_start(model, prompts)
    order = sorted(range(len(prompts)), key=lambda index: (len(prompts[index]), index))
    for first in range(0, len(order), batch):
        sequences = [
            _Sequence(index, prompts[index], constraint.start() if constraint else None)
            for index in order[first : first + batch]
        ]
        for sequence, answer in _answer_batch(model, start, sequences, set(stop_ids), max_tokens, decode, logprobs):
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
    from helder.model.transformer import Cache

    if len(prompts) < 2:
        return None
    shortest = min(len(prompt) for prompt in prompts) - 1
    length = next((place for place in range(shortest) if len({prompt[place] for prompt in prompts}) > 1), shortest)
    if length < SHORTEST_START:
        return None
    cache = Cache(model.config, 1, length, next(model.parameters()).dtype)
    model.hidden(torch.tensor([list(prompts[0][:length])]), cache)
    return cache


def _answer_batch(
    model: Transformer,
    start: Cache | None,
    sequences: list[_Sequence],
    stop_ids: set[int],
    max_tokens: int,
    decode: Callable[[list[int]], str],
    logprobs: bool,
) -> list[tuple[_Sequence, Answer]]:
    """All answers of one batch."""
    from helder.model.transformer import Cache

    shortest = len(sequences[0].prompt)
    longest = max(len(sequence.prompt) for sequence in sequences)
    capacity = min(longest + max_tokens, model.config.context_length)
    cache = Cache(model.config, len(sequences), capacity, next(model.parameters()).dtype)
    if start is not None:
        cache.keys[:, :, :, : start.length] = start.keys
        cache.values[:, :, :, : start.length] = start.values
        cache.length = start.length
    ids = torch.tensor([list(sequence.prompt[cache.length : shortest]) for sequence in sequences])
    done: list[tuple[_Sequence, Answer]] = []
    while sequences:
        logits = model.lm_head(model.hidden(ids, cache)[:, -1]).to(torch.float32)  # (batch, vocabulary_size)
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
                        ),
                    )
                )
        if len(staying) < len(sequences):
            cache.keep(torch.tensor(staying, dtype=torch.int64))
            sequences = [sequences[row] for row in staying]
        ids = torch.tensor([[tokens[row]] for row in staying])
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
        allowed = torch.from_numpy(matcher.allowed())
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
