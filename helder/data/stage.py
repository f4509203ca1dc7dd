"""The data stage: the files that the recipe names → clean records, split, with an account of every row.

Settings (the resolved [data] part; each may be left out, and then has the default shown):

    name, purpose, instruction   words about the job
    input = "input"              the column with the text that is asked
    output = "output"            the column with the answer: label, text, or record (JSON in a CSV cell)
    id = "id", tags = "tags", scored = "scored"
                                 columns that are used when they are there
    program_tests                the column with tests of an answer that is a program, [[input, output], …]
    kind                         label | record | text; inferred when not given
    many                         the output is a list of records; inferred when not given
    labels                       list of the labels (else the input "labels", else those of the data)
    write = "label"              "name": the model writes a label's name (from the labels file), not the label
    harm = []                    fields whose error is the harm
    delimiter                    of CSV files; found out when not given
    schema                       JSON Schema of a record (else the input "schema", else derived)
    limit                        use N training rows, chosen by the hash of (seed, input), in their order
    holdout = 0.1                share held out for each of test and dev that is not given
    seed = 0                     decides what is held out and what `limit` chooses
    licence, origin              kept in the summary
    canaries                     so many made-up examples are planted in train (`helder.data.canaries`)

Inputs: "train", "train-2", … (one after the other); perhaps "test", "dev", "test-<name>" (further test sets),
"schema" (JSON Schema of a record), "labels" (a JSON list, a JSON object label → name or
{"name": …, grouping: group}, or text with one label a line). Each is a file or a folder.

Artifact: task.json, train.jsonl, dev.jsonl, test.jsonl, test-<name>.jsonl, summary.json:

    format 1 · task · derived: [sentence] · warnings: [sentence] · settings: {licence, origin, columns…}
    sources: {input: [{name, bytes, sha256, format, encoding, delimiter, rows, blank_lines, columns,
             warnings}]}
    splits: {name: {read, from_train, over_limit, duplicates, leaked, held_out: {dev: n, test: n}, kept}}
            read + from_train = over_limit + duplicates + leaked + held_out + kept, checked; from_train: how
            many a held-out split was given, which train counts as held_out
    contradictions: {split: n}
    contamination: {test set: {items, not_checked, contaminated}}: of the training records
    labels: {label: {split: n}}   (label tasks) · tags: {split: {tag: n}}
    unused_columns: {input: [column]} · planted: {canaries: n}, only where canaries were asked for

and account.json, where single rows are named, which may have to stay in the house when the summary may not:

    left_out: {duplicates: {split: [{id, at, same_as}]}, leaked: {split: [{id, at, also_in, as}]}}
    contradictions: {split: [{input, outputs: [{output, id, at}]}]}
    contamination: {rule, sets}: test items of which a run of words stands in a training record, though the records
    differ (`helder.data.contamination`); whole inputs that stand in both are "leaked" and gone
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from helder.data import canaries, contamination
from helder.data.items import Item, build_task, make_items
from helder.data.read import Row, SourceFile, closest, decode, read_source
from helder.data.split import (
    Ledger,
    choose,
    contradictions,
    drop_duplicates,
    drop_leaks,
    give_unique_ids,
    hold_out,
)
from helder.data.task import Task
from helder.errors import HelderError

DEFAULTS: dict[str, Any] = {
    "name": "task",
    "purpose": "",
    "instruction": "",
    "input": "input",
    "output": "output",
    "id": "id",
    "tags": "tags",
    "scored": "scored",
    "program_tests": None,
    "kind": None,
    "many": None,
    "labels": None,
    "write": "label",
    "harm": [],
    "delimiter": None,
    "schema": None,
    "limit": None,
    "holdout": 0.1,
    "seed": 0,
    "licence": None,
    "origin": None,
    "canaries": None,
}
_FORM = ("schema", "labels")
ODD_AMONG = 20  # examples, below which a field that occurs once is nothing odd (assumption)


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Read, check, clean, split and write; see the module docstring.

    Raises:
        HelderError: anything about the data that a person must decide or correct.
    """
    config = _configured(settings)
    rows: dict[str, list[Row]] = {}
    sources: dict[str, list[SourceFile]] = {}
    warnings: list[str] = []
    for name in _source_names(inputs):
        required = (config["input"], config["output"])
        found, sources[name] = read_source(inputs[name], required, config["delimiter"])
        rows.setdefault("train" if name.startswith("train-") else name, []).extend(found)
        for source in sources[name]:
            warnings += source.warnings
    notes: list[str] = []
    tests = [row for name, found in rows.items() if name != "train" for row in found]
    schema = _schema(config, inputs)
    labels = _labels(config, inputs)
    task = build_task(config, rows["train"], tests, schema, labels, notes)
    items = {name: make_items(found, task, config) for name, found in rows.items()}
    if schema is None:
        warnings += _odd_fields(items["train"], task)
    splits, ledgers, found_contradictions = _divide(items, task, config, warnings)
    counts = _check_labels(splits, items, task, warnings)
    contaminated = _contaminated(splits, task, warnings)
    planted = {}
    if config["canaries"]:
        made = canaries.make(splits["train"], task, config["canaries"], config["seed"])
        splits["train"] = [*splits["train"], *made.items]
        planted = {"planted": {"canaries": len(made.items)}}
        warnings.append(canaries.told(len(made.items)))
        made.save(output)
    for text in notes:
        report("note", text=text)
    for text in warnings:
        report("warning", text=text)
    for name, members in splits.items():
        _write_lines(output / f"{name}.jsonl", [item.to_json() for item in members])
    task.save(output / "task.json")
    summary = {
        "format": 1,
        "task": {"kind": task.kind, "name": task.name, "many": task.many, "fields": list(task.fields)}
        | {"labels": len(task.labels)},
        "derived": notes,
        "warnings": warnings,
        "settings": {key: config[key] for key in sorted(config) if config[key] is not None and key not in _FORM},
        "sources": {name: [source.to_json() for source in found] for name, found in sources.items()},
        "splits": {name: ledgers[name].to_json() for name in splits},
        "contradictions": {name: len(found) for name, found in found_contradictions.items()},
        "contamination": {
            name: {key: of[key] for key in ("items", "not_checked", "contaminated")}
            for name, of in contaminated["sets"].items()
        },
        "labels": counts,
        "tags": {name: dict(sorted(Counter(t for i in part for t in i.tags).items())) for name, part in splits.items()},
        "unused_columns": {name: _unused(found, config) for name, found in sources.items()},
        **planted,
    }
    account = {
        "format": 1,
        "left_out": {
            "duplicates": {name: ledgers[name].duplicates for name in splits},
            "leaked": {name: ledgers[name].leaked for name in splits},
        },
        "contradictions": found_contradictions,
        "contamination": contaminated,
    }
    for name, record in (("summary.json", summary), ("account.json", account)):
        text = json.dumps(record, ensure_ascii=False, indent=1)
        (output / name).write_text(text + "\n", encoding="utf-8")
    report("note", text=", ".join(f"{name} {len(members)}" for name, members in splits.items()))
    return {}


