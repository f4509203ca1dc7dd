"""Speed of training from nothing: Helder against litgpt, transformers' Trainer and a plain loop.

All train the same architecture (OLMo 2's: norms behind the sublayers, query and key normed, rotary positions, SwiGLU,
untied head) of the same shapes on the same rows of the same text, every position of a row trained, in bf16 with fp32
weights, with fused AdamW and the same clipping, batch and threads. Each side is a process that stays alive and takes
its turns of a few steps, one side at a time, the order reversed every round. Counted are trained tokens for each second
of CPU time that a process used in its turns (all its threads), so that other work on the machine matters little; then
medians over the rounds, and Helder's ratio to each of the others.

GFLOP/s counts what a causal model needs: six operations for each weight of a matrix product and token, and half of the
square of attention. Its share of the peak is taken of what bf16 matrix products alone reach in the same rounds.

Helder's process gets the environment that its stage "train" has in a real run; the others no variables but the number
of threads and `GOMP_SPINCOUNT=0`, without which waiting threads would burn CPU time that is then counted against them.
`--allocator` gives them Helder's settings of the allocator too.

    python -m bench.train --sizes 5M 30M
    python -m bench.train --sizes 5M --compile                      # all sides with torch.compile
    python -m bench.train --sides helder litgpt --threads 2
    python -m bench.train --scaling                                 # Helder with one thread and with two, wall time

The others need packages that nothing else here needs: pip install -e '.[bench]'; and litgpt, which asks for older ones
than it needs: pip install --no-deps litgpt lightning lightning-utilities torchmetrics jsonargparse
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import measuring, train_text
from helder.commands.talk import size, table
from helder.train import settings as train_settings

SIDE = "bench.train_side"
NEEDED = {"litgpt": "litgpt", "trainer": "accelerate"}
NAMES = {"helder": "helder", "plain": "plain loop", "litgpt": "litgpt", "trainer": "Trainer", "peak": "peak"}


@dataclass(frozen=True)
class Size:
    """A model's shapes; see `bench.train_side.Job`."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    inner: int

    @property
    def parameters(self) -> int:
        return self.multiplied + self.vocabulary * self.width

    @property
    def multiplied(self) -> int:
        """Weights of matrix products; the norms' are left out."""
        return self.layers * self.width * (4 * self.width + 3 * self.inner) + self.vocabulary * self.width

    def operations(self, context: int) -> int:
        """Of one trained token, forward and backward."""
        return 6 * self.multiplied + 6 * self.layers * self.width * context


SIZES = {"5M": Size(4096, 256, 4, 4, 704), "30M": Size(8192, 512, 7, 8, 1376)}


