"""Rows of IOI problems become problems that the judge knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from helder.errors import HelderError
from helder.evaluate.judge import ioi
from helder.evaluate.judge.judge import Judge
from helder.evaluate.judge.problem import Group, Rules
from tests.evaluate.judge import rows

RIGHT = (
    '#include "sums.h"\nlong long total(std::vector<int> a) { long long s = 0; for (int x : a) s += x; return s; }\n'
)
OVERFLOWS = RIGHT.replace("long long s", "int s")
NEARLY = RIGHT.replace("return s", "return s + (a.size() == 3)")


def test_a_row_for_each_subtask_becomes_a_group_with_its_points(tmp_path: Path) -> None:
    (problem,) = ioi.read(rows.write(tmp_path / "rows.jsonl", rows.batch()))
    sample, secret = problem.data.items
    assert isinstance(sample, Group) and isinstance(secret, Group)
    assert [test.name for test in sample.tests()] == ["sample/0-01"]
    groups = [group for group in secret.items if isinstance(group, Group)]
    assert [(group.name, group.rules) for group in groups] == [
        ("secret/01-small", Rules("min", 30.0)),
        ("secret/02-all", Rules("min", 70.0)),
    ]
    assert secret.rules == Rules("sum", 100.0)
    assert problem.limits.time == 1.0 and problem.limits.memory == 256 << 20
    assert sorted(problem.include["cpp"]) == ["grader.cpp", "sums.h"]  # nothing of the judge's own
    assert problem.titles == {"en": "Sums"} and problem.name == "2030-sums"


def test_subtasks_and_tests_may_lie_in_files_of_a_folder_and_prompts_come_along(tmp_path: Path) -> None:
    lines = rows.batch()
    rows.write(tmp_path / "a-subtasks.jsonl", lines[:3])
    rows.write(tmp_path / "b-tests.jsonl", lines[3:])
    (task,) = ioi.tasks(tmp_path)
    assert task.prompts == {"01-small": "About sums: solve 01-small.", "02-all": "About sums: solve 02-all."}
    assert task.starting_code == '#include "sums.h"\n' and task.year == 2030


def test_a_subtask_gives_its_points_times_its_worst_test(tmp_path: Path) -> None:
    (problem,) = ioi.read(rows.write(tmp_path / "rows.jsonl", rows.batch()))
    with Judge(problem) as judge:
        found = {name: judge.judge({"sums.cpp": code.encode()}) for name, code in _programs().items()}
    assert (found["right"].verdict, found["right"].score) == ("AC", 100)
    assert (found["overflows"].verdict, found["overflows"].score) == ("PA", 30)
    assert (found["nearly"].verdict, found["nearly"].score) == ("PA", 50)  # half of the points of both subtasks
    assert found["no function"].verdict == "CE"


def _programs() -> dict[str, str]:
    return {"right": RIGHT, "overflows": OVERFLOWS, "nearly": NEARLY, "no function": "int x;\n"}


def test_without_a_checker_words_are_compared_with_their_case(tmp_path: Path) -> None:
    (problem,) = ioi.read(rows.write(tmp_path / "rows.jsonl", rows.batch(checker=False)))
    assert problem.validator is None
    assert all(test.validator_arguments == ("case_sensitive",) for test in problem.data.tests())


def test_tests_may_stand_in_the_subtask_itself(tmp_path: Path) -> None:
    lines = rows.batch()[:3]
    for line in lines:
        line["test_cases"] = [rows.TESTS[name] for name in line["test_names"]]
    (problem,) = ioi.read(rows.write(tmp_path / "rows.jsonl", lines))
    assert len(list(problem.data.tests())) == 6


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda lines: lines[0].pop("grader_files"), "'grader_files' is missing"),
        (lambda lines: lines.pop(), "the test 2-01 of sums"),
        (lambda lines: lines.append(dict(lines[0])), "00-samples of sums stands there twice"),
        (lambda lines: lines.append(dict(lines[-1])), "the test 2-01 of sums stands there twice"),
        (lambda lines: lines[0].update(memory_limit=256), "it is in bytes"),
        (lambda lines: lines[0].update(task_type="OutputOnly"), "is of the kind OutputOnly"),
        (lambda lines: lines[0].update(task_type="Communication"), "without graders/manager.cpp"),
        (lambda lines: lines[1].update(test_names=[]), "has no tests for 01-small"),
    ],
)
def test_what_is_missing_or_not_judged_is_named(tmp_path: Path, change: object, what: str) -> None:
    lines = rows.batch()
    change(lines)  # type: ignore[operator]
    with pytest.raises(HelderError, match="rows.jsonl") as caught:
        ioi.read(rows.write(tmp_path / "rows.jsonl", lines))
    assert what in caught.value.what
