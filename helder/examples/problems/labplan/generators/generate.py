"""Analyses and rules, and outputs that the output validator must accept or refuse."""

from random import Random


def files() -> dict[str, str]:
    rng = Random(8)

    def shuffled(count: int) -> list[int]:
        return sorted(range(1, count + 1), key=lambda _: rng.random())

    def rules(count: int, number: int) -> list[tuple[int, int]]:
        """Rules that a hidden order keeps to."""
        order, found = shuffled(count), []
        while len(found) < number:
            first, second = sorted((int(rng.random() * count), int(rng.random() * count)))
            if first < second:
                found.append((order[first], order[second]))
        return found

    def chain(order: list[int]) -> list[tuple[int, int]]:
        return list(zip(order, order[1:], strict=False))

    long = shuffled(2000)
    mixed = sorted(chain(long), key=lambda _: rng.random())
    cases = {
        "sample/1": (4, [(3, 1), (1, 4), (3, 2)]),
        "sample/2": (3, [(1, 2), (2, 3), (3, 1)]),
        "secret/01-alone": (1, []),
        "secret/02-no-rules": (5, []),
        "secret/03-two": (2, [(2, 1)]),
        "secret/04-both-ways": (2, [(1, 2), (2, 1)]),
        "secret/05-the-same-rule-twice": (3, [(3, 2), (3, 2), (2, 1)]),
        "secret/06-cycle-behind-a-start": (6, [(1, 2), (2, 3), (3, 4), (4, 2), (5, 6)]),
        "secret/07-some": (50, rules(50, 120)),
        "secret/08-chain": (2000, mixed),
        "secret/09-chain-closed": (2000, [*mixed, (long[-1], long[0])]),
        "secret/10-most": (2000, rules(2000, 8000)),
    }
    found = {}
    for case, (count, pairs) in cases.items():
        found[f"{case}.in"] = f"{count} {len(pairs)}\n" + "".join(f"{a} {b}\n" for a, b in pairs)
    for case, kind, out in (
        ("another-order", "valid", "3 2 1 4"),
        ("on-several-lines", "valid", "3\n1\n4\n2"),
        ("against-a-rule", "invalid", "1 3 2 4"),
        ("one-is-missing", "invalid", "3 1 4"),
        ("one-twice", "invalid", "3 1 4 2 2"),
        ("one-in-place-of-another", "invalid", "3 1 4 1"),
        ("a-number-too-large", "invalid", "3 1 4 2 5"),
        ("words", "invalid", "first 3 then 1 then 4 then 2"),
        ("gives-up", "invalid", "impossible"),
        ("nothing", "invalid", ""),
    ):
        stem = f"{kind}_output/{case}"
        found |= {f"{stem}.in": found["sample/1.in"], f"{stem}.ans": "3 1 2 4\n", f"{stem}.out": f"{out}\n"}
    stem = "invalid_output/an-order-where-none-is"
    found |= {f"{stem}.in": found["sample/2.in"], f"{stem}.ans": "impossible\n", f"{stem}.out": "1 2 3\n"}
    found["invalid_input/itself.in"] = "2 1\n1 1\n"
    found["invalid_input/unknown.in"] = "2 1\n1 3\n"
    return found