class Side:
    """A process of `bench.train_side`."""

    def __init__(self, job: Mapping[str, Any], variables: Mapping[str, str], work: Path, name: str) -> None:
        path = work / f"{name.replace(' ', '-')}.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        self.name, self.log = name, path.with_suffix(".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", SIDE, str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=work,
                env=dict(variables),
            )
        self.answer()

    def answer(self) -> dict[str, Any]:
        """The next line that it says; the measurement ends when there is none."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with {self.process.wait()}:\n{self.log.read_text()[-3000:]}")
        found: dict[str, Any] = json.loads(line)
        return found

    def take(self, steps: int) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(b"%d\n" % steps)
        self.process.stdin.flush()
        return self.answer()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def variables(work: Path, threads: int, ours: bool) -> dict[str, str]:
    """The whole environment of a side."""
    found = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        "HOME": str(work),
        "TMPDIR": str(work),
        "LANG": "C.UTF-8",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": str(threads),
        "GOMP_SPINCOUNT": "0",
    }
    return found | (train_settings.environment("fast") if ours else {})


def measure(
    jobs: Mapping[str, tuple[dict[str, Any], dict[str, str]]], work: Path, rounds: int, warm: int, timed: int
) -> dict[str, list[dict[str, Any]]]:
    """Name → what each round measured."""
    sides = {name: Side(job, around, work, name) for name, (job, around) in jobs.items()}
    taken: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for name, side in sides.items():
        first = side.take(warm)
        measuring.note(f"warm     {name:<28} {first.get('cpu_seconds', 0):.1f} CPU-s")
    for number in range(rounds):
        for name in list(sides) if number % 2 == 0 else reversed(sides):
            taken[name].append(sides[name].take(timed))
    for side in sides.values():
        side.end()
    return taken


def summary(rounds: Sequence[Mapping[str, Any]], operations: int, peak: float) -> dict[str, Any]:
    speeds = [taken["tokens"] / taken["cpu_seconds"] for taken in rounds]
    speed = statistics.median(speeds)
    return {
        "tokens_per_cpu_second": speed,
        "lowest": min(speeds),
        "highest": max(speeds),
        "tokens_per_second": statistics.median(taken["tokens"] / taken["seconds"] for taken in rounds),
        "gflops": speed * operations / 1e9,
        "share_of_peak": speed * operations / peak,
        "peak_memory": max(taken["peak_memory"] for taken in rounds),
        "loss": rounds[-1]["loss"],
        "rounds": list(rounds),
    }


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES), help="Models (default: all).")
    options.add_argument(
        "--sides",
        nargs="+",
        choices=["helder", "plain", "litgpt", "trainer"],
        default=["helder", "plain", "litgpt", "trainer"],
        help="Who is measured (default: all).",
    )
    options.add_argument("--rounds", type=measuring.positive, default=7, help="Default: %(default)s.")
    options.add_argument("--warm", type=measuring.positive, default=3, help="Steps first (default: %(default)s).")
    options.add_argument("--timed", type=measuring.positive, default=4, help="Steps of a turn (default: %(default)s).")
    options.add_argument("--batch", type=measuring.positive, default=8, help="Rows of a step (default: %(default)s).")
    options.add_argument("--context", type=measuring.positive, default=256, help="Default: %(default)s tokens.")
    options.add_argument("--threads", type=measuring.positive, default=1, help="Of each side (default: %(default)s).")
    options.add_argument("--compile", action="store_true", help="With torch.compile (default: without), all sides.")
    options.add_argument("--allocator", action="store_true", help="Helder's settings of the allocator for all.")
    options.add_argument("--scaling", action="store_true", help="Helder alone, with one thread and with two.")
    given = options.parse_args()
    for name in given.sides:
        if name in NEEDED and importlib.util.find_spec(NEEDED[name]) is None:
            raise SystemExit(f"{NAMES[name]} needs {NEEDED[name]}, which is not installed; see --help.")

    results: dict[str, Any] = {}
    told: list[str] = []
    for label in given.sizes:
        with measuring.workplace(None) as work:
            model = SIZES[label]
            train_text.write(work, model.vocabulary, given.context)
            job = {
                **asdict(model),
                "context": given.context,
                "batch": given.batch,
                "rows": str(work / "rows.npy"),
                "text": str(work),
                "compiled": given.compile,
            }
            jobs: dict[str, tuple[dict[str, Any], dict[str, str]]] = {}
            for loop in ["peak"] + ([] if given.scaling else given.sides):
                around = variables(work, given.threads, loop == "helder" or given.allocator)
                jobs[NAMES[loop]] = ({**job, "loop": loop}, around)
            for threads in (1, 2) if given.scaling else ():
                jobs[f"helder {threads}"] = ({**job, "loop": "helder"}, variables(work, threads, True))
            taken = measure(jobs, work, given.rounds, given.warm, given.timed)
        peak = statistics.median(each["operations_per_cpu_second"] for each in taken.pop("peak"))
        found = {name: summary(rounds, model.operations(given.context), peak) for name, rounds in taken.items()}
        ours = found[next(iter(found))]
        key = "tokens_per_second" if given.scaling else "tokens_per_cpu_second"
        cells = [
            [
                name,
                f"{side['tokens_per_cpu_second']:.0f}",
                f"{side['lowest']:.0f}–{side['highest']:.0f}",
                f"{ours[key] / side[key]:.2f}",
                f"{side['tokens_per_second']:.0f}",
                f"{side['gflops']:.0f}",
                f"{side['share_of_peak']:.0%}",
                size(side["peak_memory"]),
                "" if side["loss"] is None else f"{side['loss']:.3f}",
            ]
            for name, side in found.items()
        ]
        head = ["loop", "tokens/CPU-s", "range", "helder's ratio", "tokens/s", "GFLOP/s", "of peak", "memory", "loss"]
        told.append(
            f"{label}: {model.parameters / 1e6:.1f} M parameters, peak {peak / 1e9:.0f} GFLOP/s a core\n"
            f"{table(cells, head, right=range(1, len(head)))}"
        )
        results[label] = {"peak_gflops": peak / 1e9, "parameters": model.parameters, "sides": found}
    told.append(
        f"medians of {given.rounds} rounds of {given.timed} steps of {given.batch} x {given.context} tokens, bf16, "
        f"{given.threads} threads, {'with' if given.compile else 'without'} torch.compile"
    )
    about = {name: value for name, value in vars(given).items() if name != "json"}
    measuring.tell({"settings": about, "sizes": results}, "\n\n".join(told), given.json)


if __name__ == "__main__":
    main()
