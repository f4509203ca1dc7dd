"""Readings of the blood pressure."""

from random import Random


def files() -> dict[str, str]:
    rng = Random(6)

    def readings(count: int) -> list[tuple[int, int]]:
        return [(110 + int(rng.random() * 60), 60 + int(rng.random() * 40)) for _ in range(count)]

    lists = {
        "sample/1": [(160, 99), (130, 80), (135, 85)],
        "sample/2": [(120, 75)],
        "secret/01-one": [(142, 91)],
        "secret/02-two": [(150, 95), (131, 84)],
        "secret/03-thirds": [(150, 95), (121, 80), (121, 81), (122, 81)],
        "secret/04-a-week": readings(7),
        "secret/05-a-month": readings(60),
        "secret/06-a-year": readings(731),
        "secret/07-most": readings(1000),
        "secret/08-largest": [(250, 250)] * 500,
    }
    found = {}
    for case, pairs in lists.items():
        found[f"{case}.in"] = f"{len(pairs)}\n" + "".join(f"{upper}/{lower}\n" for upper, lower in pairs)
    found["invalid_input/no-slash.in"] = "1\n120 80\n"
    found["invalid_input/too-high.in"] = "1\n251/80\n"
    return found
