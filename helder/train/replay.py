"""Replay: which slices of a training can be taken again, whether this machine can give the same bits, and doing it.

The kept states cut a training into slices. A slice begins with a kept state, or with the base model, and ends with the
next one, or with the weights that were released. Taking all of them again shows that the released weights follow from
the base model, the data and the settings, step by step; taking some of them, drawn by whoever checks, shows it with the
probability that the drawn ones are those that were forged.

What it does not show: that the data are good, that the base model is what it says it is, or that no other training was
tried before. Light: torch is loaded in `run` only.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from helder.ledger import environment
from helder.train import chain
from helder.train.settings import TrainSettings

RECORD = "replay.json"
PORTABLE_FLAGS = {"avx2", "fma"}  # all that the portable profile asks of a processor
# Packages on which bits depend: torch computes, the others cut texts into tokens and draw first weights.
DECIDING = ("torch", "tokenizers", "numpy")


@dataclass(frozen=True)
class Slice:
    """A part of a training that can be taken again by itself.

    Attributes:
        first, last: steps done before it and behind it.
        state: the file in the artifact that it begins with; None is the base model.
        expected: the file in the artifact that it ends with; None are the released weights.
        shared_out: how its batches were shared out.
    """

    first: int
    last: int
    state: str | None
    expected: str | None
    shared_out: Mapping[str, Any]

    def settings(self, training: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of the stage `run` for it.

        Args:
            training: the resolved settings of the training.
        """
        return {**training, **self.shared_out, "hosts": 1, "from": self.first, "to": self.last}


def slices(lines: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> list[Slice]:
    """The slices of a training, in their order.

    Args:
        lines: of its log.
        facts: of its statement, which name the kept states.
    """
    kept = {int(one["step"]): chain.state_file(one["step"]) for one in facts.get("states", ())}
    files: dict[int, str | None] = {0: None, **kept, len(lines): None}
    shared = chain.shared_out(lines)
    found: list[Slice] = []
    for first, last in pairwise(sorted(files)):
        ways = [one for one in shared if one["from_step"] <= first]
        way = {name: value for name, value in ways[-1].items() if name != "from_step"} if ways else {}
        found.append(Slice(first, last, files[first], files[last], way))
    return found


def comparable(said: Mapping[str, Any], threads: int | None = None) -> list[str]:
    """Why this machine may give other bits than a training had; nothing when the same ones have to come out.

    Args:
        said: the predicate of the training's statement.
        threads: that the replay is given on this machine; None for as many as it may use.
    """
    settings = TrainSettings(**said["settings"])
    there, portable = said["environment"], settings.numerics == "portable"
    reasons: list[str] = []
    if said["code"]["sha256"] != environment.code_digest():
        reasons.append("It was made with other code of Helder.")
    here = environment.packages()
    for name in DECIDING:
        if (made := there["packages"].get(name)) != here.get(name):
            reasons.append(f"It was made with {name} {made}; here is {here.get(name)}.")
    machine, flags = there["system"]["machine"], environment.flags()
    if machine != platform.machine():
        reasons.append(f"It was made on {machine}; this is {platform.machine()}.")
    elif portable and (missing := sorted(PORTABLE_FLAGS - flags)) and flags:
        reasons.append(f"The portable profile needs {' and '.join(missing)}, which this processor does not have.")
    elif not portable and there["processor"]["flags_sha256"] != environment.processor()["flags_sha256"]:
        model = environment.processor()["model"]
        reasons.append(f"It was made on another processor, {there['processor']['model']}; this is {model}.")
    # A process shares its threads out among the parts of its batch: one a part gives the bits of one in all.
    own = max(1, (threads or _threads()) // settings.world)
    made_with, now = (max(1, count // settings.data_parallel) for count in (there["threads"], own))
    if made_with != now:
        reasons.append(f"Each part of a batch was computed with {made_with} threads; here it would be {now}.")
    if settings.device != "cpu":
        reasons.append("It was made on a GPU; of which kind is not recorded.")
    return reasons


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS") or environment.usable_cpus())


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Stage function, see `helder.stage`: take one slice again and compare; `replay.json` says what came out.

    `replay.json` holds "from", "to", "equal"; "difference", the first one, as {"step", "field", "expected", "found"},
    or null; "relative_distance", how far the weights at the end are from those expected, in lengths of the way that
    they had come from the first ones, or null where they are equal or the expected ones are not there; "seconds".

    Args:
        settings: those of the training, with "from" and "to", see `Slice.settings`.
        inputs: those of the training; "state", the file that the slice begins with, absent where it begins with the
            base model; "expected", a folder with `log.jsonl` and what the slice ends with, where it is at hand: the
            artifact of the training, or such a part of it.

    Raises:
        HelderError: the slice is none of this training.
    """
    from helder.train import again
    from helder.train.stage import in_every_process

    training = TrainSettings(**again.without_slice(settings))
    return in_every_process(again.take, training, settings, inputs, output, scratch, report)
