"""The stage "probe": a few real steps on this machine, so that a time can be turned into a number of steps.

Its result depends on the machine and the moment, and says so: the number of steps that follows from it is written into
`helder.lock` and used by every later run of the same recipe.
"""

from __future__ import annotations

import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.train import checkpoint
from helder.train.settings import TrainSettings
from helder.train.stage import in_every_process, prepare

WARM_STEPS, TIMED_STEPS = 3, 5
SPARE = 0.97  # of the time is planned, so that a budget is kept rather than passed (assumption)


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Stage function, see `helder.stage`.

    Args:
        settings: `[train]`, resolved; with "seconds", a budget in time, steps are found for it.
        inputs: as for the stage "train", "base" perhaps an earlier model of the same shape.

    Raises:
        HelderError: not one step fits into the time.
    """
    training = TrainSettings(**{key: value for key, value in settings.items() if key != "seconds"})
    return in_every_process(measure, training, settings, inputs, output, scratch, report)


def measure(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """The probe itself, in one process or as one of several; as `run`."""
    started = time.monotonic()
    trainer = prepare({key: value for key, value in settings.items() if key != "seconds"}, inputs, report)
    trainer.begin(scratch)
    loading = time.monotonic() - started

    for step in range(WARM_STEPS):
        trainer.step(step, WARM_STEPS + TIMED_STEPS)
    costs: list[float] = []  # seconds for each padded token
    for step in range(WARM_STEPS, WARM_STEPS + TIMED_STEPS):
        before = time.monotonic()
        padded = trainer.step(step, WARM_STEPS + TIMED_STEPS)["padded_tokens"]
        costs.append((time.monotonic() - before) / padded)
        report("progress", done=step + 1, total=WARM_STEPS + TIMED_STEPS, unit="step")

    # A step costs what its padded tokens cost: the average batch, not the ones that happened to be timed.
    usual, there = trainer.objective.usual_tokens(), len(trainer.objective.order.lengths)
    per_step = statistics.median(costs) * usual
    before = time.monotonic()
    if trainer.objective.looks:
        trainer.look()
    looking = time.monotonic() - before
    before = time.monotonic()
    states = checkpoint.States(scratch, (), trainer.world)
    with states:
        states.save(1, trainer.state)
        states.settle(1, ())
    saving = time.monotonic() - before
    trainer.world.barrier()
    if not trainer.world.first:
        return {}

    def saved(steps: int) -> int:
        """States of a training of so many steps, and the one that is only hashed at its end."""
        return len(trainer.saving(steps).steps) + 1

    # Loading again, and writing the result costs about the same.
    around = 2 * loading + 5 * looking
    if "seconds" in settings:
        budget = float(settings["seconds"])
        steps = int((budget * SPARE - around) / per_step)
        steps = int((budget * SPARE - around - saved(max(1, steps)) * saving) / per_step)
        fixed = around + saved(max(1, steps)) * saving
        if steps < 1:
            raise HelderError(
                f"Nothing can be learnt in {budget:.0f} seconds on this machine.",
                f"Loading and saving take {fixed:.0f} seconds, one step {per_step:.1f}.",
                f"Give [train] a budget of at least {fixed + 20 * per_step:.0f} seconds, or name `steps`.",
            )
    else:
        steps = trainer.steps
        fixed = around + saved(steps) * saving
    found = {
        "steps": steps,
        "seconds_per_step": round(per_step, 4),
        "seconds_fixed": round(fixed, 2),
        "padded_tokens_per_step": round(usual, 1),
        "examples_per_step": round(there / trainer.objective.order.steps_of(1), 2),
        "examples": there,
        "counted": trainer.objective.counted,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 * trainer.settings.processes,
        "parameters": trainer.model.config.parameter_count,
    }
    (output / "probe.json").write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return found
