"""The quickstart, measured: time, memory, and how well it was planned.

Runs what a person types, `helder new`, `plan`, `run`, `ask`, `certify` and `verify --replay 2`, as separate commands in
a new folder, after the base model was imported (downloads are not part of it), and takes

- the wall time of each command and of all;
- the peak memory of all their processes together, sampled five times a second; pages that several processes share
  count once where the kernel says so (PSS), else in each of them;
- for each stage what was planned, the seconds that its process took, and the wall time with starting, hashing and
  signing around it;
- real against planned time of the training, from the estimate of `helder plan`.

    python -m bench.quickstart                                   # the example as it is shipped
    python -m bench.quickstart --steps 4 --limit 2               # a smoke run

For true figures the machine must have nothing else to do; its load is part of the result.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import measuring
from bench.processes import MemoryWatch
from helder.commands.talk import duration, size, table
from helder.project import Project
from helder.recipe import FILE_NAME

QUESTION = "2 puffs bd prn for 1 week then 1 puff nocte"
WALL_BAR, MEMORY_BAR, PLAN_BAR = 600.0, 6e9, 0.25  # seconds, bytes, part of the planned time
MODEL = "smollm2-135m-instruct"


@dataclass(frozen=True)
class StageTimes:
    """One stage that ran.

    Attributes:
        command: the command during which it ran, "plan" or "run".
        stage: its name.
        seconds: of its function in its own process.
        wall_seconds: from its start to its signed statement, as seen from outside.
        peak_memory: the most bytes that its process itself held.
    """

    command: str
    stage: str
    seconds: float
    wall_seconds: float
    peak_memory: int


def call(*arguments: str, on_line: Callable[[str], None] = measuring.note) -> str:
    """Run `helder`, which must succeed; what it printed on stdout. Each line on stderr is passed on as it comes."""
    lines: list[str] = []
    command = [measuring.HELDER, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            for line in process.stderr:  # stdout is short: it fits into the pipe until it is read
                lines.append(line.rstrip())
                on_line(lines[-1])
            printed = process.stdout.read()
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise SystemExit("\n".join([f"helder {arguments[0]} ended with {process.returncode}:", *lines[-8:]]))
    return printed


class Stages:
    """Collects the stages that end while a command runs, from its events."""

    def __init__(self, command: str) -> None:
        self.command, self.begun, self.ended = command, 0.0, list[StageTimes]()

    def __call__(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            measuring.note(line)
            return
        if event["event"] == "started":
            self.begun = time.monotonic()
        elif event["event"] == "finished":
            wall = time.monotonic() - self.begun
            one = StageTimes(self.command, event["stage"], event["seconds"], wall, event["peak_memory"])
            self.ended.append(one)
            measuring.note(f"{one.stage:<18} {duration(wall):>12}")


def measure(folder: Path, steps: int | None, limit: int | None) -> dict[str, Any]:
    """Run the quickstart in `folder`, which must not exist."""
    commands: dict[str, float] = {}
    planning, running = Stages("plan"), Stages("run")

    def timed(name: str, *arguments: str, on_line: Callable[[str], None] = measuring.note) -> str:
        begin = time.monotonic()
        printed = call(name, *arguments, on_line=on_line)
        commands[name] = time.monotonic() - begin
        measuring.note(f"helder {name}: {duration(commands[name])}")
        return printed

    with MemoryWatch() as watch:
        timed("new", str(folder), "--example", measuring.EXAMPLE)
        if steps is not None or limit is not None:
            measuring.change(
                folder / FILE_NAME,
                {} if steps is None else {"steps": steps},
                {} if limit is None else {"limit": limit, "base_limit": limit},
            )
        planned = json.loads(timed("plan", str(folder), "--json", on_line=planning))
        timed("run", str(folder), on_line=running)
        answer = timed("ask", QUESTION, "--project", str(folder)).strip()
        timed("certify", str(folder))
        timed("verify", str(folder / "bundle"), "--replay", "2")
    estimates = {row["stage"]: row["seconds"] for row in planned["stages"] if row["seconds"] is not None}
    ended = [*planning.ended, *running.ended]
    trained = next(one for one in ended if one.stage == "train")
    return {
        "settings": {"steps": steps, "limit": limit, "budget": Project.open(folder).recipe.final.amount},
        "commands": commands,
        "wall_seconds": sum(commands.values()),
        "peak_memory": watch.peak,
        "peak_memory_counts_shared_pages_once": watch.shared_once,
        "stages": [{**asdict(one), "planned_seconds": estimates.get(one.stage)} for one in ended],
        "training": {
            "planned_seconds": estimates["train"],
            "seconds": trained.seconds,
            "off": trained.seconds / estimates["train"] - 1,
        },
        "question": QUESTION,
        "answer": answer,
        "bars": {"wall_seconds": WALL_BAR, "peak_memory": MEMORY_BAR, "training_off": PLAN_BAR},
    }


def told(found: dict[str, Any]) -> str:
    """The result as tables."""
    training = found["training"]
    bars = [
        ["wall time, all commands", duration(found["wall_seconds"]), f"at most {duration(WALL_BAR)}"],
        ["peak memory, all processes", size(found["peak_memory"]), f"at most {size(MEMORY_BAR)}"],
        ["training, real against planned", f"{training['off']:+.1%}", f"within ±{PLAN_BAR:.0%}"],
    ]
    stages = [
        [
            one["stage"],
            one["command"],
            "-" if one["planned_seconds"] is None else duration(one["planned_seconds"]),
            duration(one["seconds"]),
            duration(one["wall_seconds"]),
            size(one["peak_memory"]),
        ]
        for one in found["stages"]
    ]
    commands = [[f"helder {name}", duration(seconds)] for name, seconds in found["commands"].items()]
    head = ["stage", "during", "planned", "seconds", "with sealing", "its memory"]
    tables = [
        table(bars, ["what", "measured", "bar"], right=(1,)),
        table(commands, ["command", "wall"], right=(1,)),
        table(stages, head, right=(2, 3, 4, 5)),
    ]
    return "\n\n".join([*tables, f"{found['question']}\n{found['answer']}"])


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--steps", type=measuring.positive, help="Train so many steps instead of the example's time.")
    options.add_argument("--limit", type=measuring.positive, help="Ask so many cases of each test set instead of all.")
    options.add_argument("--folder", type=Path, help="Measure in this new folder and keep it; else it is removed.")
    given = options.parse_args()
    call("model", "import", MODEL, "--allow-network")  # does nothing when it was imported before
    with measuring.workplace(given.folder) as place:
        found = measure(place / "quickstart", given.steps, given.limit)
    measuring.tell(found, told(found), given.json)


if __name__ == "__main__":
    main()
