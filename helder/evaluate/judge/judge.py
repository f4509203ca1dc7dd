"""Judges submissions to one problem: compiled once, run in a room of their own, on every test that the rules want.

    with Judge(read(folder)) as judge:
        judged = judge.judge({"main.cpp": source})
        judged.verdict, judged.score

Tests run side by side on all cores, and what comes out does not depend on it: results are taken in the order of the
tests, and what the rules no longer ask for is thrown away. A room is used for one submission only; several are made
when several of its tests run at once. Answers, other tests and validators never lie in the room of a submission.

A judge error (JE) is never a zero: the score of such a submission raises `JudgeError`.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from helder.errors import ExitCode, HelderError
from helder.evaluate.judge import run, validate
from helder.evaluate.judge.communicate import ManagerRoom
from helder.evaluate.judge.default_validator import Comparison
from helder.evaluate.judge.expected import matches
from helder.evaluate.judge.groups import Graded, GroupResult, Outcome, TestResult, grade
from helder.evaluate.judge.languages import language_of
from helder.evaluate.judge.problem import SAMPLE, SECRET, Group, Problem, Source, Test
from helder.sealed.untrusted import Room

LONGEST = 60.0  # seconds that a submission may take while the time limit is not known yet (assumption)
AHEAD = 4  # tests for each core that are begun before they are asked for (assumption)


class JudgeError(HelderError):
    """The judge failed, so that nothing is known about the submission: no score, not even zero."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "A judge error: nothing is known about the submission.",
            why,
            "Correct the package's validator or the machine, and judge again.",
            ExitCode.UNCHECKED,
        )


@dataclass(frozen=True)
class Judged:
    """What became of a submission.

    Attributes:
        verdict: see `helder.evaluate.judge.problem.VERDICTS`.
        points: that it got; of a problem that is passed or failed, 1 or 0. Read `score`, which is an error after a
            judge error.
        tests: that the rules asked for, in order, each with its verdict.
        groups: that were scored, the outer before the inner; the first one is all of the data.
        time_limit: CPU seconds for a test.
        told: what the compiler said, or what the judge error was.
    """

    verdict: str
    points: float
    tests: tuple[TestResult, ...]
    groups: tuple[GroupResult, ...]
    time_limit: float
    told: str = ""

    @property
    def score(self) -> float:
        """The points.

        Raises:
            JudgeError: the verdict is JE.
        """
        if self.verdict == "JE":
            raise JudgeError(self.told)
        return self.points

    def to_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "score": None if self.verdict == "JE" else self.points,
            "time_limit": self.time_limit,
            "told": self.told,
            "groups": [vars(one) for one in self.groups],
            "tests": [vars(one) for one in self.tests],
        }


