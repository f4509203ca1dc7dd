"""Level 4: slices of training are taken again from the states that were kept, and compare bit for bit.

Which slices is drawn from the verifier's nonce, over all trainings of the way together. A slice that comes out
otherwise on a machine that may give other bits is "could not be checked", with how far apart the weights are; where
nothing differs but the bits, it has failed.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.certify import again, layout, sample
from helder.certify.again import Missing
from helder.certify.opened import Bundle
from helder.certify.verdict import Level
from helder.errors import ExitCode, HelderError
from helder.ledger import artifact as artifacts
from helder.ledger.artifact import Artifact
from helder.ledger.statement import Statement
from helder.stage import OnEvent, Stage
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


def check(
    bundle: Bundle,
    way: Mapping[str, Statement],
    work: Path,
    level: Level,
    nonce: str,
    release: str,
    wanted: int,
    on_event: OnEvent,
) -> None:
    """Take `wanted` slices again."""
    there = parts(bundle, way, level)
    drawn = [there[place] for place in sample.draw(nonce, release, "slices", len(there), wanted)]
    level.facts |= {
        "nonce": nonce,
        "slices": len(there),
        "replayed": len(drawn),
        "drawn": [{"stage": part.stage, "from": part.slice.first, "to": part.slice.last} for part in drawn],
        "power": sample.power(len(there), len(drawn)) if drawn else [],
    }
    for number, part in enumerate(drawn, start=1):
        on_event({"event": "note", "stage": "replay", "text": f"{number} of {len(drawn)}: {part.place}"})
        _slice(bundle, way, part, work, level, on_event)


def parts(bundle: Bundle, way: Mapping[str, Statement], level: Level) -> list[Part]:
    """The slices of every training of the way, in its order."""
    trainings = [stage for stage, said in way.items() if said.predicate["stage"]["function"] == again.TRAINS]
    if not trainings:
        level.unchecked(".", "No training led to this model.")
    found: list[Part] = []
    for stage in trainings:
        if f"{layout.ARTIFACTS}/{stage}/{chain.LOG}" not in bundle.files:
            level.unchecked(stage, "Its training log is withheld: nothing can be taken again.")
            continue
        lines = chain.read(bundle.folder(stage) / chain.LOG)
        found += [Part(stage, one) for one in replay.slices(lines, way[stage].facts)]
    return found


def _slice(
    bundle: Bundle, way: Mapping[str, Statement], part: Part, work: Path, level: Level, on_event: OnEvent
) -> None:
    said = way[part.stage]
    if importlib.util.find_spec("torch") is None:
        level.unchecked(part.place, "It needs what `pip install 'helder[train]'` installs, which is not here.")
        return
    try:
        again.check_bounds(said)
        # As many threads as the maker had, whatever this machine has: they can decide the order of sums.
        threads = said.predicate["environment"]["threads"] * said.predicate["settings"]["processes"]
        stage = _stage(bundle, way, part, threads)
        reasons = replay.comparable(said.predicate, threads)
        output = again.remake(stage, work / "slice", on_event)
        found = json.loads((output / replay.RECORD).read_text(encoding="utf-8"))
    except Missing as missing:
        level.unchecked(part.place, f"It could not be taken again: {missing}.")
        return
    except (KeyError, TypeError) as error:
        level.failed(part.place, f"The statement of {part.stage} does not say all that a training says: {error!r}.")
        return
    except HelderError as error:
        tell = level.failed if error.code == ExitCode.FAILED else level.unchecked
        tell(part.place, f"Taking it again ended with an error: {error.what} {error.why}")
        return
    finally:
        artifacts.remove(work / "slice")
    if found["equal"]:
        took = f"{found['seconds']:.0f} s"
        level.passed(part.place, f"Taken again, every step and the state behind came out bit for bit ({took}).")
        return
    what = _what(found)
    if reasons:
        level.unchecked(part.place, f"{what} This machine may give other bits: {' '.join(reasons)}")
    else:
        level.failed(part.place, f"{what} Nothing on this machine explains it.")


def _stage(bundle: Bundle, way: Mapping[str, Statement], part: Part, threads: int) -> Stage:
    """The slice as a stage.

    Raises:
        Missing: the state that it begins with, or something else that it needs, is withheld.
    """
    said, training = way[part.stage], again.stage_of(bundle, way, part.stage)
    folder = bundle.folder(part.stage)
    inputs = {**training.inputs, "expected": Artifact(folder, said.digest, part.stage)}
    if part.slice.state is not None:
        entry = bundle.files.get(f"{layout.ARTIFACTS}/{part.stage}/{part.slice.state}")
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
