"""`helder doctor`: what this machine can do, how tight its sealed room is, and whether strangers' programs may run."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from helder import __version__
from helder.commands import talk
from helder.errors import HelderError
from helder.ledger import environment, keys
from helder.sealed import room

FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "avx_vnni", "avx512_vnni", "asimd", "bf16")


@click.command()
@talk.json_option
def doctor(as_json: bool) -> None:
    """Show what this machine can do; changes nothing."""
    facts = examine()
    if as_json:
        talk.data(facts)
        return
    click.echo(talk.table([[name, _words(value)] for name, value in facts.items()], ["what", "found"]))


def examine() -> dict[str, Any]:
    """Facts about this machine that decide what Helder can do on it."""
    home = keys.helder_home()
    on_disk = next(parent for parent in [home, *home.parents] if parent.exists())
    processor = environment.processor()
    return {
        "helder": __version__,
        "python": platform.python_version(),
        "processor": processor["model"],
        "cpus": processor["cpus"],
        "features": [name for name in FEATURES if name in _flags()],
        "memory": memory("MemTotal"),
        "memory_free": memory("MemAvailable"),
        "disk_free": shutil.disk_usage(on_disk).free,
        "home": str(home),
        "signing_key": keys.signing_key().public.id if (home / "keys" / "signing.pem").exists() else None,
        "can_train": importlib.util.find_spec("torch") is not None,
        "libraries": {name: _version(name) for name in ("torch", "xllamacpp", "gguf", "llguidance", "tokenizers")},
        **sealed(),
        "user": os.geteuid(),
        **rooms(),
    }


def sealed() -> dict[str, Any]:
    """How closed the rooms of stages are here: the level that was just proved by attack, and why it is no higher."""
    try:
        seal = room.proved()
    except HelderError as error:
        return {"seal_level": None, "seal": f"{error.what} {error.why} {error.fix}"}
    found: dict[str, Any] = {"seal_level": seal.level, "seal": room.LABELS[seal.level]}
    if seal.level:
        found["seal_proof"] = f"{seal.refused} attempts to get out of such a room, made just now, were refused"
    better = room.prove(room.CLOSED) if seal.level < room.CLOSED else ""
    if isinstance(better, str) and better:
        found["seal_not_higher"] = better
    return found


def rooms() -> dict[str, Any]:
    """What a room for programs that nobody trusts can do here: its walls, and what a program tried in one in vain."""
    # Imported here, since nothing else of `doctor` needs them.
    from helder.evaluate.judge.languages import languages
    from helder.sealed import landlock, machine, untrusted

    found: dict[str, Any] = {"judges_programs": False}
    try:
        refused = untrusted.proved()
    except HelderError as error:
        found["rooms"] = f"none: {error.what} {error.fix}"
        return found
    found["judges_programs"] = True
    found["rooms"] = f"closed: {len(refused)} of {len(refused)} attempts to get out of one, made just now, were refused"
    found["room_walls"] = {
        "bubblewrap": machine.bubblewrap(),
        "landlock": f"version {landlock.version()}",
        "seccomp": platform.machine(),
        "user": "another one for each room" if os.geteuid() == 0 else "this one, without capabilities",
    }
    found["room_languages"] = {
        row.title: row.needs if Path(row.needs).exists() else None for row in languages().values()
    }
    return found


def memory(name: str) -> int | None:
    """A line of /proc/meminfo in bytes."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux: not known
    return None


def _flags() -> set[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return set()
    lines = [line.partition(":")[2] for line in text.splitlines() if line.startswith(("flags", "Features"))]
    return set(lines[0].split()) if lines else set()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and value > 1_000_000:
        return talk.size(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner or '(not installed)'}" for name, inner in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return str(value)
