"""Level 5: the printed scores follow from the stored answers, and the answers are the model's.

Scores are counted again from all stored answers. Of the questions, a sample drawn from the verifier's nonce is asked
again, each of the model or file that is said to have answered it.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from helder.certify import layout, rebuild, sample
from helder.certify.again import ASKS, SCORES, Again, Missing, differences
from helder.certify.verdict import Level
from helder.errors import HelderError
from helder.ledger import artifact as artifacts
from helder.ledger.artifact import Artifact
from helder.ledger.statement import Statement
from helder.retrieve import SUFFIX

OF_FILES = ("f16", "q8_0", "q4_0")
CLOSE = 1e-3  # of two confidences, relatively: far above rounding, far below what moves a threshold (assumption)


@dataclasses.dataclass(frozen=True)
class Question:
    """A stored answer: who gave it, to which item of which test set, and its place in the file."""

    stage: str
    test_set: str
    place: int


def check(again: Again, level: Level, wanted: int) -> None:
    """Count the scores again, and ask `wanted` of the questions again."""
    for stage in again.stages(SCORES):
        again.tell("scores", "counts the scores again")
        _count(again, stage, level)
    questions = _questions(again)
    drawn = [questions[place] for place in again.draw("answers", len(questions), wanted)]
    level.facts |= {
        "nonce": again.nonce,
        "answers": len(questions),
        "asked_again": len(drawn),
        "power": sample.power(len(questions), len(drawn)) if questions else [],
    }
    if not questions:
        level.unchecked("answers", "The stored answers are withheld: none can be asked again.")
    for stage in dict.fromkeys(question.stage for question in drawn):
        again.tell("scores", f"asks {stage.removeprefix('predict-')} again")
        _ask(again, stage, [one for one in drawn if one.stage == stage], level)


def _count(again: Again, name: str, level: Level) -> None:
    try:
        stage = again.stage_of(name)
    except Missing as missing:
        level.unchecked(name, f"The scores could not be counted again: {missing}.")
        return
    with again.remade(stage, level, name) as made:
        if made is not None:
            rebuild.compare(again.way[name], made, level)


def _questions(again: Again) -> list[Question]:
    """Every stored answer of a model that is in the bundle."""
    found = []
    for stage in sorted(again.stages(ASKS)):
        for one in again.way[stage].predicate["outputs"]:
            path = f"{layout.ARTIFACTS}/{stage}/{one['path']}"
            if one["path"].endswith(".jsonl") and path in again.bundle.files:
                count = len(_lines(again.bundle.root / path))
                found += [Question(stage, Path(one["path"]).stem, place) for place in range(count)]
    return found


def _ask(again: Again, name: str, questions: Sequence[Question], level: Level) -> None:
    said = again.way[name]
    cut = again.work / "data"
    try:
        subject = said.predicate["settings"]["subject"].removesuffix(SUFFIX)
        if subject not in OF_FILES and importlib.util.find_spec("torch") is None:
            raise Missing("it needs what `pip install 'helder[train]'` installs, which is not here")
        whole = again.stage_of(name)
        stored = {one: _lines(again.bundle.folder(name) / f"{one.test_set}.jsonl")[one.place] for one in questions}
        _cut_data(whole.inputs["data"].path, stored, cut)
        inputs = {**whole.inputs, "data": Artifact.of(cut, "data")}
        stage = dataclasses.replace(whole, settings={**whole.settings, "limit": None}, inputs=inputs)
        with again.remade(stage, level, name) as made:
            if made is not None:
                _compare(stored, made.output, said, level)
    except Missing as missing:
        level.unchecked(name, f"It could not be asked again: {missing}.")
    finally:
        artifacts.remove(cut)


def _compare(stored: Mapping[Question, Mapping[str, Any]], output: Path, said: Statement, level: Level) -> None:
    answers = {(path.stem, answer["id"]): answer for path in sorted(output.glob("*.jsonl")) for answer in _lines(path)}
    other = [one for one, answer in stored.items() if not same(answers.get((one.test_set, answer["id"])), answer)]
    if not other:
        level.passed(said.stage, f"Asked {len(stored)} of its questions again, it gave the stored answers.")
        return
    named = ", ".join(f"{one.test_set} {stored[one]['id']}" for one in other[:5])
    what = f"Asked again, it answered {len(other)} of {len(stored)} questions otherwise ({named})"
    if reasons := differences(said):
        level.unchecked(said.stage, f"{what}, and {'; '.join(reasons)}.")
    else:
        level.failed(said.stage, f"{what}.")


def same(found: Mapping[str, Any] | None, stored: Mapping[str, Any]) -> bool:
    """Whether an answer that was asked for again is the stored one.

    Its confidence, where there is one, may differ in the last bits: our generator adds up a batch of other answers.
    """
    if found is None or {**found, "confidence": None} != {**stored, "confidence": None}:
        return False
    sure, again = stored.get("confidence") or {}, found.get("confidence") or {}
    return sure.keys() == again.keys() and all(math.isclose(again[name], sure[name], rel_tol=CLOSE) for name in sure)


def _cut_data(data: Path, stored: Mapping[Question, Mapping[str, Any]], target: Path) -> None:
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


def _lines(path: Path) -> list[Any]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    except (OSError, ValueError) as error:
        raise HelderError(f"{path.name} cannot be read.", str(error)) from error
