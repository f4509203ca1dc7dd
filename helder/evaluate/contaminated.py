"""Test items that stand in what was learnt from, told before any score: how many, and the scores without them.

They were looked for when the data were prepared: in the training records by the stage "data", in documents that were
taken in by the stage "clean" (`helder.data.contamination`). Here both are read again and put beside the scores; nothing
is sealed by it. Texts and pairs that a training names by itself are not looked through, nor are documents for items
that were held out of the training records; both are said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from helder import pipeline
from helder.data.read import read_source
from helder.data.task import Task
from helder.evaluate.measure import Measured, measure_subject, result
from helder.evaluate.records import Example, load_examples, load_predictions, test_sets
from helder.evaluate.stage import subjects_of
from helder.project import Project

RECORDS, DOCUMENTS = "the training records", "the documents"


@dataclass(frozen=True)
class Told:
    """What was found of one test set.

    Attributes:
        places: {where: {items, not_checked (too short), contaminated}}, where being `RECORDS` or `DOCUMENTS`.
        items: ids of those that stand in one or the other.
        without: subject → its share of right answers to the others, as in `scores.json`; empty when all are clean.
    """

    test_set: str
    places: Mapping[str, Mapping[str, int]]
    items: Sequence[str]
    without: Mapping[str, Mapping[str, Any]]

    def to_json(self) -> dict[str, Any]:
        return {
            "test_set": self.test_set,
            "places": {where: dict(counts) for where, counts in self.places.items()},
            "items": list(self.items),
            "without": {name: dict(share) for name, share in self.without.items()},
        }


def told(project: Project, places: Mapping[str, Path], scores: Mapping[str, Any]) -> list[Told]:
    """What is known of each test set of a finished run, in the order of the scores.

    Args:
        places: stage → folder of its artifact.
        scores: see `helder.evaluate.stage`.
    """
    records = _account(places["data"] / "account.json")
    documents = _account(places["clean"] / "contamination.json") if "clean" in places else {}
    named = {
        name: f"evaluations{'' if number == 0 else f'-{number + 1}'}" for number, name in enumerate(_given(project))
    }
    found = []
    for name in test_sets(places["data"]):
        examples = load_examples(places["data"] / f"{name}.jsonl")
        counts: dict[str, Mapping[str, int]] = {}
        items: set[str] = set()
        if name in records:
            counts[RECORDS] = _counts(records[name])
            items |= {one["item"] for one in records[name]["found"]}
        if (there := documents.get(named.get(name, ""))) is not None:
            counts[DOCUMENTS] = _counts(there)
            items |= set(_examples(project, name, examples, {one["item"] for one in there["found"]}))
        without = dict(_without(places, scores, name, examples, items)) if items else {}
        found.append(Told(name, counts, sorted(items), without))
    return found


def sentences(project: Project, found: Sequence[Told], scores: Mapping[str, Any]) -> list[str]:
    """What a person reads before the scores; the first word says whether something was found."""
    titles = {subject["name"]: subject["title"] for subject in scores["subjects"]}
    said = []
    for one in found:
        for where, counts in one.places.items():
            short = f" ({counts['not_checked']:,} are too short to tell)" if counts["not_checked"] else ""
            said.append(
                f"Contamination, {one.test_set}: {counts['contaminated']:,} of {counts['items']:,} items stand in "
                f"{where}{short}."
            )
        if one.without:
            shares = "; ".join(f"{titles[name]} {_share(share)}" for name, share in one.without.items())
            said.append(f"Without these {len(one.items):,} items, {one.test_set}: {shares}.")
        missing = [where for where in _wanted(project) if where not in one.places]
        if missing:
            said.append(f"Contamination, {one.test_set}: its items were not looked for in {' and '.join(missing)}.")
    own = sorted(
        {path for each in project.recipe.train for path in each.texts if not project.recipe.means_documents(path)}
    )
    own += sorted({each.pairs for each in project.recipe.train if each.pairs is not None})
    if own:
        said.append(f"Test items were not looked for in {', '.join(own)}.")
    return said


def _wanted(project: Project) -> list[str]:
    return [RECORDS] if project.recipe.documents is None else [RECORDS, DOCUMENTS]


def _given(project: Project) -> list[str]:
    """Test sets that are files of the recipe, by the names of the data artifact, in the order of "clean"'s inputs."""
    data = project.recipe.data
    return [*(["test"] if data.test is not None else []), *(f"test-{name}" for name in data.tests)]


def _account(path: Path) -> dict[str, Any]:
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    sets: dict[str, Any] = record.get("contamination", record).get("sets", {})
    return sets


def _counts(found: Mapping[str, Any]) -> dict[str, int]:
    return {key: int(found[key]) for key in ("items", "not_checked", "contaminated")}


def _examples(project: Project, test_set: str, examples: Sequence[Example], wanted: set[str]) -> Iterator[str]:
    """Ids, in the data artifact, of items that "clean" knows by their own id or their line in the file."""
    if not wanted:
        return
    by_input: dict[str, list[str]] = {}
    for example in examples:
        by_input.setdefault(_same(example.input), []).append(example.id)
    source = pipeline.sources(project)[test_set]
    assert source is not None
    rows, _ = read_source(source.path)
    for row in rows:
        if str(row.values.get("id") or f"{row.file}:{row.line}") in wanted:
            yield from by_input.get(_same(str(row.values.get(project.recipe.data.input, ""))), [])


def _same(text: str) -> str:
    return " ".join(text.split())


def _without(
    places: Mapping[str, Path],
    scores: Mapping[str, Any],
    test_set: str,
    examples: Sequence[Example],
    left_out: set[str],
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(subject, its share right of the items that are not left out)."""
    task = Task.load(places["data"] / "task.json")
    for subject in subjects_of({name: place for name, place in places.items() if name.startswith("predict-")}):
        path = places[f"predict-{subject.name}"] / f"{test_set}.jsonl"
        given = load_predictions(path, {example.id: example for example in examples})
        whole = measure_subject(task, subject, test_set, examples, given)
        chosen = [place for place, example in enumerate(whole.examples) if example.id not in left_out]
        if chosen:
            row = result(task, _only(whole, chosen), scores["confidence"], 0)
            yield subject.name, row["whole"]


def _only(measured: Measured, chosen: Sequence[int]) -> Measured:
    return replace(
        measured,
        of=len(chosen),
        examples=tuple(measured.examples[place] for place in chosen),
        predictions=tuple(measured.predictions[place] for place in chosen),
        scores=tuple(measured.scores[place] for place in chosen),
    )


def _share(share: Mapping[str, Any]) -> str:
    return f"{share['value']:.3f} ({share['low']:.3f}-{share['high']:.3f}, n={share['n']})"
