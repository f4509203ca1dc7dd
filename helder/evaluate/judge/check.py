"""Whether a problem's own submissions become what the problem expects of them.

A submission of which something else becomes than its folder or submissions.yaml says is a defect: of the submission,
of the tests, of the validator, or of the time limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from helder.errors import HelderError
from helder.evaluate.judge.expected import matches
from helder.evaluate.judge.groups import TestResult
from helder.evaluate.judge.judge import Judge, Judged
from helder.evaluate.judge.problem import Expectation, Problem, Submission

# Verdicts that the format has no name for count as a run-time error.
COUNTED = {"MLE": "RE", "OLE": "RE"}


@dataclass(frozen=True)
class Checked:
    """A submission of a problem, and what became of it.

    Attributes:
        path: of the submission, below "submissions".
        judged: None when it could not be judged here.
        differences: from what is expected, in sentences.
        notes: what is worth knowing and no difference.
        expected: whether anything is expected of it.
    """

    path: str
    judged: Judged | None
    differences: tuple[str, ...]
    notes: tuple[str, ...]
    expected: bool

    @property
    def unchecked(self) -> bool:
        """Whether it could not be said what becomes of it."""
        return self.judged is None or self.judged.verdict == "JE"

    def to_json(self) -> dict[str, Any]:
        judged = self.judged.to_json() if self.judged else None
        return {
            "path": self.path,
            "expected": self.expected,
            "differences": list(self.differences),
            "notes": list(self.notes),
            "judged": judged,
        }


def check(judge: Judge, submission: Submission) -> Checked:
    """Judge one of a problem's own submissions on all tests, and compare."""
    source, expected = submission.source, bool(submission.expectations)
    try:
        judged = judge.judge(source.files, every=True, language=source.language, main=source.main)
    except HelderError as error:
        return Checked(submission.path, None, (), (f"not judged: {error.what} {error.why}",), expected)
    if judged.verdict == "JE":
        return Checked(submission.path, judged, (), (f"judge error: {judged.told}",), expected)
    found = [why for one in submission.expectations for why in differences(judge.problem, one, judged)]
    return Checked(submission.path, judged, tuple(found), tuple(_notes(judge, submission, judged)), expected)


def check_all(
    judge: Judge, submissions: tuple[Submission, ...], on_checked: Callable[[Checked], None] = lambda one: None
) -> list[Checked]:
    """All of a problem's own submissions, one after the other."""
    found = []
    for submission in submissions:
        found.append(check(judge, submission))
        on_checked(found[-1])
    return found


def differences(problem: Problem, expected: Expectation, judged: Judged) -> Iterator[str]:
    """What is otherwise than it must be, in sentences."""
    if judged.verdict == "CE":
        yield "It does not compile."
        return
    where = f" in {expected.where}" if expected.where else ""
    if expected.verdict and judged.verdict not in expected.verdict:
        yield f"Its verdict is {judged.verdict}, not {' or '.join(expected.verdict)}."
    results = {result.name: result for result in judged.tests}
    names = [test.name for test in problem.data.tests() if _in(expected, test.name)]
    verdicts = {name: _verdict(results.get(name)) for name in names}
    if expected.permitted:
        # A test that was not run counts as not accepted, whatever else it might have been.
        bad = [
            (name, verdict)
            for name, verdict in verdicts.items()
            if verdict not in expected.permitted and (verdict or set(expected.permitted) == {"AC"})
        ]
        for name, verdict in bad[:1]:
            more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
            yield f"{name} is {verdict or 'not run'}; permitted{where} are {', '.join(expected.permitted)}{more}."
    if expected.required and not any(verdict in expected.required for verdict in verdicts.values()):
        yield f"No test{where} is {' or '.join(expected.required)}."
    if expected.score is not None:
        least, most = expected.score
        for name, points in _points(expected, judged):
            if not least <= points <= most:
                wanted = f"{least:g}" if least == most else f"{least:g} to {most:g}"
                yield f"{name} has {points:g} points, not {wanted}."
    if expected.message and not any(expected.message in results[name].message for name in names if name in results):
        yield f"No judge message{where} holds {expected.message!r}."


def _in(expected: Expectation, name: str) -> bool:
    return not expected.where or matches(expected.where, name)


def _verdict(result: TestResult | None) -> str:
    return "" if result is None else COUNTED.get(result.verdict, result.verdict)


def _points(expected: Expectation, judged: Judged) -> list[tuple[str, float]]:
    if not expected.where:
        return [("The submission", judged.points)]
    # Only groups themselves: what a group holds has its own points.
    return [
        (group.name, group.points)
        for group in judged.groups
        if group.name and group.points is not None and matches(expected.where, group.name)
    ]


def _notes(judge: Judge, submission: Submission, judged: Judged) -> Iterator[str]:
    factor = judge.problem.limits.ac_to_time_limit
    times = [
        test.cpu_seconds
        for test in judged.tests
        if any(one.bound == "lower" and _in(one, test.name) for one in submission.expectations)
    ]
    if times and max(times) * factor > judge.time_limit:
        yield (
            f"Its slowest test takes {max(times):.2f} s; with the package's factor {factor:g} that is more than the "
            f"time limit of {judge.time_limit:g} s."
        )
    if not submission.expectations:
        yield f"Nothing is expected of submissions in {submission.folder}/."
