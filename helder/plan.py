"""What a run would do, before it does it: time, memory and energy of every stage, from a few probe steps.

Only what the trainings learn from is prepared and a few steps of each are taken, and not even these when it is done;
everything else is arithmetic on what the probe measured on this machine. All figures are estimates and are called so.
The number of steps that a budget in time stands for is decided here, once, and kept in `helder.lock`, so that
`helder run` does what was planned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helder import pipeline
from helder.errors import HelderError
from helder.evaluate.trust.leakage import MEMBERS
from helder.evaluate.trust.robustness import CHANGES
from helder.ledger import energy
from helder.ledger.environment import usable_cpus
from helder.pipeline import Known, Run, Walk
from helder.project import Project
from helder.retrieve import SUFFIX
from helder.stage import OnEvent, Stage

if TYPE_CHECKING:
    from helder.recipe import Train

# What the other stages cost, for each parameter or token, in terms of what the probe measured. Ratios measured on two
# cores with SmolLM2-135M (docs/log.md); the machine's own speed comes in through the probe.
WRITE_SECONDS = {"f16": 1.5e-8, "q8_0": 6e-8, "q4_0": 4e-8, "exact": 3e-8}  # per parameter
ROUND_TRIP_SECONDS = 1e-7  # per parameter: loading both models and 8 answers
STEP_SHARE = {"weights": 1.2, "f16": 2.4, "q8_0": 1.7, "q4_0": 1.4}  # of a trained token, per answered token
FORWARD_SHARE = 0.4  # of a trained token, per token that is only looked at (assumption: a third, and the head in full)
LOADING_SECONDS = 2e-8  # per parameter: one model into memory
PROMPT_EXAMPLE_TOKENS = 55  # of one example in the untrained model's prompt (assumption)
BASE_LENGTH = 6  # the untrained model goes on until it is stopped: so many times an example's tokens


@dataclass(frozen=True)
class Measured:
    """What is known of the trainings before they are run.

    Attributes:
        probes: name of a training's stage → contents of probe.json, with the steps that will be taken; in the order of
            the recipe. Trainings that are done may be missing.
        sizes: test set → cases.
        dev: cases of the development set, which the model is asked too where the recipe measures trust.
    """

    probes: dict[str, dict[str, Any]]
    sizes: dict[str, int]
    dev: int = 0

    @property
    def last(self) -> dict[str, Any]:
        """The probe that answers are estimated from: the last training's, or the one before it."""
        return list(self.probes.values())[-1]

    @property
    def token_seconds(self) -> float:
        """Time for one token of training, padding counted."""
        return float(self.last["seconds_per_step"] / self.last["padded_tokens_per_step"])

    @property
    def example_tokens(self) -> float:
        return float(self.last["padded_tokens_per_step"] / self.last["examples_per_step"])


def estimate(project: Project, on_event: OnEvent = lambda event: None) -> dict[str, Any]:
    """Plan a run.

    Args:
        on_event: gets the events of the stages that are run for the probes.

    Returns:
        {"stages": [{stage, state, seconds, memory, energy_joules, why}], "notes": [sentence]}; the three figures are
        None for what is done already, and for what nothing was measured for.

    Raises:
        HelderError: the records or a probe could not be made; see their stages.
    """
    steps = pipeline.status(project, verify=False)
    if all(step.state == "done" for step in steps):
        rows = [_row(project, step.name, step.state, None) for step in steps]
        return {"stages": rows, "notes": ["Everything is done; `helder run` would run nothing again."]}
    with project.run_folder.lock() as lock:
        measured = _measure(project, Run(project, on_event=on_event, lock=lock))
    done = {step.name for step in steps if step.state == "done"}
    rows = [_row(project, step.name, step.state, measured) for step in pipeline.status(project, verify=False)]
    notes = [f"Energy is an estimate: {energy.WATTS_BUSY_CORE:g} W for each core while it is busy (assumption)."]
    if measured is None:
        notes = ["The training is done and no probe was run before it, so that what is left cannot be estimated."]
    else:
        told = [_training_note(name, probe) for name, probe in measured.probes.items() if name not in done]
        notes = [*told, *notes]
    return {"stages": rows, "notes": notes}


def _training_note(stage: str, probe: dict[str, Any]) -> str:
    steps = probe["steps"]
    examples = round(steps * probe["examples_per_step"])
    return (
        f"{'Training' if stage == 'train' else stage}: {steps} steps, {examples} {probe['counted']} seen "
        f"({examples / probe['examples']:.2f} of the {probe['examples']} there are), "
        f"{probe['seconds_per_step']:.2f} s a step."
    )


@dataclass
class _Probing(Walk):
    """Walks the journey, runs what prepares the trainings and their probes, and only looks at everything else."""

    run: Run | None = None

    def visit(self, stage: Stage) -> Known:
        assert self.run is not None
        prepares = stage.name in ("extract", "clean", "data", "tokenizer", "base") or stage.name.startswith(
            ("tokens-", "probe")
        )
        return self.run.visit(stage) if prepares else super().visit(stage)

    def base(self, name: str, role: str = "base") -> Known:
        assert self.run is not None
        return self.run.base(name, role)

    def decide(self, key: str, decision: dict[str, Any]) -> None:
        self.project.decide(key, decision)


