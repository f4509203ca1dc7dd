"""Lengths, seeds and largest waits: the lists follow from them."""


def files() -> dict[str, str]:
    cases = {
        "sample/1": (5, 3, 2026, 100),
        "sample/2": (1, 1, 7, 1),
        "secret/01-one-patient": (1, 10, 12345, 1000),
        "secret/02-no-waits": (50, 50, 99, 1),
        "secret/03-two-waits": (40, 60, 5, 2),
        "secret/04-a-few": (10, 20, 31337, 50),
        "secret/05-some": (1000, 1000, 271828, 8_388_608),
        "secret/06-many-equal": (3000, 3000, 42, 30),
        "secret/07-few-questions": (100_000, 10, 1_234_567, 8_388_608),
        "secret/08-most": (150_000, 150_000, 2_147_483_647, 8_388_608),
        "secret/09-most-with-equal-ones": (149_999, 150_000, 161803, 5000),
    }
    found = {f"{case}.in": " ".join(map(str, numbers)) + "\n" for case, numbers in cases.items()}
    found["invalid_input/seed-too-large.in"] = "5 5 2147483648 100\n"
    return found
