"""The scoring stage: every prediction file beside the right answers → `scores.json` and `cases.json`, which the report
prints. Numbers stand in the one, single cases in the other: scores can be published where records may not leave.

It knows nothing of models: it reads the data artifact and the prediction artifacts (`predict.py`,
`baselines.py`) and compares. It does not protect against a test set that does not look like the work to come.

`scores.json` (schema; a *share* is `{"right": int, "n": int, "value": float, "low": float, "high": float}`: a
proportion with its interval at `confidence`; `value`, `low`, `high` lie in 0..1 and are null when n is 0):

    format         1
    confidence     0.95
    margin         0.01        the x of "not worse by more than x", in 0..1
    task           {kind, name, purpose, many, harm: [field], labels: int, fields: [field]}
    measures       {measure: sentence that says how it is counted}; measure is one of
                   "whole"   record: every scored field of every record right; label: the label; text: exact
                   "fields"  record tasks: scored fields right; missing and extra records are wrong in all
                   "stated"  record tasks: the same over those fields in which the expected or the given
                             record says something (differs from the default): empty fields earn nothing
                   "text"    text tasks: character F (chrF, n-grams 1-6, beta 2), mean over the items
                   "group:<name>"  label tasks: accuracy on a grouping of the labels, e.g. "group:chapter"
    main_measure   "whole"
    subjects       [{name, role, title, note}] in printing order; name: weights | f16 | q8_0 | q4_0 | base |
                   linear | linear-all | nearest | trivial; role: "model" (ours: weights and files) | "base" |
                   "baseline" | "retrieval" (weights-retrieval, …: the same with passages before each question)
    test_sets      [{name, n, partial: bool (some items name the fields they define), tags: {tag: n}}],
                   the main one first
    results        [{subject, test_set, n, of: int (items in the set), subset: null | "100 of 400, chosen by hash",
                     whole: share, fields: share|null, stated: share|null,
                     by_field: {field: share},                       record tasks; else {}
                     record_count: {right: int, n: int, missing: int, extra: int} | null   (lists of records)
                     macro_f1: float|null,                           label tasks
                     text: {value, low, high, n} | null,             text tasks
                     groups: {name: {accuracy: share, macro_f1: float}},
                     by_tag: {tag: {n, whole: share, fields: share|null, stated: share|null}},
                                       an item with a tag "a:b" counts under "a:b" and under "a"
                     invalid: int      answers that are not of the task's form (counted as wrong),
                     constrained: bool whether decoding was held to the task's form,
                     examples_in_prompt: int, trained_on: int|null   (how many examples the baseline saw)}]
    comparisons    [{why: "baseline" | "base" | "compression" | "retrieval", a, b, test_set, measure,
                     n (items both answered), a_value, b_value, difference (a - b), low, high,
                     p_value: float|null (exact McNemar, for right/wrong measures),
                     only_a, only_b: int (items that only one has right, or more right), margin,
                     verdict: "better" | "worse" | "not worse by more than x" | "not shown", sentence}]
                   a is always the subject that the sentence is about; "compression": a = the file, b = "weights"
    compression    [{subject, test_set, measure, points_lost: float (percentage points, positive = lost),
                     low, high}]
    harm           {fields: [field], subjects: [name],
                    counts: [{subject, test_set, items, wrong_items, values, wrong_values}] (values: stated ones)}
                   of the weights and of the file to use; lists are empty when the task names no harm
    recommendation {use: subject|null, verdict: "model" | "baseline" | "not shown", text: one paragraph for
                    people, accuracy: share|null, model: the subject that was considered|null: with
                    passages where it answers with them,
                    baseline: the best simple way|null}
    retrieval      {verdict: "worth it" | "not worth it" | "not shown", text: one paragraph for people: whether training
                   was worth it beside passages}, only where subjects were asked with passages
    warnings       [sentence]

`cases.json`:

    harm           [{subject, test_set, id, input, record: int (0-based place in the list), field, expected, got,
                     kind: "wrong" | "missed" | "invented" | "no record" | "extra record" | "no answer"}]
                   every one of those that scores.json counts, none left out
    examples       {subject, test_set, right: [item], wrong: [item]}, at most 10 and 20, drawn by hash;
                   item = {id, input, expected, got|null, error|null, raw}

Numbers are rounded to 6 places. Nothing in the file depends on a clock, on a hash seed or on the order of inputs.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from helder.data.task import Task
from helder.errors import ExitCode, HelderError
from helder.evaluate import verdict
from helder.evaluate.measure import Measured, Subject, measure_subject, measures_of, result
from helder.evaluate.records import Example, load_examples, load_predictions, test_sets
from helder.evaluate.score import MEASURES, WHOLE
from helder.retrieve import SUFFIX

CONFIDENCE = 0.95
MARGIN = 0.01
SHOWN_RIGHT, SHOWN_WRONG = 10, 20  # examples in the report
FEW = 100  # items below which a warning says that the intervals are wide

# name → (role, title, note), in printing order
SUBJECTS: dict[str, tuple[str, str, str]] = {
    "weights": ("model", "the tuned model", "Weights after training, 32 bits, our own generator."),
    "f16": ("model", "the F16 file", "GGUF with 16-bit weights, llama.cpp."),
    "q8_0": ("model", "the Q8_0 file", "GGUF with 8-bit weights, llama.cpp."),
    "q4_0": ("model", "the Q4_0 file", "GGUF with 4-bit weights, llama.cpp."),
    "base": ("base", "the untrained base model", "The base model before training, examples in its prompt."),
    **{
        f"{name}{SUFFIX}": ("retrieval", f"{title} with passages", f"{note} Passages stand before each question.")
        for name, title, note in (
            ("weights", "the tuned model", "Weights after training."),
            ("f16", "the F16 file", "GGUF with 16-bit weights."),
            ("q8_0", "the Q8_0 file", "GGUF with 8-bit weights."),
            ("q4_0", "the Q4_0 file", "GGUF with 4-bit weights."),
            ("base", "the untrained base model", "Before training, examples with passages in its prompt."),
        )
    },
    "linear": ("baseline", "the linear model", "TF-IDF of words and characters, linear SVM, same examples."),
    "linear-all": ("baseline", "the linear model on all examples", "The same, on every training example."),
    "nearest": ("baseline", "the nearest training example", "Answer of the nearest input, TF-IDF of characters."),
    "trivial": ("baseline", "the most frequent answer", "Always the answer that the training data hold most often."),
}


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Score every subject on every test set; write scores.json and cases.json.

    Args:
        settings: confidence (0.95), margin (0.01), seed (0: decides the resampling and which examples are shown).
        inputs: "data", and a prediction artifact "predict-<subject>" for each subject.

    Raises:
        HelderError: a prediction file that is missing, incomplete or does not belong to the data.
    """
    confidence, margin = float(settings.get("confidence", CONFIDENCE)), float(settings.get("margin", MARGIN))
    seed = int(settings.get("seed", 0))
    task = Task.load(inputs["data"] / "task.json")
    sets = {name: load_examples(inputs["data"] / f"{name}.jsonl") for name in test_sets(inputs["data"])}
    measured: dict[tuple[str, str], Measured] = {}
    subjects = subjects_of(inputs)
    for subject in subjects:
        for name, examples in sets.items():
            path = inputs[f"predict-{subject.name}"] / f"{name}.jsonl"
            predictions = load_predictions(path, {example.id: example for example in examples})
            _check_complete(subject, name, len(predictions), examples)
            measured[subject.name, name] = measure_subject(task, subject, name, examples, predictions)
        report("note", text=f"scored {subject.name}")
    scores, cases = scores_of(task, subjects, sets, measured, confidence, margin, seed)
    for name, record in (("scores.json", scores), ("cases.json", cases)):
        text = json.dumps(rounded(record), ensure_ascii=False, indent=1)
        (output / name).write_text(text + "\n", encoding="utf-8")
    for warning in scores["warnings"]:
        report("warning", text=warning)
    return {}


