"""Workshops along a canal."""

from random import Random


def files() -> dict[str, str]:
    rng = Random(9)

    def along(count: int, length: int, slowest: int) -> list[tuple[int, int]]:
        return [(int(rng.random() * (length + 1)), 1 + int(rng.random() * slowest)) for _ in range(count)]

    cases = {
        "sample/1": [(0, 1), (10, 1), (4, 1)],
        "sample/2": [(0, 3), (8, 1)],
        "secret/01-one": [(5, 7)],
        "secret/02-one-place": [(1000, 1), (1000, 999), (1000, 30)],
        "secret/03-thirds": [(0, 1), (1, 2)],
        "secret/04-the-middle-pair-decides": [(0, 1), (400, 900), (600, 1000), (1000, 1)],
        "secret/05-farthest": [(0, 1000), (1_000_000, 1000)],
        "secret/06-uneven": [(0, 1), (1_000_000, 1000)],
        "secret/07-equal-speeds": [(place, 12) for place, _ in along(60, 10_000, 1)],
        "secret/08-some": along(200, 5_000, 20),
        "secret/09-most": along(5000, 1_000_000, 1000),
        "secret/10-most-and-close": [(500_000 + place, time) for place, time in along(5000, 2_000, 1000)],
    }
    found = {}
    for case, workshops in cases.items():
        found[f"{case}.in"] = f"{len(workshops)}\n" + "".join(f"{place} {time}\n" for place, time in workshops)
    found["invalid_input/no-time.in"] = "1\n5 0\n"
    found["invalid_input/too-far.in"] = "1\n1000001 5\n"
    return found
