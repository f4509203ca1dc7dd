"""Rows → items: which column is what, what kind of job it is, and every output in the job's normal form.

The kind and the form are inferred where the recipe does not give them, and every inference is put into words
for the summary. It does not decide which items are trained on (`helder/data/split.py`).
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from helder.data.read import Row, closest
from helder.data.schema import AnswerError, derive, kind_of, leaves, resolve, value_text
from helder.data.task import RECORD_LIMIT, Kind, Task
from helder.errors import HelderError

LABEL_CHARACTERS = 60  # longest output that is still taken for a label (assumption)
LABEL_DISTINCT = 500  # most different labels that are inferred (assumption)
LABEL_SUPPORT = 2  # examples per label, on average, below which outputs are taken for texts (assumption)
_SHOWN_PROBLEMS = 5


@dataclass(frozen=True)
class Item:
    """One example in normal form.

    Attributes:
        key: the input as it is compared: NFC, white space collapsed, case folded.
        encoded: the output as the model writes it.
        scored: fields that are compared; None for all.
        tests: (input, output) of a program that is an answer; they are never shown to a model.
    """

    id: str
    input: str
    output: Any
    encoded: str
    key: str
    file: str
    line: int
    scored: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    tests: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> str:
        return f"{self.file}, line {self.line}"

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {"id": self.id, "input": self.input, "output": self.output}
        if self.scored is not None:
            record["scored"] = list(self.scored)
        if self.tags:
            record["tags"] = list(self.tags)
        if self.tests:
            record["tests"] = [list(pair) for pair in self.tests]
        return record


def input_key(text: str) -> str:
    """The form under which two inputs count as the same."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def item_id(text: str, encoded: str) -> str:
    """The identity of an example: 12 hex digits of SHA-256 over input, line feed and output."""
    return hashlib.sha256(f"{text}\n{encoded}".encode()).hexdigest()[:12]


def raw_output(row: Row, column: str, as_json: bool) -> Any:
    """The output of a row; with `as_json`, a string cell is parsed.

    Raises:
        HelderError: a cell that is not JSON where a record is asked for.
    """
    value = row.values[column]
    if not (as_json and isinstance(value, str)):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise HelderError(
            f"{row.place}: the column {column!r} holds no JSON.",
            f"A record is asked for; {error}.",
            'Write the record as JSON, e.g. {"dose":2,"per":"day"}.',
        ) from error


def infer_kind(rows: Sequence[Row], column: str, notes: list[str]) -> Kind:
    """label, record or text, from the outputs of the training rows.

    Raises:
        HelderError: a mixture, or values that are none of the three.
    """
    values = [row.values[column] for row in rows]
    kinds = Counter(_output_kind(value) for value in values)
    if "other" in kinds:
        raise HelderError(
            "The outputs are of no known kind.",
            "An output is a label, a text, an object, or a list of objects.",
            "Join lists of strings into one text, or make objects of them.",
        )
    if kinds["record"] == len(values):
        notes.append("kind: record, since every output is an object or a list of objects")
        return "record"
    if kinds["record"]:
        few_are_records = kinds["record"] * 2 <= len(values)
        odd = next(row for row in rows if (_output_kind(row.values[column]) == "record") == few_are_records)
        raise HelderError(
            f"{odd.place}: the output is {'a record' if few_are_records else 'no record'}, unlike most others.",
            f"Of all outputs, {kinds['record']} are records and {len(values) - kinds['record']} are not.",
            "Make them all records, or all labels or texts, or set `kind` under [data].",
        )
    texts = [text_value(value) for value in values]
    distinct = set(texts)
    longest = max(len(text) for text in texts)
    if (
        1 < len(distinct) <= LABEL_DISTINCT
        and longest <= LABEL_CHARACTERS
        and len(texts) >= LABEL_SUPPORT * len(distinct)
        and not any("\n" in text for text in distinct)
    ):
        notes.append(f"kind: label, since there are {len(distinct)} different short outputs in {len(texts)} examples")
        return "label"
    notes.append(
        f"kind: text, since there are {len(distinct)} different outputs in {len(texts)} examples, "
        f"the longest of {longest} characters"
    )
    return "text"


def _output_kind(value: Any) -> str:
    if isinstance(value, dict):
        return "record"
    if isinstance(value, list):
        return "record" if all(isinstance(element, dict) for element in value) else "other"
    if isinstance(value, str):
        if value.strip()[:1] in ("{", "["):
            try:
                return "record" if _output_kind(json.loads(value)) == "record" else "text"
            except (ValueError, RecursionError):
                return "text"
        return "text"
    return "other" if value is None else "text"


