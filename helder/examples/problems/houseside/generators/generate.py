"""Addresses of a street."""

from random import Random
from string import ascii_lowercase


def files() -> dict[str, str]:
    rng = Random(5)

    def street(count: int, lettered: float) -> list[str]:
        def letter() -> str:
            return ascii_lowercase[int(rng.random() * 26)] if rng.random() < lettered else ""

        return [f"{1 + int(rng.random() * 9999)}{letter()}" for _ in range(count)]

    streets = {
        "sample/1": ["7", "12", "12b", "9"],
        "sample/2": ["1a"],
        "secret/01-one-even": ["2"],
        "secret/02-one-odd": ["9999"],
        "secret/03-odd-side-only": [str(number) for number in range(1, 60, 2)],
        "secret/04-even-with-letters": ["4a", "4b", "4c", "10z"],
        "secret/05-no-letters": street(100, 0),
        "secret/06-some-letters": street(300, 0.2),
        "secret/07-all-letters": street(400, 1),
        "secret/08-most": street(1000, 0.5),
    }
    found = {f"{case}.in": f"{len(street)}\n" + "\n".join(street) + "\n" for case, street in streets.items()}
    found["invalid_input/two-letters.in"] = "1\n12ab\n"
    found["invalid_input/zero.in"] = "1\n0\n"
    return found
