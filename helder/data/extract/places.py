"""From a byte of a document's text back to its place in the file: the one way of saying where something stands.

A place is {"byte": n, "exact": …}, where `exact` says whether the byte itself is known or only that of the piece it
lies in; {"place": "page 3", "exact": true}, in the words of the reader; or {} where nothing is known.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any


def place(offsets: Sequence[Sequence[Any]], byte: int) -> dict[str, Any]:
    """Where a byte of a text stands in its file.

    Args:
        offsets: of the document, see `helder.data.extract.form.Document`.
        byte: in the UTF-8 text.

    A piece that is as long in the file as in the text gives the exact byte; else the first byte of the piece is told.
    """
    piece = bisect_right(offsets, byte, key=lambda entry: int(entry[0])) - 1
    if piece < 0:
        return {}
    start, there = offsets[piece]
    if not isinstance(there, int):
        return {"place": str(there), "exact": True}
    if byte != start and piece + 1 < len(offsets):
        after, then = offsets[piece + 1]
        if isinstance(then, int) and then - there == after - start:
            return {"byte": there + byte - start, "exact": True}
    return {"byte": there, "exact": byte == start}


def told(found: Mapping[str, Any]) -> str:
    """A place in words: "byte 1,204", "from byte 1,204", "page 3", "sheet Prijzen!B4"."""
    if not found:
        return "nowhere in the file"
    if "byte" not in found:
        return str(found["place"])
    return f"byte {found['byte']:,}" if found["exact"] else f"from byte {found['byte']:,}"


def locate(offsets: Sequence[Sequence[Any]], byte: int) -> str:
    """Where a byte of a text stands in its file, in words."""
    return told(place(offsets, byte))


def source(document: Mapping[str, Any], byte: int) -> str:
    """File and place of a byte of a document's text, for people."""
    found = locate(document["offsets"], byte)
    row = document.get("row")
    return f"{document['path']}, {found}" if row in (None, found) else f"{document['path']}, {row}, {found}"
