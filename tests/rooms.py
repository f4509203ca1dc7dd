"""Processes of stages, as they are called outside of their rooms."""

from __future__ import annotations

from pathlib import Path

from helder.ledger.run_folder import RunFolder


def stages(folder: RunFolder) -> list[int]:
    """Processes that run a stage of a run, or wait for one, or make its room."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                words = (place / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if b"helder.stage_child" in words and any(str(folder.root).encode() in word for word in words):
                found.append(int(place.name))
    return sorted(found)


def outside(folder: RunFolder) -> dict[int, int]:
    """Processes of a run: what they call themselves in their rooms → what they are called outside."""
    found = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                words = (place / "cmdline").read_bytes().split(b"\0")
                status = (place / "status").read_text(encoding="utf-8", errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            # The program itself: what made its room has options before its name.
            if any(str(folder.root).encode() in word for word in words) and b"--" not in words:
                named = next(line.split()[-1] for line in status.splitlines() if line.startswith("NSpid:"))
                found[int(named)] = int(place.name)
    return found
