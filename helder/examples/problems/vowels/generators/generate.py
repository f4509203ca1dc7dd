"""Lines to be read aloud."""

from random import Random

PRINTABLE = "".join(map(chr, range(33, 127)))


def files() -> dict[str, str]:
    rng = Random(3)

    def line(alphabet: str, length: int) -> str:
        return "".join(alphabet[int(rng.random() * len(alphabet))] for _ in range(length))

    words = " ".join(line("aeioubdgklmnprst", 2 + int(rng.random() * 7)) for _ in range(60))
    lines = {
        "sample/1": "Adem rustig in en uit",
        "sample/2": "Psst, shh!",
        "secret/01-one-vowel": "e",
        "secret/02-none": "x",
        "secret/03-capitals": "AEIOU",
        "secret/04-digits": "Lees 12 regels om 9:30 uur.",
        "secret/05-y-is-none": "Yoga by my gym, Sylvia",
        "secret/06-sentence": "De kat krabt de krullen van de trap; wie o wie ruimt ze op?",
        "secret/07-words": words,
        "secret/08-anything": line(PRINTABLE, 400),
        "secret/09-longest": line(PRINTABLE, 1000),
    }
    found = {f"{name}.in": f"{text}\n" for name, text in lines.items()}
    found["invalid_input/empty.in"] = "\n"
    found["invalid_input/not-ascii.in"] = "één\n"
    found["invalid_input/two-lines.in"] = "a\nb\n"
    return found