def scores_of(
    task: Task,
    subjects: Sequence[Subject],
    sets: Mapping[str, Sequence[Example]],
    measured: Mapping[tuple[str, str], Measured],
    confidence: float,
    margin: float,
    seed: int,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(scores.json, cases.json); see the module docstring."""
    main_set = next(iter(sets))
    results = [result(task, one, confidence, seed) for one in measured.values()]
    found = verdict.comparisons(task, measured, margin, confidence, seed)
    lost = verdict.compression(found)
    models = [subject.name for subject in subjects if subject.role == "model"]
    chosen = verdict.choose_model(models, lost, main_set)
    # Where it was measured with passages, it answers with them.
    answers = f"{chosen}{SUFFIX}" if (f"{chosen}{SUFFIX}", main_set) in measured else chosen
    titles = {subject.name: subject.title for subject in subjects}
    roles = {subject.name: subject.role for subject in subjects}
    shown = answers or (subjects[0].name if subjects else None)
    harmed, harm_items = harm(task, measured, [name for name in dict.fromkeys(("weights", chosen)) if name in models])
    cases = {"format": 1, "harm": harm_items, "examples": _examples(measured[shown, main_set], seed) if shown else {}}
    worth = verdict.worth(task, results, found, titles, main_set)
    return {
        "format": 1,
        "confidence": confidence,
        "margin": margin,
        "task": {"kind": task.kind, "name": task.name, "purpose": task.purpose, "many": task.many}
        | {"harm": list(task.harm), "labels": len(task.labels), "fields": list(task.fields)},
        "measures": {name: _explained(task, name) for name in measures_of(task)},
        "main_measure": "whole",
        "subjects": [{"name": s.name, "role": s.role, "title": s.title, "note": s.note} for s in subjects],
        "test_sets": [_test_set(name, examples) for name, examples in sets.items()],
        "results": results,
        "comparisons": found,
        "compression": lost,
        "harm": harmed,
        "recommendation": verdict.recommend(task, results, found, titles, roles, answers, main_set),
        **({} if worth is None else {"retrieval": worth}),
        "warnings": _warnings(task, results, sets),
    }, cases


def harm(
    task: Task, measured: Mapping[tuple[str, str], Measured], subjects: Sequence[str]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How many values in fields whose error is the harm are wrong, for the named subjects; and every one of them."""
    counts: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    for (name, test_set), one in measured.items():
        if name not in subjects or not task.harm:
            continue
        wrong_items = wrong_values = values = 0
        for example, score in zip(one.examples, one.scores, strict=True):
            chosen = [field for field in score.fields if field.field in task.harm and field.stated]
            wrong = [field for field in chosen if not field.right]
            values, wrong_values, wrong_items = (
                values + len(chosen),
                wrong_values + len(wrong),
                wrong_items + bool(wrong),
            )
            items += [
                {"subject": name, "test_set": test_set, "id": example.id, "input": example.input}
                | {"record": field.record, "field": field.field, "expected": field.expected, "got": field.got}
                | {"kind": field.error}
                for field in wrong
            ]
        counts.append(
            {"subject": name, "test_set": test_set, "items": len(one.scores), "wrong_items": wrong_items}
            | {"values": values, "wrong_values": wrong_values}
        )
    return {"fields": list(task.harm), "subjects": list(subjects), "counts": counts}, items


def rounded(value: Any) -> Any:
    """The value with every float at 6 places, which is more than any interval here is worth."""
    if isinstance(value, float):
        return round(value, 6) + 0.0
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value


def subjects_of(inputs: Mapping[str, Path]) -> list[Subject]:
    """Who answered, in printing order, from the artifacts of their answers ("predict-<subject>")."""
    names = [name.removeprefix("predict-") for name in inputs if name.startswith("predict-")]
    unknown = sorted(set(names) - set(SUBJECTS))
    if unknown:
        raise HelderError(f"The subject {unknown[0]!r} is unknown.", "", "Known: " + ", ".join(SUBJECTS), ExitCode.OURS)
    found = []
    for name, (role, title, note) in SUBJECTS.items():
        if name in names:
            path = inputs[f"predict-{name}"] / "about.json"
            about = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
            found.append(Subject(name, role, title, about.get("note", note), about))
    return found


def _check_complete(subject: Subject, test_set: str, count: int, examples: Sequence[Example]) -> None:
    """A smaller number of answers must be the one that was asked for: a lost answer is never a wrong one."""
    limit = subject.about.get("limit")
    expected = len(examples) if limit is None else min(int(limit), len(examples))
    if count != expected:
        raise HelderError(
            f"{subject.name} gave {count} answers to {test_set}, and {expected} were asked for.",
            "A prediction stage was cut short, or belongs to other data.",
            "Run it again.",
            ExitCode.OURS,
        )


def _explained(task: Task, measure: str) -> str:
    if measure.startswith("group:"):
        return f"The {measure.removeprefix('group:')} of the given label is that of the expected one."
    return WHOLE[task.kind] if measure == "whole" else MEASURES[measure]


def _test_set(name: str, examples: Sequence[Example]) -> dict[str, Any]:
    tags = Counter(tag for example in examples for tag in example.tags)
    partial = any(example.scored is not None for example in examples)
    return {"name": name, "n": len(examples), "partial": partial, "tags": dict(sorted(tags.items()))}


def _examples(measured: Measured, seed: int) -> dict[str, Any]:
    """A few right and wrong answers, drawn by hash: not the best ones, and the same on every run."""
    rows = list(zip(measured.examples, measured.predictions, measured.scores, strict=True))
    rows.sort(key=lambda row: hashlib.sha256(f"helder shown {seed}\n{row[0].id}".encode()).digest())

    def shown(right: bool, count: int) -> list[dict[str, Any]]:
        return [
            {"id": example.id, "input": example.input, "expected": example.output}
            | {"got": one.output, "error": one.error, "raw": one.raw}
            for example, one, score in rows
            if score.whole == right
        ][:count]

    return {
        "subject": measured.subject.name,
        "test_set": measured.test_set,
        "right": shown(True, SHOWN_RIGHT),
        "wrong": shown(False, SHOWN_WRONG),
    }


def _warnings(task: Task, results: Sequence[Mapping[str, Any]], sets: Mapping[str, Sequence[Example]]) -> list[str]:
    warnings = [
        f"{name} has {len(examples)} items only: the intervals are wide"
        for name, examples in sets.items()
        if len(examples) < FEW
    ]
    partly: dict[str, list[str]] = {}
    for row in results:
        if row["subset"] is not None:
            partly.setdefault(f"{row['n']} of the {row['of']} items of {row['test_set']}", []).append(row["subject"])
    warnings += [
        f"{', '.join(subjects)}: asked {part}, chosen by hash; where others were asked more, the paired comparisons "
        "use these items only"
        for part, subjects in partly.items()
    ]
    for row in results:
        if row["invalid"] and row["constrained"]:
            warnings.append(
                f"{row['subject']} gave {row['invalid']} answers to {row['test_set']} that are not of the task's form, "
                "although it was held to it: they ran into the length limit"
            )
    return warnings
