"""Text files as they are, and Markdown without what nobody sees when it is shown."""

from __future__ import annotations

import re

from helder.data.extract import characters
from helder.data.extract.form import Document, Documents, Extracted, Limits, Pieces, Place, Refused
from helder.data.extract.source import Source

EVERY = 4096  # bytes of text between two places in a file whose bytes are not those of its text (assumption)
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"^(```|~~~).*?(?:^\1[`~]*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]+(\S[^\n]*)$|^(\S[^\n]*)\n(?:=+|-{3,})[ \t]*$", re.MULTILINE)


def text(source: Source, found: Extracted, limits: Limits) -> Documents:
    """A text file: one document; line ends of Windows become line feeds."""
    yield _whole(source, found, limits)


def markdown(source: Source, found: Extracted, limits: Limits) -> Documents:
    """Markdown: as it is written, without comments, scripts and styles; what stands in fences of code is code."""
    whole = _whole(source, found, limits)
    fences = (
        [match.span() for match in _FENCE.finditer(whole.text)] if "```" in whole.text or "~~~" in whole.text else []
    )
    hidden = [
        match.span()
        for match in (_HIDDEN.finditer(whole.text) if "<" in whole.text else ())
        if not any(start <= match.start() < end for start, end in fences)
    ]
    if hidden:
        whole = without(whole, hidden, limits.text)
    if heading := _HEADING.search(whole.text):
        whole.title = (heading[1] or heading[2]).rstrip("# \t")[:200]
    yield whole


def _whole(source: Source, found: Extracted, limits: Limits) -> Document:
    content = source.read(limits.whole)
    decoded = characters.decode(content)
    found.facts["encoding"] = decoded.encoding
    if decoded.encoding in ("cp1252", "latin-1"):
        found.warnings.append("it is not Unicode; it was read as Windows-1252")
    cleaned = characters.clean(decoded.text, found.warnings)
    if len(cleaned) > limits.text:
        raise Refused(f"its text has more than {limits.text:,} characters")
    same = decoded.encoding == "utf-8" and cleaned is decoded.text
    if same and b"\r" not in content:
        size = len(content) - decoded.mark
        return Document("", cleaned, [(0, decoded.mark), (size, len(content))])
    if cleaned is decoded.text:
        return by_lines(cleaned, decoded.encoding, decoded.mark)
    # Characters were taken out, so bytes can no longer be counted along: the lines say where.
    return Document("", unix(cleaned), [(0, "the whole file")])


def unix(text: str) -> str:
    """Line feeds only, whatever ends the lines."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def by_lines(text: str, encoding: str, mark: int) -> Document:
    """A text whose bytes in the file are others than in UTF-8: the byte of a line's beginning about every `EVERY`."""
    parts: list[str] = []
    offsets: list[tuple[int, Place]] = []
    written, read, last = 0, mark, -EVERY
    for line in text.splitlines(keepends=True):
        if written - last >= EVERY:
            offsets.append((written, read))
            last = written
        clean = unix(line)
        parts.append(clean)
        written += len(clean.encode("utf-8"))
        read += len(line.encode(encoding))
    offsets.append((written, read))
    return Document("", "".join(parts), offsets)


def without(document: Document, spans: list[tuple[int, int]], limit: int) -> Document:
    """A document without some spans of characters, the places kept right."""
    from bisect import bisect_right

    pieces = Pieces(limit)
    at, bytes_at = 0, 0
    marks = document.offsets
    for start, end in [*spans, (len(document.text), len(document.text))]:
        kept = document.text[at:start]
        size, hole = len(kept.encode("utf-8")), len(document.text[start:end].encode("utf-8"))
        # Each kept stretch begins anew; where the file's bytes are those of the text, its first byte is exact.
        piece = max(0, bisect_right(marks, bytes_at, key=lambda entry: entry[0]) - 1)
        first, place = marks[piece]
        exact = isinstance(place, int) and piece + 1 < len(marks) and _same_length(marks[piece], marks[piece + 1])
        pieces.add(kept, place + bytes_at - first if isinstance(place, int) and exact else place)
        at, bytes_at = end, bytes_at + size + hole
    made = pieces.document(document.title)
    size = len(made.text.encode("utf-8"))
    return Document(made.title, made.text, [*made.offsets, (size, marks[-1][1])] if made.offsets else [])


def _same_length(one: tuple[int, Place], two: tuple[int, Place]) -> bool:
    return isinstance(one[1], int) and isinstance(two[1], int) and two[1] - one[1] == two[0] - one[0]
