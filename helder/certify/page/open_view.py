"""The grades of openness, put into words."""

from __future__ import annotations

from typing import Any


def open_view(openness: Any) -> dict[str, Any] | None:
    if openness is None:
        return None
    raise NotImplementedError
