"""What of an answer stands verbatim in the passages that it was given, and how far they support it.

A quotation is what stands between quotation marks. It counts when the same characters stand in a passage, white space
aside; another one is named, so that nobody shows it as a quotation. An answer that stands in a passage as a whole is
marked there too, whether it says that it quotes or not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from helder.retrieve.words import Stem, words

_MARKED = re.compile(r"“([^“”]+)”|„([^„“”]+)[“”]|«([^«»]+)»|\"([^\"]+)\"")
MOST = 3  # places of one quotation in one passage that are marked
LEAST = 2  # characters of an answer that is marked as a whole: single ones stand everywhere


@dataclass(frozen=True)
class Quotation:
    """A part of an answer between quotation marks.

    Attributes:
        start, stop: characters of the answer, without the marks.
        verbatim: whether a passage holds it.
    """

    start: int
    stop: int
    verbatim: bool


def quotations(answer: str, passages: Sequence[str]) -> list[Quotation]:
    """The quotations of an answer, in order."""
    found = []
    for match in _MARKED.finditer(answer):
        group = next(number for number in range(1, 5) if match.group(number) is not None)
        start, stop = match.span(group)
        found.append(Quotation(start, stop, any(places(match.group(group), passage) for passage in passages)))
    return found


def quoted(answer: str, passage: str) -> list[tuple[int, int]]:
    """The parts of a passage that an answer quotes, or says as a whole: characters of the passage, in order."""
    said = [part for match in _MARKED.finditer(answer) for part in match.groups() if part is not None]
    whole = answer.strip()
    if len(whole) >= LEAST:
        said.append(whole)
    return sorted({place for text in said for place in places(text, passage)[:MOST]})


def places(text: str, passage: str) -> list[tuple[int, int]]:
    """Where a text stands in a passage: whole words, the same characters, runs of white space alike."""
    pattern = r"\s+".join(re.escape(part) for part in text.split())
    if not pattern:
        return []
    bounded = rf"(?<!\w){pattern}(?!\w)" if text.strip()[0].isalnum() else pattern
    return [match.span() for match in re.finditer(bounded, passage)]


def support(answer: str, context: str, stem: Stem = "none") -> float:
    """The share of an answer's words that stand in its passages: 0 to 1; 0 where it has none."""
    said = words(answer, stem)
    there = set(words(context, stem))
    return sum(word in there for word in said) / len(said) if said else 0.0
