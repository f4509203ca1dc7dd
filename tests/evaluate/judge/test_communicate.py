"""Communication tasks: a manager speaks with one process or several, each in a room of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from helder.errors import HelderError
from helder.evaluate.judge import ioi
from helder.evaluate.judge.judge import Judge
from tests.evaluate.judge import rows

START = '#include "relay.h"\n#include <cstdlib>\n#include <unistd.h>\n'
DOUBLES = START + "long long answer(int, long long x) { return 2 * x; }\n"
FIRST_RIGHT = START + "long long answer(int, long long x) { static int n; return n++ ? 0 : 2 * x; }\n"
WRONG = START + "long long answer(int, long long) { return 0; }\n"
DIES = START + "long long answer(int, long long) { std::abort(); }\n"
LOOPS = START + "long long answer(int, long long x) { for (volatile long long i = 0;; i = i + 1) {} return x; }\n"
LEAVES = START + "long long answer(int, long long) { _exit(0); }\n"


@pytest.fixture(scope="module", params=[1, 2])
def judge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    path = rows.write(tmp_path_factory.mktemp("rows") / "rows.jsonl", rows.communication(request.param))
    (problem,) = ioi.read(path)
    with Judge(problem) as made:
        yield made


def test_processes_answer_the_manager_whose_share_gives_the_points(judge: Judge) -> None:
    right = judge.judge({"relay.cpp": DOUBLES.encode()})
    assert (right.verdict, right.score) == ("AC", 100)
    assert {test.message for test in right.tests} == {"translate:told"}
    part = judge.judge({"relay.cpp": FIRST_RIGHT.encode()})
    assert (part.verdict, part.score) == ("PA", 50)
    assert judge.judge({"relay.cpp": WRONG.encode()}).verdict == "WA"


@pytest.mark.parametrize(("code", "verdict"), [(DIES, "RE"), (LEAVES, "WA")])
def test_a_process_that_ends_early_is_judged_by_how_it_ended(judge: Judge, code: str, verdict: str) -> None:
    judged = judge.judge({"relay.cpp": code.encode()})
    assert (judged.verdict, judged.score) == (verdict, 0)


def test_a_process_that_never_answers_is_too_slow(judge: Judge) -> None:
    judged = judge.judge({"relay.cpp": LOOPS.encode()}, only="sample")
    assert judged.verdict == "TLE"


def test_more_processes_than_can_be_managed_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HelderError, match="9 processes"):
        ioi.read(rows.write(tmp_path / "rows.jsonl", rows.communication(9)))


def test_a_manager_that_fails_is_a_judge_error(tmp_path: Path) -> None:
    lines = rows.communication(1)
    for line in lines[:3]:
        line["grader_files"][0] = ["graders/manager.cpp", "int main() { return 3; }\n"]
    (problem,) = ioi.read(rows.write(tmp_path / "rows.jsonl", lines))
    with Judge(problem) as judge:
        assert judge.judge({"relay.cpp": DOUBLES.encode()}).verdict == "JE"
