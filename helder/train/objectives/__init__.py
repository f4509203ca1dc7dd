"""What a training learns from and how wrong it is: a module for each method, all taken through the one loop.

| name | what it learns from | source |
| --- | --- | --- |
| `answers` | questions and answers; the loss is on the answers | Ouyang et al. 2022 |
| `text` | documents, every token of them | Radford et al. 2019; OLMo 2, 2025 |
| `preference` | two answers, of which one is better | Rafailov et al. 2023; Tülu 3, 2024 |
| `reward` | its own answers, judged by a verifier | Shao et al. 2024; Tülu 3, 2024 |
| `distil` | a larger model's distribution, over answers or text | Hinton et al. 2015 |
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

from helder.train.objectives.objective import Objective, Reader, Work
from helder.train.settings import TrainSettings

__all__ = ["Objective", "Reader", "Work", "read"]


def read(settings: TrainSettings, inputs: dict[str, Path], report: Callable[..., None]) -> Objective:
    """The objective that the settings name, with what it learns from.

    Raises:
        HelderError: an input is not what the objective needs, or no example fits into the context.
    """
    module = import_module(f"helder.train.objectives.{settings.objective}")
    return cast(Reader, module.read)(settings, inputs, report)