def _configured(settings: Mapping[str, Any]) -> dict[str, Any]:
    for key in settings:
        if key not in DEFAULTS:
            raise HelderError(
                f"The data setting {key!r} is unknown.",
                closest(key, DEFAULTS).strip(),
                "Correct the [data] part.",
            )
    config = DEFAULTS | {key: value for key, value in settings.items() if key in DEFAULTS and value is not None}
    if not 0 <= float(config["holdout"]) < 1:
        raise HelderError(f"holdout is {config['holdout']}.", "It is a share of the examples.", "Choose 0.05 to 0.3.")
    if config["limit"] is not None and config["limit"] < 1:
        raise HelderError(f"limit is {config['limit']}.", "No example would be left.", "Choose 1 or more.")
    if config["write"] not in ("label", "name"):
        raise HelderError(f"write is {config['write']!r}.", "", 'Choose "label" or "name".')
    if config["input"] == config["output"]:
        raise HelderError("Input and output are the same column.", "", "Name two columns under [data].")
    return config


def _source_names(inputs: Mapping[str, Path]) -> list[str]:
    """The names of the files with examples, training files first and in the order of their numbers."""
    if "train" not in inputs:
        raise HelderError("No training data are given.", "", "Name a file as `train` under [data].")
    for name in inputs:
        if name not in ("train", "dev", "test", *_FORM) and not name.startswith(("test-", "train-")):
            raise HelderError(f"The data input {name!r} is unknown.", "", "Use train, dev, test or test-<name>.")
    more = sorted((name for name in inputs if name.startswith("train-")), key=lambda name: (len(name), name))
    further = sorted(name for name in inputs if name.startswith("test-"))
    return ["train", *more, *(name for name in ("dev", "test", *further) if name in inputs)]


