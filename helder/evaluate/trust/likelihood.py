"""How likely a model finds given answers: the sum of log-probabilities of their tokens, the ending one included.

Needs torch, which is imported when it is asked. In fp32 the last bits may differ with the batch; batches are made of
the list as it is given, so that the same list gives the same numbers on the same machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from helder.tokens import chat
from helder.tokens.tokenizer import Tokenizer

BATCH_TOKENS = 4096  # of one forward pass, padding counted
ROWS = 512  # positions whose logits are in memory at once: 100 MB for a vocabulary of 50,000

Question = tuple[str, str]  # a question and an answer as the model would write it


def log_likelihoods(
    folder: Path, questions: Sequence[Question], progress: Callable[[int], None] = lambda count: None
) -> list[tuple[float, int]]:
    """(log-likelihood of the answer in nats, its tokens), in order.

    Args:
        folder: of a model, with tokenizer and chat format.
        progress: called with the number of answers that were just looked at.

    Raises:
        HelderError: a question or an answer that cannot be written in tokens.
    """
    import torch

    from helder.model.transformer import Transformer

    tokenizer, form = Tokenizer.load(folder), chat.format_of(folder)
    model = Transformer.from_folder(folder).eval()
    sequences = [
        chat.render(tokenizer, form, [{"role": "user", "content": question}], answer) for question, answer in questions
    ]
    order = sorted(range(len(sequences)), key=lambda place: (len(sequences[place][0]), place))
    found: list[tuple[float, int]] = [(0.0, 0)] * len(sequences)
    with torch.no_grad():
        for places in _batches(order, [len(ids) for ids, _ in sequences]):
            width = max(len(sequences[place][0]) for place in places)
            ids = torch.zeros((len(places), width), dtype=torch.int64)
            for row, place in enumerate(places):
                ids[row, : len(sequences[place][0])] = torch.tensor(sequences[place][0])
            hidden = model.hidden(ids)  # (batch, time, width)
            for row, place in enumerate(places):
                tokens, start = sequences[place]
                total = 0.0
                for first in range(start, len(tokens), ROWS):
                    last = min(first + ROWS, len(tokens))
                    logits = model.lm_head(hidden[row, first - 1 : last - 1]).to(
                        torch.float32
                    )  # (positions, vocabulary)
                    wanted = torch.tensor(tokens[first:last])[:, None]
                    total += float(torch.log_softmax(logits, -1).gather(1, wanted).to(torch.float64).sum())
                found[place] = total, len(tokens) - start
            progress(len(places))
    return found


def _batches(order: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    """Places in their order, as many together as `BATCH_TOKENS` holds."""
    batches: list[list[int]] = []
    for place in order:  # the lengths rise: the newest is the longest
        if not batches or (len(batches[-1]) + 1) * lengths[place] > BATCH_TOKENS:
            batches.append([])
        batches[-1].append(place)
    return batches
