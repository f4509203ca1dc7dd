"""What a closed room costs: its start, and the speed and the bits of a small training in it, against the same without.

    python -m bench.room                    a JSON record on standard output
    python -m bench.room --rounds 5

Rounds alternate between levels, so that a busy machine slows all of them alike; medians of processor time are compared,
which other programs disturb less than the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from helder.sealed import room

TRAINING = """
import hashlib, sys, time
import torch
torch.manual_seed(0)
torch.set_num_threads(int(sys.argv[1]))
model = torch.nn.Sequential(torch.nn.Linear(256, 1024), torch.nn.GELU(), torch.nn.Linear(1024, 256))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
started, used = time.perf_counter(), time.process_time()
for _ in range(int(sys.argv[2])):
    x = torch.randn(256, 256)
    loss = (model(x) - x).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
seconds, used = time.perf_counter() - started, time.process_time() - used
bits = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest()
print(seconds, used, bits)
"""


def run(level: int, command: list[str], work: Path) -> tuple[float, str]:
    """Seconds on the clock of a program in a room of a level, and what it said."""
    started = time.perf_counter()
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True, "cwd": work}
    if level == room.OPEN:
        options |= {"env": room.environment()}
        with subprocess.Popen(command, **options) as process:
            said, _ = process.communicate()
    else:
        with room.start(command, [], [work], level=level, **options) as process:
            said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"the program at level {level} ended with {process.returncode}")
    return time.perf_counter() - started, said


def children() -> float:
    """Processor seconds of all programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--starts", type=int, default=15)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    levels = [level for level in (room.CLOSED, room.INNER) if isinstance(room.prove(level), room.Seal)] + [room.OPEN]
    starts: dict[int, list[float]] = {level: [] for level in levels}
    steps: dict[int, list[float]] = {level: [] for level in levels}
    clock: dict[int, list[float]] = {level: [] for level in levels}
    cpu: dict[int, list[float]] = {level: [] for level in levels}
    bits: dict[int, set[str]] = {level: set() for level in levels}
    with tempfile.TemporaryDirectory() as place:
        work = Path(place) / "work"
        work.mkdir()
        for _ in range(asked.starts):
            for level in levels:
                before = children()
                starts[level].append(run(level, [sys.executable, "-I", "-S", "-c", "pass"], work)[0])
                cpu[level].append(children() - before)
        training = [sys.executable, "-I", "-c", TRAINING, str(asked.threads), str(asked.steps)]
        for _ in range(asked.rounds):
            for level in levels:
                seconds, used, digest = run(level, training, work)[1].split()
                clock[level].append(float(seconds))
                steps[level].append(float(used))
                bits[level].add(digest)
    without = statistics.median(steps[room.OPEN])
    record = {
        "cpus": os.cpu_count(),
        "start_ms": {level: round(1000 * statistics.median(found), 1) for level, found in starts.items()},
        "start_cpu_ms": {level: round(1000 * statistics.median(found), 1) for level, found in cpu.items()},
        "training_seconds": {level: round(statistics.median(found), 3) for level, found in clock.items()},
        "training_cpu_seconds": {level: round(statistics.median(found), 3) for level, found in steps.items()},
        "training_cpu_lowest": {level: round(min(found), 3) for level, found in steps.items()},
        "slower": {level: round(statistics.median(found) / without - 1, 4) for level, found in steps.items()},
        "same_bits": len(set().union(*bits.values())) == 1,
    }
    sys.stdout.write(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
