"""How probable a model finds continuations of contexts: every token computed once, none of them padding.

The choices of an item share its context, and the items of a task share the examples before them. All sequences of a
group are put in order, so that those which begin alike stand together; what all begin with is computed once and kept
as keys and values; the rest is cut into packs, each a tree of tokens in one row: a token sees what all share, its own
ancestors and itself, at its own place in its own sequence. That is the same function of the tokens as one sequence at
a time, and in fp32 differs from it by the order of sums only. Logits are computed where a token of a continuation is
predicted, and nowhere else.

Packs take the place of batches by length: they have no padding, whatever the lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from helder.errors import HelderError
from helder.model.transformer import Cache, Sight, Transformer, rotary_tables

PACK = 256  # tokens of a pack; measured on one core with SmolLM2-135M (docs/log.md): more cost attention, fewer speed
ROWS = 256  # rows of logits at a time: 50 MB at 49,152 tokens
SHORTEST_SHARED = 8  # tokens; keeping fewer saves nothing (assumption)


@dataclass(frozen=True)
class Request:
    """A context and what may follow, as token ids; neither is empty.

    Attributes:
        group: requests of one group are expected to begin alike (one task, one set of examples).
    """

    context: tuple[int, ...]
    continuation: tuple[int, ...]
    group: Hashable = None


@dataclass(frozen=True)
class Scored:
    """What a model gives a continuation.

    Attributes:
        logprob: natural logarithm of its probability after the context.
        tokens: how many it has.
        greedy: each of its tokens is the most probable one.
        cut: tokens of the context that did not fit the window and were left out, at the beginning.
    """

    logprob: float
    tokens: int
    greedy: bool
    cut: int


@dataclass
class _Pack:
    """A tree of tokens in one row; `parents` are places in the row, -1 for what follows the shared beginning."""

    ids: list[int]
    parents: list[int]
    depths: list[int]
    asked: list[tuple[int, list[int]]]  # (request, the places that predict its continuation, in order)


@torch.inference_mode()
def score(
    model: Transformer,
    requests: Sequence[Request],
    *,
    window: int | None = None,
    pack: int = PACK,
    progress: Callable[[int], None] = lambda count: None,
) -> list[Scored]:
    """The log-likelihood of every continuation, in the order of the requests.

    Args:
        window: tokens that a model may be given; a longer sequence loses the beginning of its context, as in OLMES
            and in lm-evaluation-harness. None for what the model holds.
        pack: tokens of a pack; a longer sequence has one of its own.
        progress: called with how many requests were just answered.

    Raises:
        HelderError: a context or continuation is empty, or a continuation alone does not fit.
    """
    window = min(window or model.config.context_length, model.config.context_length)
    inputs: list[tuple[int, ...]] = []
    for request in requests:
        if not request.context or not request.continuation or len(request.continuation) > window:
            raise HelderError(
                f"A continuation of {len(request.continuation)} tokens after {len(request.context)} cannot be scored.",
                f"Both need a token at least, and the window holds {window}.",
                "Correct the item.",
            )
        # The last token of the continuation is predicted and never read.
        inputs.append((request.context + request.continuation)[-(window + 1) :][:-1])
    groups: dict[tuple[Hashable, bool], list[int]] = {}
    for index, request in enumerate(requests):
        whole = len(request.context) + len(request.continuation) - 1 <= window
        groups.setdefault((request.group, whole), []).append(index)
    found: dict[int, Scored] = {}
    for members in groups.values():
        _score_group(model, requests, inputs, members, pack, found, progress)
    return [found[index] for index in range(len(requests))]


def _score_group(
    model: Transformer,
    requests: Sequence[Request],
    inputs: Sequence[tuple[int, ...]],
    members: Sequence[int],
    pack: int,
    found: dict[int, Scored],
    progress: Callable[[int], None],
) -> None:
    order = sorted(members, key=lambda index: (inputs[index], requests[index].continuation))
    first, last = inputs[order[0]], inputs[order[-1]]
    # The last token of each context predicts, so it is no part of what is only kept.
    most = min(len(inputs[index]) - len(requests[index].continuation) for index in members)
    shared = min(_alike(first, last), most) if len(members) > 1 else 0
    if shared < SHORTEST_SHARED:
        shared = 0
    packs = _packs(requests, inputs, order, shared, pack)
    weight = model.model.embed_tokens.weight
    room = shared + max(len(one.ids) for one in packs)
    cache = Cache(model.config, 1, room, model.model.norm.compute or weight.dtype, weight.device)
    if shared:
        model.hidden(torch.tensor([first[:shared]], device=weight.device), cache)
    for one in packs:
        for index, scored in _score_pack(model, requests, inputs, one, cache, shared):
            found[index] = scored
        progress(len(one.asked))


def _packs(
    requests: Sequence[Request],
    inputs: Sequence[tuple[int, ...]],
    order: Sequence[int],
    shared: int,
    most: int,
) -> list[_Pack]:
    """Sequences in order, each continuing the one before as far as they are alike, cut into packs."""
    packs: list[_Pack] = []
    path: list[int] = []  # the places of the sequence before, in its pack
    before: tuple[int, ...] = ()
    for index in order:
        tokens = inputs[index][shared:]
        alike = _alike(before, tokens) if packs else 0
        if not packs or len(packs[-1].ids) + len(tokens) - alike > most:
            packs.append(_Pack([], [], [], []))
            alike, path = 0, []
        current = packs[-1]
        path = path[:alike]
        for depth in range(alike, len(tokens)):
            current.parents.append(path[-1] if path else -1)
            current.ids.append(tokens[depth])
            current.depths.append(depth)
            path.append(len(current.ids) - 1)
        current.asked.append((index, path[len(tokens) - len(requests[index].continuation) :]))
        before = tokens
    return packs


def _score_pack(
    model: Transformer,
    requests: Sequence[Request],
    inputs: Sequence[tuple[int, ...]],
    pack: _Pack,
    cache: Cache,
    shared: int,
) -> list[tuple[int, Scored]]:
    device = cache.keys.device
    cache.length = shared
    x = model.model.embed_tokens(torch.tensor([pack.ids], device=device))
    if model.model.norm.compute is not None:
        x = x.float()
    dtype = model.model.norm.compute or x.dtype
    places = shared + torch.tensor(pack.depths, device=device)
    cosines, sines = rotary_tables(model.config, places)
    sight = Sight("sdpa", _mask(pack.parents, shared, dtype, device), causal=False)
    for layer, block in enumerate(model.model.layers):
        x = block(x, (cosines.to(dtype), sines.to(dtype)), layer, cache, sight)
    # One row of logits for each place that predicts, however many continuations ask for it.
    rows = {place: row for row, place in enumerate(sorted({place for _, asked in pack.asked for place in asked}))}
    hidden = model.model.norm(x[0, torch.tensor(list(rows), device=device)])  # (rows, width)
    wanted: list[list[tuple[int, int, int]]] = [[] for _ in range(-(-len(rows) // ROWS))]
    for number, (index, asked) in enumerate(pack.asked):
        for place, token in zip(asked, requests[index].continuation, strict=True):
            wanted[rows[place] // ROWS].append((number, rows[place] % ROWS, token))
    sums = [0.0] * len(pack.asked)
    greedy = [True] * len(pack.asked)
    for part, asks in enumerate(wanted):
        logits = model.lm_head(hidden[part * ROWS : (part + 1) * ROWS]).to(torch.float32)  # (rows, vocabulary_size)
        numbers, at, tokens = zip(*asks, strict=True)
        chosen = torch.tensor(at, device=device)
        values = logits[chosen, torch.tensor(tokens, device=device)] - torch.logsumexp(logits, -1)[chosen]
        best = logits.argmax(-1)[chosen].tolist()
        for number, token, value, top in zip(numbers, tokens, values.tolist(), best, strict=True):
            sums[number] += value
            greedy[number] &= token == top
    return [
        (
            index,
            Scored(
                sums[number],
                len(requests[index].continuation),
                greedy[number],
                len(requests[index].context) + len(requests[index].continuation) - 1 - len(inputs[index]),
            ),
        )
        for number, (index, _) in enumerate(pack.asked)
    ]


def _mask(parents: Sequence[int], shared: int, dtype: torch.dtype, device: torch.device) -> Tensor | None:
    """What is added to the scores, (time, shared + time): 0 for what a token sees, -inf for what it does not."""
    count = len(parents)
    sees = torch.zeros(count, count, dtype=torch.bool)
    lines = sees.numpy()  # the same memory; a row at a time is copied faster so
    for place, parent in enumerate(parents):
        if parent >= 0:
            lines[place] = lines[parent]
        lines[place, place] = True
    mask = torch.zeros(count, shared + count, dtype=dtype)
    mask[:, shared:].masked_fill_(~sees, -torch.inf)
    return mask.to(device)


def _alike(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two sequences begin with together."""
    for place, (one, other) in enumerate(zip(a, b, strict=False)):
        if one != other:
            return place
    return min(len(a), len(b))
