"""From a byte of a document's text back to its place in the file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any


def locate(offsets: Sequence[Sequence[Any]], byte: int) -> str:
    """Where a byte of a text stands in its file, in words: "byte 1204", "page 3", "sheet Prijzen!B4".

    Args:
        offsets: of the document, see `helder.data.extract.form.Document`.
        byte: in the UTF-8 text.

    A piece that is as long in the file as in the text gives the exact byte; else its first byte, with "from".
    """
    piece = bisect_right(offsets, byte, key=lambda entry: entry[0]) - 1
    if piece < 0:
        return "nowhere in the file"
    start, place = offsets[piece]
    if not isinstance(place, int):
        return str(place)
    if byte == start:
        return f"byte {place:,}"
    if piece + 1 == len(offsets):
        return f"from byte {place:,}"
    after, then = offsets[piece + 1]
    exact = isinstance(then, int) and then - place == after - start
    return f"byte {place + byte - start:,}" if exact else f"from byte {place:,}"


def source(document: Mapping[str, Any], byte: int) -> str:
    """File and place of a byte of a document's text, for people."""
    place = locate(document["offsets"], byte)
    row = document.get("row")
    return f"{document['path']}, {place}" if row in (None, place) else f"{document['path']}, {row}, {place}"
