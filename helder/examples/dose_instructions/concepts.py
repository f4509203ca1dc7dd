"""What the composers are made of: a record, a concept with its phrases, and numbers as they are written.

A concept (twice a day, as required, tablet, then …) has phrases for the training set and other phrases that only
the test set uses. This module knows nothing about dose instructions beyond the record; the phrases are in
`english_phrases.py`, `english_words.py` and `dutch_phrases.py`.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal

Split = Literal["train", "test"]
Language = Literal["en", "nl"]

# fmt: off
NUMBER_WORDS: dict[Language, dict[float, str]] = {
    "en": {
        1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine",
        10: "ten", 12: "twelve", 14: "fourteen", 20: "twenty", 28: "twenty eight",
    },
    "nl": {
        1: "een", 2: "twee", 3: "drie", 4: "vier", 5: "vijf", 6: "zes", 7: "zeven", 8: "acht", 9: "negen",
        10: "tien", 12: "twaalf", 14: "veertien", 20: "twintig",
    },
}
NEUTRAL_UNSEEN = 0.15  # of the verbs, routes and reasons of the test set are held-out ones (assumption)
ORDINALS: dict[int, str] = {3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh"}
# fmt: on
_WORDS = sorted((word for words in NUMBER_WORDS.values() for word in words.values()), key=len, reverse=True)
_NUMBER = r"(?:\d[\d.,/]*|[½¼¾]|(?:" + "|".join(_WORDS) + r"))"
_DAY = (
    r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tues|wed|thurs|fri|sat|sun"
    r"|(?:maan|dins|woens|donder|vrij|zater|zon)dag)"
)
# What a slot may hold in a text; other slots hold one word.
_SLOTS = (
    dict.fromkeys(("n", "m", "N", "M", "k"), _NUMBER)
    | dict.fromkeys(("day", "other"), _DAY)
    | dict.fromkeys(("am", "mid", "pm", "late", "size"), r"\d[\d.]*")
    | {"times": rf"(?:once|twice|{_NUMBER}(?:\s*(?:-|or|to)\s*{_NUMBER})?\s*times)"}
)


@dataclass(frozen=True)
class Record:
    """One record of an instruction; the properties and their defaults are those of `schema.json`."""

    form: str | None = None
    dose: float | None = None
    dose_to: float | None = None
    times: float | None = None
    times_to: float | None = None
    per: str | None = None
    for_: float | None = None
    for_to: float | None = None
    for_unit: str | None = None
    as_required: bool = False
    as_directed: bool = False
    unreadable: bool = False

    def to_json(self) -> dict[str, Any]:
        """The properties that differ from their defaults, in the order of the schema; whole numbers as integers."""
        return {name.rstrip("_"): _plain(value) for name, value in vars(self).items() if _stated(value)}

    def merged(self, *others: Record) -> Record:
        """This record with every property that the others set; a later one wins."""
        values = dict(vars(self))
        for other in others:
            values.update({name: value for name, value in vars(other).items() if _stated(value)})
        return Record(**values)

    @property
    def is_blank(self) -> bool:
        return not any(_stated(value) for value in vars(self).values())


PROPERTIES = tuple(field.name.rstrip("_") for field in fields(Record))


def _stated(value: Any) -> bool:
    return value is not None and value is not False


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class Concept:
    """Ways to say one thing.

    Slots: `{n}`, `{m}` a number as digits or a word, `{N}`, `{M}` as digits only, others by name. `one|more` gives
    the singular and the plural.

    Attributes:
        train: phrases of the training set, the usual ones first: they are drawn more often.
        held_out: phrases that occur in the test set only.
        neutral: the words change nothing in the record (a verb, a route, a reason, a drug).
    """

    name: str
    train: tuple[str, ...]
    held_out: tuple[str, ...] = ()
    neutral: bool = False


@dataclass(frozen=True)
class Said:
    """A piece of text and what it adds to the record."""

    text: str
    record: Record = Record()


def pattern(phrase: str) -> str:
    """A regular expression for a phrase in lower-case text: slots match any number or word, spaces may be missing."""
    forms = []
    for form in phrase.split("|"):
        pieces = []
        for piece in re.split(r"(\{\w+\})", form):
            if piece.startswith("{"):
                pieces.append(_SLOTS.get(piece.strip("{}"), r"\w+"))
            else:
                pieces.append(r"\s*".join(re.escape(word) for word in re.split(r"\s+", piece)))
        before = r"(?<![^\W\d_])(?<!')" if form[0].isalpha() or form[0] == "'" else r"(?<![\d.,/])"
        last_is_word = form[-1].isalnum() or form.endswith(("{day}", "{other}", "{units}"))
        after = r"(?!['\w])" if last_is_word else ""
        forms.append(before + "".join(pieces) + after)
    return "(?:" + "|".join(forms) + ")"


def digits(value: float, language: Language = "en") -> str:
    """The shortest way to write a number in digits; a decimal comma in Dutch."""
    text = f"{value:g}"
    return text.replace(".", ",") if language == "nl" else text


class Writer:
    """Chooses the phrases of one instruction and remembers which of them are held out.

    Args:
        rng: the only source of chance.
        split: "train" never gives a held-out phrase.
        unseen: which of the concepts that bear meaning and have held-out phrases is said by one (from 0); None for
            no one.

    Attributes:
        held_out: (concept, phrase) of the held-out phrases that were said.
        places: how many concepts could have been said by a held-out phrase.
    """

    def __init__(self, rng: random.Random, split: Split, language: Language, unseen: int | None = None) -> None:
        self.rng, self.split, self.language, self.unseen = rng, split, language, unseen
        self.held_out: list[tuple[Concept, str]] = []
        self.places = 0
        self.words = rng.random() < 0.35  # some prescribers prefer words to digits
        self.roman = language == "en" and rng.random() < 0.02  # "ii puffs"
        self.tags: list[str] = []

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def number(self, value: float, roman: bool = True) -> str:
        """A number as this prescriber writes it: 2, two, or ii."""
        if roman and self.roman and value in (1, 2, 3, 4):
            return ("i", "ii", "iii", "iv")[int(value) - 1]
        word = NUMBER_WORDS[self.language].get(value)
        if word and self.chance(0.85 if self.words else 0.08):
            return word
        return digits(value, self.language)

    def say(
        self,
        concept: Concept,
        n: float | None = None,
        m: float | None = None,
        slots: dict[str, str] | None = None,
    ) -> str:
        """A phrase of the concept with its slots filled."""
        template = self.rng.choices(concept.train, usual(len(concept.train)))[0]
        if self._unseen(concept):
            template = self.rng.choice(concept.held_out)
            self.held_out.append((concept, template))
        if "|" in template:
            one, more = template.split("|")
            template = one if n is not None and n <= 1 and m is None else more
        for name, value in (("n", n), ("m", m)):
            if value is not None:
                if "{" + name + "}" in template:
                    template = template.replace("{" + name + "}", self.number(value, roman=False))
                template = template.replace("{" + name.upper() + "}", digits(value, self.language))
        for name, text in (slots or {}).items():
            template = template.replace("{" + name + "}", text)
        return template

    def _unseen(self, concept: Concept) -> bool:
        """Whether this time a held-out phrase is said."""
        if self.split == "train" or not concept.held_out:
            return False
        if concept.neutral:
            return self.chance(NEUTRAL_UNSEEN)
        self.places += 1
        return self.places - 1 == self.unseen


@cache
def usual(count: int) -> tuple[float, ...]:
    """Weights of phrases in the order of their use: falling as 1 / (place + 2), as words do (Zipf)."""
    return tuple(1 / (place + 2) for place in range(count))


def spoken(*parts: str) -> str:
    """Chunks joined by single spaces; empty chunks vanish, and a comma sticks to the word before it."""
    return re.sub(r"\s+([,;.])", r"\1", " ".join(part for part in parts if part)).strip()
