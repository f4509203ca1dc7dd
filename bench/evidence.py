"""What the evidence of a training costs: its log's chain, the digests of its states, the states that are kept.

Some steps of the quickstart's training (SmolLM2-135M, the upper two thirds of the blocks, the example's data) run in
the process and with the environment that a run gives them. Everything that is there for the evidence's sake is timed
where it happens and added up: the root of the data and what the chain begins with, each line, each state hashed and
written, what waits for the disk, the last digest; and, of the seal, hashing the kept states once more.

- seconds: those in which the training stands still;
- CPU-seconds: of all threads, those of the kernel writing to the disk beside the next steps included. On a machine that
  others use as well they say more.

Saving states for a training to continue from is counted in full, though it would be needed without any evidence.

    python -m bench.evidence
    python -m bench.evidence --steps 60          # a smoke run with one state
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench import measuring
from helder import pipeline, stage
from helder.commands.talk import duration, size, table
from helder.ledger import artifact as artifacts
from helder.ledger.run_folder import RunFolder
from helder.stage import Stage
from helder.train import chain, replay, settings

BAR = 0.02  # of the training's time
STEPS = 250  # about those of the quickstart: 245 in 4.5 minutes (docs/log.md)


class Costs:
    """Seconds and CPU-seconds spent in functions, by what they are for."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}

    @contextmanager
    def of(self, what: str, *, beside: bool = False) -> Iterator[None]:
        """Count what happens in a block.

        Args:
            beside: it runs in a thread of its own while the training goes on: its CPU-seconds count alone.
        """
        clock: Callable[[], float] = time.thread_time if beside else time.process_time
        wall, cpu = time.monotonic(), clock()
        yield
        total = self.spent.setdefault(what, [0.0, 0.0, 0])
        total[0] += 0.0 if beside else time.monotonic() - wall
        total[1] += clock() - cpu
        total[2] += 1

    def watch(self, owner: Any, name: str, what: str, *, beside: bool = False) -> Any:
        """A patch that counts the calls of a function."""
        function = getattr(owner, name)

        def counted(*arguments: Any, **more: Any) -> Any:
            with self.of(what, beside=beside):
                return function(*arguments, **more)

        return patch.object(owner, name, counted)


def watched(
    used: dict[str, Any], inputs: dict[str, Path], output: Path, scratch: Path, report: Callable[..., None]
) -> dict[str, Any]:
    """The stage "train", watched; what the evidence cost is in the facts."""
    from helder.train import checkpoint
    from helder.train import stage as training
    from helder.train.objectives import objective

    costs, states = Costs(), checkpoint.States
    with (
        costs.watch(objective, "data_root", "root of the data"),
        costs.watch(chain.Log, "add", "lines of the log"),
        costs.watch(checkpoint, "write", "states hashed and written"),
        costs.watch(states, "wait", "waiting for the disk"),
        costs.watch(states, "_settle", "forced to the disk, beside", beside=True),
        costs.watch(states, "keep", "put into the artifact"),
    ):
        facts = training.run(used, inputs, output, scratch, report)
    return {**facts, "evidence": costs.spent}


def measure(folder: Path, steps: int) -> dict[str, Any]:
    """Train so many steps; what the evidence cost, and the training in all."""
    project = measuring.make_project(folder / "project", {"steps": steps}, {})
    made = pipeline.run(project, lambda event: None, until="data")
    section = pipeline.train_section(project, project.recipe.final)
    used = settings.resolve({**section, "steps": steps})
    around = settings.environment(used["numerics"], used["device"])
    inputs = {name: made[name] for name in ("base", "data")}
    run, one = RunFolder(folder / "run"), Stage("train", "bench.evidence:watched", used, inputs, environment=around)
    trained = stage.run(one, run, lambda event: None)
    said = run.find(one.key)
    assert said is not None
    facts, timings = said.facts, said.predicate["timings"]
    costs, states = Costs(), trained.path / chain.STATES
    costs.spent = dict(facts["evidence"])
    for _ in range(states.is_dir()):
        with costs.of("kept states hashed for the seal"):
            artifacts.manifest(states)
            artifacts.fsync_tree(states)
    with costs.of("(for whoever verifies) the chain followed"):
        lines = chain.read(trained.path / chain.LOG)
        found = chain.check_file(trained.path / chain.LOG, chain.begin(used, facts["first_weights_sha256"]))
        assert not found.fault and found.head == facts["log_sha256"]
    verifying = costs.spent.pop("(for whoever verifies) the chain followed")
    wall, cpu = (sum(spent[place] for spent in costs.spent.values()) for place in (0, 1))
    return {
        "steps": steps,
        "precision": used["precision"],
        "slices": [[one.first, one.last] for one in replay.slices(lines, facts)],
        "state_bytes": sum(path.stat().st_size for path in states.glob("*")) // max(1, len(facts["states"])),
        "log_bytes": (trained.path / chain.LOG).stat().st_size,
        "spent": costs.spent,
        "chain_followed_seconds": verifying[0],
        "training_seconds": timings["seconds"],
        "training_cpu_seconds": timings["cpu_seconds"],
        "share_of_seconds": wall / timings["seconds"],
        "share_of_cpu_seconds": cpu / timings["cpu_seconds"],
        "bar": BAR,
    }


def told(found: dict[str, Any]) -> str:
    """The result as tables."""
    spent = [
        [what, f"{calls:.0f}", f"{wall:.2f} s", f"{cpu:.2f} s"] for what, (wall, cpu, calls) in found["spent"].items()
    ]
    totals = [
        [
            "training",
            f"{found['steps']} steps",
            duration(found["training_seconds"]),
            f"{found['training_cpu_seconds']:.0f} s",
        ],
        ["evidence", "", f"{found['share_of_seconds']:.2%}", f"{found['share_of_cpu_seconds']:.2%}"],
    ]
    ends = ", ".join(str(last) for _, last in found["slices"])
    return "\n\n".join(
        [
            table([*spent, *totals], ["what", "times", "standing still", "CPU"], right=(1, 2, 3)),
            f"at most {BAR:.0%}; slices end at steps {ends}; a state has {size(found['state_bytes'])}, a line "
            f"of the log {found['log_bytes'] / found['steps']:.0f} bytes; following the whole chain takes "
            f"{found['chain_followed_seconds']:.3f} s.",
        ]
    )


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--steps", type=measuring.positive, default=STEPS, help="Default: %(default)s.")
    options.add_argument("--folder", type=Path, help="Measure in this new folder and keep it; else it is removed.")
    given = options.parse_args()
    with measuring.workplace(given.folder) as place:
        found = measure(place, given.steps)
    measuring.tell(json.loads(json.dumps(found)), told(found), given.json)


if __name__ == "__main__":
    main()
