"""Communication tasks of the IOI: a manager speaks with one process of the submission or several, over named pipes.

As CMS has it (Communication task type): the manager reads the test from standard input, is given the names of two pipes
for each process (what the process writes, what it reads), and writes a share from 0 to 1 to standard output and words
to standard error. Processes speak over standard input and output, and are told their number when there are several.
The CPU time of all processes together is held to the limit.

The manager's room holds the test; each process has a room of its own, in which there is nothing but the program, so
that processes can tell each other nothing but through the manager.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from helder.evaluate.judge import run, validate
from helder.evaluate.judge.groups import Outcome
from helder.evaluate.judge.problem import Problem, Test
from helder.sealed.machine import interpreter
from helder.sealed.untrusted import PROGRAM, Ended, Room
from helder.sealed.untrusted import Limits as RoomLimits

INSIDE = (".judge/beside.py", ".judge/inside.py")


class ManagerRoom:
    """A manager in a room of its own, for one test after the other; a context manager.

    Args:
        largest: bytes of the largest test.
    """

    def __init__(self, validator: validate.Compiled, problem: Problem, largest: int) -> None:
        assert problem.validator is not None
        self.validator, self.problem = validator, problem
        self.processes = problem.validator.processes
        here = Path(__file__).parent
        files = {name: (here / name.rpartition("/")[2]).read_bytes() for name in INSIDE}
        limits = problem.limits
        self.room = Room({**validator.program.files, **files}, work=largest + 2 * limits.validation_output + (16 << 20))
        self.limits = run.limits(
            cpu_seconds=limits.validation_time,
            memory=limits.validation_memory,
            output=max(limits.validation_output, largest),
            processes=validate.PROCESSES + 2 * self.processes,
        )

    def __enter__(self) -> Self:
        self.room.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.room.__exit__(kind, error, at)

    def talk(self, test: Test, running: Sequence[run.Running], limits: RoomLimits) -> Outcome:
        """One test.

        Args:
            running: the submission, in a room for each process.

        Raises:
            HelderError: a room failed.
        """
        task = {
            "argv": list(self.validator.program.argv),
            "processes": self.processes,
            "output": self.problem.limits.validation_output,
            "cpu": math.ceil(self.problem.limits.validation_time) + 1,
        }
        wall = limits.wall_seconds + validate.LATER
        mine = dataclasses.replace(self.limits, wall_seconds=wall)
        numbered = [() if self.processes == 1 else (str(number),) for number in range(self.processes)]
        others = [
            (one.room, [*one.program.argv, *test.arguments, *number])
            for one, number in zip(running, numbered, strict=True)
        ]
        given = validate.pack(test.read_input(), test.read_answer())
        argv = [interpreter(), f"{PROGRAM}/{INSIDE[0]}", json.dumps(task)]
        managed, ended = self.room.manage(argv, given, others, mine, limits)
        return self._outcome(managed, ended, limits)

    def _outcome(self, managed: Ended, ended: Sequence[Ended], limits: RoomLimits) -> Outcome:
        """What the manager said, and how the processes ended."""
        slowest = max(ended, key=lambda one: one.cpu_seconds)
        used = dataclasses.replace(
            slowest, cpu_seconds=sum(one.cpu_seconds for one in ended), memory=max(one.memory for one in ended)
        )
        first = min(ended, key=lambda one: (one.well, one.ended))
        if stopped := next((one for one in ended if one.how in ("cpu", "wall", "memory", "output")), None):
            return validate.used(Outcome(run.failed(stopped), message="it ended at its limit"), used)
        if used.cpu_seconds > limits.cpu_seconds:
            return validate.used(Outcome("TLE", message="its processes together were too slow"), used)
        if not managed.well:
            said = managed.stderr[-2000:].decode("utf-8", "replace").strip()
            return Outcome("JE", message=f"the manager's room: {managed.how} {managed.code} {said}")
        told = json.loads(managed.stderr)
        files = {name: str(told[name]) for name in ("stdout", "stderr")}
        outcome = validate.cms(validate.Said(str(told["how"]), int(told["code"]), files))
        died = run.failed(first)
        # Whoever writes to a partner that has ended is stopped by the signal of broken pipes, and did nothing wrong.
        if died and not (first.how == "signalled" and first.code == validate.SIGPIPE) and first.ended < told["ended"]:
            return validate.used(Outcome(died, message=validate.words(first)), used)
        return validate.used(outcome, used)
