"""Tasks cut from equal shifts, so that the smallest load is known, and outputs that the output validator judges."""

from random import Random

Division = list[tuple[int, int]]  # of each task: its minutes, and the nurse who does it


def _cut(seed: int, nurses: int, load: int, pieces: int) -> Division:
    """Tasks that `nurses` can do in `load` minutes each and not in less: each load is cut at random into `pieces`."""
    rng = Random(seed)
    found: Division = []
    for nurse in range(1, nurses + 1):
        cuts: set[int] = set()
        while len(cuts) < pieces - 1:
            cuts.add(1 + int(rng.random() * (load - 1)))
        ends = [0, *sorted(cuts), load]
        found += [(end - start, nurse) for start, end in zip(ends, ends[1:])]
    return sorted(found, key=lambda _: rng.random())


def files() -> dict[str, str]:
    cases: dict[str, Division] = {
        "sample/1": [(5, 2), (4, 2), (3, 1), (8, 1), (2, 2)],
        "sample/2": [(7, 3), (1, 1), (6, 1), (3, 2), (4, 2)],
        "secret/group1/01-longest-first-is-right": [(30, 1), (20, 2), (10, 2), (15, 3), (15, 3)],
        "secret/group1/02-longest-first-is-wrong": [(6, 1), (6, 1), (4, 2), (4, 2), (4, 2)],
        "secret/group1/03-four-nurses": _cut(3, 4, 480, 3),
        "secret/group1/04-three-nurses": _cut(4, 3, 700, 4),
        "secret/group2/01-short-tasks": _cut(11, 10, 2000, 50),
        "secret/group2/02-two-nurses": _cut(12, 2, 9000, 100),
        "secret/group2/03-some": _cut(13, 12, 1500, 12),
        "secret/group2/04-many": _cut(14, 50, 1200, 10),
        "secret/group2/05-few-long-ones": _cut(15, 20, 3000, 10),
        "secret/group2/06-long-ones": _cut(16, 25, 1000, 8),
    }
    found = {}
    for case, division in cases.items():
        nurses = max(nurse for _, nurse in division)
        loads = {sum(minutes for minutes, one in division if one == nurse) for nurse in range(1, nurses + 1)}
        assert len(loads) == 1  # all the same, so no division has a smaller largest load
        found[f"{case}.in"] = f"{len(division)} {nurses}\n{' '.join(str(minutes) for minutes, _ in division)}\n"
        found[f"{case}.ans"] = " ".join(str(nurse) for _, nurse in division) + "\n"
    for case, kind, out in (
        ("the-smallest-load", "valid", "2 2 1 1 2"),
        ("everything-to-one", "valid", "1 1 1 1 1"),
        ("one-is-missing", "invalid", "1 2 1 2"),
        ("one-too-many", "invalid", "1 2 1 2 1 1"),
        ("nurse-zero", "invalid", "0 1 0 1 0"),
        ("nurse-three", "invalid", "1 2 3 2 1"),
        ("words", "invalid", "one two one two one"),
        ("half-a-nurse", "invalid", "1.0 2 1 2 1"),
        ("nothing", "invalid", ""),
    ):
        stem = f"{kind}_output/{case}"
        found |= {f"{stem}.in": found["sample/1.in"], f"{stem}.ans": found["sample/1.ans"], f"{stem}.out": f"{out}\n"}
    found["invalid_input/more-nurses-than-tasks.in"] = "1 2\n5\n"
    found["invalid_input/no-time.in"] = "2 1\n0 5\n"
    return found
