"""Rooms and rounds."""

from random import Random


def files() -> dict[str, str]:
    rng = Random(15)

    def rooms(count: int, least: int = 1, most: int = 99) -> list[int]:
        return [least + int(rng.random() * (most - least + 1)) for _ in range(count)]

    cases = {
        "sample/1": (2, [3, 4, 5, 6]),
        "sample/2": (3, [9, 1, 1, 1, 9]),
        "secret/group1/01-one": (1, [42]),
        "secret/group1/02-one-round": (1, rooms(12)),
        "secret/group1/03-a-round-each": (12, rooms(12)),
        "secret/group1/04-some": (5, rooms(12)),
        "secret/group1/05-one-heavy": (3, [1, 1, 1, 1, 99, 1, 1, 1, 1, 1]),
        "secret/group2/01-equal": (7, [10] * 100),
        "secret/group2/02-some": (33, rooms(100)),
        "secret/group2/03-few": (4, rooms(100)),
        "secret/group3/01-most": (60, rooms(2000)),
        "secret/group3/02-light-then-heavy": (58, rooms(1000, 1, 5) + rooms(1000, 90, 99)),
        "secret/group3/03-one-round": (1, rooms(2000)),
        "secret/group4/01-half": (10_000, rooms(20_000)),
        "secret/group4/02-equal": (7_777, [1] * 20_000),
        "secret/group4/03-few": (150, rooms(20_000, 1, 9)),
    }
    found = {}
    for case, (rounds, minutes) in cases.items():
        found[f"{case}.in"] = f"{len(minutes)} {rounds}\n{' '.join(map(str, minutes))}\n"
    found["invalid_input/more-rounds-than-rooms.in"] = "2 3\n5 5\n"
    found["invalid_input/no-work.in"] = "2 1\n5 0\n"
    return found
