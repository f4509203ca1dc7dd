"""Test items that stand in the training texts: scores over them would be those of memory.

By the rule of GPT-3 (Brown et al. 2020, appendix C), which OLMo and many others follow: words without case and
punctuation; an item is contaminated when a run of 13 of its words stands in a training text, and the share says how
much of the item does. Items of 8 to 12 words count when they stand there whole. Shorter ones cannot be told from
ordinary language and are counted as not checked.

It does not see an item that is said in other words or in another language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helder.data.read import read_source

GRAM = 13  # words (GPT-3, appendix C)
LEAST = 8  # words of an item that is checked as a whole (GPT-3, appendix C: N is never below 8)
SHOWN = 10  # documents that are named for an item; all are counted (assumption)
_WORD = re.compile(r"\w+")
Gram = tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """A test item: the set it belongs to, its name there, and its text (question and answer)."""

    set: str
    name: str
    text: str


@dataclass(frozen=True)
class Contaminated:
    """A test item that stands in training texts.

    Attributes:
        share: part of the item's runs of words that stand in some training text; 1.0 is all of it.
        documents: the first of them by name. in_documents: how many there are.
    """

    set: str
    name: str
    share: float
    documents: tuple[str, ...]
    in_documents: int

    def to_json(self) -> dict[str, Any]:
        return {
            "item": self.name,
            "share": round(self.share, 4),
            "documents": list(self.documents),
            "in_documents": self.in_documents,
        }


@dataclass
class _Seen:
    """What was found of one item."""

    item: Question
    grams: int
    found: set[Gram] = field(default_factory=set)
    documents: list[str] = field(default_factory=list)
    count: int = 0


@dataclass
class Index:
    """Runs of words of test items, and which of them were seen."""

    items: list[_Seen] = field(default_factory=list)
    unchecked: dict[str, int] = field(default_factory=dict)
    _long: dict[Gram, list[int]] = field(default_factory=dict)
    _short: dict[Gram, list[tuple[Gram, int]]] = field(default_factory=dict)  # first words → the whole item
    _last: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, items: Iterable[Question]) -> Index:
        made = cls()
        for item in items:
            made.unchecked.setdefault(item.set, 0)
            said = words(item.text)
            number = len(made.items)
            if len(said) < LEAST:
                made.unchecked[item.set] += 1
                continue
            if len(said) < GRAM:
                made._short.setdefault(tuple(said[:LEAST]), []).append((tuple(said), number))
                made.items.append(_Seen(item, 1))
                continue
            grams = set(_grams(said, GRAM))
            made.items.append(_Seen(item, len(grams)))
            for gram in grams:
                made._long.setdefault(gram, []).append(number)
        return made

    def look_in(self, name: str, text: str) -> None:
        """Look for every item in one training text."""
        if not self.items:
            return
        said = words(text)
        if self._long:
            long = self._long
            for gram in (gram for gram in _grams(said, GRAM) if gram in long):
                for number in long[gram]:
                    self._see(number, gram, name)
        if self._short:
            short = self._short
            for place, start in enumerate(_grams(said, LEAST)):
                for whole, number in short.get(start, ()):
                    if tuple(said[place : place + len(whole)]) == whole:
                        self._see(number, whole, name)

    def _see(self, number: int, gram: Gram, name: str) -> None:
        seen = self.items[number]
        seen.found.add(gram)
        if self._last.get(number) != name:
            self._last[number] = name
            seen.count += 1
            if len(seen.documents) < SHOWN:
                seen.documents.append(name)

    def found(self) -> list[Contaminated]:
        """The contaminated items, in the order in which they were given."""
        return [
            Contaminated(seen.item.set, seen.item.name, len(seen.found) / seen.grams, tuple(seen.documents), seen.count)
            for seen in self.items
            if seen.found
        ]

    def told(self) -> dict[str, Any]:
        """By set: how many items there are, how many were too short, which are contaminated and how much of them."""
        sets = {
            name: {"items": short + sum(seen.item.set == name for seen in self.items), "not_checked": short}
            for name, short in sorted(self.unchecked.items())
        }
        found = self.found()
        return {
            "rule": f"{GRAM} words in a row, without case and punctuation; items of {LEAST} to {GRAM - 1} words whole",
            "sets": {
                name: {
                    **counts,
                    "contaminated": sum(one.set == name for one in found),
                    "found": [one.to_json() for one in found if one.set == name],
                }
                for name, counts in sets.items()
            },
        }


def contaminated(items: Iterable[Question], texts: Iterable[tuple[str, str]]) -> list[Contaminated]:
    """The test items that stand in training texts; to be called before any score over them is told.

    Args:
        texts: (name, text) of the training documents or records.
    """
    index = Index.of(items)
    for name, text in texts:
        index.look_in(name, text)
    return index.found()


def items_of(path: Path, set_name: str) -> Iterator[Question]:
    """The items of a file or folder of records: all that is text in a record, except its id.

    Raises:
        HelderError: it cannot be read, see `helder.data.read`.
    """
    rows, _ = read_source(path)
    for row in rows:
        said = [text for column, value in row.values.items() if column != "id" for text in _texts(value)]
        yield Question(set_name, str(row.values.get("id") or f"{row.file}:{row.line}"), "\n".join(said))


def words(text: str) -> list[str]:
    """Words without case and punctuation."""
    return _WORD.findall(text.lower())


def _grams(said: list[str], size: int) -> Iterator[Gram]:
    return zip(*(said[first:] for first in range(size)), strict=False)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
