"""Level 4: slices of training are taken again from the states that were kept, and compare bit for bit.

Which slices is drawn from the verifier's nonce, over all trainings of the way together. A slice that comes out
otherwise on a machine that may give other bits is "could not be checked", with how far apart the weights are; where
nothing differs but the bits, it has failed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from helder.certify import layout, sample
from helder.certify.again import TRAINS, Again, Missing, check_bounds
from helder.certify.verdict import Level
from helder.ledger.artifact import Artifact
from helder.stage import Stage
from helder.train import chain, replay
from helder.train.replay import Slice

FUNCTION = "helder.train.replay:run"


@dataclass(frozen=True)
class Part:
    """A slice of one of the trainings."""

    stage: str
    slice: Slice

    @property
    def place(self) -> str:
        return f"{self.stage}, steps {self.slice.first + 1} to {self.slice.last}"


def check(again: Again, level: Level, wanted: int) -> None:
    """Take `wanted` slices again."""
    there = parts(again, level)
    drawn = [there[place] for place in again.draw("slices", len(there), wanted)]
    level.facts |= {
        "nonce": again.nonce,
        "slices": len(there),
        "replayed": len(drawn),
        "drawn": [{"stage": part.stage, "from": part.slice.first, "to": part.slice.last} for part in drawn],
        "power": sample.power(len(there), len(drawn)) if drawn else [],
    }
    for number, part in enumerate(drawn, start=1):
        again.tell("replay", f"{number} of {len(drawn)}: {part.place}")
        _slice(again, part, level)


def parts(again: Again, level: Level) -> list[Part]:
    """The slices of every training of the way, in its order."""
    trainings = again.stages(TRAINS)
    if not trainings:
        level.unchecked(".", "No training led to this model.")
    found: list[Part] = []
    for stage in trainings:
        if f"{layout.ARTIFACTS}/{stage}/{chain.LOG}" not in again.bundle.files:
            level.unchecked(stage, "Its training log is withheld: nothing can be taken again.")
            continue
        lines = chain.read(again.bundle.folder(stage) / chain.LOG)
        found += [Part(stage, one) for one in replay.slices(lines, again.way[stage].facts)]
    return found


def _slice(again: Again, part: Part, level: Level) -> None:
    said = again.way[part.stage]
    try:
        check_bounds(said)
        # As many threads as the maker had, whatever this machine has: they can decide the order of sums.
        threads = said.predicate["environment"]["threads"] * said.predicate["settings"]["processes"]
        stage, reasons = _stage(again, part, threads), replay.comparable(said.predicate, threads)
    except Missing as missing:
        level.unchecked(part.place, f"It could not be taken again: {missing}.")
        return
    except (KeyError, TypeError) as error:
        level.failed(part.place, f"The statement of {part.stage} does not say all that a training says: {error!r}.")
        return
    with again.remade(stage, level, part.place) as made:
        if made is not None:
            found = json.loads((made.output / replay.RECORD).read_text(encoding="utf-8"))
            _judge(found, reasons, part, level)


def _judge(found: Mapping[str, Any], reasons: Sequence[str], part: Part, level: Level) -> None:
    if found["equal"]:
        took = f"{found['seconds']:.0f} s"
        level.passed(part.place, f"Taken again, every step and the state behind came out bit for bit ({took}).")
    elif reasons:
        level.unchecked(part.place, f"{_what(found)} This machine may give other bits: {' '.join(reasons)}")
    else:
        level.failed(part.place, f"{_what(found)} Nothing on this machine explains it.")


def _stage(again: Again, part: Part, threads: int) -> Stage:
    """The slice as a stage.

    Raises:
        Missing: the state that it begins with, or something else that it needs, is not there.
    """
    said, training, folder = again.way[part.stage], again.stage_of(part.stage), again.bundle.folder(part.stage)
    inputs = {**training.inputs, "expected": Artifact(folder, said.digest, part.stage)}
    if part.slice.state is not None:
        entry = again.bundle.files.get(f"{layout.ARTIFACTS}/{part.stage}/{part.slice.state}")
        if entry is None:
            raise Missing(f"the state behind step {part.slice.first} is not in the bundle")
        inputs["state"] = Artifact(folder / part.slice.state, entry.sha256, part.slice.state)
    settings = part.slice.settings(said.predicate["settings"])
    variables = {**training.environment, "OMP_NUM_THREADS": str(threads)}
    return Stage(part.stage, FUNCTION, settings, inputs, environment=variables)


def _what(found: Mapping[str, Any]) -> str:
    """What came out otherwise, in words."""
    one = found["difference"]
    apart = found["relative_distance"]
    far = "" if apart is None else f" The weights are {apart:.1e} of the way that they had come apart."
    return f"At step {one['step']}, {one['field']} is {one['found']}; {one['expected']} was stated.{far}"
