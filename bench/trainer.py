"""Speed of fine-tuning: Helder's loop against Hugging Face's `transformers.Trainer`.

The same base model, the same examples as the same tokens, the same examples per batch, precision, optimiser (AdamW,
the same decay and clipping), length of training and threads. Each round starts one process for each side, one side at
a time and the order reversed every round; a process takes some warm steps, then the timed ones. Counted are real
tokens, padding left out, for each second of CPU time that the process used in its timed steps (all its threads), so
that other work on the machine matters little. Medians over the rounds, and their ratio to the Trainer's.

Helder's process gets the environment that its stage "train" has in a real run. The Trainer is used as its users write
it: a padding collator, its own defaults for all that is not named above, and no variables but the number of threads
and `GOMP_SPINCOUNT=0`, without which waiting threads would burn CPU time that is then counted against it. Two options
make it stronger, each as a further row: batches of similar lengths, and Helder's settings of the allocator. The
Trainer's batches of similar lengths come from long to short within 50 batches, so that a shorter measurement sees only
long ones, whose tokens are cheaper: compare that row with `--timed 50`, and see the column of tokens per step.

    python -m bench.trainer
    python -m bench.trainer --trainer-groups --trainer-allocator
    python -m bench.trainer --rounds 1 --warm 1 --timed 2 --threads 1       # a smoke run

The Trainer needs a package that nothing else here needs: pip install -e '.[bench]'
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import measuring
from helder import pipeline
from helder import stage as stages
from helder.commands.talk import size, table
from helder.ledger import environment
from helder.stage import Stage

BAR = 1.5  # times the Trainer's tokens per CPU-second
ALLOCATOR = "MALLOC_"  # how the variables begin that the row "allocator" takes over from Helder
SIDE = "bench.trainer_side"

Taken = dict[str, Any]


def train_stage(folder: Path, batch_size: int, steps: int) -> Stage:
    """The example's stage "train" as it would run now, its records prepared."""
    project = measuring.make_project(folder, {"steps": steps, "batch_size": batch_size}, {})
    pipeline.run(project, until="data")
    for step in pipeline.status(project, verify=False):
        if step.name == "train" and step.stage is not None:
            return step.stage
    raise SystemExit(f"The training of {folder} is not ready to run.")


def sides(stage: Stage, work: Path, threads: int, groups: bool, allocator: bool) -> dict[str, dict[str, Any]]:
    """What is measured: name → which loop, with which options and which whole environment."""
    count = {"OMP_NUM_THREADS": str(threads)}
    ours = {**stages.variables(stage, work), **count}
    plain = {name: ours[name] for name in ("PATH", "PYTHONPATH", "HOME", "TMPDIR", "LANG", "GOMP_SPINCOUNT")} | count
    kept = {name: value for name, value in ours.items() if name.startswith(ALLOCATOR)}
    found = {
        "helder": {"loop": "helder", "grouped": False, "variables": ours},
        "Trainer": {"loop": "trainer", "grouped": False, "variables": plain},
    }
    if groups:
        found["Trainer, similar lengths"] = {"loop": "trainer", "grouped": True, "variables": plain}
    if allocator:
        name = "Trainer, similar lengths, allocator" if groups else "Trainer, allocator"
        found[name] = {"loop": "trainer", "grouped": groups, "variables": plain | kept}
    return found


def take(side: Mapping[str, Any], stage: Stage, work: Path, steps: tuple[int, int], seed: int) -> Taken:
    """Train in a process of its own; what it measured.

    Args:
        steps: warm, timed.
        seed: decides the order of the examples, on either side by its own rule.
    """
    job, result = work / "job.json", work / "result.json"
    warm, timed = steps
    settings = {**stage.settings, "steps": warm + timed, "seed": seed}
    inputs = {name: str(artifact.path) for name, artifact in stage.inputs.items()}
    job.write_text(
        json.dumps({**side, "settings": settings, "inputs": inputs, "warm": warm, "result": str(result)}),
        encoding="utf-8",
    )
    command = [sys.executable, "-P", "-m", SIDE, str(job)]
    ended = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=work,
        env=side["variables"],
        check=False,
    )
    if ended.returncode:
        raise SystemExit(f"{side['loop']} ended with {ended.returncode}:\n{ended.stdout.decode()[-3000:]}")
    measured: Taken = json.loads(result.read_text(encoding="utf-8"))
    return {**measured, "steps": timed, "tokens_per_cpu_second": measured["tokens"] / measured["cpu_seconds"]}


