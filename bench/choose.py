"""Two ways to choose 50 submissions, in contests that are made up: how many points each gets.

    python -m bench.choose --contests 800 --seed 77

A contest is one problem with three to seven subtasks, the harder with more points, and 50 programs aimed at each. How
often a program solves what it aims at is drawn for each subtask, and falls from one to the next; a program that
solves a subtask solves most easier ones; public tests are passed by most right programs and by some wrong ones. Real
contests may be otherwise: what this shows is that no way is much worse than the other, and by how much they differ
here. JSON on standard output.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics

from helder.evaluate.judge.choose import CHOICES, MOST, Candidate, Subtask, points

PROGRAMS = 50  # aimed at each subtask, as OlympicCoder's evaluation has it


def contest(rng: random.Random) -> tuple[list[Candidate], list[Subtask]]:
    """Programs for a problem, and its subtasks, the easiest first."""
    count = rng.randrange(3, 8)
    weights = [rng.random() + 0.3 * place for place in range(1, count + 1)]
    subtasks = [Subtask(f"s{place}", 100 * weight / sum(weights)) for place, weight in enumerate(weights, 1)]
    chances, chance = [], rng.betavariate(0.6, 1.2)
    for _ in subtasks:
        chances.append(chance)
        chance *= rng.betavariate(0.6, 0.8)
    candidates = []
    for aim in range(count):
        for number in range(PROGRAMS):
            runs = rng.random() < 0.92
            hits = [place for place in range(aim + 1) if rng.random() < chances[place] * (1.0 if place == aim else 0.8)]
            level = max(hits, default=-1)
            solved = {place for place in range(level + 1) if place == level or rng.random() < 0.9}
            if level == aim < count - 1 and rng.random() < 0.15:
                solved.add(aim + 1)
            likely = (solved and rng.random() < 0.85) or rng.random() < 0.3
            public = 1.0 if likely else rng.choice([0.0, 0.0, 0.5])
            shares = {one.name: float(runs and place in solved) for place, one in enumerate(subtasks)}
            length, name = rng.randrange(1000, 30000), f"{aim}-{number:02}"
            candidates.append(Candidate(name, subtasks[aim].name, public * runs, length, runs, name, shares))
    return candidates, subtasks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contests", type=int, default=800)
    parser.add_argument("--seed", type=int, default=77)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    made = [contest(rng) for _ in range(asked.contests)]
    got = {
        name: [points(way(candidates, subtasks, MOST), subtasks) for candidates, subtasks in made]
        for name, way in CHOICES.items()
    }
    got["all submissions"] = [points(candidates, subtasks) for candidates, subtasks in made]
    apart = [ours - theirs for ours, theirs in zip(got["gain"], got["round robin"], strict=True)]
    error = statistics.stdev(apart) / len(apart) ** 0.5
    found = {name: round(statistics.fmean(values), 2) for name, values in got.items()}
    print(json.dumps({**found, "more, with standard error": [round(statistics.fmean(apart), 2), round(error, 2)]}))


if __name__ == "__main__":
    main()
