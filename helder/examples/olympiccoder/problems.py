"""Small programming problems with a line of thought and a program in C++17, made up by a pure function of a seed.

A problem is of a kind (`kinds.py`) and has a constant, such as the divisor of "divisible by 7"; the program follows
from the two. Some constants of each kind are held out by their hash: they stand in no problem that is learnt from.
The answer has the form of OlympicCoder's training data (open-r1/codeforces-cots): "<think>", the thoughts, "</think>",
and the program in a block that begins with ```cpp.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from helder.examples.dice import Dice, number
from helder.examples.olympiccoder.kinds import KINDS, Kind, Trial

HELD_OUT = 0.2  # of the constants of each kind
OPENINGS = (  # what a problem is told about does not matter for its program
    "{who} works with numbers.",
    "{who} plays a game.",
    "{who} keeps a list.",
    "{who} has a question.",
    "Help {who}.",
)
PEOPLE = ("Anna", "Chidi", "Emre", "Fatima", "Gijs", "Hanna", "Joke", "Kofi", "Lena", "Nour")


@dataclass(frozen=True)
class Problem:
    """One problem.

    Attributes:
        id: unique within the example.
        kind: what has to be done.
        constant: the number that the program holds.
        opening: the sentence that the problem begins with.
        example: the example that the problem shows.
    """

    id: str
    kind: Kind
    constant: int
    opening: str
    example: Trial

    @property
    def input(self) -> str:
        """The problem as it is asked."""
        return (
            f"{self.opening} {self.kind.task(self.constant)}\n\n"
            f"Input: {self.kind.input(self.constant)}\n\n"
            f"Example input:\n{self.example.input}\n\nExample output:\n{self.example.output}"
        )

    @property
    def program(self) -> str:
        """A right program."""
        return self.kind.program(self.constant)

    @property
    def output(self) -> str:
        """The answer that is wanted."""
        thoughts = f"{self.kind.idea(self.constant)}\nIn the example: {self.example.working}"
        return f"<think>\n{thoughts}\n</think>\n\n```cpp\n{self.program}\n```"

    def line(self) -> dict[str, Any]:
        """The problem as a line of a data file."""
        return {"id": self.id, "input": self.input, "output": self.output, "tags": [self.kind.name]}


def held_out(kind: Kind, constant: int) -> bool:
    """Whether problems with this constant are for the test only."""
    return number("held out", kind.name, constant) < HELD_OUT


def problems(seed: int, count: int, held_out: bool, but: Collection[str] = ()) -> list[Problem]:
    """Different problems, as many of each kind as of the others.

    Args:
        held_out: whether their constants are those that are held out.
        but: problems, as they are asked, that must not be among them.
    """
    found: dict[str, Problem] = {}
    place = 0
    while len(found) < count:
        problem = draw(f"{seed}-{place}", KINDS[len(found) % len(KINDS)], held_out)
        place += 1
        if problem.input not in but:
            found.setdefault(problem.input, problem)
    return list(found.values())


def draw(name: str, kind: Kind, of_held_out: bool) -> Problem:
    """The problem of a kind that has this name."""
    dice = Dice("problem", name)
    while held_out(kind, constant := dice.of(kind.constants)) != of_held_out:
        pass
    opening = dice.of(OPENINGS).format(who=dice.of(PEOPLE))
    return Problem(name, kind, constant, opening, kind.trial(dice, constant))
