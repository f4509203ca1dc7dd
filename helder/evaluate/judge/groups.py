"""Verdicts and scores of tests → of groups → of the submission, by the rules of both formats.

Tests are asked for in order, and only those that the rules want: a group that cannot be accepted any more is left, a
group that requires another one is not begun. What becomes of a submission is therefore the same however many tests
were run side by side.

A judge error ends it at once. It says nothing about the submission, and no score comes of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from helder.evaluate.judge.problem import SAMPLE, SECRET, Group, LegacyRules, Problem, Rules, Test

# From the worst, as the default grader of problemtools orders them.
WORST = ("JE", "RE", "MLE", "TLE", "OLE", "WA", "AC")
ROUNDING = 9  # decimals; sums of thirds of points become what they are meant to be


@dataclass(frozen=True)
class Outcome:
    """What became of one test.

    Attributes:
        verdict: AC, WA, TLE, MLE, OLE, RE, or JE.
        score: that the validator gave, if it did.
        share: of the greatest score, that the validator gave, 0 to 1.
        cpu_seconds, memory: of the submission; memory in bytes.
        message: of the validator to judges; of what went wrong in the judge, with JE.
        team_message: of the validator to who wrote the submission.
    """

    verdict: str
    score: float | None = None
    share: float | None = None
    cpu_seconds: float = 0.0
    memory: int = 0
    message: str = ""
    team_message: str = ""


@dataclass(frozen=True)
class TestResult:
    """What became of a test in its group. Two are equal when what must not differ from run to run is.

    Attributes:
        name: of the test.
        points: that it got; None where tests have no points.
    """

    name: str
    verdict: str
    points: float | None
    cpu_seconds: float = field(compare=False)
    memory: int = field(compare=False)
    message: str = field(compare=False)
    team_message: str = field(compare=False)

    __test__ = False


@dataclass(frozen=True)
class GroupResult:
    """What became of a group.

    Attributes:
        name: of the group; "" for all of the data.
        verdict: AC when all in it were accepted, or as the legacy grader says; "" when it was not run.
        points: that it got; None where there are none.
        most: that it can give; None where there is no greatest.
    """

    name: str
    verdict: str
    points: float | None
    most: float | None


@dataclass(frozen=True)
class Graded:
    """What became of a submission: its verdict, its points, and all tests and groups that were run, in order."""

    verdict: str
    points: float
    tests: tuple[TestResult, ...]
    groups: tuple[GroupResult, ...]
    message: str = ""


class _JudgeError(Exception):
    """Ends the way through the groups."""


Ask = Callable[[Test], Outcome]
Leave = Callable[[Group], None]


def grade(
    problem: Problem,
    ask: Ask,
    leave: Leave = lambda group: None,
    only: str | None = None,
    every: bool = False,
) -> Graded:
    """Go through the groups and score them.

    Args:
        ask: what became of a test; called in order.
        leave: told of a group none of whose other tests will be asked for.
        only: "sample" or "secret"; None for both.
        every: ask for every test of a group, even when its result is clear: what must become of a problem's own
            submissions is said about all tests.
    """
    way = _Way(problem, ask, leave, every)
    items = tuple(item for item in problem.data.items if only in (None, item.name))
    data = dataclasses.replace(problem.data, items=items)
    try:
        if isinstance(data.rules, LegacyRules):
            verdict, points = way.legacy(data, alone=only is not None)
        else:
            verdict, points = way.new(data)
    except _JudgeError as error:
        return Graded("JE", 0.0, tuple(way.tests), tuple(way.groups), str(error))
    return Graded(verdict, points, tuple(way.tests), tuple(way.groups))


class _Way:
    """A way through the groups of a problem.

    Args:
        problem, ask, leave, every: see `grade`.
    """

    def __init__(self, problem: Problem, ask: Ask, leave: Leave, every: bool) -> None:
        self.problem, self.ask, self.leave, self.every = problem, ask, leave, every
        self.tests: list[TestResult] = []
        self.groups: list[GroupResult] = []

    def test(self, test: Test) -> Outcome:
        """Ask for a test.

        Raises:
            _JudgeError: nothing is known about it.
        """
        outcome = self.ask(test)
        if outcome.verdict == "JE":
            self.note(test, outcome, None)
            raise _JudgeError(f"{test.name}: {outcome.message}")
        return outcome

    def note(self, test: Test, outcome: Outcome, points: float | None) -> None:
        self.tests.append(
            TestResult(
                test.name,
                outcome.verdict,
                points,
                outcome.cpu_seconds,
                outcome.memory,
                outcome.message,
                outcome.team_message,
            )
        )

    def wrong(self, test: Test, outcome: Outcome, why: str) -> _JudgeError:
        """A validator that breaks the rules of scores: a judge error."""
        self.note(test, dataclasses.replace(outcome, verdict="JE", message=why), None)
        return _JudgeError(f"{test.name}: {why}")

    # --- format 2025-09 ----------------------------------------------------------------------------------------------

    def new(self, data: Group) -> tuple[str, float]:
        """All of the data: the verdict of the submission and its points."""
        verdicts: dict[str, str] = {}
        points: dict[str, float | None] = {}
        for item in data.items:
            assert isinstance(item, Group)
            if not self.problem.scoring and not self.every and any(one != "AC" for one in verdicts.values()):
                self.leave(item)
                continue
            verdicts[item.name], points[item.name] = self.group(item, verdicts)
        verdict = next((one for one in verdicts.values() if one != "AC"), "AC")
        if not self.problem.scoring or SECRET not in verdicts:
            self.groups.insert(0, GroupResult("", verdict, None, None))
            return verdict, float(verdict == "AC")
        # The submission's score is that of the secret tests; samples count for nothing.
        secret = next(item for item in data.items if item.name == SECRET)
        assert isinstance(secret, Group)
        got, most = points[SECRET] or 0.0, greatest(secret)
        found = verdicts[SECRET] or verdict  # not run at all: what it required stands before it
        self.groups.insert(0, GroupResult("", verdict, got, most))
        if most is None:
            return ("PA" if found != "AC" and got > 0 else found), got
        if got >= most and found == "AC":
            return "AC", got
        return ("PA" if got > 0 or found == "AC" else found), got

    def group(self, group: Group, known: dict[str, str]) -> tuple[str, float | None]:
        """A group: its verdict and its points."""
        rules = group.rules
        assert isinstance(rules, Rules)
        scored = self.problem.scoring and group.name != SAMPLE
        place = len(self.groups)
        if any(known.get(name) != "AC" for name in rules.require_pass):
            self.leave(group)
            known[group.name] = ""
            self.groups.append(
                GroupResult(group.name, "", 0.0 if scored else None, greatest(group) if scored else None)
            )
            return "", 0.0 if scored else None
        verdict, points = "AC", []
        for count, item in enumerate(group.items):
            if isinstance(item, Group):
                # A group that was not run is not accepted, but it is no verdict of its own.
                found, inner = self.group(item, known)
                got = inner or 0.0
            else:
                found, got = self.scored(item, group, scored)
            points.append(got)
            if verdict == "AC" and found != "AC":
                verdict = found
            done = verdict != "AC" if rules.aggregation == "pass-fail" else rules.aggregation == "min" and got == 0
            if (done or (not scored and verdict != "AC")) and not self.every and count + 1 < len(group.items):
                self.leave(group)
                break
        if verdict == "":  # only groups that were not run failed: that of the group they required stands elsewhere
            verdict = next((known[name] for name in sorted(known) if known[name] not in ("", "AC")), "WA")
        known[group.name] = verdict
        total = self.total(group, rules, verdict, points) if scored else None
        self.groups.insert(place, GroupResult(group.name, verdict, total, greatest(group) if scored else None))
        return verdict, total

    def scored(self, test: Test, group: Group, scored: bool) -> tuple[str, float]:
        """A test: its verdict and its points, with what the format says about scores of validators."""
        rules = group.rules
        assert isinstance(rules, Rules)
        outcome = self.test(test)
        counts = scored and rules.aggregation != "pass-fail"
        gave = outcome.score is not None or outcome.share is not None
        if gave and outcome.verdict != "AC" and self.problem.validator_scores != "no":
            raise self.wrong(test, outcome, "the validator gave a score to a test that it did not accept")
        if gave and not counts and not (test.sample and self.problem.scoring):
            raise self.wrong(test, outcome, "the validator gave a score where tests have none")
        if not counts:
            self.note(test, outcome, None)
            return outcome.verdict, 0.0
        most = greatest(group)
        if most is not None and rules.aggregation == "sum":
            most /= len(group.items)
        points = 0.0
        if outcome.verdict == "AC":
            if most is None and outcome.score is None:
                raise self.wrong(test, outcome, "the validator gave no score, and there is no greatest one")
            if most is None or outcome.score is not None:
                assert outcome.score is not None
                points = outcome.score
            else:
                points = most if outcome.share is None else most * outcome.share
            if most is not None and points > most + 10**-ROUNDING:
                raise self.wrong(test, outcome, f"the validator gave {points:g} points, at most {most:g} are possible")
        self.note(test, outcome, round(points, ROUNDING))
        return outcome.verdict, points  # rounded when they are added up: three thirds are the whole

    def total(self, group: Group, rules: Rules, verdict: str, points: Sequence[float]) -> float:
        if rules.aggregation == "pass-fail":
            return (rules.max_score or 0.0) if verdict == "AC" else 0.0
        found = round(sum(points) if rules.aggregation == "sum" else min(points, default=0.0), ROUNDING)
        if rules.max_score is not None and found > rules.max_score + 10**-ROUNDING:
            raise _JudgeError(f"{group.name}: {found:g} points are more than its max_score {rules.max_score:g}")
        return found

    # --- format legacy -----------------------------------------------------------------------------------------------

    def legacy(self, data: Group, alone: bool) -> tuple[str, float]:
        """All of the data: the verdict of the submission and its points."""
        if alone:  # one of sample and secret, which the root would mix or leave out
            assert isinstance(data.rules, LegacyRules)
            data = dataclasses.replace(data, rules=dataclasses.replace(data.rules, ignore_sample=False))
        verdict, points = self.legacy_group(data)
        if not self.problem.scoring:
            return verdict, float(verdict == "AC")
        if verdict != "AC":
            return verdict, 0.0  # the format: the score of a verdict other than accepted is ignored
        best = best_legacy(self.problem, data)
        full = best is None or (points <= best if self.problem.minimise else points >= best)
        return ("AC" if full else "PA"), points

    def legacy_group(self, group: Group) -> tuple[str, float]:
        """A group: its verdict and its points, by the default grader."""
        rules = group.rules
        assert isinstance(rules, LegacyRules)
        place = len(self.groups)
        found: list[tuple[str, float]] = []
        for count, item in enumerate(group.items):
            if isinstance(item, Group):
                found.append(self.legacy_group(item))
            else:
                outcome = self.test(item)
                points = outcome.score
                if points is None:
                    points = rules.accept_score if outcome.verdict == "AC" else rules.reject_score
                self.note(item, outcome, points if self.problem.scoring else None)
                found.append((outcome.verdict, points))
            if found[-1][0] != "AC" and rules.on_reject == "break" and count + 1 < len(group.items):
                self.leave(group)
                break
        if rules.ignore_sample and len(found) > 2:
            raise _JudgeError(
                f"{group.name or 'data'}: ignore_sample is for sample and secret, not {len(found)} results"
            )
        verdict, total = legacy_grade(found, rules)
        scored = self.problem.scoring
        most = rules.most if scored and rules.most != float("inf") else None
        self.groups.insert(place, GroupResult(group.name, verdict, total if scored else None, most))
        return verdict, total


def legacy_grade(results: Sequence[tuple[str, float]], rules: LegacyRules) -> tuple[str, float]:
    """The default grader of the legacy format: verdicts and scores in a group → those of the group.

    Source: problemtools, `default_grader`, which prints scores with six decimals.
    """
    if not results:
        return "AC", 0.0
    if rules.ignore_sample:
        results = results[-1:]
    verdicts = [verdict for verdict, _ in results]
    scores = [score for _, score in results]
    if rules.verdict == "always_accept" or (rules.accept_if_any_accepted and "AC" in verdicts):
        verdict = "AC"
    elif rules.verdict == "first_error":
        verdict = next((one for one in verdicts if one != "AC"), "AC")
    else:
        verdict = min(verdicts, key=WORST.index)
    if rules.score == "sum":
        score = sum(scores)
    elif rules.score == "avg":
        score = sum(scores) / len(scores)
    else:
        score = min(scores) if rules.score == "min" else max(scores)
    return verdict, float(f"{score:f}")


def greatest(group: Group) -> float | None:
    """The most points that a group can give; None when there is no greatest."""
    rules = group.rules
    return rules.max_score if isinstance(rules, Rules) else None


def best_legacy(problem: Problem, data: Group) -> float | None:
    """The best score of a legacy problem: of a submission that has everything accepted, or the range's end."""
    rules = data.rules
    assert isinstance(rules, LegacyRules)
    if problem.validator_scores == "no":
        return _all_accepted(data)[1]
    end = rules.least if problem.minimise else rules.most
    return None if abs(end) == float("inf") else end


def _all_accepted(group: Group) -> tuple[str, float]:
    rules = group.rules
    assert isinstance(rules, LegacyRules)
    found = [_all_accepted(item) if isinstance(item, Group) else ("AC", rules.accept_score) for item in group.items]
    return legacy_grade(found, rules)
