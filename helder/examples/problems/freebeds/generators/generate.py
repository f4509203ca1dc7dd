"""Wards and their free beds."""

from random import Random


def files() -> dict[str, str]:
    rng = Random(1)  # only random() is used: its sequence is the same in every version of Python

    def beds(count: int, most: int) -> list[int]:
        return [int(rng.random() * (most + 1)) for _ in range(count)]

    lists = {
        "sample/1": [3, 0, 5, 2],
        "sample/2": [12],
        "secret/01-one-full-ward": [0],
        "secret/02-all-full": [0] * 7,
        "secret/03-last-counts": [0, 0, 0, 0, 9],
        "secret/04-few": beds(5, 20),
        "secret/05-more-than-a-day-has-hours": beds(40, 30),
        "secret/06-many": beds(500, 1000),
        "secret/07-most": [1000] * 1000,
    }
    found = {f"{name}.in": f"{len(beds)}\n{' '.join(map(str, beds))}\n" for name, beds in lists.items()}
    found["invalid_input/none.in"] = "0\n\n"
    found["invalid_input/too-few.in"] = "3\n1 2\n"
    return found
