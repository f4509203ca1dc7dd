"""How long `helder --help` takes, against `python -c pass` with the same interpreter.

Both are started in turn, so that whatever else the machine does falls on both alike; medians of wall time and of CPU
time, and their ratio. The first start of each, which may have to compile or to read from a cold disk, is not counted.

    python -m bench.start
    python -m bench.start --repeats 5      # a smoke run
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from bench import measuring
from helder.commands.talk import table

BAR = 3.0  # times `python -c pass`
COMMANDS = {"python -c pass": [sys.executable, "-c", "pass"], "helder --help": [measuring.HELDER, "--help"]}


@dataclass
class Times:
    """Seconds of each start of one command."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def start(command: list[str]) -> tuple[float, float]:
    """Run a command; (wall seconds, CPU seconds of it and of what it waited for)."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}.")
    return wall, usage.ru_utime + usage.ru_stime


def measure(repeats: int) -> dict[str, Any]:
    """Medians of each command and their ratio."""
    times = {name: Times() for name in COMMANDS}
    for turn in range(repeats + 1):
        for name, command in COMMANDS.items():
            wall, cpu = start(command)
            if turn:
                times[name].wall.append(wall)
                times[name].cpu.append(cpu)
    medians = {
        name: {"wall_seconds": statistics.median(kept.wall), "cpu_seconds": statistics.median(kept.cpu)}
        for name, kept in times.items()
    }
    pass_, help_ = medians.values()
    ratios = {key: help_[key] / pass_[key] for key in pass_}
    return {"repeats": repeats, "medians": medians, "ratios": ratios, "bar": BAR}


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument(
        "--repeats", type=measuring.positive, default=31, help="Counted starts of each command (default: %(default)s)."
    )
    given = options.parse_args()
    found = measure(given.repeats)
    cells = [
        [name, f"{median['wall_seconds'] * 1000:.1f} ms", f"{median['cpu_seconds'] * 1000:.1f} ms"]
        for name, median in found["medians"].items()
    ]
    ratio = found["ratios"]
    cells.append(["ratio", f"{ratio['wall_seconds']:.2f}", f"{ratio['cpu_seconds']:.2f}"])
    text = table(cells, ["command", "wall", "CPU"], right=(1, 2))
    measuring.tell(found, f"{text}\n\nbar: a ratio of at most {BAR:g}; medians of {given.repeats}", given.json)


if __name__ == "__main__":
    main()
