"""What a stage ran under: Python, packages, processor, variables, and the code of Helder itself.

Variables and prefixes are recorded as they were, except that folders of this machine are written as `{work}`,
`{code}` and `{python}`: where a run lay on a disk does not change its numbers and is nobody else's business.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from helder.ledger import canonical
from helder.ledger.artifact import hash_file

OF_THE_CODE = {".py", ".toml", ".json", ".html", ".css", ".js"}
PACKAGE = Path(__file__).resolve().parent.parent


@cache
def code_digest() -> str:
    """SHA-256 over Helder's own code and what it reads beside it (canonical list of relative path and SHA-256).

    Not the examples: their data are inputs like any others.
    """
    files = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*") if path.suffix in OF_THE_CODE)
    code = [name for name in files if not name.startswith("examples/") or name.endswith(".py")]
    return canonical.digest([[name, hash_file(PACKAGE / name)[1]] for name in code])


def record(variables: Mapping[str, str], places: Mapping[str, Path] | None = None) -> dict[str, Any]:
    """The environment of this process as JSON.

    Args:
        variables: the whole environment that the process was started with.
        places: name → folder; a folder found in a variable is written as `{name}`.
    """
    places = {**(places or {}), "code": PACKAGE.parent, "python": Path(sys.prefix)}
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "packages": packages(),
        "processor": processor(),
        "system": {
            "kernel": platform.release(),
            "machine": platform.machine(),
            "libc": "-".join(platform.libc_ver()),
        },
        "threads": int(variables.get("OMP_NUM_THREADS") or usable_cpus()),
        "variables": {name: _hide(value, places) for name, value in sorted(variables.items())},
    }


def packages() -> dict[str, str]:
    """Every installed distribution that this process can import, with its version."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:  # a half-removed distribution has none; the first one on the path is the one imported
            found.setdefault(name.lower().replace("_", "-"), distribution.version)
    return dict(sorted(found.items()))


@cache
def processor() -> dict[str, Any]:
    """Model name of the processor, the digest of its sorted feature flags, and how many CPUs may be used."""
    return {
        "model": _cpuinfo().get("model name") or platform.processor() or platform.machine(),
        "flags_sha256": hashlib.sha256(" ".join(sorted(flags())).encode()).hexdigest(),
        "cpus": usable_cpus(),
    }


def flags() -> set[str]:
    """What the first processor can do, in the kernel's words ("avx512f", "amx_bf16"); empty where it is not said."""
    fields = _cpuinfo()
    return set((fields.get("flags") or fields.get("Features") or "").split())


@cache
def _cpuinfo() -> dict[str, str]:
    """The fields of the first processor in /proc/cpuinfo."""
    fields: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            fields.setdefault(name.strip(), value.strip())
    except OSError:
        pass  # not Linux, or /proc is closed: the architecture is then all that is known
    return fields


def usable_cpus() -> int:
    """CPUs that this process may run on, bounded by the time quota of its control group (version 2)."""
    allowed = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            allowed = min(allowed, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass  # no control group, or another layout: the affinity is the only bound
    return allowed


def _hide(value: str, places: Mapping[str, Path]) -> str:
    for name, folder in sorted(places.items(), key=lambda item: -len(str(item[1]))):
        if str(folder) != "/":
            value = value.replace(str(folder), "{" + name + "}")
    return value
