"""From a recipe to its trainings as work: sizes of the models, tokens from the data, the rest from the settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from helder import pipeline
from helder.errors import HelderError
from helder.fleet.counts import BYTES_PER_TOKEN, Counted, Counter
from helder.fleet.work import LOG_BYTES, Architecture, Work
from helder.model import scratch, sizes
from helder.model.families import read_config
from helder.project import Project
from helder.train import saving
from helder.train import settings as training

if TYPE_CHECKING:
    from helder.recipe import Train

LONG = 1_000_000  # steps of a training whose time is given: states are not kept closer than that allows in any case
ANSWER_BYTES = 100  # of a generated answer's line in the logs, beside its text (assumption)


@dataclass(frozen=True)
class Planned:
    """One training, or what prepares it, on paper.

    Attributes:
        work: what there is to do.
        settings: what the loop would use, every default filled in; empty for what is no training.
    """

    work: Work
    settings: dict[str, Any]


@dataclass(frozen=True)
class _Given:
    """What the work of a training is made of."""

    train: Train
    counter: Counter
    settings: dict[str, Any]
    architecture: Architecture
    teacher: Architecture | None
    notes: list[str]

    def note(self, counted: Counted) -> Counted:
        self.notes.append(counted.how)
        return counted

    def amount(self, step: float, once: Callable[[], float]) -> dict[str, float | None]:
        """The budget in tokens, or in seconds.

        Args:
            step: tokens of a step.
            once: tokens of one epoch; only asked for when it decides.
        """
        unit, amount = self.train.amount
        if unit == "seconds":  # as many tokens as the machine does in that time
            return {"tokens": None, "seconds": amount}
        return {"tokens": amount * (step if unit == "steps" else once() if unit == "epochs" else 1.0), "seconds": None}


def works_of(project: Project, device: Literal["cpu", "cuda"] = "cuda") -> tuple[list[Planned], list[str]]:
    """The trainings of a project in their order, and how their tokens were counted, in words.

    Args:
        device: what the settings are resolved for, as they differ.

    Raises:
        HelderError: a model was not imported and no size is named like it; a file cannot be read, or is missing and
            nothing is told of it.
    """
    recipe, counter = project.recipe, Counter.of(project)
    notes: list[str] = []
    architecture = base_architecture(project, notes)
    planned: list[Planned] = []
    for train in recipe.train:
        teacher = None if train.teacher is None else architecture_of(project, train.teacher, notes)
        given = _Given(train, counter, settings_of(project, train, device), architecture, teacher, notes)
        if teacher is not None and train.teach == "answers":
            planned.append(Planned(_teaching(given, teacher), {}))
        name = "train" if train is recipe.final else f"train-{train.called}"
        objective = given.settings["objective"]
        own = _OF[objective if not (objective == "distil" and train.texts) else "text"](given)
        shared = {
            "name": name,
            "architecture": architecture,
            "objective": objective,
            "sequence_length": given.settings["context"],
            "method": train.method,
            "upper": train.upper,
            "lora_rank": train.lora_rank,
            "optimizer": given.settings["optimizer"],
            "precision": given.settings["precision"],
            "repeats": len(train.seeds or (train.seed,)),
            "teacher_parameters": teacher.parameters if teacher and objective == "distil" else 0,
        }
        work = Work(**{**shared, **own})
        steps = LONG if work.tokens is None else max(1, round(work.tokens / work.tokens_per_step))
        kept = len(saving_of(work, given.settings, steps).kept)
        planned.append(Planned(dataclasses.replace(work, checkpoints=max(1, kept)), given.settings))
    return planned, list(dict.fromkeys(notes))


def settings_of(project: Project, train: Train, device: Literal["cpu", "cuda"]) -> dict[str, Any]:
    """The settings of a training as they would be on machines of a kind, not as they were decided for this one.

    Of a training with several seeds, `seed` holds all of them.
    """
    section = pipeline.train_section(project, train)
    if train.numerics != "portable":
        section |= {"device": device, "precision": train.precision or "bf16"}
    return training.resolve(section) | ({"seed": train.seeds} if train.seeds else {})


def saving_of(work: Work, settings: dict[str, Any], steps: int) -> saving.Saving:
    """When the state of a training is saved, and which states are kept."""
    return saving.plan(
        training.TrainSettings(**settings),
        steps,
        state_bytes=work.checkpoint_bytes,
        parameters=work.architecture.parameters,
        step_tokens=work.tokens_per_step,
    )


def filled_in(planned: Planned, steps: int) -> dict[str, Any]:
    """Settings with what follows from the number of steps: how often is looked and saved, how many states are kept."""
    if not planned.settings:
        return {}
    resolved, saved = training.TrainSettings(**planned.settings), saving_of(planned.work, planned.settings, steps)
    every = {"evaluate_every": resolved.evaluations(steps), "checkpoint_every": saved.steps.step}
    return {**asdict(resolved), **every, "states": len(saved.kept), "steps": steps}


# -- one function an objective: what it adds to the work ---------------------------------------------------------------


def _text(given: _Given) -> dict[str, Any]:
    """Rows of `context` tokens, all of them learnt."""
    settings = given.settings
    step = float(settings["batch_tokens"] or settings["batch_size"] * settings["context"])

    def once() -> float:
        return given.note(given.counter.text(given.train)).tokens

    return {**given.amount(step, once), "tokens_per_step": step}


def _answers(given: _Given) -> dict[str, Any]:
    """Questions and answers, each in a row of its own or several in one."""
    settings = given.settings
    counted = given.note(given.counter.examples(given.train))
    mean = min(counted.tokens, settings["context"])
    step = float(settings["batch_tokens"] or settings["batch_size"] * mean)
    amount = given.amount(step, lambda: counted.examples * mean)
    return {
        **amount,
        "tokens_per_step": step,
        "mean_length": 0 if settings["packing"] else mean,
        "epochs": (amount["tokens"] or counted.examples * mean) / (counted.examples * mean),
    }


def _preference(given: _Given) -> dict[str, Any]:
    """Two sequences a pair; the reference model reads each once."""
    settings = given.settings
    counted = given.note(given.counter.pairs(given.train))
    mean = min(counted.tokens, settings["context"])
    step = float(settings["batch_tokens"] or settings["batch_size"] * 2 * mean)
    once = counted.examples * 2 * mean
    amount = given.amount(step, lambda: once)
    return {
        **amount,
        "tokens_per_step": step,
        "mean_length": mean,
        "epochs": (amount["tokens"] or once) / once,
    }


def _reward(given: _Given) -> dict[str, Any]:
    """Groups of answers to the questions of a step; a budget in tokens counts those of the questions alone."""
    settings = given.settings
    counted = given.note(given.counter.examples(given.train))
    longest, reuse = settings["answer_tokens"], settings["reuse"]
    if not counted.answer:
        given.notes.append("Rewarded answers are taken to be as long as they may be (assumption).")
    answer = min(counted.answer or longest, longest)
    question = min(counted.question or counted.tokens, max(1, settings["context"] - longest))
    prompts = settings["batch_size"] or max(1, round(settings["batch_tokens"] / question))
    step = prompts * settings["group"] * (question + answer)
    unit, amount = given.train.amount
    rollouts = {"epochs": amount * counted.examples / prompts, "tokens": amount / (prompts * question)}
    steps = rollouts[unit] * reuse if unit in rollouts else amount
    reference = settings["kl"] > 0
    return {
        "tokens": None if unit == "seconds" else steps * step,
        "seconds": amount if unit == "seconds" else None,
        "tokens_per_step": step,
        "mean_length": question + answer,
        "prompts_per_step": prompts,
        "group_size": settings["group"],
        "prompt_tokens": question,
        "generated_tokens": answer,
        "longest_answer": longest,
        "reuse": reuse,
        "reference": reference,
        "forward_passes": 1.0 + reference,  # of the model as it is before the first step that learns from them
        "log_bytes": LOG_BYTES + prompts * settings["group"] * (answer * BYTES_PER_TOKEN + ANSWER_BYTES) / reuse,
    }


_OF: dict[str, Callable[[_Given], dict[str, Any]]] = {
    "text": _text,
    "answers": _answers,
    "preference": _preference,
    "reward": _reward,
    "distil": _answers,
}


def _teaching(given: _Given, teacher: Architecture) -> Work:
    """A teacher's answers to all questions, before a student learns from them."""
    counted = given.counter.examples(given.train)
    answer = counted.answer or counted.tokens / 2  # where only the sum is known, half of it (assumption)
    question = counted.question or counted.tokens - answer
    tokens = counted.examples * (question + answer)
    return Work(
        name=f"teach-{given.train.called}",
        architecture=teacher,
        objective="generate",
        tokens=tokens,
        tokens_per_step=tokens,
        sequence_length=round(question + answer),
        mean_length=question + answer,
        precision=given.settings["precision"],
        prompts_per_step=counted.examples,
        group_size=1,
        prompt_tokens=question,
        generated_tokens=answer,
        checkpoints=0,
        log_bytes=counted.examples * (answer * BYTES_PER_TOKEN + ANSWER_BYTES),
    )


# -- models ------------------------------------------------------------------------------------------------------------


def base_architecture(project: Project, notes: list[str]) -> Architecture:
    """Sizes of the model that is trained."""
    base = project.recipe.base
    if not base.scratch:
        return architecture_of(project, base.model, notes)
    if base.tokenizer is not None:
        rows = architecture_of(project, base.tokenizer, notes).vocabulary_size
    else:
        rows = -(-base.vocabulary // scratch.ROWS) * scratch.ROWS
    return Architecture.of(pipeline.shape_of(base).config(rows))


def architecture_of(project: Project, name: str, notes: list[str]) -> Architecture:
    """Sizes of an imported model; of one that is not imported, those published for the size that is named like it.

    Raises:
        HelderError: it is not imported, and no size is named like it; or its config.json cannot be read.
    """
    try:
        found = pipeline.find_base(project, name).artifact
    except HelderError as error:
        size = sizes.sizes().get(name.removesuffix("-instruct"))
        if size is None:
            raise
        notes.append(f"{error.what} The sizes published for {size.name} are taken.")
        return Architecture.of(size.published)
    return Architecture.of(read_config(found.path))
