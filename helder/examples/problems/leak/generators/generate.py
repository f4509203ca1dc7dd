"""Mains and their leaks. The input is read by the output validator only; nothing is needed in the answer file."""

from random import Random


def files() -> dict[str, str]:
    rng = Random(11)
    most = 10**9
    cases = {
        "secret/01-one-tap": (1, 1),
        "secret/02-first-of-two": (2, 1),
        "secret/03-second-of-two": (2, 2),
        "secret/04-all-dry": (25, 1),
        "secret/05-last-of-few": (25, 25),
        "secret/06-first-of-most": (most, 1),
        "secret/07-last-of-most": (most, most),
        "secret/08-one-before-the-last": (most, most - 1),
        "secret/09-a-power-of-two": (2**29, 2**28),
        "secret/10-one-behind-a-power-of-two": (2**29, 2**28 + 1),
    }
    for number in range(11, 14):
        cases[f"secret/{number}-somewhere"] = (most, 1 + int(rng.random() * most))
    found = {}
    for case, (taps, leak) in cases.items():
        found |= {f"{case}.in": f"{taps} {leak}\n", f"{case}.ans": ""}
    found |= {
        "sample/1.in": "10 4\n",
        "sample/1.ans": "",
        "sample/1.in.download": "10 4\n",
        "sample/1.ans.download": "4\n",
    }
    found["sample/1.interaction"] = "<10\n>? 5\n<dry\n>? 3\n<water\n>? 4\n<dry\n>! 4\n"
    found["invalid_input/behind-the-last.in"] = "10 11\n"
    return found
