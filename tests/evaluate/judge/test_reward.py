"""The judge as a verifier: a reward for a program that passes hidden tests, and never a zero for a judge's failure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from helder.data.task import Task
from helder.errors import HelderError
from helder.evaluate import verifiers
from helder.evaluate.judge import judge as judges
from helder.evaluate.judge import reward
from helder.evaluate.judge.groups import Outcome
from helder.evaluate.judge.judge import JudgeError
from helder.evaluate.records import Example

TASK = Task(kind="text", name="programs")
ITEM = Example("1", "Print twice the number.", "print(2*int(input()))", tests=(("3\n", "6\n"), ("0\n", "0\n")))


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """No verdict is known from another test."""
    reward._known.clear()
    yield
    reward._known.clear()


@pytest.mark.parametrize(
    ("text", "judged", "share"),
    [
        ("print(2*int(input()))", 1.0, 1.0),
        ("So:\n```python\nprint(2*int(input()))\n```", 1.0, 1.0),
        ("print(0)", 0.0, 0.5),
        ("print(", 0.0, 0.0),
        ("```\n```", 0.0, 0.0),
        ("", 0.0, 0.0),
        ("import sys; sys.exit(print(6) or 3)", 0.0, 0.0),
    ],
)
def test_a_program_is_rewarded_for_passing_all_tests_or_for_its_share_of_them(
    text: str, judged: float, share: float
) -> None:
    assert verifiers.find("judged@1").judge(TASK, ITEM, text) == judged
    assert verifiers.find("tests@1").judge(TASK, ITEM, text) == share


def test_a_program_in_cpp_is_compiled_and_run() -> None:
    code = '#include <cstdio>\nint main() { int n; std::scanf("%d", &n); std::printf("%d\\n", 2 * n); }'
    assert verifiers.find("judged").judge(TASK, ITEM, f"```cpp\n{code}\n```") == 1.0


def test_an_answer_that_looks_for_the_tests_finds_none() -> None:
    code = "import os\nprint(sorted(name for _, _, names in os.walk('/program') for name in names))\n"
    item = Example("1", "", "", tests=(("", "['main.py']\n"),))
    assert verifiers.find("judged").judge(TASK, item, code) == 1.0


def test_a_judge_error_is_an_error_and_no_reward_of_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges._Runs, "_run", lambda self, test: Outcome("JE", message="the disk is full"))
    with pytest.raises(JudgeError, match="the disk is full"):
        verifiers.find("judged").judge(TASK, ITEM, "print(1)")
    assert not reward._known


def test_an_item_without_tests_cannot_be_judged() -> None:
    with pytest.raises(HelderError, match="has no tests"):
        verifiers.find("judged").judge(TASK, Example("1", "", "print(1)"), "print(1)")


def test_the_same_program_for_the_same_tests_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    real = reward._problem
    monkeypatch.setattr(reward, "_problem", lambda item: made.append(item.id) or real(item))  # type: ignore[func-returns-value]
    judge = verifiers.find("judged").judge
    assert [judge(TASK, ITEM, "print(0)") for _ in range(3)] == [0.0] * 3
    assert len(made) == 1
