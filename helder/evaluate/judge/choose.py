"""Which 50 of many programs are handed in, as a contestant at the IOI may hand in 50 for a problem, and what they get.

A choice sees what a contestant sees: how a program did on the public tests, how long its text was, and, of programs
that were handed in already, what they got for each subtask. It never looks at what a program would get before it has
chosen it. Two ways are here, both deterministic:

- `round_robin`: as OlympicCoder's scores were made (huggingface/ioi, run_tests/selection_simulator.py): subtasks in
  turn from the hardest, for each its programs by public score and then by length, the longest first. It is kept with a
  property of theirs that was hardly meant: a subtask that was solved is noted under its place and looked for under its
  name, so that its turn comes all the same, until as many are solved (the public tests count as one) or used up as
  there are; the rest follows by score.
- `by_gain`: ours. Each step takes the program that promises most points that are not there yet, from what the
  programs with the same aim and the same public score have got so far. Programs that are the same but for
  white space and comments are handed in once.

The score of a problem is the sum over its subtasks of the best that any of the chosen got (the IOI's rule since 2017).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MOST = 50  # submissions to a problem (IOI 2024, contest rules)

# What `by_gain` expects before it has seen anything, in successes among so many trials (assumptions; docs/log.md has
# what other values gave in simulation).
TRIALS = 10.0
FULL_PUBLIC, PART_PUBLIC, NO_PUBLIC = 0.8, 0.1, 0.02  # all, some and none of the public tests passed
HARDER = 0.1  # as many times less for a subtask that is harder than the one that was aimed at

PUBLIC = ""  # stands for the public tests among what was solved
COMMENTS = re.compile(r"/\*.*?\*/|//[^\n]*|\s+", re.DOTALL)


@dataclass(frozen=True)
class Subtask:
    """A subtask.

    Attributes:
        name: by which `Candidate.shares` knows it.
        points: that it gives.
    """

    name: str
    points: float


@dataclass(frozen=True)
class Candidate:
    """A program that could be handed in.

    Attributes:
        id: of its own.
        aim: the subtask that it was written for; "" for all of the problem, which is the last one.
        public: its share of the public tests' score, 0 to 1.
        length: tokens of the text that it was taken from.
        runs: there is a program, and it compiles.
        code: the program.
        shares: subtask → the share of its points that it gets, 0 to 1; seen once it is handed in.
    """

    id: str
    aim: str
    public: float
    length: int
    runs: bool
    code: str
    shares: dict[str, float]


Choose = Callable[[Sequence[Candidate], Sequence[Subtask], int], list[Candidate]]


def round_robin(candidates: Sequence[Candidate], subtasks: Sequence[Subtask], most: int = MOST) -> list[Candidate]:
    """The programs that OlympicCoder's way hands in, in order.

    Args:
        subtasks: the easiest first, the public tests not among them.
    """
    places = {subtask.name: place for place, subtask in enumerate(subtasks)}
    left: dict[str, list[Candidate]] = {subtask.name: [] for subtask in subtasks}
    for one in candidates:
        if one.runs:
            left[_aim(one, subtasks)].append(one)
    for name, queue in left.items():
        left[name] = sorted(queue, key=lambda one: (one.public, one.length), reverse=True)
    chosen: list[Candidate] = []
    solved: set[str] = set()
    turn = len(subtasks) - 1
    while len(chosen) < most and len(solved) + sum(not queue for queue in left.values()) < len(subtasks):
        queue = left[subtasks[turn].name]
        if queue:
            one = queue.pop(0)
            chosen.append(one)
            solved |= {name for name in places if one.shares.get(name, 0.0) == 1.0}
            solved |= {PUBLIC} if one.public == 1.0 else set()
        turn = (turn - 1) % len(subtasks)
    rest = [one for queue in left.values() for one in queue]
    rest.sort(key=lambda one: (one.public, one.length, places[_aim(one, subtasks)]), reverse=True)
    return [*chosen, *rest[: most - len(chosen)]]


def by_gain(candidates: Sequence[Candidate], subtasks: Sequence[Subtask], most: int = MOST) -> list[Candidate]:
    """The programs that our way hands in, in order.

    Args:
        subtasks: as `round_robin`.
    """
    order = [subtask.name for subtask in subtasks]
    groups: dict[tuple[int, float], list[Candidate]] = {}
    known: set[str] = set()
    for one in candidates:
        text = bare(one.code)
        if one.runs and text not in known:
            known.add(text)
            groups.setdefault((order.index(_aim(one, subtasks)), _class(one.public)), []).append(one)
    for key, queue in groups.items():
        groups[key] = sorted(queue, key=lambda one: (-one.public, -one.length, one.id))
    got = {key: [0.0] * len(subtasks) for key in groups}
    tries = dict.fromkeys(groups, 0)
    best = [0.0] * len(subtasks)
    chosen: list[Candidate] = []

    def promise(key: tuple[int, float]) -> float:
        aim, expected = key
        return sum(
            subtask.points
            * (1 - best[place])
            * (TRIALS * expected * (HARDER if place > aim else 1.0) + got[key][place])
            / (TRIALS + tries[key])
            for place, subtask in enumerate(subtasks)
        )

    while len(chosen) < most and groups:
        key = max(sorted(groups, reverse=True), key=promise)  # of equal promises the hardest aim
        one = groups[key].pop(0)
        chosen.append(one)
        tries[key] += 1
        for place, name in enumerate(order):
            share = one.shares.get(name, 0.0)
            got[key][place] += share
            best[place] = max(best[place], share)
        if not groups[key]:
            del groups[key]
    return chosen


def points(chosen: Sequence[Candidate], subtasks: Sequence[Subtask]) -> float:
    """What a problem gives: the sum over subtasks of the best of the chosen."""
    return sum(
        subtask.points * max((one.shares.get(subtask.name, 0.0) for one in chosen), default=0.0) for subtask in subtasks
    )


def bare(code: str) -> str:
    """A C++ program without its comments and white space, by which programs are told apart.

    A text in quotes loses its spaces too: two programs that differ in nothing else are taken for one.
    """
    return COMMENTS.sub("", code)


def _aim(one: Candidate, subtasks: Sequence[Subtask]) -> str:
    return one.aim or subtasks[-1].name


def _class(public: float) -> float:
    return FULL_PUBLIC if public >= 1 else PART_PUBLIC if public > 0 else NO_PUBLIC


CHOICES: dict[str, Choose] = {"round robin": round_robin, "gain": by_gain}
