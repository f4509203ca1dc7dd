"""Typing errors, capitals, punctuation and missing spaces: what hurry does to an instruction.

Noise never touches a digit, a number word or a short word, and never turns one word of the vocabulary into another:
the record stays right. What it does not model: errors of meaning (a wrong drug, a wrong dose), which nothing in the
text gives away.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection

from helder.examples.dose_instructions.concepts import NUMBER_WORDS

_NEIGHBOURS = {
    "a": "s", "b": "v", "c": "x", "d": "f", "e": "r", "f": "g", "g": "h", "h": "j", "i": "o", "k": "l", "l": "k",
    "m": "n", "n": "m", "o": "p", "p": "o", "r": "t", "s": "a", "t": "y", "u": "i", "v": "b", "w": "e", "y": "t",
}  # fmt: skip
_KEEP = frozenset(word for words in NUMBER_WORDS.values() for word in words.values()) | {
    "half", "quarter", "third", "halve", "anderhalf", "anderhalve", "kwart", "once", "twice", "thrice", "fourth",
    "fifth", "sixth", "seventh", "noon", "night", "hour", "hours", "year", "years", "jaar",
}  # fmt: skip


def misspell(word: str, rng: random.Random) -> str:
    """One slip inside a word: two letters swapped, one dropped, doubled, or hit beside."""
    place = rng.randrange(1, len(word) - 1)
    slip = rng.choice(("swap", "drop", "double", "beside"))
    if slip == "swap":
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    if slip == "drop":
        return word[:place] + word[place + 1 :]
    if slip == "double":
        return word[:place] + word[place] + word[place:]
    return word[:place] + _NEIGHBOURS.get(word[place], word[place]) + word[place + 1 :]


def typing_error(text: str, rng: random.Random, vocabulary: Collection[str]) -> str:
    """One word of five letters or more gets a slip ("tabs" would become "tbs", another measure)."""
    words = [match for match in re.finditer(r"[a-z]{5,}", text) if match.group() not in _KEEP]
    if not words:
        return text
    match = rng.choice(words)
    for _ in range(8):
        slipped = misspell(match.group(), rng)
        if slipped != match.group() and slipped not in vocabulary:
            return text[: match.start()] + slipped + text[match.end() :]
    return text


def capitals(text: str, rng: random.Random) -> str:
    """ALL CAPITALS, Title Case, Sentence case, or hEre and There."""
    style = rng.choices(("all", "title", "sentence", "mixed"), (30, 18, 44, 8))[0]
    if style == "all":
        return text.upper()
    if style == "title":
        return re.sub(r"(?<![\w'])[a-z]", lambda match: match.group().upper(), text)
    if style == "sentence":
        return text[:1].upper() + text[1:]
    return "".join(letter.upper() if rng.random() < 0.3 else letter for letter in text)


def missing_space(text: str, rng: random.Random) -> str:
    """2 tabs becomes 2tabs: one space after a digit and before a letter is lost."""
    places = [
        match.start() for match in re.finditer(r"(?<=\d) (?=[a-z]{2})(?!(?:to|or|and|in|en|of|am|pm|a|lots?)\b)", text)
    ]
    if not places:
        return text
    place = rng.choice(places)
    return text[:place] + text[place + 1 :]


def punctuation(text: str, rng: random.Random) -> str:
    """A full stop at the end, doubled spaces, a comma or full stop between words; never beside a digit."""
    kind = rng.choice(("stop", "stop", "spaces", "comma", "ending", "leading"))
    if kind == "stop":
        return text if text.endswith(".") else text + "."
    if kind == "ending":
        return text + rng.choice((" ", " .", "!", ";", " -"))
    if kind == "leading":
        return rng.choice((" ", "- ", "* ")) + text
    places = [match.start() for match in re.finditer(r"(?<=[a-z]) (?=[a-z])", text)]
    if not places:
        return text + "."
    place = rng.choice(places)
    return text[:place] + ("  " if kind == "spaces" else ", ") + text[place + 1 :]