def text_value(value: Any) -> str:
    """A label or text as a string; numbers and truth values, which JSONL may hold as labels, in canonical
    form.
    """
    if isinstance(value, str):
        return value.strip()
    if kind_of(value) in ("integer", "number", "boolean"):
        return value_text(value)
    raise AnswerError(f"a label or a text is asked for, not {type(value).__name__}")


def build_task(
    settings: Mapping[str, Any],
    training: Sequence[Row],
    testing: Sequence[Row],
    schema: dict[str, Any] | None,
    labels: Mapping[str, Mapping[str, str]] | None,
    notes: list[str],
) -> Task:
    """The task that the settings, the given files and the data make together.

    Args:
        settings: resolved [data] settings (see `helder/data/stage.py`).
        training, testing: rows; the form is derived from training rows, widened where testing rows ask for
            it.
        schema: the given JSON Schema; of one record, or of the list of them.
        labels: the given labels, each with its name and groups.
        notes: receives a sentence for each inference.

    Raises:
        HelderError: kind and data contradict each other.
    """
    column = settings["output"]
    kind = cast(Kind | None, settings["kind"])
    if kind is None:
        if schema is not None:
            kind = "record"
        elif labels is not None:
            kind = "label"
        else:
            kind = infer_kind(training, column, notes)
    _refuse_idle(kind, settings, schema, labels)
    common: dict[str, Any] = {name: settings[name] for name in ("name", "purpose", "instruction", "harm")}
    if kind == "record":
        return _record_task(settings, common, training, testing, schema, notes)
    if kind == "text":
        return Task(kind="text", **common)
    if labels is None:
        found = sorted({text_value(row.values[column]) for row in [*training, *testing]} - {""})
        notes.append(f"labels: the {len(found)} that occur in the data, in alphabetical order")
        labels = {label: {} for label in found}
    groups: dict[str, dict[str, str]] = {}
    for label, about in labels.items():
        for name, group in about.items():
            if name != "name":
                groups.setdefault(name, {})[label] = group
    texts: tuple[str, ...] = ()
    if settings["write"] == "name":
        nameless = [label for label, about in labels.items() if not about.get("name")]
        if nameless:
            raise HelderError(
                f"The label {nameless[0]!r} has no name to write.",
                'write = "name" makes the model write the name of a label.',
                "Give every label a name in the labels file, or drop `write`.",
            )
        texts = tuple(about["name"] for about in labels.values())
    return Task(kind="label", labels=tuple(labels), texts=texts, groups=groups, **common)


def _refuse_idle(
    kind: Kind, settings: Mapping[str, Any], schema: dict[str, Any] | None, labels: Mapping[str, Any] | None
) -> None:
    """Refuse what was given and would be of no effect: whoever gave it expects one.

    Raises:
        HelderError: a schema, `many` or `harm` without records; labels or `write` without labels.
    """
    given = {
        "schema": ("record", schema is not None),
        "many": ("record", bool(settings["many"])),
        "harm": ("record", bool(settings["harm"])),
        "labels": ("label", labels is not None),
        "write": ("label", settings["write"] != "label"),
    }
    for name, (wanted, present) in given.items():
        if present and kind != wanted:
            raise HelderError(
                f"`{name}` is for {wanted} tasks, and this is a {kind} task.",
                "The kind is set under [data], or follows from a schema, from labels, or from the outputs.",
                f'Drop `{name}`, or set kind = "{wanted}".',
            )


def _record_task(
    settings: Mapping[str, Any],
    common: dict[str, Any],
    training: Sequence[Row],
    testing: Sequence[Row],
    schema: dict[str, Any] | None,
    notes: list[str],
) -> Task:
    column = settings["output"]
    outputs = [raw_output(row, column, True) for row in training]
    others = [raw_output(row, column, True) for row in testing]
    many = settings["many"]
    least, most = None, None
    if schema is not None and schema.get("type") == "array":
        many = True if many is None else many
        least, most = schema.get("minItems"), schema.get("maxItems")
        schema = schema.get("items")
    for row, value in zip([*training, *testing], [*outputs, *others], strict=True):
        if _output_kind(value) != "record":
            raise HelderError(
                f"{row.place}: the output is no record.",
                f"It is {json.dumps(value, ensure_ascii=False)[:60]}.",
                "Write an object, or a list of objects.",
            )
    if many is None:
        many = any(isinstance(value, list) for value in outputs)
        notes.append(f"many: {'yes, outputs are lists of records' if many else 'no, an output is one record'}")
    lengths = [len(value) for value in [*outputs, *others] if isinstance(value, list)] or [1]
    if least is None:
        least = 0 if min(lengths) == 0 else 1
    if most is None:
        most = max(RECORD_LIMIT, 2 * max(lengths))
    if schema is None:
        schema, derived = derive(leaves(outputs))
        widened, _ = derive(leaves([*outputs, *others]))
        if widened["properties"] != schema["properties"]:
            schema, derived = derive(leaves([*outputs, *others]))
            notes.append("schema: the test records have fields or values that no training record has; it allows them")
        notes.append(f"schema: derived from {len(outputs)} training records; fields {', '.join(schema['properties'])}")
        notes += derived
    else:
        schema = _with_room(resolve(schema), [*outputs, *others], notes, schema)
    return Task(kind="record", schema=schema, many=bool(many), least=least, most=most, **common)


