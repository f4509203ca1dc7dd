"""The seeded generator of made-up dose instructions: the same seed gives the same lines on any machine.

    python -m helder.examples.dose_instructions.generate --seed 1 --count 500 --split train --out train.jsonl

The instructions are invented. They show a method; they are not for care, and no patient ever had them.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Callable, Collection, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from helder.errors import HelderError
from helder.examples.dose_instructions import (
    dutch,
    dutch_phrases,
    english,
    english_phrases,
    english_words,
    noise,
)
from helder.examples.dose_instructions.concepts import Concept, Language, Record, Split, Writer, pattern
from helder.examples.files import json_lines

# Shares of instructions with each kind of noise (assumption).
_PUNCTUATION, _MISSING_SPACE, _TYPING_ERROR, _CAPITALS = 0.08, 0.06, 0.06, 0.20
_TRIES = 40  # of one composer, so that what is drawn again changes the mix as little as possible
_LONGEST = 150  # characters; longer compositions are drawn again
# "2 hourly" may be two each hour or every two hours: not to be asked where the record says the former.
_TWO_READINGS = re.compile(
    r"(?:(?!1\b)\d+|[½¼]|half|two|three|four|five|six|eight|twee|drie|vier|i+v?)"
    r" (?:hourly|hrly|weekly|monthly|wekelijks|maandelijks)\b"
)
# Numbers side by side that a reader can still tell apart: "2 5ml spoonfuls", "1 3 times a day", "1 1/2".
_CLEAR_NEIGHBOURS = re.compile(r"\d (?:[\d./]+[ -]?(?:ml\b|x\b|x/|times|hourly|hrly|dd\b|d\.d)|[½¼]|1/2)")
_NEIGHBOURS = re.compile(r"\d [\d½¼]")


@cache
def concepts(language: Language) -> tuple[Concept, ...]:
    """All concepts of a language, in the order of their definition."""
    modules = {"en": (english_phrases, english_words), "nl": (dutch_phrases,)}[language]
    found: list[Concept] = []
    for module in modules:
        for value in vars(module).values():
            group: Iterable[Any] = value.values() if isinstance(value, dict) else (value,)
            found += [item for item in group if isinstance(item, Concept)]
    return tuple(found)


@cache
def _held_out() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """(longest literal word, pattern) of each held-out phrase; looking for the word first saves most of the time."""
    both = concepts("en") + concepts("nl")
    forms = sorted({form for concept in both for phrase in concept.held_out for form in phrase.split("|")})
    return tuple((max(re.split(r"\{\w+\}|\s+", form), key=len), re.compile(pattern(form))) for form in forms)


@cache
def _pattern(phrase: str) -> re.Pattern[str]:
    return re.compile(pattern(phrase))


@cache
def _vocabulary() -> frozenset[str]:
    both = concepts("en") + concepts("nl")
    phrases = (phrase for concept in both for phrase in concept.train + concept.held_out)
    return frozenset(word for phrase in phrases for word in re.findall(r"[a-z]+", phrase))


def key(text: str) -> str:
    """Two inputs with one key count as the same: capitals, spaces, commas and marks at the ends aside."""
    words = re.sub(r"[,;](?=\s)", " ", text.casefold()).split()
    return " ".join(words).strip(" .,;:!*-") or text.strip()


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text.lower())


def says_held_out(text: str) -> bool:
    """Whether a phrase of the test set occurs in the text."""
    flat = _flat(text)
    return any(word in flat and pattern.search(flat) for word, pattern in _held_out())


Instruction = tuple[str, list[Record], list[str]]  # text, records, tags


def compose(rng: random.Random, split: Split, language: Language) -> Instruction | None:
    """One instruction; None when this kind of it does not come out usable."""
    composers = english.COMPOSERS if language == "en" else dutch.COMPOSERS
    make = rng.choices([make for _, make in composers], [weight for weight, _ in composers])[0]
    for _ in range(_TRIES):
        found = _compose(rng, split, language, make)
        if found is not None:
            return found
    return None


def _compose(
    rng: random.Random, split: Split, language: Language, make: Callable[[Writer], english.Composed]
) -> Instruction | None:
    """One instruction of a composer; None when it came out unusable and has to be drawn again."""
    w = Writer(rng, split, language)
    if split == "test":
        # The same instruction twice: first to see what could be said in an unseen way, then with one of it said so.
        seed = rng.getrandbits(64)
        first = Writer(random.Random(seed), split, language)
        make(first)
        if not first.places:
            return None
        w = Writer(random.Random(seed), split, language, rng.randrange(first.places))
    text, records = make(w)
    if not text or len(text) > _LONGEST or any(record.is_blank for record in records):
        return None
    if len(_NEIGHBOURS.findall(text)) > len(_CLEAR_NEIGHBOURS.findall(text)):
        return None
    if _TWO_READINGS.search(text) and any(record.per in ("hour", "week", "month") for record in records):
        return None
    tags = [language, *w.tags]
    if "unreadable" not in tags:
        for probability, tag, change in (
            (_PUNCTUATION, "punctuation", noise.punctuation),
            (_MISSING_SPACE, "spacing", noise.missing_space),
            (_TYPING_ERROR, "typo", lambda text, rng: noise.typing_error(text, rng, _vocabulary())),
            (_CAPITALS, "capitals", noise.capitals),
        ):
            if rng.random() < probability:
                changed = change(text, rng)
                tags += [tag] if changed != text else []
                text = changed
    if split == "train":
        return None if says_held_out(text) else (text, records, tags)
    kept = {concept for concept, phrase in w.held_out if _pattern(phrase).search(_flat(text))}
    if all(concept.neutral for concept in kept):
        return None  # noise has hidden it; a new verb or reason alone would be no test of understanding
    return text, records, tags + sorted(f"unseen:{concept.name}" for concept in kept)


def generate(
    seed: int, count: int, split: Split, *, dutch_share: float = 0.15, exclude: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Made-up dose instructions with their records.

    Args:
        seed: the same seed, split, share and exclusions give the same lines; a smaller count gives the first of them.
        count: number of lines.
        split: "train" uses the phrases of the training lists only; in "test" every line has one held-out phrase that
            bears meaning, and perhaps a verb, a route or a reason. Its tags name their concepts ("unseen:as required").
        dutch_share: share of Dutch lines; the rest is English.
        exclude: inputs that must not occur, such as those of other splits and of foreign cases, compared by `key`.

    Returns: lines {"id", "input", "output": list of records without their defaults, "tags"}; no input twice.

    Raises:
        HelderError: so many distinct lines cannot be found.
    """
    rng = random.Random(f"dose-instructions {split} {seed}")
    seen = {key(text) for text in exclude}
    lines: list[dict[str, Any]] = []
    attempts_left = 2000 + 60 * count
    while len(lines) < count:
        attempts_left -= 1
        if not attempts_left:
            raise HelderError(
                f"Only {len(lines)} of {count} distinct instructions were found.",
                "The phrases are used up, or the exclusions cover them.",
                "Ask for fewer lines.",
            )
        language: Language = "nl" if rng.random() < dutch_share else "en"
        composed = compose(rng, split, language)
        if composed is None or key(composed[0]) in seen:
            continue
        text, records, tags = composed
        seen.add(key(text))
        output = [record.to_json() for record in records]
        lines.append({"id": f"{split}-{len(lines) + 1:05d}", "input": text, "output": output, "tags": tags})
    return lines


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Write made-up dose instructions as JSON Lines.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--split", choices=("train", "test"), required=True)
    parser.add_argument("--dutch", type=float, default=0.15, help="share of Dutch lines (0.15)")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    lines = generate(chosen.seed, chosen.count, chosen.split, dutch_share=chosen.dutch)
    chosen.out.write_bytes(json_lines(lines))


if __name__ == "__main__":
    main()
