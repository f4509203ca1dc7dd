"""A world of very small programming problems: two numbers are read, one is printed.

"Print the larger of 3 times a and b." asks for `max(3*a,b)`. A problem is an expression of one or two steps, said in
words; its tests are what the right program prints. Some problems are held out, by the hash of their words: they stand
in nothing that is learnt from.

The programs that are learnt from first are as programs lie around: nobody ran them, and some have a slip (parentheses
forgotten, the larger for the smaller, a number that is one off, a difference turned round). Made up by a pure function
of a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from helder.examples.dice import Dice, number

HEAD = "a,b=map(int,input().split())\n"
HELD_OUT = {"test": 0.2, "dev": 0.05}  # of the problems; the rest is learnt from
TESTS = 5
LARGEST = 60  # of the numbers that are read
NUMBERS = (2, 12)  # that stand in problems
# How often whoever wrote a program slipped, where there is a place for it.
PARENTHESES, MIXED, ONE_OFF, TURNED = 0.6, 0.4, 0.2, 0.4


@dataclass(frozen=True)
class Kind:
    """A step.

    Attributes:
        words: with {k}, {x} and {y}.
        code: with {k}, {x} and {y}; x is another step, y a number that is read.
        compute: of k, x and y.
        call: whether the code is a call, which needs no parentheses inside another step.
        binds: whether x needs parentheses here, if it is no call.
    """

    words: str
    code: str
    compute: Callable[[int, int, int], int]
    call: bool = False
    binds: bool = False


KINDS = (
    Kind("{k} times {x}", "{k}*{x}", lambda k, x, y: k * x, binds=True),
    Kind("{k} more than {x}", "{x}+{k}", lambda k, x, y: x + k),
    Kind("the larger of {x} and {y}", "max({x},{y})", lambda k, x, y: max(x, y), call=True),
    Kind("the smaller of {x} and {y}", "min({x},{y})", lambda k, x, y: min(x, y), call=True),
    Kind("the sum of {x} and {y}", "{x}+{y}", lambda k, x, y: x + y),
    Kind("the difference of {x} and {y}", "{x}-{y}", lambda k, x, y: x - y),
    Kind("the remainder of {x} divided by {k}", "{x}%{k}", lambda k, x, y: x % k, binds=True),
    Kind("the square of {x}", "{x}**2", lambda k, x, y: x * x, binds=True),
    Kind("the distance of {x} and {y}", "abs({x}-{y})", lambda k, x, y: abs(x - y), call=True),
)
MIXABLE = {"max": "min", "min": "max"}


@dataclass(frozen=True)
class Step:
    """A step of an expression, around another one or a number that is read."""

    kind: Kind
    k: int
    x: Step | str
    y: str

    @property
    def words(self) -> str:
        x = self.x if isinstance(self.x, str) else self.x.words
        return self.kind.words.format(k=self.k, x=x, y=self.y)

    def value(self, a: int, b: int) -> int:
        """What it comes to."""
        read = {"a": a, "b": b}
        x = read[self.x] if isinstance(self.x, str) else self.x.value(a, b)
        return self.kind.compute(self.k, x, read[self.y])

    def code(self, dice: Dice | None = None) -> str:
        """The expression in Python; with dice, as somebody wrote it who slips."""
        if isinstance(self.x, str):
            x = self.x
        else:
            x = self.x.code(dice)
            if self.kind.binds and not self.x.kind.call and not slips(dice, PARENTHESES):
                x = f"({x})"
        code, k, y = self.kind.code, self.k, self.y
        if code[:3] in MIXABLE and slips(dice, MIXED):
            code = MIXABLE[code[:3]] + code[3:]
        if "{k}" in code and slips(dice, ONE_OFF):
            k += 1
        if code == "{x}-{y}" and x in ("a", "b") and slips(dice, TURNED):
            x, y = y, x
        return code.format(k=k, x=x, y=y)


def slips(dice: Dice | None, share: float) -> bool:
    """Whether whoever writes slips here."""
    return dice is not None and dice.below(10_000) < share * 10_000


def drawn(dice: Dice) -> Step:
    """A problem of one step, or, three times in four, of two."""
    step: Step | str = dice.of("ab")
    for _ in range(2 if dice.below(4) else 1):
        other = "b" if step == "a" else "a" if step == "b" else dice.of("ab")
        step = Step(dice.of(KINDS), dice.between(*NUMBERS), step, other)
    assert isinstance(step, Step)
    return step


def part(question: str) -> str:
    """Whether a problem is learnt from ("train") or held out ("test", "dev")."""
    place = number("held out", question)
    for name, share in HELD_OUT.items():
        if place < share:
            return name
        place -= share
    return "train"


def items(seed: int, count: int, name: str, right: bool) -> list[dict[str, Any]]:
    """Problems with programs and tests, each problem once.

    Args:
        name: of the part.
        right: the right programs, or those that somebody wrote.
    """
    found: dict[str, dict[str, Any]] = {}
    place = 0
    while len(found) < count:
        dice = Dice("problem", seed, place)
        place += 1
        step = drawn(dice)
        question = f"Print {step.words}."
        if part(question) == name and question not in found:
            code = step.code(None if right else Dice("slips", seed, place))
            found[question] = {"input": question, "output": program(code), "tests": tests(step, dice)}
    return list(found.values())


def program(code: str) -> str:
    return f"{HEAD}print({code})"


def tests(step: Step, dice: Dice) -> list[list[str]]:
    """What the right program prints."""
    pairs = [(dice.between(0, LARGEST), dice.between(0, LARGEST)) for _ in range(TESTS)]
    return [[f"{a} {b}\n", f"{step.value(a, b)}\n"] for a, b in pairs]
