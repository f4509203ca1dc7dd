"""Group relative policy optimisation with verifiable rewards: the model answers, a verifier judges, and answers that
are better than others to the same question become more probable (GRPO, Shao et al. 2024; RLVR, Tülu 3, 2024).

Each rollout asks some questions `group` times at a temperature. An answer's advantage is its reward less the mean of
its group, in units of the group's deviation. The loss is the clipped ratio of PPO (Schulman et al. 2017), averaged over
the tokens of each answer and then over answers, plus `kl` times an estimate of the divergence from the model that the
training began with (the non-negative estimator of Schulman 2020, "k3").

Answers are drawn from the seed, the questions and the step, so that a training is the same each time; every answer and
its reward is kept in `rollouts.jsonl`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from helder.data.task import Task
from helder.errors import HelderError
from helder.evaluate import verifiers
from helder.evaluate.records import Example as Item
from helder.evaluate.records import load_examples
from helder.evaluate.verifiers import Verifier
from helder.ledger import canonical
from helder.model.kernels import linear_log_probability
from helder.model.transformer import Transformer
from helder.serve.answer import Answer
from helder.serve.generate import Drawing, generate
from helder.tokens import chat
from helder.tokens.tokenizer import Tokenizer
from helder.train import devices
from helder.train.examples import Batch, Example, batch_digest, collate
from helder.train.logs import keep_lines, write_line
from helder.train.objectives.answers import wanted, warn_too_long
from helder.train.objectives.objective import Objective, Work
from helder.train.parallel import deal
from helder.train.settings import TrainSettings

ROLLOUTS = "rollouts.jsonl"
DEV_QUESTIONS = 64  # answered greedily at each look (assumption: ±12 points, enough to see the curve)
DRAWN_TOGETHER = 256  # answers
SMALLEST_DEVIATION = 1e-4  # in the advantage's denominator (Shao et al. 2024)


@dataclass(frozen=True)
class Question:
    """A question as tokens, with the right answer for the verifier."""

    ids: tuple[int, ...]
    item: Item

    @property
    def encoded(self) -> bytes:
        """What is asked, and what the verifier knows of the right answer."""
        known = [list(self.ids), self.item.output, self.item.scored]
        return canonical.dumps([*known, *([self.item.tests] if self.item.tests else [])])


@dataclass(frozen=True)
class Judged:
    """One answer that was drawn.

    Attributes:
        example: question and answer as tokens.
        advantage: how much better than its group, in deviations.
        before: log-probability of each answer token when it was drawn: (answer tokens,).
        reference: the same of the model that the training began with; None when `kl` is 0.
    """

    example: Example
    advantage: float
    before: Tensor
    reference: Tensor | None


class Reward(Objective):
    """Learns from rewards for its own answers.

    Args:
        questions: what is asked while training.
        dev: what is asked to see how it does.
        tokenizer, format_name: how answers end.
        task, verifier: how they are judged.
        reference: the model that the training begins with, frozen; None when `kl` is 0.
    """

    counted = "questions"

    def __init__(
        self,
        settings: TrainSettings,
        questions: Sequence[Question],
        dev: Sequence[Question],
        tokenizer: Tokenizer,
        format_name: str,
        task: Task,
        verifier: Verifier,
        reference: Callable[[], Transformer],
        too_long: Sequence[str] = (),
    ) -> None:
        self.settings, self.questions, self.dev = settings, questions, dev[:DEV_QUESTIONS]
        self.tokenizer, self.stops = tokenizer, chat.stop_ids(tokenizer, format_name)
        self.task, self.verifier, self.too_long = task, verifier, too_long
        lengths = [len(question.ids) for question in questions]
        self.arrange(settings, (question.encoded for question in questions), lengths)
        self.longest = max(lengths) + settings.answer_tokens
        self.looks = bool(dev)
        self._make_reference = reference
        self._reference: Transformer | None = None
        self._rollout: tuple[int, list[Judged], dict[str, float]] | None = None

    def begin(self, model: Transformer, scratch: Path) -> None:
        super().begin(model, scratch)
        self._scratch, self._log_is_cut = scratch, False
        if self.settings.kl and self._reference is None:
            self._reference = self._make_reference()

    def steps(self, settings: TrainSettings) -> int:
        """Steps; each rollout serves `reuse` of them."""
        return super().steps(settings) if settings.steps else settings.reuse * super().steps(settings)

    def work(self, step: int, parts: int) -> Work:
        rollout = step // self.settings.reuse
        if self._rollout is None or self._rollout[0] != rollout:
            judged, seen = self._ask(rollout)
            self._rollout = (rollout, judged, seen)
        _, judged, seen = self._rollout
        ordered = sorted(judged, key=lambda one: (-len(one.example.ids), one.example.name))
        dealt = deal(ordered, parts)
        batches = [self.place(collate([one.example for one in part])) for part in dealt]
        divergence = [0.0] * len(dealt)

        def loss(place: int) -> Tensor:
            value, moved = self._loss(dealt[place], batches[place])
            divergence[place] = moved
            return value / len(judged)

        return Work(
            losses=[partial(loss, place) for place in range(len(dealt))],
            tokens=sum(batch.tokens for batch in batches),
            padded_tokens=sum(batch.ids.numel() for batch in batches),
            batch_sha256=batch_digest([one.example for one in judged]),
            facts=lambda: seen,
            sums=lambda places: {"kl": sum(divergence[place] for place in places) / len(judged)},
        )

    def _loss(self, part: Sequence[Judged], batch: Batch) -> tuple[Tensor, float]:
        """(loss summed over the answers of a part, their divergence from the reference)."""
        settings = self.settings
        logs = self._logs(self.model, batch)
        counts = torch.tensor([len(one.before) for one in part], device=logs.device)
        shares = (1.0 / counts).repeat_interleave(counts)  # of a token in its answer
        advantages = logs.new_tensor([one.advantage for one in part]).repeat_interleave(counts)
        ratio = (logs - torch.cat([one.before for one in part])).exp()
        clipped = ratio.clamp(1 - settings.clip, 1 + settings.clip)
        value = -(torch.minimum(ratio * advantages, clipped * advantages) * shares).sum()
        if not settings.kl:
            return value, 0.0
        apart = torch.cat([one.reference for one in part if one.reference is not None]) - logs
        divergence = ((apart.exp() - apart - 1) * shares).sum()
        return value + settings.kl * divergence, divergence.item()

    def _ask(self, rollout: int) -> tuple[list[Judged], dict[str, float]]:
        """Draw and judge the answers of one rollout, each process its share; write them down."""
        settings = self.settings
        asked = [self.questions[index] for index in self.order.batch(rollout) for _ in range(settings.group)]
        seed = f"{self.seed}/rollout/{rollout}" + (f"/{self.world.rank}" if self.world.rank else "")
        told = self.world.gather(self._draw(self.world.share(asked), Drawing(settings.temperature, seed)))
        drawn = [one for share in told for one in share]
        rewards = torch.tensor([one["reward"] for one in drawn], dtype=torch.float64)
        groups = rewards.view(-1, settings.group)
        deviation = groups.std(dim=1, correction=0, keepdim=True)
        advantages = ((groups - groups.mean(dim=1, keepdim=True)) / (deviation + SMALLEST_DEVIATION)).flatten().tolist()
        device = self.model.model.embed_tokens.weight.device
        judged = [
            Judged(
                Example(tuple(one["ids"]), len(question.ids), f"{question.item.id}/{place}"),
                advantages[place],
                torch.tensor(one["before"], device=device),
                None if one["reference"] is None else torch.tensor(one["reference"], device=device),
            )
            for place, (question, one) in enumerate(zip(asked, drawn, strict=True))
        ]
        if self.world.first:
            lines = [
                {"question": question.item.id, **{key: one[key] for key in ("answer", "reward", "finish")}}
                for question, one in zip(asked, drawn, strict=True)
            ]
            self._write(rollout, lines)
        lengths = [len(one.before) for one in judged]
        return judged, {"reward": rewards.mean().item(), "answer_tokens": sum(lengths) / len(lengths)}

    def _draw(self, asked: Sequence[Question], drawing: Drawing) -> list[dict[str, Any]]:
        """Answers to these questions, judged, with the log-probability of each token; as JSON."""
        if not asked:
            return []
        answers = self._answers(asked, drawing)
        examples = [
            _example(question, answer, place)
            for place, (question, answer) in enumerate(zip(asked, answers, strict=True))
        ]
        before = self._log_probabilities(self.model, examples)
        reference = None if self._reference is None else self._log_probabilities(self._reference, examples)
        return [
            {
                "answer": answer.text,
                "reward": self.verifier.judge(self.task, question.item, answer.text),
                "finish": answer.finish_reason,
                "ids": list(examples[place].ids),
                "before": before[place].tolist(),
                "reference": None if reference is None else reference[place].tolist(),
            }
            for place, (question, answer) in enumerate(zip(asked, answers, strict=True))
        ]

    def _answers(self, asked: Sequence[Question], drawing: Drawing | None) -> list[Answer]:
        return generate(
            self.model,
            [question.ids for question in asked],
            stop_ids=self.stops,
            max_tokens=self.settings.answer_tokens,
            decode=self.tokenizer.decode,
            drawing=drawing,
            batch=DRAWN_TOGETHER,
        )

    def _logs(self, model: Transformer, batch: Batch) -> Tensor:
        """Of each answer token, under the distribution that answers are drawn from: at the temperature of drawing."""
        hidden = wanted(model, batch) / self.settings.temperature  # the head has no bias: this divides the logits
        return linear_log_probability(hidden, model.lm_head.weight, batch.targets)

    @torch.no_grad()
    def _log_probabilities(self, model: Transformer, examples: Sequence[Example]) -> list[Tensor]:
        """Of each answer token: one tensor an example."""
        found: list[Tensor] = [torch.empty(0)] * len(examples)
        order = sorted(range(len(examples)), key=lambda index: (len(examples[index].ids), index))
        for start in range(0, len(order), 32):
            chosen = order[start : start + 32]
            batch = self.place(collate([examples[index] for index in chosen]))
            logs = self._logs(model, batch)
            counts = [len(examples[index].ids) - examples[index].answer_start for index in chosen]
            for index, part in zip(chosen, torch.split(logs, counts), strict=True):
                found[index] = part
        return found

    def _write(self, rollout: int, lines: Sequence[dict[str, Any]]) -> None:
        """Write a rollout's answers; those that a killed attempt wrote for it or later ones are taken out first."""
        path = self._scratch / ROLLOUTS
        if not self._log_is_cut:
            keep_lines(path, lambda line: bool(line["rollout"] < rollout))
            self._log_is_cut = True
        with path.open("a", encoding="utf-8") as file:
            for line in lines:
                write_line(file, {"rollout": rollout, **line})

    def padded_tokens(self, step: int) -> int:
        lengths = [self.order.lengths[index] for index in self.order.batch(step // self.settings.reuse)]
        return self.settings.group * len(lengths) * (max(lengths) + self.settings.answer_tokens)

    @torch.no_grad()
    def look(self) -> dict[str, float]:
        """Mean reward of the greedy answers to the dev questions."""
        answers = self._answers(self.dev, None)
        judge = self.verifier.judge
        rewards = [judge(self.task, one.item, answer.text) for one, answer in zip(self.dev, answers, strict=True)]
        return {"reward": sum(rewards) / len(rewards)}

    def facts(self, steps: int) -> dict[str, Any]:
        rollouts = -(-steps // self.settings.reuse)
        seen = {index for rollout in range(rollouts) for index in self.order.batch(rollout)}
        return {
            **super().facts(steps),
            "examples_seen": len(seen),
            "too_long": list(self.too_long),
            "verifier": self.verifier.identity,
        }

    def keep(self, output: Path, scratch: Path, steps: int) -> None:
        (output / ROLLOUTS).write_bytes((scratch / ROLLOUTS).read_bytes())


def _example(question: Question, answer: Answer, place: int) -> Example:
    """Question and answer as tokens, with the end when the model wrote one."""
    end = () if answer.ended_by is None else (answer.ended_by,)
    return Example((*question.ids, *answer.ids, *end), len(question.ids), f"{question.item.id}/{place}")


def read(settings: TrainSettings, inputs: dict[str, Path], report: Callable[..., None]) -> Reward:
    """The objective on the questions of the stage "data"; see `helder.train.objectives.read`.

    Raises:
        HelderError: no question fits into the context, or the verifier is not known.
    """
    base, data = inputs["base"], inputs["data"]
    task, tokenizer, format_name = Task.load(data / "task.json"), Tokenizer.load(base), chat.format_of(base)
    sets: dict[str, list[Question]] = {}
    too_long: dict[str, list[str]] = {}
    room = settings.context - settings.answer_tokens
    for name in ("train", "dev"):
        items = load_examples(data / f"{name}.jsonl") if (data / f"{name}.jsonl").stat().st_size else []
        rendered = [
            (tuple(chat.render(tokenizer, format_name, [{"role": "user", "content": item.input}])[0]), item)
            for item in items
        ]
        sets[name] = [Question(ids, item) for ids, item in rendered if len(ids) <= room]
        too_long[name] = [item.id for ids, item in rendered if len(ids) > room]
        warn_too_long(too_long[name], len(sets[name]), room, report, f"{name} questions")
    if not sets["train"]:
        raise HelderError(
            f"No question leaves room for an answer of {settings.answer_tokens} tokens.",
            f"The context holds {settings.context} tokens.",
            "Raise `context`, or lower `answer_tokens`, in [train].",
        )
    return Reward(
        settings,
        sets["train"],
        sets["dev"],
        tokenizer,
        format_name,
        task,
        verifiers.find(settings.verifier),
        partial(devices.frozen, base, settings),
        too_long["train"],
    )
