"""How much energy a stage took: measured where the processor's counter can be read, otherwise estimated.

The counter (RAPL) counts the whole processor package, everything else on the machine included. The estimate is
the assumption below times the CPU seconds used. Both are labelled as what they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

WATTS_BUSY_CORE = 8.0  # assumption: server packages of 200-280 W with 24-32 cores at full load
COUNTERS = Path("/sys/class/powercap")


def counters(folder: Path = COUNTERS) -> dict[str, tuple[int, int]]:
    """Each processor package's counter: name → (microjoules, value after which it begins at 0 again)."""
    found: dict[str, tuple[int, int]] = {}
    for package in sorted(folder.glob("intel-rapl:[0-9]*")):
        if package.name.count(":") > 1:
            continue  # a part of a package, counted with it
        try:
            value = int((package / "energy_uj").read_text(encoding="ascii"))
            limit = int((package / "max_energy_range_uj").read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue  # only root may read it, on most machines
        found[package.name] = (value, limit)
    return found


def spent(
    before: Mapping[str, tuple[int, int]], after: Mapping[str, tuple[int, int]], cpu_seconds: float
) -> dict[str, Any]:
    """Joules between two readings, or the estimate from CPU seconds when there was nothing to read."""
    if before and before.keys() == after.keys():
        microjoules = sum((after[name][0] - before[name][0]) % limit for name, (_, limit) in after.items())
        return {"joules": microjoules / 1e6, "how": "measured: processor packages (RAPL), all programs"}
    return {
        "joules": cpu_seconds * WATTS_BUSY_CORE,
        "how": f"estimated: {WATTS_BUSY_CORE:g} W for each busy core (assumption)",
    }
