"""The judge as a verifier: a program that is an answer, run on the hidden tests of its item.

The program is the last block between lines of three ticks that says it is in Python or C++ (`program_in`); a text
without any such line is a program in Python itself. It runs in a room like any submission: it never sees the
answers, and a judge error is an error, never a reward of zero.

The same program for the same tests is judged once: answers of a group are often the same.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256

from helder.errors import HelderError
from helder.evaluate.judge.judge import Judge
from helder.evaluate.judge.problem import MEBIBYTE, SECRET, Group, Limits, Problem, Test
from helder.evaluate.judge.texts import program_in
from helder.evaluate.records import Example
from helder.ledger import canonical

SECONDS = 2.0  # of the processor for a test (assumption: problems of this kind need a hundredth of it)
MEMORY = 256 * MEBIBYTE
KNOWN = 100_000  # verdicts that are kept
LANGUAGES = {"python3": "main.py", "cpp": "main.cpp"}

_known: OrderedDict[str, float] = OrderedDict()


def passed(item: Example, text: str, every: bool = False) -> float:
    """The share of an item's tests that the program in a text passes.

    Args:
        every: run all tests; otherwise a program is left after its first wrong one, and the share is 1 or less.

    Raises:
        HelderError: the item has no tests, or rooms cannot be made here.
        JudgeError: the judge failed.
    """
    if not item.tests:
        raise HelderError(
            f"The item {item.id} has no tests.",
            "A verifier that runs programs needs a column with them, [[input, output], …].",
            'Name it in the recipe ([data] program_tests = "tests"), or use another verifier, such as "right".',
        )
    language, code = program(text)
    if not code:
        return 0.0
    key = canonical.digest([[list(test) for test in item.tests], language, code, every])
    if key in _known:
        _known.move_to_end(key)
        return _known[key]
    with Judge(_problem(item), workers=1) as judge:
        judged = judge.judge({LANGUAGES[language]: code.encode("utf-8", "replace")}, every=every)
    judged.score  # noqa: B018  a judge error is raised here
    share = sum(test.verdict == "AC" for test in judged.tests) / len(item.tests)
    _known[key] = share
    if len(_known) > KNOWN:
        _known.popitem(last=False)
    return share


def program(text: str) -> tuple[str, str]:
    """(language, program) of an answer; an empty program when there is none."""
    for language in LANGUAGES:
        if code := program_in(text, language):
            return language, code
    return "python3", "" if "```" in text else text


def _problem(item: Example) -> Problem:
    """An item as a problem: all of its tests are secret, and all must be passed."""
    tests = tuple(
        Test(f"{SECRET}/{number:03d}", given.encode(), right.encode())
        for number, (given, right) in enumerate(item.tests, 1)
    )
    name = sha256(item.id.encode()).hexdigest()[:12]
    data = Group("", (Group(SECRET, tests),))
    limits = Limits(time=SECONDS, memory=MEMORY, output=MEBIBYTE)
    return Problem(name, "item", scoring=False, interactive=False, statements={}, data=data, limits=limits)
