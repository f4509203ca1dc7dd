"""How much memory is free, and how much a model needs: what is admitted by memory is admitted by these numbers.

The kernel's own estimate (MemAvailable), or what is left under the limit of this process's control group where that is
less. A system that tells neither (macOS) is not asked: None.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

ROOT = Path("/")


def available(root: Path = ROOT) -> int | None:
    """Bytes that can still be had; None where the system does not say.

    Args:
        root: where /proc and /sys lie; for tests.
    """
    found = [size for size in (_of_machine(root), _of_group(root)) if size is not None]
    return min(found, default=None)


def resident(process: int | str = "self", root: Path = ROOT) -> int | None:
    """Bytes of a process that are in memory, shared pages included; None where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        return int((root / "proc" / str(process) / "statm").read_text(encoding="ascii").split()[1]) * 4096
    return None


def _of_machine(root: Path) -> int | None:
    with suppress(OSError, ValueError):
        for line in (root / "proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _of_group(root: Path) -> int | None:
    """What the control group leaves (version 2, as service managers and containers set it); None without a limit."""
    with suppress(OSError, ValueError, IndexError):
        for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            number, _, path = line.split(":", 2)
            if number != "0":
                continue
            folder = root / "sys/fs/cgroup" / path.lstrip("/")
            limit = (folder / "memory.max").read_text(encoding="ascii").strip()
            if limit == "max":
                return None
            used = int((folder / "memory.current").read_text(encoding="ascii"))
            # Pages of files can be given back; a model that is mapped counts there.
            stat = dict(pair.split() for pair in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
            return max(0, int(limit) - used + int(stat.get("inactive_file", "0")))
    return None
