"""The made-up programming problems: their programs compile and are right, and the test's constants are held out."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from helder.examples.dice import Dice
from helder.examples.olympiccoder.kinds import KINDS
from helder.examples.olympiccoder.problems import Problem, held_out, problems

COMPILER = shutil.which("g++")
FLAGS = ["-std=c++17", "-O0", "-Wall", "-Wextra", "-Werror"]
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no g++ on this machine")


def block(answer: str) -> str:
    """The program in an answer."""
    found = re.fullmatch(r"<think>\n.+\n</think>\n\n```cpp\n(.+)\n```", answer, re.DOTALL)
    assert found, answer
    return found[1]


def together(programs: list[str]) -> str:
    """Programs as one, which runs the one whose number it is given: a compiler reads the headers once."""
    heads = sorted({line for text in programs for line in text.splitlines() if line.startswith("#include")})
    parts = [
        f"namespace p{place} {{\n" + "\n".join(line for line in text.splitlines() if line not in heads) + "\n}"
        for place, text in enumerate(programs)
    ]
    parts = [part.replace("int main() {", "int start() {").replace("\n}\n}", "\nreturn 0;\n}\n}") for part in parts]
    cases = "".join(f"case {place}: return p{place}::start();\n" for place in range(len(programs)))
    choose = f"int main(int, char** a) {{ switch (std::stoi(a[1])) {{\n{cases}}} return 9; }}"
    return "\n".join([*heads, "#include <string>", *parts, choose])


def compiled(text: str, folder: Path) -> Path:
    (folder / "program.cpp").write_text(text, encoding="utf-8")
    assert COMPILER is not None
    subprocess.run([COMPILER, *FLAGS, "-o", folder / "program", folder / "program.cpp"], check=True)
    return folder / "program"


def said(program: Path, given: str, *arguments: str) -> str:
    return subprocess.run(
        [program, *arguments], input=given, capture_output=True, text=True, check=True, timeout=10
    ).stdout.strip()


@needs_compiler
def test_every_kind_of_program_gives_the_right_output_for_any_constant(tmp_path: Path) -> None:
    """Each kind with its smallest, its largest and a constant between, on inputs that no problem shows."""
    made = [
        (kind, constant)
        for kind in KINDS
        for constant in (kind.constants[0], kind.constants[len(kind.constants) // 2], kind.constants[-1])
    ]
    program = compiled(together([kind.program(constant) for kind, constant in made]), tmp_path)
    for place, (kind, constant) in enumerate(made):
        for number in range(4):
            trial = kind.trial(Dice("trial", kind.name, number), constant)
            assert said(program, trial.input, str(place)) == trial.output, (kind.name, constant, trial)


@needs_compiler
def test_the_program_in_an_answer_compiles_as_it_stands_and_answers_its_example(tmp_path: Path) -> None:
    problem = problems(9, 7, held_out=True)[-1]
    program = compiled(block(problem.output), tmp_path)
    assert said(program, problem.example.input) == problem.example.output


def test_there_are_at_least_ten_kinds_each_as_often_as_the_others() -> None:
    assert len(KINDS) >= 10
    assert set(Counter(problem.kind.name for problem in problems(5, 3 * len(KINDS), False)).values()) == {3}


def test_a_held_out_constant_stands_in_no_problem_that_is_learnt_from() -> None:
    for kind in KINDS:
        assert 0 < sum(held_out(kind, constant) for constant in kind.constants) < len(kind.constants) / 2, kind.name
    for out in (False, True):
        assert all(held_out(problem.kind, problem.constant) is out for problem in problems(7, 60, out))


def test_problems_differ_and_keep_away_from_those_that_were_asked() -> None:
    first = problems(3, 48, False)
    asked = {problem.input for problem in first}
    assert len(asked) == 48
    assert not asked & {problem.input for problem in problems(3, 48, False, but=asked)}


def test_the_same_seed_gives_the_same_problems_and_another_one_others() -> None:
    def lines(made: list[Problem]) -> list[dict[str, object]]:
        return [problem.line() for problem in made]

    assert lines(problems(1, 24, False)) == lines(problems(1, 24, False))
    assert lines(problems(1, 24, False)) != lines(problems(2, 24, False))


def test_the_example_in_a_problem_is_the_one_its_thoughts_work_through() -> None:
    for problem in problems(4, 24, False):
        assert problem.example.input in problem.input
        assert problem.input.endswith(f"Example output:\n{problem.example.output}")
        assert problem.example.working in problem.output
        assert "@" not in problem.output
        assert "{" not in problem.input
