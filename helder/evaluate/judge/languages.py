"""Programming languages that submissions may be written in: how each is compiled and run inside a room.

A language is a row of `LANGUAGES`; another one is added by another row. Flags of C++ are those of the IOI and of the
Problem Package Format's judges (g++ -std=gnu++17 -O2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from helder.errors import HelderError
from helder.sealed.machine import interpreter
from helder.sealed.untrusted import PROGRAM

BINARY = "program"


@dataclass(frozen=True)
class Language:
    """A language.

    Attributes:
        name: as the Problem Package Format calls it.
        title: as people call it.
        endings: of its files' names.
        compiler: a program and its flags, called with the sources behind it, which writes the file `program`; empty for
            a language that runs as it is written.
        runner: a program and its flags, called with the main source; empty when what was compiled runs by itself.
        warm: whether `Room.run` can run it in a process split off from the warden.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    compiler: tuple[str, ...] = ()
    runner: tuple[str, ...] = ()
    warm: bool = False

    @property
    def needs(self) -> str:
        """The program of the machine without which it is not there."""
        return (self.compiler or self.runner)[0]

    def argv(self, main: str) -> list[str]:
        """How a submission is run in its room.

        Args:
            main: name of the main source.
        """
        return [*self.runner, f"{PROGRAM}/{main}"] if self.runner else [f"{PROGRAM}/{BINARY}"]


def _python() -> tuple[str, ...]:
    return (interpreter(), "-B")


def languages() -> dict[str, Language]:
    """Every language that is known, by name."""
    optimised = ("-O2", "-o", BINARY, "-x")
    rows = (
        Language("cpp", "C++", (".cpp", ".cc", ".cxx"), ("/usr/bin/g++", "-std=gnu++17", *optimised, "c++")),
        Language("c", "C", (".c",), ("/usr/bin/gcc", "-std=gnu17", *optimised, "c")),
        Language("python3", "Python 3", (".py",), runner=(interpreter(),), warm=True),
    )
    return {row.name: row for row in rows}


def language_of(files: Mapping[str, bytes]) -> Language:
    """The language that files are written in, by their endings.

    Raises:
        HelderError: none, more than one, or one whose compiler or interpreter this machine lacks.
    """
    found = {
        language.name: language
        for language in languages().values()
        if any(PurePosixPath(name).suffix in language.endings for name in files)
    }
    if len(found) != 1:
        known = ", ".join(f"{row.title} ({', '.join(row.endings)})" for row in languages().values())
        raise HelderError(
            f"The language of {', '.join(sorted(files)) or 'no file'} is not clear.",
            f"It is told by the endings of the names; known are {known}.",
            "Give files in one of these languages.",
        )
    (language,) = found.values()
    if not Path(language.needs).exists():
        raise HelderError(
            f"{language.title} cannot be judged on this machine.",
            f"{language.needs} is not there.",
            "Install it (on Debian: apt-get install g++), or hand in another language.",
        )
    return language
