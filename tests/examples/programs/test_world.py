"""The made-up problems: tests tell right programs from wrong ones, and what is held out is learnt from nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from helder.evaluate.judge.reward import passed
from helder.evaluate.records import Example
from helder.examples import programs
from helder.examples.programs import world


@pytest.fixture(scope="module")
def files() -> dict[str, list[dict[str, Any]]]:
    return {
        name.removesuffix(".jsonl"): [json.loads(line) for line in data.decode("utf-8").splitlines()]
        for name, data in programs.contents().items()
        if name.endswith(".jsonl")
    }


def passes(item: dict[str, Any]) -> bool:
    """Whether a program of ours, which is one expression, prints what its tests expect."""
    code = compile(item["output"].removeprefix(world.HEAD).removeprefix("print"), "program", "eval")
    known = {"max": max, "min": min, "abs": abs}
    return all(
        str(eval(code, {"__builtins__": known}, dict(zip("ab", map(int, given.split()), strict=True)))) == right.strip()
        for given, right in item["tests"]
    )


def test_right_programs_pass_their_tests_and_two_in_five_that_are_learnt_from_do_not(
    files: dict[str, list[dict[str, Any]]],
) -> None:
    assert all(passes(item) for name in ("dev", "test") for item in files[name])
    assert 0.35 < sum(not passes(item) for item in files["train"]) / len(files["train"]) < 0.45


def test_the_judge_says_the_same_of_some_of_them(files: dict[str, list[dict[str, Any]]]) -> None:
    for item in files["train"][:12]:
        example = Example("x", item["input"], item["output"], tests=tuple(map(tuple, item["tests"])))
        assert (passed(example, item["output"]) == 1.0) == passes(item)


def test_problems_that_are_measured_on_stand_in_nothing_that_is_learnt_from(
    files: dict[str, list[dict[str, Any]]],
) -> None:
    learnt = {item["input"] for item in files["train"]}
    for name in ("dev", "test"):
        asked = [item["input"] for item in files[name]]
        assert len(set(asked)) == len(asked) and not learnt & set(asked)
    assert not {item["input"] for item in files["dev"]} & {item["input"] for item in files["test"]}
    assert len(files["test"]) == 300 and len(files["dev"]) == 64


def test_words_say_what_the_program_does() -> None:
    inner = world.Step(world.KINDS[4], 2, "a", "b")
    for kind, words, code in (
        (0, "3 times the sum of a and b", "3*(a+b)"),
        (2, "the larger of the sum of a and b and b", "max(a+b,b)"),
        (6, "the remainder of the sum of a and b divided by 3", "(a+b)%3"),
        (7, "the square of the sum of a and b", "(a+b)**2"),
    ):
        step = world.Step(world.KINDS[kind], 3, inner, "b")
        assert (step.words, step.code()) == (words, code)
