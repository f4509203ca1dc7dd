"""Reads problems of the IOI from rows, as OlympicCoder's evaluation has them: for each subtask one, for each test one.

    problems = read(Path("ioi-2024.jsonl"))

The columns are those of the data sets `open-r1/ioi` and `open-r1/ioi-test-cases`, brought here as JSON lines, in one
file or in several of a folder. Which kind a line is, its columns tell:

    subtask  year, name, id, day, subtask, statement, score, time_limit (seconds), memory_limit (bytes),
             score_precision, task_type, test_names, starting_code, grader_files ([[path, text], …]),
             problem (the prompt)
    test     year, day, problem_name, problem_id, test_name, test_input, test_output

A subtask's row may hold its tests itself, as `test_cases`: {name: [input, output]}, or a list in the order of
`test_names`. Grader files decide what is done with them by their paths, as in the authors' scripts
(huggingface/ioi, run_tests/custom_setup): `graders/grader.cpp` or `graders/stub.cpp` and headers are compiled with the
submission, `checker/checker.cpp` judges its output, `graders/manager.cpp` speaks with it, and
`graders/grader_config.json` says how. A batch task without a checker is compared word by word (theirs: `diff -b`).

The row with 0 points holds the public tests. All others are groups whose points are their maximum times the least share
that any of their tests gets; a program gets the sum.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from helder.errors import HelderError
from helder.evaluate.judge.problem import (
    MEBIBYTE,
    SAMPLE,
    SECRET,
    Group,
    Limits,
    Problem,
    Rules,
    Source,
    Statement,
    Test,
    Validator,
)
from helder.sealed.untrusted import MANAGED

VERSION = "ioi"
SUBTASK_COLUMNS = ("year", "id", "subtask", "score", "time_limit", "memory_limit", "test_names", "grader_files")
TEST_COLUMNS = ("year", "problem_id", "test_name", "test_input", "test_output")
COMPILED = ("grader.cpp", "stub.cpp")
MANAGER, CHECKER, CONFIG = "graders/manager.cpp", "checker/checker.cpp", "graders/grader_config.json"
COMMUNICATION = "task_type_parameters_Communication_"
OUTPUT = 8 * MEBIBYTE  # that a program may write at least, as the package format has it
WORDS = ("case_sensitive",)


@dataclass(frozen=True)
class Task:
    """A problem, and what is asked for each of its subtasks.

    Attributes:
        problem: as the judge knows it.
        prompts: subtask → what a model is asked (the column `problem`); the public tests have none.
        starting_code: what a program begins with.
        year: of the contest.
    """

    problem: Problem
    prompts: Mapping[str, str]
    starting_code: str
    year: int


def read(path: Path) -> list[Problem]:
    """The problems in a file of rows, or in the .jsonl files of a folder, in the order of their first rows.

    Raises:
        HelderError: as `tasks`.
    """
    return [task.problem for task in tasks(path)]


def tasks(path: Path) -> list[Task]:
    """The problems with what models are asked.

    Raises:
        HelderError: a line is no row, a row lacks a column, a test is missing, or the task is of a kind that is not
            judged here.
    """
    found: dict[tuple[int, str], _Rows] = {}
    tests: dict[tuple[int, str], dict[str, tuple[str, str]]] = {}
    for where, row in _lines(path):
        if "subtask" in row:
            _need(row, SUBTASK_COLUMNS, where)
            key = (int(row["year"]), str(row["id"]))
            found.setdefault(key, _Rows(where)).add(row, where)
        else:
            _need(row, TEST_COLUMNS, where)
            key = (int(row["year"]), str(row["problem_id"]))
            known = tests.setdefault(key, {})
            if row["test_name"] in known:
                raise _wrong(where, f"the test {row['test_name']} of {key[1]} stands there twice")
            known[row["test_name"]] = (row["test_input"], row["test_output"])
    if not found:
        raise _wrong(str(path), "there is no row of a subtask")
    return [_task(year, name, rows, tests.get((year, name), {})) for (year, name), rows in found.items()]


@dataclass
class _Rows:
    """The rows of one problem.

    Attributes:
        where: its first one stands.
    """

    where: str
    rows: list[Mapping[str, Any]] = field(default_factory=list)

    def add(self, row: Mapping[str, Any], where: str) -> None:
        if any(one["subtask"] == row["subtask"] for one in self.rows):
            raise _wrong(where, f"the subtask {row['subtask']} of {row['id']} stands there twice")
        self.rows.append(row)


def _task(year: int, name: str, rows: _Rows, tests: Mapping[str, tuple[str, str]]) -> Task:
    first = rows.rows[0]
    files = {str(path): str(text).encode() for path, text in first["grader_files"] if text}
    config = json.loads(files[CONFIG]) if CONFIG in files else {}
    kind = str(first.get("task_type") or config.get("task_type") or "Batch")
    if kind not in ("Batch", "Communication"):
        raise _wrong(rows.where, f"{name} is of the kind {kind}; Batch and Communication are judged here")
    validator = _manager(name, files, config, rows.where) if kind == "Communication" else _checker(files)
    groups, largest = [], 0
    prompts: dict[str, str] = {}
    for row in rows.rows:
        group, size = _group(row, tests, rows.where, default=validator is None)
        groups.append(group)
        largest = max(largest, size)
        if group.name != SAMPLE:
            prompts[row["subtask"]] = str(row.get("problem") or row.get("statement") or "")
    samples = [group for group in groups if group.name == SAMPLE]
    scored = [group for group in groups if group.name != SAMPLE]
    if len(samples) > 1 or not scored:
        raise _wrong(rows.where, f"{name} has {len(samples)} subtasks without points and {len(scored)} with")
    most = float(sum(row["score"] for row in rows.rows))
    problem = Problem(
        name=f"{year}-{name}",
        version=VERSION,
        scoring=True,
        interactive=kind == "Communication",
        statements={"en": Statement("en", str(first.get("name") or name), "md", str(first.get("statement") or ""))},
        data=Group("", (*samples, Group(SECRET, tuple(scored), Rules("sum", most)))),
        limits=Limits(
            time=float(first["time_limit"]),
            memory=_memory(first["memory_limit"], rows.where),
            output=max(OUTPUT, 2 * largest),
        ),
        validator=validator,
        validator_scores="may" if validator else "no",
        include={"cpp": _compiled(files)},
        languages=("cpp",),
        license="cc by",
        source=f"International Olympiad in Informatics {year}",
    )
    return Task(problem, prompts, str(first.get("starting_code") or ""), year)


def _group(
    row: Mapping[str, Any], tests: Mapping[str, tuple[str, str]], where: str, default: bool
) -> tuple[Group, int]:
    """A subtask's group, and the bytes of its largest answer."""
    own = _own(row)
    score = float(row["score"])
    name = f"{SECRET}/{row['subtask']}" if score else SAMPLE
    made = []
    for test in row["test_names"]:
        given = own.get(test) or tests.get(test)
        if given is None:
            raise _wrong(where, f"the test {test} of {row['id']} ({row['subtask']}) is not among the tests")
        arguments = WORDS if default else ()
        made.append(Test(f"{name}/{test}", given[0].encode(), given[1].encode(), validator_arguments=arguments))
    if not made:
        raise _wrong(where, f"{row['id']} has no tests for {row['subtask']}")
    rules = Rules("min", score) if score else Rules()
    return Group(name, tuple(made), rules), max(len(test.read_answer()) for test in made)