class Judge:
    """A judge of one problem; a context manager, whose end ends all rooms.

    May be used by several threads at once.

    Attributes:
        notes: what is worth knowing about the time limit, when it was measured.

    Args:
        problem: that submissions are handed in to.
        workers: tests that run at the same time; all cores when it is 0.
        time_limit: CPU seconds for a test, instead of what the problem says.

    Raises:
        HelderError: on entering: rooms cannot be made here, the validator does not compile, or nothing says what the
            time limit is.
    """

    def __init__(self, problem: Problem, workers: int = 0, time_limit: float | None = None) -> None:
        self.problem = problem
        self.workers = workers or len(os.sched_getaffinity(0))
        self._time = time_limit if time_limit is not None else problem.limits.time
        self._validator: validate.Compiled | None = None
        self._compared: dict[tuple[str, ...], Comparison] = {}
        self.notes: list[str] = []
        self._largest = 0
        self._free: list[validate.ValidatorRoom | ManagerRoom] = []
        self._lock = threading.Lock()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open = ExitStack()
        try:
            if self.problem.validator is not None:
                self._validator = validate.compiled(self.problem.validator, self.problem.limits)
                largest = max((test.size for test in self.problem.data.tests()), default=0)
                self._largest = self.problem.limits.output + largest
            else:
                for test in self.problem.data.tests():
                    self._compared.setdefault(test.validator_arguments, Comparison.of(test.validator_arguments))
            self._pool = self._open.enter_context(ThreadPoolExecutor(self.workers, thread_name_prefix="judge"))
            if self._time is None:
                self._time = self._measured()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()
        while self._free:
            self._free.pop().__exit__(None, None, None)

    @property
    def time_limit(self) -> float:
        """CPU seconds for a test."""
        assert self._time is not None, "the judge is not entered"
        return self._time

    def judge(
        self,
        files: Mapping[str, bytes],
        only: str | None = None,
        every: bool = False,
        language: str = "",
        main: str = "",
        workers: int = 0,
    ) -> Judged:
        """Judge a submission.

        Args:
            files: name → contents.
            only: "sample" or "secret" tests; None for both.
            every: run all tests of a group, even when its result is clear.
            language: that it must be in; told by the endings of the names when it is empty.
            main: the file that is run, in languages that are not compiled.
            workers: of its tests at the same time; as many as the judge has when it is 0.

        Raises:
            HelderError: its language is not clear or is not there, or there are no such tests.
        """
        return self._judge(Source("submission", files, language, main), only, every, workers, self.time_limit)

    def judge_all(self, submissions: Sequence[Mapping[str, bytes]], only: str | None = None) -> list[Judged]:
        """Judge many submissions side by side, one room for each; results in their order."""
        with ThreadPoolExecutor(self.workers) as pool:
            return list(pool.map(lambda files: self.judge(files, only, workers=1), submissions))

    def _judge(self, source: Source, only: str | None, every: bool, workers: int, seconds: float) -> Judged:
        problem = self.problem
        tests = [test for test in problem.data.tests() if only in (None, test.name.split("/")[0])]
        if not tests:  # nobody is accepted by no test
            raise HelderError(
                f"{problem.name} has no tests{f' in {only!r}' if only else ''}.",
                "A submission is judged by tests.",
                f"Judge it on {SAMPLE!r}, on {SECRET!r} or on both.",
            )
        size = sum(len(contents) for contents in source.files.values())
        if size > problem.limits.code:
            return self._refused(f"The code has {size} bytes, {problem.limits.code} are allowed.", seconds)
        language = language_of(source.files)
        if source.language and source.language != language.name:
            return self._refused(f"The code is in {language.title}, not in {source.language}.", seconds)
        if problem.languages and language.name not in problem.languages:
            return self._refused(f"{language.title} is not allowed: {', '.join(problem.languages)}.", seconds)
        include = {**problem.include.get("default", {}), **problem.include.get(language.name, {})}
        main = validate.main_of(source, include)
        made = run.compiled({**source.files, **include}, main, validate.compiling(problem.limits))
        if isinstance(made, run.NotCompiled):
            return self._refused(made.told, seconds)
        with _Runs(self, made, seconds, min(workers or self.workers, len(tests))) as runs:
            if runs.workers > 1:
                runs.begin(tests)
            graded = grade(problem, runs.ask, runs.leave, only, every)
        return self._made(graded, seconds)

    def _made(self, graded: Graded, seconds: float) -> Judged:
        return Judged(graded.verdict, graded.points, graded.tests, graded.groups, seconds, graded.message)

    def _refused(self, told: str, seconds: float) -> Judged:
        return Judged("CE", 0.0, (), (), seconds, told)

    def compared(self, test: Test, output: bytes) -> str:
        """What the default comparison finds wrong with an output; "" when it is right."""
        return self._compared[test.validator_arguments].wrong(output, test.read_answer())

    @property
    def custom(self) -> bool:
        """Whether the problem has a validator of its own."""
        return self._validator is not None

    @contextmanager
    def lent(self) -> Iterator[validate.ValidatorRoom | ManagerRoom]:
        """A validator's room: one that is free, or a new one. It is closed when it fails in between.

        Raises:
            HelderError: a room could not be made.
        """
        assert self._validator is not None
        with self._lock:
            room = self._free.pop() if self._free else None
        if room is None:
            made = ManagerRoom if self._validator.protocol == "manager" else validate.ValidatorRoom
            room = made(self._validator, self.problem, self._largest).__enter__()
        try:
            yield room
        except BaseException:
            room.__exit__(None, None, None)
            raise
        with self._lock:
            self._free.append(room)

    def _measured(self) -> float:
        """The time limit that the problem's own submissions set: the slowest that must pass, times the multiplier.

        Raises:
            HelderError: no submission sets it; code 4, the judge failed on one that does.
        """
        limits = self.problem.limits
        slowest = None
        for submission in self.problem.submissions:
            bounds = [one for one in submission.expectations if one.bound == "lower"]
            if not bounds:
                continue
            try:
                judged = self._judge(submission.source, None, True, 0, LONGEST)
            except HelderError as error:  # in a language that is not there: others may set the limit
                self.notes.append(f"{submission.path} did not help to set the time limit: {error.what} {error.why}")
                continue
            if judged.verdict == "JE":
                raise JudgeError(f"{submission.path}, which sets the time limit: {judged.told}")
            times = [
                test.cpu_seconds
                for test in judged.tests
                if any(not one.where or matches(one.where, test.name) for one in bounds)
            ]
            slowest = max([*times, slowest or 0.0])
        if slowest is None:
            raise HelderError(
                f"{self.problem.name} has no time limit.",
                " ".join(["problem.yaml names none, and no accepted submission could be measured.", *self.notes]),
                "Add one of them, or give a limit (--time-limit).",
            )
        steps = max(1, math.ceil(slowest * limits.ac_to_time_limit / limits.time_resolution - 1e-9))
        return steps * limits.time_resolution


