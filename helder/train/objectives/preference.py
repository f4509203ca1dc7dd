"""Direct preference optimisation: of two answers, the better one becomes more probable (Rafailov et al. 2023).

The model is compared with itself before the training: log-probabilities of that reference are computed once, at the
beginning, and kept as evidence. With `length_normalised` they are means over an answer's tokens, as in Tülu 3 (2024).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from helder.data.read import read_source
from helder.errors import HelderError
from helder.model.kernels import linear_log_probability
from helder.model.transformer import Transformer
from helder.tokens import chat
from helder.tokens.tokenizer import Tokenizer
from helder.train.examples import Example, batch_digest, collate
from helder.train.objectives.answers import DEV_EXAMPLES, wanted, warn_too_long
from helder.train.objectives.objective import Objective, Work
from helder.train.order import draw
from helder.train.parallel import deal
from helder.train.settings import PAIRS_HELD_OUT, TrainSettings

REFERENCE = "reference.jsonl"
COLUMNS = ("input", "chosen", "rejected")


@dataclass(frozen=True)
class Pair:
    """Two answers to one question, the better one first."""

    chosen: Example
    rejected: Example


class Preference(Objective):
    """Learns which of two answers is better.

    Args:
        pairs: what is learnt from.
        dev: pairs that are looked at while training; never learnt from.
        too_long: ids of the pairs that were left out.
    """

    counted = "pairs"

    def __init__(
        self, settings: TrainSettings, pairs: Sequence[Pair], dev: Sequence[Pair], too_long: Sequence[str] = ()
    ) -> None:
        self.settings, self.pairs, self.dev, self.too_long = settings, pairs, dev[:DEV_EXAMPLES], too_long
        lengths = [len(pair.chosen.ids) + len(pair.rejected.ids) for pair in pairs]
        learnt = (pair.chosen.encoded + b"\n" + pair.rejected.encoded for pair in pairs)
        self.arrange(settings, learnt, lengths)
        both = (example for pair in (*pairs, *dev) for example in (pair.chosen, pair.rejected))
        self.longest = max(len(example.ids) for example in both)
        self.looks = bool(dev)
        self._reference: dict[str, tuple[float, float]] = {}

    def begin(self, model: Transformer, scratch: Path) -> None:
        """Compute the reference's log-probabilities, unless an interrupted attempt left them."""
        super().begin(model, scratch)
        path = scratch / REFERENCE
        if not self.world.told_by_first(path.exists()):
            records = self._ask_reference([*self.pairs, *self.dev])
            if self.world.first:
                aside = path.with_suffix(".partial")
                aside.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
                aside.replace(path)
            self.world.barrier()
        with path.open(encoding="utf-8") as lines:
            records = [json.loads(line) for line in lines]
        self._reference = {line["id"]: (line["chosen"], line["rejected"]) for line in records}

    @torch.no_grad()
    def _ask_reference(self, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
        """Log-probabilities of each pair, one at a time; each process that holds the whole model asks for its share."""
        shared = not self.settings.sharded
        records: list[dict[str, Any]] = []
        for pair in self.world.share(pairs) if shared else pairs:
            chosen, rejected = self.log_probabilities([pair]).tolist()
            records.append({"id": pair.chosen.name, "chosen": chosen, "rejected": rejected})
        return [record for part in self.world.gather(records) for record in part] if shared else records

    def log_probabilities(self, pairs: Sequence[Pair]) -> Tensor:
        """Of the chosen answers, then of the rejected ones: (2 * pairs,), in nats; see `length_normalised`."""
        examples = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
        batch = self.place(collate(examples))
        logs = linear_log_probability(wanted(self.model, batch), self.model.lm_head.weight, batch.targets)
        counts = [len(example.ids) - example.answer_start for example in examples]
        sums = torch.stack([part.sum() for part in torch.split(logs, counts)])
        return sums / sums.new_tensor(counts) if self.settings.length_normalised else sums

    def margins(self, pairs: Sequence[Pair]) -> Tensor:
        """How much more than for the reference the chosen answer is the more probable one: (pairs,), in nats."""
        chosen, rejected = self.log_probabilities(pairs).chunk(2)
        before = chosen.new_tensor([self._reference[pair.chosen.name] for pair in pairs])
        return (chosen - before[:, 0]) - (rejected - before[:, 1])

    def work(self, step: int, parts: int) -> Work:
        chosen = [self.pairs[index] for index in self.order.batch(step)]
        dealt = deal(chosen, parts)
        margins: list[Tensor] = [torch.empty(0)] * len(dealt)

        def loss(place: int) -> Tensor:
            found = self.margins(dealt[place])
            margins[place] = found.detach()
            return -F.logsigmoid(self.settings.beta * found).sum() / len(chosen)

        def sums(places: Sequence[int]) -> dict[str, float]:
            found = [margin for place in places for margin in margins[place].tolist()]
            preferred = [margin > 0 for margin in found]
            return {"margin": sum(found) / len(chosen), "preferred": sum(preferred) / len(chosen)}

        examples = [example for pair in chosen for example in (pair.chosen, pair.rejected)]
        return Work(
            losses=[partial(loss, place) for place in range(len(dealt))],
            tokens=sum(len(example.ids) for example in examples),
            padded_tokens=sum(_padded(part) for part in dealt),
            batch_sha256=batch_digest(examples),
            sums=sums,
        )

    def padded_tokens(self, step: int) -> int:
        return _padded([self.pairs[index] for index in self.order.batch(step)])

    @torch.no_grad()
    def look(self) -> dict[str, float]:
        """Loss, margin against the reference, and how often the better answer gained, on the dev pairs."""
        found = torch.cat([self.margins([pair]) for pair in self.dev])
        loss = -F.logsigmoid(self.settings.beta * found).mean()
        return {
            "loss": loss.item(),
            "margin": found.mean().item(),
            "preferred": (found > 0).float().mean().item(),
        }

    def facts(self, steps: int) -> dict[str, Any]:
        seen = {index for step in range(steps) for index in self.order.batch(step)}
        return {**super().facts(steps), "examples_seen": len(seen), "too_long": list(self.too_long)}

    def keep(self, output: Path, scratch: Path, steps: int) -> None:
        (output / REFERENCE).write_bytes((scratch / REFERENCE).read_bytes())


def _padded(pairs: Sequence[Pair]) -> int:
    return 2 * len(pairs) * max(max(len(pair.chosen.ids), len(pair.rejected.ids)) for pair in pairs)


def read(settings: TrainSettings, inputs: dict[str, Path], report: Callable[..., None]) -> Preference:
    """The objective on a file with the columns input, chosen and rejected; a tenth of its questions is held out.

    Raises:
        HelderError: no file, a column is missing, two answers are the same, or no pair fits into the context.
    """
    if "pairs" not in inputs:
        raise HelderError("There are no pairs to learn from.", fix='Name a file: pairs = "…" in [[train]].')
    tokenizer, form = Tokenizer.load(inputs["base"]), chat.format_of(inputs["base"])
    rows, _ = read_source(inputs["pairs"], COLUMNS)
    train: list[Pair] = []
    dev: list[Pair] = []
    too_long: list[str] = []
    for row in rows:
        values = [row.values[column] for column in COLUMNS]
        if not all(isinstance(value, str) and value for value in values) or values[1] == values[2]:
            raise HelderError(
                f"{row.place} is no pair of answers.",
                "input, chosen and rejected are three texts, and the answers differ.",
                "Correct the line, or take it out.",
            )
        name = f"{row.file}:{row.line}"
        messages = [{"role": "user", "content": values[0]}]
        both = [Example(*_rendered(tokenizer, form, messages, answer), name) for answer in values[1:]]
        if max(len(example.ids) for example in both) > settings.context:
            too_long.append(name)
        else:
            (dev if draw("dev", values[0])[0] < PAIRS_HELD_OUT else train).append(Pair(*both))
    warn_too_long(too_long, len(train) + len(dev), settings.context, report, "pairs")
    if not train:
        raise HelderError(
            f"No pair of {inputs['pairs'].name} is left to learn from.",
            f"{len(too_long)} are longer than {settings.context} tokens, {len(dev)} are held out.",
            "Give more pairs, or raise `context` in [train].",
        )
    return Preference(settings, train, dev, too_long)


def _rendered(
    tokenizer: Tokenizer, form: str, messages: Sequence[dict[str, str]], answer: str
) -> tuple[tuple[int, ...], int]:
    ids, start = chat.render(tokenizer, form, messages, answer)
    return tuple(ids), start