def summary(rounds: Sequence[Taken]) -> dict[str, Any]:
    """Medians over the rounds of one side; padding and loss over all rounds together."""
    speeds = [taken["tokens_per_cpu_second"] for taken in rounds]
    return {
        "tokens_per_cpu_second": statistics.median(speeds),
        "lowest": min(speeds),
        "highest": max(speeds),
        "tokens_per_second": statistics.median(taken["tokens"] / taken["seconds"] for taken in rounds),
        "tokens_per_step": statistics.mean(taken["tokens"] / taken["steps"] for taken in rounds),
        "padding": 1 - sum(taken["tokens"] for taken in rounds) / sum(taken["padded_tokens"] for taken in rounds),
        "peak_memory": max(taken["peak_memory"] for taken in rounds),
        "mean_loss": statistics.mean(taken["mean_loss"] for taken in rounds),
        "rounds": list(rounds),
    }


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument(
        "--rounds", type=measuring.positive, default=5, help="Rounds, each with every side (default: %(default)s)."
    )
    options.add_argument(
        "--warm", type=measuring.positive, default=3, help="Steps before the clock, each time (default: %(default)s)."
    )
    options.add_argument(
        "--timed", type=measuring.positive, default=12, help="Timed steps of a round (default: %(default)s)."
    )
    options.add_argument(
        "--batch-size", type=measuring.positive, default=14, help="Examples of a batch (default: %(default)s)."
    )
    options.add_argument(
        "--threads",
        type=measuring.positive,
        default=int(os.environ.get("OMP_NUM_THREADS") or environment.usable_cpus()),
        help="Threads of either side (default: OMP_NUM_THREADS, else the usable CPUs, here %(default)s).",
    )
    options.add_argument(
        "--trainer-groups", action="store_true", help="Also the Trainer with batches of similar lengths."
    )
    options.add_argument(
        "--trainer-allocator",
        action="store_true",
        help="Also the Trainer with Helder's settings of the allocator, on top of --trainer-groups when that is given.",
    )
    given = options.parse_args()
    if importlib.util.find_spec("accelerate") is None:
        raise SystemExit("The Trainer needs accelerate, which is not installed: pip install -e '.[bench]'")

    with measuring.workplace(None) as place:
        stage = train_stage(place / "project", given.batch_size, given.warm + given.timed)
        work = place / "work"
        for name in ("home", "tmp"):
            (work / name).mkdir(parents=True)
        compared = sides(stage, work, given.threads, given.trainer_groups, given.trainer_allocator)
        taken: dict[str, list[Taken]] = {name: [] for name in compared}
        for number in range(given.rounds):
            order = list(compared) if number % 2 == 0 else list(reversed(compared))
            for name in order:
                one = take(compared[name], stage, work, (given.warm, given.timed), seed=number)
                taken[name].append(one)
                measuring.note(f"round {number + 1}  {name:<36} {one['tokens_per_cpu_second']:.1f} tokens/CPU-s")

    found = {name: summary(rounds) for name, rounds in taken.items()}
    usual = found["Trainer"]["tokens_per_cpu_second"]
    ratios = {name: side["tokens_per_cpu_second"] / usual for name, side in found.items()}
    cells = [
        [
            name,
            f"{side['tokens_per_cpu_second']:.1f}",
            f"{side['lowest']:.1f}–{side['highest']:.1f}",
            f"{ratios[name]:.2f}",
            f"{side['tokens_per_second']:.1f}",
            f"{side['tokens_per_step']:.0f}",
            f"{side['padding']:.1%}",
            size(side["peak_memory"]),
            f"{side['mean_loss']:.3f}",
        ]
        for name, side in found.items()
    ]
    head = ["loop", "tokens/CPU-s", "range", "ratio", "tokens/s", "tokens/step", "padding", "memory", "loss"]
    result = {
        "settings": {
            "rounds": given.rounds,
            "warm": given.warm,
            "timed": given.timed,
            "batch_size": given.batch_size,
            "threads": given.threads,
            "precision": stage.settings["precision"],
        },
        "sides": found,
        "ratio_to_trainer": ratios,
        "bar": BAR,
    }
    told = (
        f"{table(cells, head, right=range(1, len(head)))}\n\n"
        f"bar: helder at least {BAR:g} times the Trainer; medians of {given.rounds} rounds of {given.timed} steps of "
        f"{given.batch_size} examples, {stage.settings['precision']}, {given.threads} threads"
    )
    measuring.tell(result, told, given.json)


if __name__ == "__main__":
    main()
