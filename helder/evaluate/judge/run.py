"""Submissions compiled and run in rooms: one compilation, one room, and one start of the program for each test.

The judge's own files, expected answers, checkers and the other tests, never enter a room in which a submission runs:
it gets the input of its test, and what it wrote is compared outside (`helder.evaluate.judge.default_validator`), or in
another room.

Time is the processor's, so that a busy machine does not turn right into wrong. Against programs that sleep, the time in
which they neither run nor wait for a processor is bounded too, at `SLEEP` times as much.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from helder.errors import HelderError
from helder.evaluate.judge.languages import BINARY, Language, language_of
from helder.sealed.untrusted import PROGRAM, Ended, Limits, Room, proved

COMPILING = Limits(cpu_seconds=30, wall_seconds=90, memory=2 << 30, output=256 << 20, processes=32)
WORK = 512 << 20  # bytes that a compiler may write
SLEEP = 2.0  # what a program may sleep, as a multiple of its processor time (assumption)
SLEEP_LEAST = 10.0  # seconds that every program may: its start is counted, which takes longer on a busy machine
SHOWN = 4000  # characters of a compiler's words that are kept

# How a run that ended badly is called; one that ended well is judged by what it wrote.
VERDICTS = {"cpu": "TLE", "wall": "TLE", "memory": "MLE", "output": "OLE", "signalled": "RE", "exited": "RE"}


@dataclass(frozen=True)
class Program:
    """A submission that can be run.

    Attributes:
        language: that it is written in.
        files: that lie in its room.
        argv: how it is started there.
    """

    language: Language
    files: Mapping[str, bytes]
    argv: tuple[str, ...]

    @contextlib.contextmanager
    def room(self) -> Iterator[Running]:
        """A room of its own, in which it can be started again and again."""
        with Room(self.files) as room:
            yield Running(room, self)


@dataclass(frozen=True)
class Running:
    """A submission in its room."""

    room: Room
    program: Program

    def run(self, stdin: bytes, limits: Limits, arguments: tuple[str, ...] = ()) -> Ended:
        """Start it once; see `Room.run`."""
        return self.room.run([*self.program.argv, *arguments], stdin, limits, warm=self.program.language.warm)

    def talk(
        self, other: Running, limits: Limits, other_limits: Limits, arguments: tuple[str, ...] = ()
    ) -> tuple[Ended, Ended]:
        """Start it and another one, which speak with each other; `arguments` are the other's. See `Room.talk`."""
        return self.room.talk(self.program.argv, other.room, [*other.program.argv, *arguments], limits, other_limits)


@dataclass(frozen=True)
class NotCompiled:
    """What a compiler said of a submission that it refused: the verdict CE."""

    told: str


def compiled(files: Mapping[str, bytes], main: str = "", compiling: Limits | None = None) -> Program | NotCompiled:
    """Make a submission ready to run, in a room of its own.

    Args:
        files: names and contents of its sources; headers and other files lie beside them.
        main: the source that is run, in languages that are not compiled; the only one when it is empty.
        compiling: limits of the compiler; `COMPILING` when they are not given.

    Raises:
        HelderError: its language is not clear or not there, its main source is not clear, or the room failed.
    """
    proved()
    language = language_of(files)
    sources = sorted(name for name in files if name.endswith(language.endings))
    if not language.compiler:
        name = main or (sources[0] if len(sources) == 1 else "main" + language.endings[0])
        if name not in files:
            raise HelderError(
                f"Which of {', '.join(sources)} is to be run is not clear.",
                f"{language.title} runs one of its files.",
                f"Call it {name}.",
            )
        return Program(language, dict(files), tuple(language.argv(name)))
    command = [*language.compiler, *(f"{PROGRAM}/{name}" for name in sources)]
    # What a compiler makes comes out of the room as output; nothing of the room is a file outside.
    line = f"{shlex.join(command)} && exec /usr/bin/cat {BINARY}"
    with Room(files, work=WORK) as room:
        ended = room.run(["/bin/sh", "-c", line], b"", compiling or COMPILING)
    if not ended.well:
        told = ended.stderr.decode("utf-8", "replace")[:SHOWN]
        if ended.how in ("cpu", "wall", "memory", "output"):
            told = f"The compiler was ended at its limit: {ended.how}.\n{told}"
        return NotCompiled(told.strip() or f"The compiler ended with {ended.code}.")
    return Program(language, {BINARY: ended.stdout}, tuple(language.argv(BINARY)))


def limits(cpu_seconds: float, memory: int, output: int, processes: int = 1) -> Limits:
    """Limits of a test; see `Limits`. What it may sleep follows from it."""
    return Limits(
        cpu_seconds=cpu_seconds,
        wall_seconds=max(SLEEP_LEAST, SLEEP * cpu_seconds),
        memory=memory,
        output=output,
        processes=processes,
    )


def failed(ended: Ended) -> str:
    """The verdict of a run that did not end well, "" for one that did."""
    return "" if ended.well else VERDICTS[ended.how]
