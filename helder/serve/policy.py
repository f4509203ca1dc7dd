"""What was demanded of a model before it may answer, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Policy:
    """What stands in /v1/about of how this model was let in.

    Attributes:
        demanded: the rules, by name.
        found: what was found of each.
    """

    demanded: dict[str, Any] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)