def _own(row: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The tests that a subtask's row holds itself."""
    cases = row.get("test_cases") or {}
    if isinstance(cases, list):
        cases = dict(zip(row["test_names"], cases, strict=True))
    return {name: (pair[0], pair[1]) for name, pair in cases.items()}


def _compiled(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """What is compiled with a submission: the grader or stub, and headers that a submission may include.

    A manager and `testlib.h` belong to the judge.
    """
    found = {}
    for path, text in files.items():
        folder, name = PurePosixPath(path).parent.name, PurePosixPath(path).name
        if folder == "graders" and (name in COMPILED or (name.endswith(".h") and name != "testlib.h")):
            found[name] = text
    return found


def _checker(files: Mapping[str, bytes]) -> Validator | None:
    """The program that judges what a batch program wrote; None where there is none."""
    if CHECKER not in files:
        return None
    return Validator(_program("checker", "checker.cpp", files), "cms")


def _manager(name: str, files: Mapping[str, bytes], config: Mapping[str, Any], where: str) -> Validator:
    """The program that speaks with a submission.

    Raises:
        HelderError: there is none, or the task asks for what is not done here.
    """
    if MANAGER not in files:
        raise _wrong(where, f"{name} is a communication task without {MANAGER}")
    if CHECKER in files:
        raise _wrong(where, f"{name} has a manager and a checker; the manager's word is taken as the score here")
    if str(config.get(f"{COMMUNICATION}user_io") or "std_io") != "std_io":
        raise _wrong(where, f"{name} gives submissions pipes by name; here they speak over standard input and output")
    if config.get(f"{COMMUNICATION}manager_args"):
        raise _wrong(where, f"{name} gives its manager arguments of its own, which is not done here")
    processes = int(config.get(f"{COMMUNICATION}num_processes") or 1)
    if processes > MANAGED:
        raise _wrong(where, f"{name} has {processes} processes; at most {MANAGED} are managed here")
    return Validator(_program("graders", "manager.cpp", files), "manager", processes)


def _program(folder: str, main: str, files: Mapping[str, bytes]) -> Source:
    """A program of the judge: its source, and the headers that lie beside it."""
    beside = {
        path.partition("/")[2]: text
        for path, text in files.items()
        if path.startswith(f"{folder}/") and path.endswith((".h", ".hpp"))
    }
    return Source(PurePosixPath(main).stem, {**beside, main: files[f"{folder}/{main}"]}, "cpp")


def _memory(value: Any, where: str) -> int:
    if int(value) < MEBIBYTE:
        raise _wrong(where, f"memory_limit is {value}; it is in bytes, and that is less than a program needs to start")
    return int(value)


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where a row stands, and the row."""
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise _wrong(str(path), "there is no .jsonl file")
    for file in files:
        try:
            with file.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    if not line.strip():
                        continue
                    where = f"{file}, line {number}"
                    try:
                        row = json.loads(line)
                    except ValueError as error:
                        raise _wrong(where, f"it is no JSON: {error}") from error
                    if not isinstance(row, dict):
                        raise _wrong(where, "it is no JSON object")
                    yield where, row
        except (OSError, UnicodeDecodeError) as error:
            raise HelderError(
                f"The rows in {file} cannot be read.", str(error), "Give a file of JSON lines."
            ) from error


def _need(row: Mapping[str, Any], columns: tuple[str, ...], where: str) -> None:
    missing = [column for column in columns if row.get(column) is None]
    if missing:
        raise _wrong(where, f"{missing[0]!r} is missing")


def _wrong(where: str, what: str) -> HelderError:
    return HelderError(
        f"{where}: {what}.",
        "A row of a subtask has the columns of open-r1/ioi, a row of a test those of open-r1/ioi-test-cases.",
        "Correct the file.",
    )
