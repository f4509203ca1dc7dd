"""Logs with a JSON line for each event, and what a killed attempt left of them. Light: no torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any


def write_line(file: IO[str], line: Mapping[str, Any]) -> None:
    """One JSON line; floats as the shortest text that gives the same bits again."""
    file.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n")


def keep_lines(path: Path, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Cut a log back before the first line that is not wanted: what a killed attempt wrote is done again.

    Args:
        path: made when it is not there.
        wanted: whether a line is kept; half a line, into which the kill fell, never is.
    """
    kept: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            if not wanted(json.loads(line)):
                break
        except ValueError:
            break
        kept.append(line + "\n")
    path.write_text("".join(kept), encoding="utf-8")
