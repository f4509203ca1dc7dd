"""What a parking machine brings, day by day."""

from random import Random


def files() -> dict[str, str]:
    rng = Random(10)

    def days(count: int, least: int, most: int) -> list[int]:
        return [least + int(rng.random() * (most - least + 1)) for _ in range(count)]

    cases = {
        "sample/1": [120, -300, 250, 40, -20, 90, -500],
        "sample/2": [-7, -3, -9],
        "secret/group1/01-one": [-5],
        "secret/group1/02-all-losses": days(100, -9999, -1),
        "secret/group1/03-first-and-last": [50, -60, 10, -80, 55],
        "secret/group1/04-a-loss-between": [40, -10, 40, -100, 60],
        "secret/group1/05-some": days(100, -500, 500),
        "secret/group2/01-all-losses": days(1500, -9999, -1),
        "secret/group2/02-anything": days(1500, -9999, 9999),
        "secret/group2/03-small-losses": days(1500, -100, 130),
        "secret/group3/01-nothing": [0] * 10,
        "secret/group3/02-anything": days(15000, 0, 99),
        "secret/group4/01-mostly-losses": days(15000, -90, 60),
        "secret/group4/02-anything": days(15000, -999, 999),
        "secret/group4/03-all-losses": days(1000, -9999, -1),
    }
    found = {f"{case}.in": f"{len(days)}\n{' '.join(map(str, days))}\n" for case, days in cases.items()}
    found["invalid_input/minus-zero.in"] = "2\n5 -0\n"
    found["invalid_input/no-days.in"] = "0\n\n"
    return found
