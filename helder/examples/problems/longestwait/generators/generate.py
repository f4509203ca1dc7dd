"""Patients and their minutes."""

from random import Random

SYLLABLES = ("ba", "de", "fi", "go", "hu", "ja", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "za")


def name(number: int) -> str:
    """A name of its own for each number: its digits to base 15, as syllables."""
    parts = []
    for _ in range(3):
        parts.append(SYLLABLES[number % 15])
        number //= 15
    return "".join(parts).capitalize()


def files() -> dict[str, str]:
    rng = Random(2)

    def minutes(count: int, most: int) -> list[int]:
        return [int(rng.random() * (most + 1)) for _ in range(count)]

    lists = {
        "secret/01-alone": [0],
        "secret/02-first": [90, 3, 17],
        "secret/03-last": [1, 2, 3, 4],
        "secret/04-two-equal": [5, 60, 12, 60, 3],
        "secret/05-all-equal": [7] * 9,
        "secret/06-all-new": [0] * 3,
        "secret/07-falling": list(range(300, 0, -1)),
        "secret/08-few-values": minutes(200, 12),
        "secret/09-many": minutes(1000, 1000),
    }
    found = {"sample/1.in": "4\nJansen 35\nBakker 80\nVisser 12\nYilmaz 80\n", "sample/2.in": "1\nDeVries 0\n"}
    for case, waits in lists.items():
        lines = [f"{name(7 * place + 11)} {wait}" for place, wait in enumerate(waits)]
        found[f"{case}.in"] = f"{len(waits)}\n" + "\n".join(lines) + "\n"
    found["invalid_input/twice.in"] = "2\nJansen 3\nJansen 4\n"
    found["invalid_input/negative.in"] = "1\nJansen -3\n"
    return found
