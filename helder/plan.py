"""What a run would do, before it does it: time, memory and energy of every stage, from a few probe steps.

Only the records are prepared and a few training steps are taken, and not even these when the training is done;
everything else is arithmetic on what the probe measured on this machine. All figures are estimates and are called so.
The number of steps that a budget in time stands for is decided here, once, and kept in `helder.lock`, so that
`helder run` does what was planned.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder import pipeline
from helder.errors import HelderError
from helder.ledger import energy
from helder.ledger.environment import usable_cpus
from helder.pipeline import Known, Run, Walk
from helder.project import Project
from helder.stage import OnEvent
from helder.train import settings as training

# What the other stages cost, for each parameter or token, in terms of what the probe measured. Ratios measured on two
# cores with SmolLM2-135M (docs/log.md); the machine's own speed comes in through the probe.
WRITE_SECONDS = {"f16": 1.5e-8, "q8_0": 6e-8, "q4_0": 4e-8, "exact": 3e-8}  # per parameter
ROUND_TRIP_SECONDS = 1e-7  # per parameter: loading both models and 8 answers
STEP_SHARE = {"weights": 1.2, "f16": 2.4, "q8_0": 1.7, "q4_0": 1.4}  # of a trained token, per answered token
LOADING_SECONDS = 2e-8  # per parameter: one model into memory
PROMPT_EXAMPLE_TOKENS = 55  # of one example in the untrained model's prompt (assumption)
BASE_LENGTH = 6  # the untrained model goes on until it is stopped: so many times an example's tokens


@dataclass(frozen=True)
class Measured:
    """What is known of the training before it is run.

    Attributes:
        probe: contents of probe.json.
        steps: how many steps will be taken.
        sizes: test set → cases.
    """

    probe: dict[str, Any]
    steps: int
    sizes: dict[str, int]

    @property
    def token_seconds(self) -> float:
        """Time for one token of training, padding counted."""
        return float(self.probe["seconds_per_step"] / self.probe["padded_tokens_per_step"])

    @property
    def example_tokens(self) -> float:
        return float(self.probe["padded_tokens_per_step"] / self.probe["examples_per_step"])


def estimate(project: Project, on_event: OnEvent = lambda event: None) -> dict[str, Any]:
    """Plan a run.

    Args:
        on_event: gets the events of the stages that are run for the probe.

    Returns:
        {"stages": [{stage, state, seconds, memory, energy_joules, why}], "notes": [sentence]}; the three figures are
        None for what is done already, and for what nothing was measured for.

    Raises:
        HelderError: the records or the probe could not be made; see their stages.
    """
    steps = pipeline.status(project, verify=False)
    if all(step.state == "done" for step in steps):
        rows = [_row(project, step.name, step.state, None) for step in steps]
        return {"stages": rows, "notes": ["Everything is done; `helder run` would run nothing again."]}
    trained = any(step.name == "train" and step.state == "done" for step in steps)
    with project.run_folder.lock() as lock:
        measured = _measure(project, on_event, lock, trained)
    rows = [_row(project, step.name, step.state, measured) for step in pipeline.status(project, verify=False)]
    notes = [f"Energy is an estimate: {energy.WATTS_BUSY_CORE:g} W for each core while it is busy (assumption)."]
    if measured is None:
        notes = ["The training is done and no probe was run before it, so that what is left cannot be estimated."]
    elif not trained:
        notes.insert(0, _training_note(measured))
    return {"stages": rows, "notes": notes}


def _training_note(measured: Measured) -> str:
    steps, probe = measured.steps, measured.probe
    examples = round(steps * probe["examples_per_step"])
    return (
        f"Training: {steps} steps, {examples} examples seen ({examples / probe['examples']:.2f} of the "
        f"{probe['examples']} there are), {probe['seconds_per_step']:.2f} s a step."
    )


def _measure(project: Project, on_event: OnEvent, lock: int, trained: bool) -> Measured | None:
    """Make the records, and the probe unless its result is known; None when it is not and the training is done."""
    walk = Run(project, on_event=on_event, lock=lock)
    base = walk.base(project.recipe.base.model)
    data = walk.stage("data", "helder.data.stage:run", pipeline.data_settings(project), pipeline.sources(project))
    settings = pipeline.train_settings(project, walk, base, data)
    if data is None or settings is None:
        raise HelderError("The records could not be prepared.", fix="helder run says why.")
    probe = pipeline.probed(project, base, data)
    if probe is None:
        # A budget that is not a time. Probing what is trained already would cost minutes and decide nothing.
        probe = _probe(Walk(project, verify=False) if trained else walk, settings, base, data)
    if probe is None:
        return None
    sizes = {path.stem: _count(path) for path in sorted(data.path.glob("test*.jsonl"))}
    return Measured(probe, int(probe["steps"]), sizes)


def _probe(walk: Walk, settings: dict[str, Any], base: Known, data: Known) -> dict[str, Any] | None:
    """What a probe of this training found; None when none was run and this walk only looks."""
    variables = training.environment(settings["numerics"])
    made = walk.stage("probe", "helder.train.probe:run", settings, {"base": base, "data": data}, variables)
    if made is None:
        return None
    found: dict[str, Any] = json.loads((made.path / "probe.json").read_text(encoding="utf-8"))
    return found


def _row(project: Project, name: str, state: str, measured: Measured | None) -> dict[str, Any]:
    row: dict[str, Any] = {"stage": name, "state": state, "seconds": None, "memory": None, "energy_joules": None}
    if state == "done":
        return {**row, "why": "done already"}
    if measured is None:
        return {**row, "why": "not estimated"}
    seconds, memory, cores, why = _cost(project, name, measured)
    spent = seconds * cores * energy.WATTS_BUSY_CORE
    return {**row, "seconds": seconds, "memory": round(memory), "energy_joules": spent, "why": why}


def _cost(project: Project, name: str, measured: Measured) -> tuple[float, float, int, str]:
    """(seconds, bytes of memory, busy cores, why) of a stage that is still to be run."""
    probe, parameters, cores = measured.probe, int(measured.probe["parameters"]), usable_cpus()
    if name == "train":
        seconds = probe["seconds_fixed"] + measured.steps * probe["seconds_per_step"]
        return seconds, probe["peak_memory_bytes"], cores, f"{measured.steps} steps, from the probe"
    if name == "files":
        formats = project.recipe.compress.formats
        seconds = parameters * (sum(WRITE_SECONDS[form] for form in formats) + WRITE_SECONDS["exact"])
        why = f"{', '.join(formats)}; round trip through llama.cpp"
        return seconds + parameters * ROUND_TRIP_SECONDS, 10.0 * parameters, 1, why
    subject = name.removeprefix("predict-")
    limit = pipeline.predict_settings(project, subject)["limit"]
    cases = [size if limit is None else min(size, limit) for size in measured.sizes.values()]
    if subject in STEP_SHARE or subject == "base":
        tokens = sum(cases) * measured.example_tokens
        share = STEP_SHARE.get(subject, STEP_SHARE["weights"])
        if subject == "base":
            # The examples that all its questions begin with are read once.
            tokens = BASE_LENGTH * tokens + project.recipe.evaluate.base_examples * PROMPT_EXAMPLE_TOKENS
        seconds = tokens * measured.token_seconds * share + parameters * LOADING_SECONDS
        return seconds, 9.0 * parameters, cores, f"{sum(cases)} answers"
    return 2.0, 0.3e9, 1, f"{sum(cases)} answers" if name.startswith("predict-") else "arithmetic on the answers"


def _count(path: Path) -> int:
    with path.open(encoding="utf-8") as lines:
        return sum(1 for _ in lines)
