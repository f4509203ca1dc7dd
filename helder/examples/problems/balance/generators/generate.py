"""Bottles: the input holds the weight of each, and is read by the output validator only."""

from random import Random


def files() -> dict[str, str]:
    rng = Random(12)

    def shuffled(count: int) -> list[int]:
        return sorted(range(1, count + 1), key=lambda _: rng.random())

    cases = {
        "sample/1": [2, 3, 1],
        "secret/01-one": [1],
        "secret/02-two": [2, 1],
        "secret/03-few": shuffled(7),
        "secret/04-in-order": list(range(1, 41)),
        "secret/05-the-wrong-way-round": list(range(64, 0, -1)),
        "secret/06-just-above-a-power-of-two": shuffled(129),
        "secret/07-in-turns": [place // 2 + 1 if place % 2 == 0 else 200 - place // 2 for place in range(200)],
        "secret/08-most": shuffled(200),
        "secret/09-most-again": shuffled(200),
    }
    found = {}
    for case, weights in cases.items():
        found |= {f"{case}.in": f"{len(weights)}\n{' '.join(map(str, weights))}\n", f"{case}.ans": ""}
    found |= {"sample/1.in.download": found["sample/1.in"], "sample/1.ans.download": "3 1 2\n"}
    found["sample/1.interaction"] = "<3\n>? 1 2\n<<\n>? 1 3\n<>\n>! 3 1 2\n"
    found["invalid_input/equal-weights.in"] = "3\n1 2 2\n"
    return found
