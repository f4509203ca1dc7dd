"""Output validators in rooms of their own: what they are called with, and what their answer means.

A validator reads what an untrusted program wrote, so that it is not trusted either. Its room holds the test, the answer
and the output, the submission's room none of them; between the two goes nothing but bytes of a pipe. The folder
for feedback lies in the validator's room, and what it holds comes out as text (`helder.evaluate.judge.inside`).

42 is right, 43 is wrong; any other end is a judge error, as the format has it. A submission that ended at a limit
before its validator did is judged by that, whatever the validator then makes of the silence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from helder.errors import HelderError
from helder.evaluate.judge import inside, run
from helder.evaluate.judge.groups import Outcome
from helder.evaluate.judge.inside import ANSWER, FEEDBACK, INPUT, OUTPUT
from helder.evaluate.judge.languages import language_of
from helder.evaluate.judge.problem import Limits, Problem, Source, Test, Validator
from helder.sealed.machine import interpreter
from helder.sealed.untrusted import PROGRAM, Ended, Room
from helder.sealed.untrusted import Limits as RoomLimits

RIGHT, WRONG = 42, 43
SIGPIPE = 13
INSIDE = ".judge/inside.py"  # a name that no file of a package can have
PROCESSES = 16  # in a validator's room (assumption; a validator may start helpers)
SLACK = 16 << 20  # bytes of a work area beyond its known files
LATER = 10.0  # seconds that a validator has on the clock after a submission has used up its own
# Floating-point numbers of the format (2025-09, "General requirements").
FLOAT = re.compile(r"[+-]?(?:[0-9]*\.[0-9]+|[0-9]+\.|[0-9]+)(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class Compiled:
    """A validator that can be run."""

    protocol: str
    program: run.Program


def compiled(validator: Validator, limits: Limits) -> Compiled:
    """Make a validator ready.

    Raises:
        HelderError: it does not compile.
    """
    source = validator.source
    made = run.compiled(dict(source.files), main=main_of(source), compiling=compiling(limits))
    if isinstance(made, run.NotCompiled):
        raise HelderError(
            f"The output validator {source.name} does not compile.", made.told, "Correct it; it belongs to the package."
        )
    return Compiled(validator.protocol, made)


def compiling(limits: Limits) -> RoomLimits:
    """Limits of a compiler: at least what the package guarantees."""
    usual = run.COMPILING
    seconds = max(usual.cpu_seconds, limits.compilation_time)
    return RoomLimits(
        cpu_seconds=seconds,
        wall_seconds=max(usual.wall_seconds, 3 * seconds),
        memory=max(usual.memory, limits.compilation_memory),
        output=usual.output,
        processes=usual.processes,
    )


def main_of(source: Source, include: Mapping[str, bytes] | None = None) -> str:
    """The file that is run, in languages that are not compiled: what the package says, `main`, or the first.

    Args:
        include: files that the package puts to the submission; a main file of theirs is a driver, and comes first.
    """
    if source.main:
        return source.main
    language = language_of(source.files)
    if language.compiler:
        return ""
    for files in (include or {}, source.files):
        names = sorted(name for name in files if name.endswith(language.endings))
        mains = [name for name in names if Path(name).stem.lower() in ("main", "__main__")]
        if mains or (names and files is source.files):
            return (mains or names)[0]
    return ""


class ValidatorRoom:
    """A validator in a room of its own, for one test after the other; a context manager.

    Args:
        largest: bytes of the largest test: input, answer and output together.
    """

    def __init__(self, validator: Compiled, problem: Problem, largest: int) -> None:
        self.validator, self.problem = validator, problem
        limits = problem.limits
        files = {**validator.program.files, INSIDE: (Path(__file__).parent / "inside.py").read_bytes()}
        self.room = Room(files, work=largest + 2 * limits.validation_output + SLACK)
        self.limits = run.limits(
            cpu_seconds=limits.validation_time,
            memory=limits.validation_memory,
            output=max(limits.validation_output, largest),
            processes=PROCESSES,
        )

    def __enter__(self) -> Self:
        self.room.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.room.__exit__(kind, error, at)

    def judge(self, test: Test, ended: Ended) -> Outcome:
        """What a submission wrote, judged.

        Args:
            ended: how it ended, which was well.

        Raises:
            HelderError: the room failed.
        """
        given = pack(test.read_input(), test.read_answer(), ended.stdout)
        found = self.room.run(self._argv("both", test), given, self.limits, warm=True)
        return used(self._outcome(found), ended)

    def talk(self, test: Test, running: run.Running, limits: RoomLimits) -> Outcome:
        """A submission that speaks with the validator, judged.

        Raises:
            HelderError: a room failed.
        """
        laid = self.room.run(self._argv("put"), pack(test.read_input(), test.read_answer()), self.limits, warm=True)
        if not laid.well:
            return Outcome("JE", message=f"the test could not be laid out: {laid.how} {laid.code} {_text(laid.stderr)}")
        wall = limits.wall_seconds + LATER
        mine = RoomLimits(self.limits.cpu_seconds, wall, self.limits.memory, self.limits.output, self.limits.processes)
        program = running.program
        ended, judged = running.room.talk(
            [*program.argv, *test.arguments],
            self.room,
            self._argv("run", test),
            limits,
            mine,
            warm=program.language.warm,
        )
        first = judged.ended < ended.ended
        if not first and ended.how in ("cpu", "wall", "memory", "output"):
            return used(Outcome(run.failed(ended), message="it ended at its limit"), ended)
        outcome = self._outcome(judged)
        if outcome.verdict == "JE" or (outcome.verdict == "WA" and first):
            return used(outcome, ended)
        # Who writes to a partner that has ended is stopped by the signal of broken pipes, and did nothing wrong.
        if (bad := run.failed(ended)) and not (ended.how == "signalled" and ended.code == SIGPIPE):
            return used(Outcome(bad, message=words(ended)), ended)
        return used(outcome, ended)

    def _argv(self, how: str, test: Test | None = None) -> list[str]:
        command = [interpreter(), f"{PROGRAM}/{INSIDE}", how]
        if test is None:
            return command
        places = [INPUT, ANSWER, OUTPUT if self.validator.protocol == "cms" else f"{FEEDBACK}/"]
        limits, program = self.problem.limits, self.validator.program
        seconds = math.ceil(limits.validation_time) + 1  # the room itself counts finer
        warm = "warm" if program.language.warm else "cold"
        return [
            *command,
            str(limits.validation_output),
            str(seconds),
            warm,
            *program.argv,
            *places,
            *test.validator_arguments,
        ]

    def _outcome(self, ended: Ended) -> Outcome:
        """What a validator's end means."""
        if not ended.well:
            return Outcome("JE", message=f"the validator's room: {ended.how} {ended.code} {_text(ended.stderr)}")
        try:
            said = Said.of(ended.stderr)
        except ValueError as error:
            return Outcome("JE", message=f"the validator's room told nothing that can be read: {error}")
        return cms(said) if self.validator.protocol == "cms" else kattis(said, self.problem)


