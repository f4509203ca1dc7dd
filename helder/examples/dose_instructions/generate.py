"""The seeded generator of made-up dose instructions: the same seed gives the same lines anywhere.

    python -m helder.examples.dose_instructions.generate --seed 1 --count 12000 --split train --out train.jsonl

The instructions are invented. They show a method; they are not for care, and no patient ever had them.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Collection, Iterable
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

_TYPING_ERROR, _CAPITALS, _MISSING_SPACE, _PUNCTUATION = (
    0.09,
    0.20,
    0.10,
    0.12,
)  # assumption: shares of real notes
_LONGEST = 160  # characters; longer compositions are drawn again


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
def _held_out_patterns() -> re.Pattern[str]:
    both = concepts("en") + concepts("nl")
    phrases = sorted({phrase for concept in both for phrase in concept.held_out})
    return re.compile("|".join(pattern(phrase) for phrase in phrases))


@cache
def _vocabulary() -> frozenset[str]:
    both = concepts("en") + concepts("nl")
    phrases = (phrase for concept in both for phrase in concept.train + concept.held_out)
    return frozenset(word for phrase in phrases for word in re.findall(r"[a-z]+", phrase))


def key(text: str) -> str:
    """Two inputs with one key count as the same: capitals, spaces and punctuation aside."""
    return re.sub(r"[\s,;:.!*()-]+", " ", text.casefold()).strip() or text.strip()


def says_held_out(text: str) -> bool:
    """Whether a phrase of the test set occurs in the text."""
    return _held_out_patterns().search(re.sub(r"\s+", " ", text.lower())) is not None


def compose(rng: random.Random, split: Split, language: Language) -> tuple[str, list[Record], list[str]]:
    """One instruction before the checks: text, records, tags."""
    w = Writer(rng, split, language)
    composers = english.COMPOSERS if language == "en" else dutch.COMPOSERS
    make = rng.choices([make for _, make in composers], [weight for weight, _ in composers])[0]
    text, records = make(w)
    tags = [language, *w.tags]
    for probability, tag, change in (
        (_PUNCTUATION, "punctuation", noise.punctuation),
        (_MISSING_SPACE, "spacing", noise.missing_space),
        (_TYPING_ERROR, "typo", lambda text, rng: noise.typing_error(text, rng, _vocabulary())),
        (_CAPITALS, "capitals", noise.capitals),
    ):
        if "unreadable" not in tags and rng.random() < probability:
            changed = change(text, rng)
            tags += [tag] if changed != text else []
            text = changed
    plain = re.sub(r"\s+", " ", text.lower())
    unseen = {name for name, phrase in w.held_out if re.search(pattern(phrase), plain)}
    return text, records, tags + [f"unseen:{name}" for name in sorted(unseen)]


def _acceptable(text: str, records: list[Record], tags: list[str], split: Split) -> bool:
    if not text.strip() or len(text) > _LONGEST or any(record.is_blank for record in records):
        return False
    if re.search(r"\d [\d½¼]", text) and not re.search(
        r"\d [\d½¼][\d./]*[ -]?(ml|x|times|hourly|hrly)\b|1 1/2|\d [½¼]", text
    ):
        return False  # two numbers side by side: nobody could tell them apart
    unseen = any(tag.startswith("unseen:") for tag in tags)
    return unseen if split == "test" else not says_held_out(text)


def generate(
    seed: int, count: int, split: Split, *, dutch_share: float = 0.15, exclude: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Made-up dose instructions with their records.

    Args:
        seed: the same seed, count, split and exclusions give the same lines.
        count: number of lines.
        split: "train" uses the phrases of the training lists; "test" has a held-out phrase in every line.
        dutch_share: share of Dutch lines; the rest is English.
        exclude: inputs that must not occur (those of other splits), compared by `key`.

    Returns: lines {"id", "input", "output": list of full records, "tags"}; no input twice.

    Raises: HelderError when so many distinct lines cannot be found.
    """
    rng = random.Random(seed)
    seen = {key(text) for text in exclude}
    lines: list[dict[str, Any]] = []
    attempts = 0
    while len(lines) < count:
        attempts += 1
        if attempts > 1000 + 60 * count:
            raise HelderError(
                f"only {len(lines)} of {count} distinct instructions were found",
                "the phrases are used up or the exclusions cover them",
                "ask for fewer lines",
            )
        language: Language = "nl" if rng.random() < dutch_share else "en"
        text, records, tags = compose(rng, split, language)
        if key(text) in seen or not _acceptable(text, records, tags, split):
            continue
        seen.add(key(text))
        lines.append(
            {
                "id": f"{split}-{len(lines) + 1:05d}",
                "input": text,
                "output": [record.to_json() for record in records],
                "tags": tags,
            }
        )
    return lines


def write(path: Path, lines: list[dict[str, Any]]) -> None:
    """JSON Lines, UTF-8, one line feed after each line."""
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    path.write_bytes(text.encode("utf-8"))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Write made-up dose instructions as JSON Lines.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--split", choices=("train", "test"), required=True)
    parser.add_argument("--dutch", type=float, default=0.15, help="share of Dutch lines (0.15)")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    write(chosen.out, generate(chosen.seed, chosen.count, chosen.split, dutch_share=chosen.dutch))


if __name__ == "__main__":
    main()
