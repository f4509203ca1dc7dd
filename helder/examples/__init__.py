"""The examples that are shipped: what there is, and how a new project gets its files.

Importing this module is cheap; an example is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.examples.files import Example

_MODULES = {
    "dose-instructions": "helder.examples.dose_instructions",
    "handbook": "helder.examples.handbook",
    "handbook-questions": "helder.examples.handbook_questions",
    "icd10cm": "helder.examples.icd10cm",
    "icd10cm-from-scratch": "helder.examples.icd10cm_from_scratch",
    "olmo2": "helder.examples.olmo2",
    "olympiccoder": "helder.examples.olympiccoder",
    "programs": "helder.examples.programs",
}


def names() -> list[str]:
    """The names of the examples, the one to begin with first."""
    return list(_MODULES)


def describe(name: str) -> str:
    """One line about an example.

    Raises:
        HelderError: no such example.
    """
    example: Example = _module(name, "EXAMPLE")
    return example.summary


def materialise(name: str, folder: Path) -> None:
    """Write the files of an example into a folder: data, recipe and README, the same bytes on every machine.

    Raises:
        HelderError: no such example, a file of the same name is already there, or the folder cannot be written.
    """
    example: Example = _module(name, "EXAMPLE")
    contents: Callable[[], dict[str, bytes]] = _module(name, "contents")
    example.write(folder, contents())


def _module(name: str, attribute: str) -> Any:
    if name not in _MODULES:
        raise HelderError(f'There is no example "{name}".', fix=f"Choose one of: {', '.join(_MODULES)}.")
    return getattr(import_module(_MODULES[name]), attribute)