def _with_room(
    schema: dict[str, Any], outputs: Sequence[Any], notes: list[str], given: dict[str, Any]
) -> dict[str, Any]:
    """The schema with a longer `maxLength` for free strings whose given schema sets none and whose data need
    more.
    """
    for name, rule in schema.get("properties", {}).items():
        if "maxLength" in rule and "maxLength" not in given.get("properties", {}).get(name, {}):
            values = [record.get(name) for record in leaves(outputs) if isinstance(record, dict)]
            longest = max((len(value) for value in values if isinstance(value, str)), default=0)
            if longest > rule["maxLength"]:
                rule["maxLength"] = 2 * longest
                notes.append(f"field {name}: up to {2 * longest} characters, twice the longest in the data")
    return schema


def make_items(rows: Sequence[Row], task: Task, settings: Mapping[str, Any]) -> list[Item]:
    """The items of the rows, in their order.

    Raises:
        HelderError: rows that do not fit, the first five by line; an id that stands twice.
    """
    problems: list[str] = []
    items: list[Item] = []
    for row in rows:
        try:
            items.append(_item(row, task, settings))
        except AnswerError as error:
            problems.append(f"{row.place}: {error}")
    if problems:
        more = len(problems) - _SHOWN_PROBLEMS
        raise HelderError(
            f"{problems[0]}.",
            "\n     ".join(problems[1:_SHOWN_PROBLEMS] + ([f"and {more} more lines"] if more > 0 else [])),
            "Correct these lines, or the schema or the labels that they are checked against.",
        )
    return items


def _item(row: Row, task: Task, settings: Mapping[str, Any]) -> Item:
    text = row.values[settings["input"]]
    if not isinstance(text, str):
        raise AnswerError(f"the input {settings['input']!r} is not a text but {type(text).__name__}")
    if not text.strip():
        raise AnswerError(f"the input {settings['input']!r} is empty")
    value_text(text)
    value = raw_output(row, settings["output"], task.kind == "record")
    if task.kind != "record":
        value = text_value(value)
        if task.kind == "label" and value not in task.labels:
            hint = closest(value, task.labels)
            raise AnswerError(f"the label {value!r} is not one of the {len(task.labels)} given ones.{hint}".rstrip("."))
    output = task.normalise(value)
    encoded = task.encode(output)
    given = row.values.get(settings["id"])
    tags = _names(row.values.get(settings["tags"]), "tags")
    scored = _names(row.values.get(settings["scored"]), "scored")
    if row.values.get(settings["scored"]) == []:
        raise AnswerError("scored names no field at all; leave it out to compare every field")
    for name in scored:
        if name not in task.fields:
            raise AnswerError(f"scored names {name!r}, which is not a field.{closest(name, task.fields)}".rstrip("."))
    return Item(
        id=str(given) if given not in (None, "") else item_id(text, encoded),
        input=text,
        output=output,
        encoded=encoded,
        key=input_key(text),
        file=row.file,
        line=row.line,
        scored=scored or None,
        tags=tags,
        tests=_tests(row, settings["program_tests"]),
    )


def _tests(row: Row, column: str | None) -> tuple[tuple[str, str], ...]:
    """(input, output) of a program; in CSV they stand in one cell, as JSON. A row may have none."""
    if column is None:
        return ()
    if column not in row.values:
        raise AnswerError(f"there is no column {column!r}, which `program_tests` names")
    value = row.values[column]
    if value in (None, "", []):
        return ()
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise AnswerError(f"tests are no JSON: {error}") from error
    pairs = value if isinstance(value, list) else [value]
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair)):
            raise AnswerError(f"a test is [input, output], two texts, not {pair!r}")
    return tuple((given, right) for given, right in pairs)


def _names(value: Any, column: str) -> tuple[str, ...]:
    """A list of names; in CSV they stand in one cell, separated by spaces, commas or semicolons."""
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(value.replace(",", " ").replace(";", " ").split())
    if isinstance(value, list) and all(isinstance(element, str) for element in value):
        return tuple(value)
    raise AnswerError(f"{column} is a list of names, not {value!r}")
