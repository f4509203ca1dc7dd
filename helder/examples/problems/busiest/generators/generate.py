"""Patients that come and go. `large` makes cases that are not shipped; large.sha256 has their digests."""

from random import Random


def _text(patients: list[tuple[int, int]]) -> str:
    return f"{len(patients)}\n" + "".join(f"{came} {left}\n" for came, left in patients)


def _patients(seed: int, count: int, end: int, longest: int) -> list[tuple[int, int]]:
    """Patients between 0 and `end` who stay at most `longest` seconds."""
    rng, found = Random(seed), []
    for _ in range(count):
        came = int(rng.random() * end)
        found.append((came, min(end, came + 1 + int(rng.random() * longest))))
    return found


def files() -> dict[str, str]:
    cases = {
        "sample/1": [(10, 50), (20, 30), (25, 60), (30, 40)],
        "sample/2": [(5, 9), (1, 5)],
        "secret/01-alone": [(0, 1)],
        "secret/02-one-after-another": [(place, place + 1) for place in range(50, 0, -1)],
        "secret/03-all-at-once": [(7, 8)] * 40,
        "secret/04-twice-as-busy": [(100, 200), (0, 60), (50, 70), (150, 160), (300, 301)],
        "secret/05-a-day-each": [(86_400 * day, 86_400 * (day + 1)) for day in range(100)],
        "secret/06-nested": [(place, 1000 - place) for place in range(499)],
        "secret/07-largest-numbers": [(999_999_999, 10**9), (0, 10**9), (1, 10**9)],
        "secret/08-coming-as-others-leave": _patients(8, 300, 60, 5),
        "secret/09-some": _patients(9, 2000, 10**9, 10**7),
        "secret/10-many": _patients(10, 9000, 90_000, 9000),
    }
    found = {f"{case}.in": _text(patients) for case, patients in cases.items()}
    found["invalid_input/leaves-as-it-comes.in"] = "1\n5 5\n"
    found["invalid_input/one-too-few.in"] = "2\n5 6\n"
    return found


def large() -> dict[str, str]:
    cases = {
        "secret/11-large": _patients(11, 200_000, 10**9, 10**8),
        "secret/12-large-and-crowded": _patients(12, 200_000, 10**6, 2000),
    }
    return {f"{case}.in": _text(patients) for case, patients in cases.items()}
