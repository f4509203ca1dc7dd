"""Process trees, read from /proc: who belongs to a process, how much memory they hold, and how they are killed.

Stages run in sessions of their own, so that a process group does not reach them; parents do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from types import TracebackType

PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")


def tree(root: int) -> list[int]:
    """A process and all that it started and that they started, parents first; those that are gone are left out."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))) is not None:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root] if alive(root) else []
    for pid in found:  # grows while it is read
        found += children.get(pid, [])
    return found


def alive(pid: int) -> bool:
    """Whether a process is there and not merely waiting for its parent to notice its end."""
    fields = _fields(pid)
    return fields is not None and fields[0] not in "ZX"


def _fields(pid: int) -> list[str] | None:
    """/proc/PID/stat from the state on: state, parent, …; None when there is no such process any more."""
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def kill(pids: list[int]) -> None:
    """SIGKILL to all, then wait until the last is gone.

    Raises:
        TimeoutError: see `gone`.
    """
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # its parent went first and took it along
            os.kill(pid, signal.SIGKILL)
    gone(pids)


def gone(pids: list[int], patience: float = 60.0) -> None:
    """Wait until all processes are gone.

    Raises:
        TimeoutError: one is still there after `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while left := [pid for pid in pids if alive(pid)]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {left} are still there after {patience:g} s")
        time.sleep(0.02)  # the end of a process that is not a child can only be looked for


def resident(pid: int) -> int:
    """Bytes of a process that are in memory, shared pages counted in full; 0 when it is gone."""
    try:
        return int((PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1]) * PAGE
    except OSError:
        return 0


def proportional(pid: int) -> int | None:
    """As `resident`, a page that n processes share counted as 1/n to each; None when the kernel does not say."""
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # gone meanwhile, or not readable here: the caller falls back
    return None


class MemoryWatch:
    """Samples the memory of everything that this process starts, while the `with` block runs.

    What lasts shorter than the interval may be missed. Proportional sizes are costly to read and never above the
    resident ones, so they are read only when those are above the peak so far.

    Attributes:
        peak: the most bytes held at one moment by all processes together, this one not counted.
        shared_once: whether shared pages were counted once; else each process counted them.
        samples: how often was looked.
    """

    def __init__(self, interval: float = 0.2) -> None:
        self.interval, self.peak, self.samples, self.shared_once = interval, 0, 0, True
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self.interval):
            self.samples += 1
            pids = [pid for pid in tree(os.getpid()) if pid != os.getpid()]
            whole = {pid: resident(pid) for pid in pids}
            if sum(whole.values()) <= self.peak:
                continue
            shares = {pid: proportional(pid) for pid in pids}
            if any(share is None and resident(pid) for pid, share in shares.items()):
                self.shared_once = False
            held = sum(whole[pid] if share is None else share for pid, share in shares.items())
            self.peak = max(self.peak, held)
