"""What cleaning changes inside a text, and the places of the source that follow it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from helder.data.extract.places import place


@dataclass(frozen=True, order=True)
class Edit:
    """Bytes of a text, from `start` up to `end`, and what stands there instead."""

    start: int
    end: int
    instead: str = ""


def joined(cuts: Iterable[Edit], placeholders: Iterable[Edit]) -> list[Edit]:
    """Both in their order: a placeholder inside a cut goes with it, one that reaches out of it stands in its place."""
    made: list[Edit] = []
    taken = sorted(cuts)
    for edit in sorted([*taken, *(one for one in placeholders if not _inside(one, taken))]):
        if made and edit.start < made[-1].end:
            last = made[-1]
            made[-1] = Edit(last.start, max(last.end, edit.end), last.instead or edit.instead)
        else:
            made.append(edit)
    return made


def _inside(edit: Edit, taken: Sequence[Edit]) -> bool:
    last = bisect_right(taken, edit.start, key=lambda cut: cut.start) - 1
    return last >= 0 and edit.end <= taken[last].end


def applied(text: str, edits: Sequence[Edit]) -> str:
    """The text with the edits, which are in order and do not overlap."""
    data, parts, at = text.encode("utf-8"), [], 0
    for edit in edits:
        parts += [data[at : edit.start], edit.instead.encode("utf-8")]
        at = edit.end
    return b"".join([*parts, data[at:]]).decode("utf-8")


def followed(offsets: Sequence[Sequence[Any]], edits: Sequence[Edit]) -> list[list[Any]]:
    """The offsets of a document for its edited text.

    Before and behind each edit a piece ends and begins, so that a byte that could be told exactly still can. A place
    behind an edit that is not known exactly is told in words.

    Args:
        offsets: see `helder.data.extract.form.Document`.
        edits: in order, without overlaps.
    """
    if not offsets:
        return []
    made: list[list[Any]] = []
    shift, at = 0, 0
    entries = [[int(start), there] for start, there in offsets]
    for edit in edits:
        stop = bisect_right(entries, edit.start, key=lambda entry: entry[0])
        made += [[start + shift, there] for start, there in entries[at:stop]]
        at = max(at, bisect_right(entries, edit.end, key=lambda entry: entry[0]))
        before = place(entries, edit.start)
        if "byte" in before:
            made.append([edit.start + shift, before["byte"]])
        shift += len(edit.instead.encode("utf-8")) - (edit.end - edit.start)
        behind = place(entries, edit.end)
        if "byte" in behind:
            told = behind["byte"] if behind["exact"] else f"after byte {behind['byte']:,}"
            made.append([edit.end + shift, told])
        elif behind:
            made.append([edit.end + shift, behind["place"]])
    made += [[start + shift, there] for start, there in entries[at:]]
    return [entry for number, entry in enumerate(made) if number == 0 or entry != made[number - 1]]
