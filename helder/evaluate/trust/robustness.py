"""What small changes of a question do to the answer: typing errors, capitals, another word order, other words.

The changes are drawn by a seed and the item, so that they are the same in every run. None touches a digit or adds a
word: the right answer should stay the right one. For another word order that is an assumption; a language in which
order carries the meaning may deserve another answer, so it is measured with words that stand side by side.

Each item is asked as it stands and changed, and the pair is compared: how many answers change at all, and whether more
are right before than after, with the interval for paired shares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from helder.evaluate.statistics import compare_paired
from helder.evaluate.trust.bounds import rate
from helder.evaluate.trust.chance import Chance

TYPING_EVERY = 20  # letters for one typing error; at least one in a text (assumption: hurried typing)
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
PARAPHRASE = "paraphrase"


def typing_errors(text: str, chance: Chance) -> str:
    """A letter hit beside its key, left out, doubled, or swapped with the next one."""
    letters = [place for place, character in enumerate(text) if character.isalpha()]
    if not letters:
        return text
    characters: list[str] = list(text)
    count = max(1, round(len(letters) / TYPING_EVERY))
    chosen = sorted({chance.one_of(letters) for _ in range(count)}, reverse=True)
    for place in chosen:  # from the end, so that places before stay what they are
        kind = chance.below(4)
        character = characters[place]
        follows = place + 1 < len(characters) and characters[place + 1].isalpha()
        if kind == 0 and (near := _neighbours(character)):
            characters[place] = chance.one_of(near)
        elif kind == 1 and follows and characters[place + 1] != character:
            characters[place : place + 2] = [characters[place + 1], character]
        elif kind == 2:
            characters.insert(place, character)
        else:
            del characters[place]
    return "".join(characters)


def upper_case(text: str, chance: Chance) -> str:
    return text.upper()


def lower_case(text: str, chance: Chance) -> str:
    return text.lower()


def word_order(text: str, chance: Chance) -> str:
    """Two words that stand side by side are swapped; words with digits, and what stands beside them, stay."""
    words = list(re.finditer(r"\S+", text))
    pairs = [
        (first, second)
        for first, second in pairwise(words)
        if first[0].isalpha() and second[0].isalpha() and first[0] != second[0]
    ]
    if not pairs:
        return text
    first, second = chance.one_of(pairs)
    between = text[first.end() : second.start()]
    return text[: first.start()] + second[0] + between + first[0] + text[second.end() :]


CHANGES: dict[str, tuple[str, Callable[[str, Chance], str]]] = {
    "typing": (f"typing errors, one in {TYPING_EVERY} letters", typing_errors),
    "upper": ("capitals only", upper_case),
    "lower": ("small letters only", lower_case),
    "order": ("two neighbouring words swapped", word_order),
}


def changed(kind: str, text: str, seed: int, identity: str) -> str:
    """A text changed in one of the ways of `CHANGES`; the text itself where there is nothing to change."""
    return CHANGES[kind][1](text, Chance("robustness", kind, seed, identity))


@dataclass(frozen=True)
class Pair:
    """One item asked twice: whether each answer is right, and whether they are the same."""

    before: bool
    after: bool
    same: bool


def paired(pairs: Sequence[Pair], confidence: float = 0.95) -> dict[str, Any]:
    """One kind of change as `trust.json` has it.

    Returns:
        {"n", "before", "after": shares right, "difference": {value, low, high} (after - before), "p_value" (exact
        McNemar), "changed": a rate (`bounds.rate`) of answers that are not the same}; all None but "n" without pairs.
    """
    if not pairs:
        return {"n": 0, "before": None, "after": None, "difference": None, "p_value": None, "changed": None}
    found = compare_paired([one.after for one in pairs], [one.before for one in pairs], 0.0, confidence)
    return {
        "n": found.n,
        "before": found.b,
        "after": found.a,
        "difference": {"value": found.difference, "low": found.low, "high": found.high},
        "p_value": found.p_value,
        "changed": rate(sum(not one.same for one in pairs), len(pairs), confidence),
    }


def _neighbours(character: str) -> str:
    """The keys beside a letter's on a QWERTY keyboard, in its case; empty for letters that are not on it."""
    for row in ROWS:
        place = row.find(character.lower())
        if place >= 0:
            near = row[max(0, place - 1) : place] + row[place + 1 : place + 2]
            return near.upper() if character.isupper() else near
    return ""
