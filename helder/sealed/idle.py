"""How long the programs of a room did nothing: neither ran nor waited for a processor.

A program that sleeps has to be ended some time, and the clock alone cannot tell it from one that a busy machine lets
wait. The kernel can: it counts for each thread how long it ran and how long it stood in line (`schedstat`, Linux
Documentation/scheduler/sched-stats.rst). This looks from outside of the room, where its processes are processes like
all others; nothing of it is seen inside.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

PROC = Path("/proc")
ROOM, PROGRAM = 2, 3  # PID namespaces that a room's process is in, seen from here; and its programs, one deeper
GRACE_SECONDS = 60.0  # after a program was ended, until its warden has told; 0.001 is usual
LOOK_SECONDS = 0.1  # between two looks at whether a program sleeps, at the least
TICKS = os.sysconf("SC_CLK_TCK")
FIRST = 1  # in the programs' namespace: the process of the warden that waits for them


class Clock:
    """When to look at a program again, and whether it slept too long.

    Args:
        most: seconds that it may sleep.
    """

    def __init__(self, most: float = 0.0) -> None:
        self.most, self.over = most, False
        self.until = time.monotonic() + most
        self.given_up = self.until + GRACE_SECONDS

    def rest(self) -> float:
        """Seconds until the next look."""
        return max(0.0, self.until - time.monotonic())

    def slept(self, seconds: float | None) -> bool:
        """Whether it slept longer than it may; sets the time of the next look.

        Args:
            seconds: in which it neither ran nor waited for a processor; None while it is not there, which its warden
                has `GRACE_SECONDS` for.
        """
        now = time.monotonic()
        if seconds is None:
            self.over, left = now > self.given_up, LOOK_SECONDS
        else:
            self.over, left = seconds >= self.most, max(LOOK_SECONDS, self.most - seconds)
            self.given_up = now + left + GRACE_SECONDS
        self.until = now + (GRACE_SECONDS if self.over else left)
        return self.over


def counted() -> bool:
    """Whether the kernel counts how long threads wait for a processor."""
    return (PROC / "self/schedstat").is_file()


def programs(root: int) -> list[int]:
    """The processes of the program that a room runs, as they are called here.

    Args:
        root: the room's first process.
    """
    below: dict[int, list[int]] = {}
    for place in PROC.iterdir():
        if place.name.isdigit() and (fields := _read(place / "stat").rpartition(")")[2].split()):
            below.setdefault(int(fields[1]), []).append(int(place.name))
    found, open_ = [], [root]
    while open_:
        children = below.get(open_.pop(), [])
        open_ += children
        found += [child for child in children if _is_program(child)]
    return sorted(found)


def busy(processes: list[int]) -> float:
    """Seconds that all threads of some processes together ran, or waited for a processor."""
    total = 0
    for process in processes:
        for place in sorted((PROC / str(process) / "task").glob("*/schedstat")):
            ran, waited = (_read(place).split() or ["0", "0"])[:2]
            total += int(ran) + int(waited)
    return total / 1e9


def age(processes: list[int]) -> float:
    """Seconds since the first of some processes started; 0 when there is none (any more)."""
    # After the name, which may hold anything: the state is field 3 of proc(5), the start field 22.
    fields = [_read(PROC / str(process) / "stat").rpartition(")")[2].split() for process in processes]
    started = [int(of_one[19]) / TICKS for of_one in fields if of_one]
    return time.clock_gettime(time.CLOCK_BOOTTIME) - min(started) if started else 0.0


def end(processes: list[int]) -> None:
    """Kill them; one that has ended meanwhile is none."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _is_program(process: int) -> bool:
    for line in _read(PROC / str(process) / "status").splitlines():
        if line.startswith("NSpid:"):
            ids = line.split()[1:]
            return len(ids) == PROGRAM and int(ids[-1]) != FIRST
    return False


def _read(place: Path) -> str:
    """The text of a file of a process; "" when the process has ended."""
    try:
        return place.read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