def _divide(
    items: Mapping[str, list[Item]], task: Task, config: Mapping[str, Any], warnings: list[str]
) -> tuple[dict[str, list[Item]], dict[str, Ledger], dict[str, list[dict[str, Any]]]]:
    """Duplicates and leaks out, then hold out what is missing. Order of precedence: test sets, dev, train."""
    ledgers = {name: Ledger(read=len(found)) for name, found in items.items()}
    limit, seed = config["limit"], config["seed"]
    parts: dict[str, list[Item]] = {}
    for name, found in items.items():
        used = choose(found, limit, seed) if name == "train" and limit is not None else found
        ledgers[name].over_limit = len(found) - len(used)
        parts[name] = drop_duplicates(used, ledgers[name])
    conflicting = {name: contradictions(part) for name, part in parts.items()}
    tests = [(name, part) for name, part in parts.items() if name.startswith("test")]
    if "dev" in parts:
        parts["dev"] = drop_leaks(parts["dev"], tests, ledgers["dev"])
    watched = [("dev", parts["dev"])] if "dev" in parts else []
    parts["train"] = drop_leaks(parts["train"], [*tests, *watched], ledgers["train"])
    for name in ("train", "dev"):
        if name in ledgers and ledgers[name].leaked:
            warnings.append(
                f"{len(ledgers[name].leaked)} examples were removed from {name}: "
                "their input stands in a test or dev set"
            )
    if not parts["train"]:
        raise HelderError(
            "No training example is left.",
            "Every one is a duplicate or stands in a test set too.",
            "Give others.",
        )
    share = float(config["holdout"])
    for name in ("test", "dev"):
        if name not in parts:
            if share == 0:
                raise HelderError(
                    f"There is no {name} set.",
                    "No file is named, and holdout is 0.",
                    f"Give `{name}` or `holdout`.",
                )
            parts["train"], parts[name] = hold_out(parts["train"], share, name, seed, task.kind == "label")
            ledgers[name] = Ledger(from_train=len(parts[name]))
            ledgers["train"].held_out[name] = len(parts[name])
    for name, conflicts in conflicting.items():
        if conflicts:
            warnings.append(
                f"{len(conflicts)} inputs of {name} stand with different outputs (contradictions; all are "
                "kept and listed)"
            )
    for name, part in parts.items():
        ledgers[name].kept = len(part)
        if ledgers[name].duplicates:
            warnings.append(f"{len(ledgers[name].duplicates)} exact duplicates were removed from {name}")
        if not part:
            raise HelderError(f"The {name} set is empty.", "All of its examples were removed.", "Give other examples.")
    order = [name for name in ("train", "dev", "test") if name in parts] + sorted(n for n in parts if "test-" in n)
    return give_unique_ids({name: parts[name] for name in order}), ledgers, conflicting


def _odd_fields(items: Sequence[Item], task: Task) -> list[str]:
    """Sentences about fields of a derived schema that one example alone uses: most often a name that was misspelt."""
    if len(items) < ODD_AMONG:
        return []
    users: dict[str, list[Item]] = {name: [] for name in task.fields}
    for item in items:
        records = item.output if task.many else [item.output]
        for name in task.fields:
            if any(record.get(name) != task.default(name) for record in records):
                users[name].append(item)
    return [
        f"{found[0].place} is the only one of {len(items)} examples that uses the field {name!r}."
        + closest(name, [other for other in task.fields if other != name])
        for name, found in users.items()
        if len(found) == 1
    ]


def _check_labels(
    splits: Mapping[str, Sequence[Item]], items: Mapping[str, Sequence[Item]], task: Task, warnings: list[str]
) -> dict[str, dict[str, int]]:
    """How often each label occurs in each split.

    Raises:
        HelderError: a label that no training example has, before `limit` cuts.
    """
    if task.kind != "label":
        return {}
    counts = {label: dict.fromkeys(splits, 0) for label in task.labels}
    for name, members in splits.items():
        for item in members:
            counts[item.output][name] += 1
    read = Counter(item.output for item in items["train"])
    without = [label for label in task.labels if not counts[label]["train"]]
    never = [label for label in without if not read[label]]
    if never:
        others = (
            f" So are {', '.join(map(repr, never[1:6]))}{' and more' if len(never) > 6 else ''}." if never[1:] else ""
        )
        tested = [name for name in splits if counts[never[0]][name]]
        where = f" It occurs only in {', '.join(tested)}." if tested else ""
        raise HelderError(
            f"The label {never[0]!r} is without a training example.",
            f"A label can be learned only from examples.{where}{others}",
            "Add examples to the training data, or take the label out of the list and of the test data.",
        )
    if without:
        shown = ", ".join(map(repr, without[:5])) + (" …" if len(without) > 5 else "")
        warnings.append(f"{len(without)} labels have no training example left after limit and clean-up: {shown}")
    single = [label for label in task.labels if counts[label]["train"] == 1]
    if single:
        shown = ", ".join(map(repr, single[:5])) + (" …" if len(single) > 5 else "")
        warnings.append(f"{len(single)} labels have one training example only: {shown}")
    return counts