class _Runs:
    """The runs of one submission: begun ahead of the question, answered in the order of the questions.

    Args:
        judge: whose validator's rooms and threads are used.
        program: the submission.
        seconds: the time limit.
        workers: rooms that it may have.
    """

    def __init__(self, judge: Judge, program: run.Program, seconds: float, workers: int) -> None:
        self.judge, self.program = judge, program
        limits = judge.problem.limits
        self.workers = workers
        self.limits = run.limits(cpu_seconds=seconds, memory=limits.memory, output=limits.output)
        self._waiting: list[Test] = []
        self._begun: dict[str, Future[Outcome]] = {}
        self._free: list[run.Running] = []
        self._rooms: list[Room] = []
        self._ended = False
        self._lock = threading.Lock()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock:
            self._waiting.clear()
            begun = [future for future in self._begun.values() if not future.cancel()]
            self._ended = True
            for room in self._rooms:
                room.kill()  # what still runs is not wanted any more
        for future in begun:
            future.exception()
        self._open.close()

    def begin(self, tests: Iterable[Test]) -> None:
        """Run tests ahead of the question."""
        self._waiting = list(tests)
        self._ahead()

    def ask(self, test: Test) -> Outcome:
        """What became of a test."""
        with self._lock:
            future = self._begun.pop(test.name, None)
            if future is None:
                self._waiting = [one for one in self._waiting if one.name != test.name]
        outcome = self._safe(test) if future is None or future.cancelled() else future.result()
        self._ahead()
        return outcome

    def leave(self, group: Group) -> None:
        """The tests of a group that were not asked for yet are not wanted."""
        names = {test.name for test in group.tests()}
        with self._lock:
            self._waiting = [test for test in self._waiting if test.name not in names]
            for name in sorted(names & self._begun.keys()):  # those that run go on, and are thrown away
                if self._begun[name].cancel():
                    del self._begun[name]

    def _ahead(self) -> None:
        with self._lock:
            while self._waiting and len(self._begun) < AHEAD * self.workers:
                test = self._waiting.pop(0)
                self._begun[test.name] = self.judge._pool.submit(self._safe, test)

    def _safe(self, test: Test) -> Outcome:
        """One test; a judge error when the judge fails on it twice, the second time in rooms that are new."""
        for again in (True, False):
            try:
                return self._run(test)
            except HelderError as error:
                if not again or self._ended:
                    return Outcome("JE", message=f"{error.what} {error.why}".strip())
        raise AssertionError("one of the two rounds returns")

    def _run(self, test: Test) -> Outcome:
        if test.files:
            # Files of a test lie beside the program, and are no other test's: a room for this test alone.
            with ExitStack() as stack:
                return self._judged(test, self._made(stack, test.files))
        running = self._take()
        outcome = self._judged(test, running)
        with self._lock:  # not after a failure: nobody knows in which state the room is then
            self._free.append(running)
        return outcome

    def _take(self) -> run.Running:
        """A room that is free, or a new one."""
        with self._lock:
            if self._free:
                return self._free.pop()
        stack = ExitStack()
        running = self._made(stack)
        with self._lock:
            self._open.push(stack)
        return running

    def _made(self, stack: ExitStack, files: Mapping[str, bytes] | None = None) -> run.Running:
        """A new room with the program, and perhaps further files; it lives as long as the stack."""
        program = replace(self.program, files={**self.program.files, **(files or {})})
        running = stack.enter_context(program.room())
        with self._lock:
            self._rooms.append(running.room)
            if self._ended:
                running.room.kill()
        return running

    def _judged(self, test: Test, running: run.Running) -> Outcome:
        judge = self.judge
        if judge.problem.interactive:
            with judge.lent() as room:
                if not isinstance(room, ManagerRoom):
                    return room.talk(test, running, self.limits)
                more = [self._take() for _ in range(room.processes - 1)]
                outcome = room.talk(test, [running, *more], self.limits)
                with self._lock:
                    self._free += more
                return outcome
        ended = running.run(test.read_input(), self.limits, test.arguments)
        if verdict := run.failed(ended):
            return validate.used(Outcome(verdict, message=validate.words(ended)), ended)
        if judge.custom:
            with judge.lent() as room:
                assert isinstance(room, validate.ValidatorRoom)  # managers speak, and only with interactive tasks
                return room.judge(test, ended)
        wrong = judge.compared(test, ended.stdout)
        return validate.used(Outcome("WA" if wrong else "AC", message=wrong), ended)
