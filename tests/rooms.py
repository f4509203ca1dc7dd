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
