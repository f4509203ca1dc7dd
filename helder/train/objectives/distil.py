"""Distillation: a student learns a teacher's distribution beside the right tokens (Hinton et al. 2015).

Over the answers of a task or over documents, whichever the training is given. The two must cut text into the same
tokens: a teacher with another vocabulary teaches by the answers that it writes (`helder.train.teach`), not by its
logits.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from helder.errors import HelderError
from helder.model.kernels import linear_distillation
from helder.model.transformer import Transformer
from helder.tokens.tokenizer import Tokenizer
from helder.train import devices
from helder.train.examples import Batch
from helder.train.objectives.answers import Answers, Criterion, read_records, wanted
from helder.train.objectives.text import Text, read_shards
from helder.train.settings import TrainSettings


def read(settings: TrainSettings, inputs: dict[str, Path], report: Callable[..., None]) -> Answers | Text:
    """The objective on `inputs["text"]` when it is there, else on the records; see `helder.train.objectives.read`.

    Raises:
        HelderError: there is no teacher, or it cuts text into other tokens.
    """
    if "teacher" not in inputs:
        raise HelderError("There is no teacher to learn from.", fix='Name one: teacher = "…" in [train].')
    check_same_tokens(Tokenizer.load(inputs["base"]), Tokenizer.load(inputs["teacher"]))
    loss = taught_by(inputs["teacher"], settings)
    if "text" in inputs:
        train, held_out, _ = read_shards(settings, inputs)
        return Text(settings, train, held_out, loss)
    examples, dev, _, too_long = read_records(settings, inputs, report)
    return Answers(settings, examples, dev, loss, too_long)


def taught_by(folder: Path, settings: TrainSettings) -> Criterion:
    """The loss of a student with this teacher."""
    teacher = devices.frozen(folder, settings)

    def loss(model: Transformer, batch: Batch) -> Tensor:
        with torch.no_grad():
            right = wanted(teacher, batch)
        return linear_distillation(
            wanted(model, batch),
            model.lm_head.weight,
            batch.targets,
            (right, teacher.lm_head.weight),
            settings.teacher_share,
            settings.teacher_temperature,
        )

    return loss


def check_same_tokens(student: Tokenizer, teacher: Tokenizer) -> None:
    """Refuse a teacher that gives other numbers to tokens.

    Raises:
        HelderError: the vocabularies differ; the first difference is named.
    """
    ours, theirs = student.vocabulary(), teacher.vocabulary()
    if ours == theirs:
        return
    different = sorted(token for token in ours.keys() | theirs.keys() if ours.get(token) != theirs.get(token))
    first = different[0]
    raise HelderError(
        "The teacher cuts text into other tokens than the student.",
        f"{len(different)} tokens differ; {first!r} is {ours.get(first)} for the student and {theirs.get(first)} for "
        "the teacher.",
        'Let it teach by the answers that it writes: teach = "answers" in [train].',
    )
