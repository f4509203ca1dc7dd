"""The targets by name; each is a module of its own, loaded when it is asked for."""

from __future__ import annotations

import importlib

from bench.fuzz.harness import Target

NAMES = ("bundle", "gguf", "log", "package", "recipe", "request", "statement", "template")


def target_of(name: str) -> Target:
    """The target of a name.

    Raises:
        KeyError: there is none.
    """
    if name not in NAMES:
        raise KeyError(name)
    found = importlib.import_module(f"bench.fuzz.{name}").TARGET
    assert isinstance(found, Target)
    return found
