"""Measures and what they need."""

from random import Random

Case = tuple[list[int], list[tuple[int, int]]]


def files() -> dict[str, str]:
    rng = Random(14)

    def between(low: int, high: int) -> int:
        return low + int(rng.random() * (high - low + 1))

    def layers(wide: int, gains: int, costs: int) -> Case:
        """Gains in front, costs behind, needs from each measure to a few of those behind it."""
        worth = [between(1, gains) for _ in range(wide)] + [-between(1, costs) for _ in range(2 * wide)]
        needs = set()
        for measure in range(1, 2 * wide + 1):
            first = wide + 1 if measure <= wide else 2 * wide + 1
            for _ in range(between(1, 3)):
                needs.add((measure, between(first, first + wide - 1)))
        return worth, sorted(needs)

    def anything(count: int, number: int, most: int) -> Case:
        needs = set()
        while len(needs) < number:
            a, b = between(1, count), between(1, count)
            if a != b:
                needs.add((a, b))
        return [between(-most, most) for _ in range(count)], sorted(needs)

    def chain(count: int, gain: int) -> Case:
        worth = [gain, *(-between(1, 50) for _ in range(count - 2)), -1]
        order = [1, *sorted(range(2, count), key=lambda _: rng.random()), count]
        return worth, list(zip(order, order[1:], strict=False))

    def waves(count: int) -> Case:
        """Gains and costs in turn along a chain, each with a second need far behind it."""
        worth = [between(0, 10**6) if place % 7 else -between(0, 5 * 10**6) // 5 for place in range(count)]
        needs = {(place, place + 1) for place in range(1, count) if place % 97}
        for place in range(1, count - 60):
            needs.add((place, place + between(2, 60)))
        return worth, sorted(needs)

    cases: dict[str, Case] = {
        "sample/1": ([50, 40, -60, -10], [(1, 3), (2, 3), (2, 4)]),
        "sample/2": ([5, -8], [(1, 2)]),
        "secret/01-one-gain": ([7], []),
        "secret/02-one-cost": ([-7], []),
        "secret/03-shared-cost": ([10, 10, 10, -25], [(1, 4), (2, 4), (3, 4)]),
        "secret/04-a-ring": ([10, -4, 3, -8], [(1, 2), (2, 3), (3, 1), (4, 1)]),
        "secret/05-worth-it-together-only": ([6, 6, -5, -5, 1], [(1, 3), (1, 4), (2, 3), (2, 4), (5, 1)]),
        "secret/06-nothing-pays": ([3, 4, -100], [(1, 3), (2, 3)]),
        "secret/07-some": anything(15, 25, 20),
        "secret/08-long-chain": chain(1500, 40_000),
        "secret/09-layers": layers(400, 10**6, 300_000),
        "secret/10-wide-layers": layers(500, 600_000, 450_000),
        "secret/11-waves": waves(1500),
        "secret/12-few-needs": anything(1500, 900, 10**6),
    }
    found = {}
    for case, (worth, needs) in cases.items():
        lines = [f"{len(worth)} {len(needs)}", " ".join(map(str, worth)), *(f"{a} {b}" for a, b in needs)]
        found[f"{case}.in"] = "\n".join(lines) + "\n"
    found["invalid_input/needs-itself.in"] = "2 1\n5 5\n2 2\n"
    return found
