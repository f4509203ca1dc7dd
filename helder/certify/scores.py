"""Level 5: the printed scores follow from the stored answers, and the answers are the model's.

Scores are counted again from all stored answers. Of the questions, a sample drawn from the verifier's nonce is asked
again, each of the model or file that is said to have answered it.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from helder.certify import again, layout, rebuild, sample
from helder.certify.again import Missing
from helder.certify.opened import Bundle
from helder.certify.verdict import Level
from helder.errors import HelderError
from helder.ledger import artifact as artifacts
from helder.ledger.artifact import Artifact
from helder.ledger.statement import Statement
from helder.stage import OnEvent

OF_FILES = ("f16", "q8_0", "q4_0")


@dataclasses.dataclass(frozen=True)
class Question:
    """A stored answer: who gave it, to which item of which test set, and its place in the file."""

    stage: str
    test_set: str
    place: int


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
    """Count the scores again, and ask `wanted` of the questions again."""
    for stage, said in way.items():
        if said.predicate["stage"]["function"] == again.SCORES:
            on_event({"event": "note", "stage": "scores", "text": "counts the scores again"})
            _count(bundle, way, stage, work / stage, level, on_event)
    questions = _questions(bundle, way)
    drawn = [questions[place] for place in sample.draw(nonce, release, "answers", len(questions), wanted)]
    level.facts |= {
        "nonce": nonce,
        "answers": len(questions),
        "asked_again": len(drawn),
        "power": sample.power(len(questions), len(drawn)) if questions else [],
    }
    if not questions:
        level.unchecked("answers", "The stored answers are withheld: none can be asked again.")
    for stage in dict.fromkeys(question.stage for question in drawn):
        on_event({"event": "note", "stage": "scores", "text": f"asks {stage.removeprefix('predict-')} again"})
        _ask(bundle, way, way[stage], [one for one in drawn if one.stage == stage], work / stage, level, on_event)


def _count(
    bundle: Bundle, way: Mapping[str, Statement], name: str, work: Path, level: Level, on_event: OnEvent
) -> None:
    said = way[name]
    try:
        output = again.remake(again.stage_of(bundle, way, name), work, on_event)
        rebuild.compare(said, output, level)
    except Missing as missing:
        level.unchecked(said.stage, f"The scores could not be counted again: {missing}.")
    except HelderError as error:
        level.failed(said.stage, f"The stored answers do not give scores: {error.what} {error.why}")
    finally:
        artifacts.remove(work)


def _questions(bundle: Bundle, way: Mapping[str, Statement]) -> list[Question]:
    """Every stored answer of a model that is in the bundle."""
    found = []
    for stage, said in sorted(way.items()):
        if said.predicate["stage"]["function"] != again.ASKS:
            continue
        for one in said.predicate["outputs"]:
            path = f"{layout.ARTIFACTS}/{stage}/{one['path']}"
            if one["path"].endswith(".jsonl") and path in bundle.files:
                count = len(_lines(bundle.root / path))
                found += [Question(stage, Path(one["path"]).stem, place) for place in range(count)]
    return found


def _ask(
    bundle: Bundle,
    way: Mapping[str, Statement],
    said: Statement,
    questions: Sequence[Question],
    work: Path,
    level: Level,
    on_event: OnEvent,
) -> None:
    subject = said.predicate["settings"]["subject"]
    if subject not in OF_FILES and importlib.util.find_spec("torch") is None:
        level.unchecked(said.stage, "It needs what `pip install 'helder[train]'` installs, which is not here.")
        return
    try:
        stage = again.stage_of(bundle, way, said.stage)
        stored = {one: _lines(bundle.folder(said.stage) / f"{one.test_set}.jsonl")[one.place] for one in questions}
        cut = _cut_data(stage.inputs["data"].path, stored, work / "data")
        inputs = {**stage.inputs, "data": Artifact(cut, artifacts.digest_path(cut), "data")}
        settings = {**stage.settings, "limit": None}
        output = again.remake(dataclasses.replace(stage, settings=settings, inputs=inputs), work / "stage", on_event)
        answers = {
            (path.stem, answer["id"]): answer for path in sorted(output.glob("*.jsonl")) for answer in _lines(path)
        }
        other = [one for one, answer in stored.items() if answers.get((one.test_set, answer["id"])) != answer]
    except Missing as missing:
        level.unchecked(said.stage, f"It could not be asked again: {missing}.")
        return
    except HelderError as error:
        level.failed(said.stage, f"Asking it again ended with an error: {error.what} {error.why}")
        return
    finally:
        artifacts.remove(work)
    if not other:
        level.passed(said.stage, f"Asked {len(stored)} of its questions again, it gave the stored answers.")
        return
    named = ", ".join(f"{one.test_set} {stored[one]['id']}" for one in other[:5])
    what = f"Asked again, it answered {len(other)} of {len(stored)} questions otherwise ({named})"
    if reasons := again.differences(said):
        level.unchecked(said.stage, f"{what}, and {'; '.join(reasons)}.")
    else:
        level.failed(said.stage, f"{what}.")


def _cut_data(data: Path, stored: Mapping[Question, Mapping[str, Any]], target: Path) -> Path:
    """The data with only these items in their test sets."""
    wanted: dict[str, set[str]] = {}
    for question, answer in stored.items():
        wanted.setdefault(question.test_set, set()).add(str(answer["id"]))
    target.mkdir(parents=True)
    for path in sorted(data.iterdir()):
        if path.stem in wanted:
            lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line]
            kept = [line for line in lines if json.loads(line)["id"] in wanted[path.stem]]
            (target / path.name).write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        elif not path.name.startswith("test"):
            shutil.copyfile(path, target / path.name)
    return target


def _lines(path: Path) -> list[Any]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    except (OSError, ValueError) as error:
        raise HelderError(f"{path.name} cannot be read.", str(error)) from error
