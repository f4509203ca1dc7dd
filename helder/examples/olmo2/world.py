"""A world of small sums: people who have things, and how many.

Made up by a pure function of a seed. Some sums are held out: by the hash of their numbers, in either order, they stand
in no document, no question that is learnt from and no pair of answers, so that who gets them right can add.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from helder.examples.dice import Dice, number

LARGEST = 49  # of the numbers that are added; results stay below 100
HELD_OUT = 0.2  # of the sums
PEOPLE = (
    "Anna",
    "Ben",
    "Chidi",
    "Dana",
    "Emre",
    "Fatima",
    "Gijs",
    "Hanna",
    "Ivo",
    "Joke",
    "Kofi",
    "Lena",
    "Milan",
    "Nour",
)
THINGS = ("apples", "books", "coins", "eggs", "keys", "lamps", "pears", "pens", "shells", "stamps", "stones", "tickets")


@dataclass(frozen=True)
class Sum:
    """ "left + right" or, when `minus`, "left - right"; nothing is below zero."""

    left: int
    right: int
    minus: bool

    @property
    def result(self) -> int:
        return self.left - self.right if self.minus else self.left + self.right

    @property
    def question(self) -> str:
        return f"{self.left} {'-' if self.minus else '+'} {self.right}"

    @property
    def held_out(self) -> bool:
        """The same for a sum turned round, and for the difference that takes it back."""
        parts = sorted((self.result, self.right) if self.minus else (self.left, self.right))
        return number("held out", *parts) < HELD_OUT


class SumDice(Dice):
    """Draws of sums."""

    def sum(self, held_out: bool = False) -> Sum:
        """A sum that is held out, or one that is not."""
        while True:
            left, right, minus = self.below(LARGEST + 1), self.below(LARGEST + 1), self.below(3) == 0
            drawn = Sum(left + right, right, True) if minus else Sum(left, right, False)
            if drawn.held_out == held_out:
                return drawn


def documents(seed: int, count: int, share_of_sums: float) -> list[dict[str, Any]]:
    """Documents of a few sentences.

    Args:
        share_of_sums: the part of the sentences that are sums and nothing else; the rest tells and counts.
    """
    found = []
    for place in range(count):
        dice = SumDice("document", seed, place)
        sentences = [
            f"{drawn.question} = {drawn.result}."
            if dice.below(1000) < 1000 * share_of_sums
            else (_story(dice, drawn) if dice.below(4) else _counting(dice))
            for drawn in (dice.sum() for _ in range(3 + dice.below(5)))
        ]
        found.append({"id": f"{seed}-{place}", "text": " ".join(sentences)})
    return found


def _story(dice: Dice, drawn: Sum) -> str:
    who, other, things = dice.of(PEOPLE), dice.of(PEOPLE), dice.of(THINGS)
    while other == who:
        other = dice.of(PEOPLE)
    if drawn.minus:
        moved = dice.of((f"{who} gives {drawn.right} of them to {other}", f"{other} takes {drawn.right} of them"))
    else:
        moved = dice.of((f"{other} brings {drawn.right} more", f"{who} finds {drawn.right} more"))
    return f"{who} has {drawn.left} {things}. Then {moved}. Now {who} has {drawn.result} {things}."


def _counting(dice: Dice) -> str:
    first, step = dice.below(60), 1 + dice.below(5)
    return f"{dice.of(PEOPLE)} counts: {', '.join(str(first + step * place) for place in range(6))}."


def questions(seed: int, count: int, held_out: bool) -> list[dict[str, Any]]:
    """Different questions with their answers; of the sums that are held out, or of the others."""
    found: dict[str, dict[str, Any]] = {}
    place = 0
    while len(found) < count:
        drawn = SumDice("question", seed, place).sum(held_out)
        place += 1
        asked = f"What is {drawn.question}?"
        found.setdefault(asked, {"id": f"{seed}-{place}", "input": asked, "output": answer(drawn)})
    return list(found.values())


def answer(drawn: Sum) -> str:
    """The answer that is wanted: the sum said again, and its result."""
    return f"{drawn.question} = {drawn.result}"


def pairs(seed: int, count: int) -> list[dict[str, Any]]:
    """Questions with a right answer and one whose result is wrong, by one, two or ten."""
    found = []
    for place in range(count):
        dice = SumDice("pair", seed, place)
        drawn = dice.sum()
        wrong = dice.of([near for by in (-10, -2, -1, 1, 2, 10) if (near := drawn.result + by) >= 0])
        asked = f"What is {drawn.question}?"
        found.append({"input": asked, "chosen": answer(drawn), "rejected": f"{drawn.question} = {wrong}"})
    return found
