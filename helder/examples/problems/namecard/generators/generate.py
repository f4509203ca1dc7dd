"""Names of several words."""

from random import Random
from string import ascii_letters


def files() -> dict[str, str]:
    rng = Random(4)

    def word(longest: int) -> str:
        return "".join(ascii_letters[int(rng.random() * 52)] for _ in range(1 + int(rng.random() * longest)))

    names = {
        "sample/1": "Berg van den Anna Maria",
        "sample/2": "Okonkwo",
        "secret/01-one-letter": "X",
        "secret/02-two": "Jansen Piet",
        "secret/03-three": "Yilmaz Emre Can",
        "secret/04-the-same-both-ways": "Anna Hanna Anna",
        "secret/05-single-letters": "a b C d E f",
        "secret/06-a-long-word": "Oudewateringsedijker Bo",
        "secret/07-some": " ".join(word(12) for _ in range(15)),
        "secret/08-most": " ".join(word(20) for _ in range(100)),
    }
    found = {f"{case}.in": f"{name}\n" for case, name in names.items()}
    found["invalid_input/two-spaces.in"] = "Jansen  Piet\n"
    found["invalid_input/empty.in"] = "\n"
    return found