def _contaminated(splits: Mapping[str, Sequence[Item]], task: Task, warnings: list[str]) -> dict[str, Any]:
    """Test items of which a run of words stands in a training record: what is asked, and an answer that is a text."""

    def said(item: Item) -> str:
        return f"{item.input}\n{item.output}" if task.kind == "text" else item.input

    tests = [(name, item) for name, members in splits.items() if name.startswith("test") for item in members]
    checks = contamination.Index.of(contamination.Question(name, item.id, said(item)) for name, item in tests)
    for item in splits["train"]:
        checks.look_in(item.id, said(item))
    told = checks.told()
    for name, of in told["sets"].items():
        if of["contaminated"]:
            warnings.append(f"{of['contaminated']} of {of['items']} items of {name} stand in part in training records")
    return told


def _labels(config: Mapping[str, Any], inputs: Mapping[str, Path]) -> dict[str, dict[str, str]] | None:
    if "labels" in inputs:
        if config["labels"]:
            raise HelderError("Labels are given twice.", "As a list and as a file.", "Keep one of them.")
        return read_labels(inputs["labels"])
    return None if config["labels"] is None else {str(label): {} for label in config["labels"]}


def read_labels(path: Path) -> dict[str, dict[str, str]]:
    """label → {"name": …, grouping: group} from a labels file (forms in the module docstring).

    Raises:
        HelderError: not one of the forms.
    """
    path = _only_file(path)
    text, _, _ = decode(path.read_bytes(), path.name)
    if text.lstrip()[:1] not in "{[":
        return {line.strip(): {} for line in text.splitlines() if line.strip()}
    try:
        record = json.loads(text)
    except ValueError as error:
        raise HelderError(f"{path.name} is not JSON.", str(error), "Correct it, or give one label a line.") from error
    if isinstance(record, list) and all(isinstance(label, str) for label in record):
        return {label: {} for label in record}
    if isinstance(record, dict) and all(isinstance(about, str) for about in record.values()):
        return {label: {"name": name} for label, name in record.items()}
    if isinstance(record, dict) and all(
        isinstance(about, dict) and all(isinstance(value, str) for value in about.values()) for about in record.values()
    ):
        return {label: dict(about) for label, about in record.items()}
    raise HelderError(
        f"{path.name} is not a list of labels.",
        "It is neither a list of texts, nor an object label → name, nor label → object of texts.",
        'For example {"K55-K64": {"name": "Other diseases of intestines", "chapter": "11"}}.',
    )


def _schema(config: Mapping[str, Any], inputs: Mapping[str, Path]) -> dict[str, Any] | None:
    if "schema" not in inputs:
        given: dict[str, Any] | None = config["schema"]
        return given
    if config["schema"] is not None:
        raise HelderError("The schema is given twice.", "In the recipe and as a file.", "Keep one of them.")
    path = _only_file(inputs["schema"])
    text, _, _ = decode(path.read_bytes(), path.name)
    try:
        record = json.loads(text)
    except ValueError as error:
        raise HelderError(f"The schema {path.name} is not JSON.", str(error), "Correct it.") from error
    if not isinstance(record, dict):
        raise HelderError(f"The schema {path.name} is not an object.", "", "Give a JSON Schema of one record.")
    return record


def _only_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    files = sorted(item for item in path.rglob("*") if item.is_file())
    if len(files) != 1:
        raise HelderError(f"{path.name} holds {len(files)} files.", "One is asked for.", "Name one file.")
    return files[0]


def _unused(found: Sequence[SourceFile], config: Mapping[str, Any]) -> list[str]:
    used = {config[key] for key in ("input", "output", "id", "tags", "scored", "program_tests")}
    return sorted({column for source in found for column in source.columns} - used)


def _write_lines(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records]
    path.write_text("".join(lines), encoding="utf-8")