def _measure(project: Project, run: Run) -> Measured | None:
    """Make what the trainings learn from, and a probe of each that is not done; None when nothing was measured."""
    walk = _Probing(project, verify=False, run=run)
    documents = pipeline.prepared_documents(project, walk)
    base, data = pipeline.beginning(project, walk, documents)
    if data is None or base is None:
        raise HelderError("The records could not be prepared.", fix="helder run says why.")
    done = {step.name for step in pipeline.status(project, verify=False) if step.state == "done"}
    probes: dict[str, dict[str, Any]] = {}
    for training in project.recipe.train:
        inputs = {"base": base, **pipeline.lessons(project, walk, training, base, data, documents)}
        settings = pipeline.train_settings(project, walk, training, inputs)
        names = pipeline.training_stages(project, training)
        # Probing what is trained already would cost minutes and decide nothing.
        looking = Walk(project, verify=False) if names.keys() <= done else walk
        probe = pipeline.probed(project, training, inputs) or _probe(project, looking, training, settings, inputs)
        probes |= {each: probe for each in names if probe is not None}
    if not probes:
        return None
    sizes = {path.stem: _count(path) for path in sorted(data.path.glob("test*.jsonl"))}
    return Measured(probes, sizes, _count(data.path / "dev.jsonl") if project.recipe.trust is not None else 0)


def _probe(
    project: Project,
    walk: Walk,
    training: Train,
    settings: dict[str, Any] | None,
    inputs: Mapping[str, Known],
) -> dict[str, Any] | None:
    """What a probe of this training found; None when none was run, or when it learns from what is not made yet."""
    name, variables = pipeline.probe_stage(project, training), pipeline.training_environment(project, training)
    made = walk.stage(name, "helder.train.probe:run", settings, inputs, variables)
    if made is None:
        return None
    found: dict[str, Any] = json.loads((made.path / "probe.json").read_text(encoding="utf-8"))
    return found


def _row(project: Project, name: str, state: str, measured: Measured | None) -> dict[str, Any]:
    row: dict[str, Any] = {"stage": name, "state": state, "seconds": None, "memory": None, "energy_joules": None}
    if state == "done":
        return {**row, "why": "done already"}
    cost = None if measured is None else _cost(project, name, measured)
    if cost is None:
        return {**row, "why": "not estimated"}
    seconds, memory, cores, why = cost
    spent = seconds * cores * energy.WATTS_BUSY_CORE
    return {**row, "seconds": seconds, "memory": round(memory), "energy_joules": spent, "why": why}


def _cost(project: Project, name: str, measured: Measured) -> tuple[float, float, int, str] | None:
    """(seconds, bytes of memory, busy cores, why) of a stage that is still to be run; None when nothing is known."""
    parameters, cores = int(measured.last["parameters"]), usable_cpus()
    if name in measured.probes:
        probe = measured.probes[name]
        seconds = probe["seconds_fixed"] + probe["steps"] * probe["seconds_per_step"]
        return seconds, probe["peak_memory_bytes"], cores, f"{probe['steps']} steps, from the probe"
    if name == "train" or name.startswith(("train-", "teach-", "probe")):
        return None
    if name.startswith("average-"):
        return parameters * WRITE_SECONDS["exact"], 16.0 * parameters, 1, "arithmetic on the weights"
    if name == "files":
        formats = project.recipe.compress.formats
        seconds = parameters * (sum(WRITE_SECONDS[form] for form in formats) + WRITE_SECONDS["exact"])
        why = f"{', '.join(formats)}; round trip through llama.cpp"
        return seconds + parameters * ROUND_TRIP_SECONDS, 10.0 * parameters, 1, why
    if name == "trust":
        return 5.0, 0.3e9, 1, "arithmetic on the answers"
    if name == "trust-answers":
        return _trust_cost(project, measured)
    if name in ("passages", "ground"):
        return 5.0, 0.5e9, 1, "words of documents and questions"
    called = name.removeprefix("predict-")
    subject = called.removesuffix(SUFFIX)
    limit = pipeline.predict_settings(project, called)["limit"]
    sizes = [*measured.sizes.values(), *([measured.dev] if called in pipeline.trusted(project) else [])]
    cases = [size if limit is None else min(size, limit) for size in sizes]
    if subject in STEP_SHARE or subject == "base":
        retrieve = project.recipe.retrieve
        with_passages = 0 if called == subject or retrieve is None else retrieve.tokens
        tokens = sum(cases) * (measured.example_tokens + with_passages)
        share = STEP_SHARE.get(subject, STEP_SHARE["weights"])
        if subject == "base":
            # The examples that all its questions begin with are read once.
            tokens = BASE_LENGTH * tokens + project.recipe.evaluate.base_examples * PROMPT_EXAMPLE_TOKENS
        seconds = tokens * measured.token_seconds * share + parameters * LOADING_SECONDS
        return seconds, 9.0 * parameters, cores, f"{sum(cases)} answers"
    return 2.0, 0.3e9, 1, f"{sum(cases)} answers" if name.startswith("predict-") else "arithmetic on the answers"


def _trust_cost(project: Project, measured: Measured) -> tuple[float, float, int, str]:
    """Questions asked again, and examples whose likelihood two models tell."""
    asked = project.recipe.trust
    assert asked is not None
    answers, looked = (2 + len(CHANGES)) * asked.items, 4 * MEMBERS * asked.items
    tokens = answers * measured.example_tokens * STEP_SHARE["q8_0"] + looked * measured.example_tokens * FORWARD_SHARE
    parameters = int(measured.last["parameters"])
    seconds = tokens * measured.token_seconds + 3 * parameters * LOADING_SECONDS
    return seconds, 9.0 * parameters, usable_cpus(), f"{answers} answers, {looked} likelihoods"


def _count(path: Path) -> int:
    with path.open(encoding="utf-8") as lines:
        return sum(1 for _ in lines)
