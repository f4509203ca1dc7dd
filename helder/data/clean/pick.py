"""Which of documents that are alike is kept, and which wait for a person.

Preferred is the newest date (a document without one counts as oldest), then the longest text, then the smallest id,
then the smallest path: a rule that looks at nothing but the documents, so the order in which they came never shows.

A near-duplicate is dropped only when it is truly as alike as the threshold to one document that stays; documents that
are alike through a third are not. When the two contradict each other (`helder.data.clean.contradict`), neither is used
until a person decides. What is as alike to a document that waits for a person, or that a person refused, waits as well:
else the same words would come in under another id. So whoever refuses one of two that contradict each other has to
accept the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helder.data.clean import contradict, near
from helder.data.clean.entries import Entries, Entry
from helder.data.clean.forms import exact_form, near_form, numbering, shingles, similarity

CACHED = 16_000_000  # bytes of texts that stay in memory, some ten times as words, while they are compared (assumption)


@dataclass(frozen=True)
class Conflict:
    """Two documents that are nearly the same and contradict each other."""

    one: Entry
    other: Entry
    similarity: float
    differences: Sequence[contradict.Difference]

    def to_json(self) -> dict[str, Any]:
        return {
            "documents": [{"id": entry.id, "path": entry.path, "date": entry.date} for entry in (self.one, self.other)],
            "similarity": round(self.similarity, 4),
            "differences": [difference.to_json() for difference in self.differences],
        }


def preferred(entry: Entry) -> tuple[Any, ...]:
    """A key by which the document that stays comes first."""
    return (tuple(-ord(character) for character in entry.date) or (1,), -entry.size, entry.id, entry.path, entry.row)


def drop_copies(entries: Sequence[Entry]) -> Entry:
    """Of documents with the same exact form, the one that stays; the others become its duplicates, if none is out."""
    first = min(entries, key=preferred)
    name = first.id
    for entry in entries if first.state == "kept" else ():
        if entry != first:
            entry.state, entry.of = "duplicate", first
            entry.why = (
                "the same text" if entry.id == name else "the same text but for white space or composed characters"
            )
    return first


def drop_near(
    candidates: Sequence[tuple[int, ...]],
    entries: Sequence[Entry],
    text_of: Callable[[Entry], str],
    threshold: float,
    decisions: Mapping[str, str],
) -> list[Conflict]:
    """Compare documents that may be nearly the same; states and reasons are set in the entries.

    Args:
        candidates: sets of places in `entries` that are worth comparing, as `near.groups` gives them.
        entries: one for each different text; of those that are out already, what is nearly the same waits.
        text_of: reads the text of a document.
        threshold: the least similarity of near-duplicates, Jaccard of shingles.
        decisions: document id → "accept": stays, whatever it is like.
    """
    found: list[Conflict] = []
    shared: dict[int, set[int]] = {}
    for group in candidates:
        for row in group:
            shared.setdefault(row, set()).update(group)
    for component in near.components(candidates):
        texts = _Texts(entries, text_of)
        stays: list[int] = []
        ordered = sorted(component, key=lambda row: preferred(entries[row]))
        barred = [row for row in ordered if entries[row].state in ("held", "refused")]
        for row in [row for row in ordered if entries[row].state == "kept"]:
            entry = entries[row]
            if decisions.get(entry.id) != "accept":
                out = [(texts.similarity(row, other, threshold), other) for other in barred if other in shared[row]]
                score, other = max(out, key=lambda pair: pair[0], default=(0.0, row))
                if score >= threshold:
                    wait_with(entry, entries[other], score)
                    continue
            alike = [
                (score, other)
                for other in stays
                if other in shared[row] and (score := texts.similarity(row, other, threshold)) >= threshold
            ]
            alike.sort(key=lambda pair: -pair[0])
            against = [
                Conflict(entries[other], entry, score, differences)
                for score, other in alike
                if (differences := contradict.contradictions(texts.words(other), texts.words(row)))
            ]
            same = [pair for pair in alike if all(conflict.one != entries[pair[1]] for conflict in against)]
            if same and decisions.get(entry.id) != "accept":
                score, other = same[0]
                entry.state, entry.of, entry.similarity = "near-duplicate", entries[other], score
                entry.why = "nearly the same text"
            else:
                found += against
                stays.append(row)
    for conflict in found:
        for one, two in ((conflict.one, conflict.other), (conflict.other, conflict.one)):
            if decisions.get(one.id) != "accept" and one.state == "kept":
                one.state, one.of, one.similarity = "held", two, conflict.similarity
                one.why = "nearly the same as another document and contradicts it; a person decides"
    return found


def wait_with(entry: Entry, other: Entry, similarity: float | None) -> None:
    """Let a document wait because one that is nearly the same waits, or is refused."""
    entry.state, entry.of, entry.similarity = "held", other, similarity
    where = other.path + (f", {other.row}" if other.row else "")
    out = "waits for a person" if other.state == "held" else "was refused; a person decides"
    entry.why = f"nearly the same as {where}, which {out}"


def follow_out(entries: Entries) -> None:
    """What was left out for one that is now out itself: near-duplicates wait, copies go where it went."""
    for entry in entries.in_state("near-duplicate"):
        if entry.of is not None and entry.of.state in ("held", "refused"):
            wait_with(entry, entry.of, entry.similarity)
    for entry in entries.in_state("duplicate"):
        if entry.of is not None and entry.of.state in ("held", "refused"):
            entry.state, entry.why, entry.of = entry.of.state, entry.of.why, entry.of.of


class _Texts:
    """The texts of one component, read when they are needed; the oldest are let go beyond `CACHED` bytes."""

    def __init__(self, entries: Sequence[Entry], text_of: Callable[[Entry], str]) -> None:
        self._entries, self._text_of = entries, text_of
        self._numbers = numbering()
        self._shingles: dict[int, NDArray[np.uint64]] = {}  # 8 bytes for each word of a text
        self._texts: dict[int, str] = {}
        self._words: dict[int, contradict.Words] = {}

    def similarity(self, row: int, other: int, threshold: float) -> float:
        """How alike two texts are; 0 when their sizes alone say that it is less than the threshold."""
        one, two = self._of(row), self._of(other)
        if min(len(one), len(two)) < threshold * max(len(one), len(two)):
            return 0.0
        return similarity(one, two)

    def words(self, row: int) -> contradict.Words:
        if row not in self._words:
            self._make_room(self._words)
            self._words[row] = contradict.Words.of(self._text(row))
        return self._words[row]

    def _of(self, row: int) -> NDArray[np.uint64]:
        if row not in self._shingles:
            self._shingles[row] = shingles(near_form(exact_form(self._text(row))), self._numbers)
        return self._shingles[row]

    def _text(self, row: int) -> str:
        if row not in self._texts:
            self._make_room(self._texts)
            self._texts[row] = self._text_of(self._entries[row])
        return self._texts[row]

    def _make_room(self, kept: dict[int, Any]) -> None:
        while len(kept) > 1 and sum(self._entries[row].size for row in kept) > CACHED:
            del kept[next(iter(kept))]
