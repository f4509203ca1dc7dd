"""Tablets and sizes of boxes."""


def files() -> dict[str, str]:
    cases = {
        "sample/1": (60, [10, 30, 25]),
        "sample/2": (7, [4, 10]),
        "secret/01-one-tablet": (1, [1]),
        "secret/02-too-large": (5, [6]),
        "secret/03-one-box": (14, [7, 14, 1]),
        "secret/04-the-largest-first-is-wrong": (63, [50, 21, 1]),
        "secret/05-the-largest-first-finds-none": (12, [10, 6]),
        "secret/06-odd-of-even": (9_999, [2, 14, 28, 56, 100]),
        "secret/07-close-sizes": (997, [29, 30, 31, 47, 60]),
        "secret/08-many-small-boxes": (20_000, [1]),
        "secret/09-large-and-close": (20_000, [997, 991, 983, 977, 971, 967, 953, 947, 941, 937]),
        "secret/10-most-sizes": (19_999, list(range(120, 80, -2))),
        "secret/11-most-sizes-one-odd": (19_999, [*range(120, 82, -2), 83]),
    }
    found = {
        f"{case}.in": f"{tablets} {len(sizes)}\n{' '.join(map(str, sizes))}\n"
        for case, (tablets, sizes) in cases.items()
    }
    found["invalid_input/twice.in"] = "10 2\n5 5\n"
    found["invalid_input/zero.in"] = "10 2\n5 0\n"
    return found