@dataclass(frozen=True)
class Said:
    """What a validator said.

    Attributes:
        how: it ended: "exited" or "signalled".
        code: exit code, or number of the signal.
        files: name → text of its feedback files, of `stdout` and of `stderr`, as far as they are there.
    """

    how: str
    code: int
    files: Mapping[str, str]

    @classmethod
    def of(cls, data: bytes) -> Self:
        """From what its room told.

        Raises:
            ValueError: it is nothing that a validator's room tells.
        """
        how, code, files = inside.told(data)
        return cls(
            how, code, {name: text.decode("utf-8", "replace") for name, text in files.items() if text is not None}
        )


def kattis(said: Said, problem: Problem) -> Outcome:
    """What a validator of the Problem Package Format means."""
    files = said.files
    message, team = files.get("judgemessage.txt", ""), files.get("teammessage.txt", "")

    def error(why: str) -> Outcome:
        return Outcome("JE", message=" ".join([why, message.strip(), files.get("stderr", "").strip()]).strip())

    if said.how != "exited" or said.code not in (RIGHT, WRONG):
        return error(f"the validator {said.how} with {said.code}, not {RIGHT} or {WRONG}.")
    if "nextpass.in" in files:
        return error("the validator asks for another pass, and the problem has one.")
    right = said.code == RIGHT
    names = ("score.txt",) if problem.version == "legacy" else ("score.txt", "score_multiplier.txt")
    given = {name: files[name] for name in names if name in files}
    if len(given) > 1:
        return error("the validator wrote both score.txt and score_multiplier.txt.")
    if given and problem.validator_scores == "no":
        return error(f"the validator wrote {next(iter(given))}, and the problem has no such scores.")
    if given and not right:
        return error(f"the validator wrote {next(iter(given))} for an output that it rejects.")
    if right and problem.validator_scores == "must" and not given:
        return error("the validator wrote no score.txt.")
    score = share = None
    for name, text in given.items():
        value = float(text.strip()) if FLOAT.fullmatch(text.strip()) else math.nan
        least = -math.inf if problem.version == "legacy" else 0.0
        if not least <= value < math.inf or (name == "score_multiplier.txt" and value > 1):
            return error(f"the validator wrote {text.strip()[:40]!r} to {name}.")
        score, share = (value, None) if name == "score.txt" else (None, value)
    return Outcome("AC" if right else "WA", score=score, share=share, message=message, team_message=team)


def cms(said: Said) -> Outcome:
    """What a checker of CMS said: a share from 0 to 1 on standard output, words on standard error, and 0.

    A part of the points is accepted with that part.
    """
    text, told = said.files.get("stdout", "").strip(), said.files.get("stderr", "").strip()
    if (said.how, said.code) != ("exited", 0) or not FLOAT.fullmatch(text) or not 0 <= float(text) <= 1:
        why = f"the checker {said.how} with {said.code} and wrote {text[:40]!r}, not a number from 0 to 1."
        return Outcome("JE", message=f"{why} {told}".strip())
    share = float(text)
    if share == 0:
        return Outcome("WA", message=told)
    return Outcome("AC", share=share if share < 1 else None, message=told)


def used(outcome: Outcome, ended: Ended) -> Outcome:
    """An outcome with what the submission used."""
    return Outcome(
        outcome.verdict,
        outcome.score,
        outcome.share,
        ended.cpu_seconds,
        ended.memory,
        outcome.message,
        outcome.team_message,
    )


def words(ended: Ended) -> str:
    """How a submission ended, for people."""
    how = f"signal {ended.code}" if ended.how == "signalled" else f"exit code {ended.code}"
    said = ended.stderr[-1000:].decode("utf-8", "replace").strip()
    return f"{how if ended.how in ('signalled', 'exited') else ended.how}{': ' + said if said else ''}"


def pack(*parts: bytes) -> bytes:
    """A test's files, as `helder.evaluate.judge.inside` reads them."""
    return b"\n".join([b" ".join(b"%d" % len(part) for part in parts), b"".join(parts)])


def _text(data: bytes) -> str:
    return data[-2000:].decode("utf-8", "replace").strip()
