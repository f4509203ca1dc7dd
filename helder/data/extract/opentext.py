"""OpenDocument texts (odt): what the finished document shows.

Out: tracked deletions, hidden text, paragraphs and sections, hidden rows and columns of tables, comments. In: table
cells separated by tabs, foot- and endnotes where they are referred to, text boxes, headings.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from helder.data.extract.form import Documents, Extracted, Held, Limits, Pieces, words
from helder.data.extract.package import Package, attribute, child, local
from helder.data.extract.source import Source

GONE = words(
    "tracked-changes annotation annotation-end hidden-text hidden-paragraph note-citation sequence-decls "
    "variable-decls user-field-decls forms scripts desc title script ruby-text event-listeners"
)
SPACES = 1000  # spaces in a row that one element may ask for


def odt(source: Source, found: Extracted, limits: Limits) -> Documents:
    """One document; a piece is a paragraph, or a row of a table."""
    package = Package(source, limits)
    if "META-INF/manifest.xml" in package and b"encryption-data" in package.read("META-INF/manifest.xml"):
        raise Held("it is locked with a password: save it without one")
    root = package.xml("content.xml")
    styles = [root, *([package.xml("styles.xml")] if "styles.xml" in package else [])]
    reader = _Reader(frozenset(name for part in styles for name in _hidden(part)))
    pieces = Pieces(limits.text)
    body = child(root, "body", "text")
    for text, place in reader.blocks(body, "") if body is not None else ():
        pieces.add(text, place)
    if reader.deleted:
        found.warnings.append(f"{reader.deleted} tracked deletions were left out")
    if reader.hidden:
        found.warnings.append(f"{reader.hidden} pieces of hidden text were left out")
    if not pieces:
        raise Held("it has no text; perhaps it holds pictures only")
    title = ""
    if "meta.xml" in package and (meta := child(package.xml("meta.xml"), "meta")) is not None:
        title = next((one.text or "" for one in meta if local(one) == "title"), "")
    yield pieces.document(title)


def _hidden(part: Element) -> Iterator[str]:
    """Names of styles whose text is not displayed."""
    for group in part:
        for style in group:
            for properties in style:
                if local(properties) == "text-properties" and attribute(properties, "display") == "none":
                    yield attribute(style, "name") or ""


class _Reader:
    def __init__(self, styles: frozenset[str]) -> None:
        self._styles = styles
        self.paragraphs = self.tables = self.deleted = self.hidden = 0

    def _out(self, element: Element) -> bool:
        name = local(element)
        if name in GONE:
            if name == "tracked-changes":
                self.deleted += sum(local(kind) == "deletion" for change in element for kind in change)
            self.hidden += name in ("hidden-text", "hidden-paragraph")
            return True
        hidden = attribute(element, "style-name") in self._styles
        if name == "section" or name in ("table-row", "table-column"):
            hidden = attribute(element, "display") == "none" or attribute(element, "visibility") in (
                "collapse",
                "filter",
            )
        self.hidden += hidden
        return hidden

    def blocks(self, parent: Element, inside: str) -> Iterator[tuple[str, str]]:
        for block in parent:
            name = local(block)
            if self._out(block):
                continue
            if name in ("p", "h"):
                self.paragraphs += not inside
                parts: list[str] = []
                if _is_hidden_paragraph(block):
                    self.hidden += 1
                    continue
                self._inline(block, parts)
                if text := "".join(parts).strip():
                    yield text + "\n", inside or f"paragraph {self.paragraphs}"
            elif name == "table":
                yield from self.table(block, inside)
            else:
                yield from self.blocks(block, inside)

    def table(self, table: Element, inside: str) -> Iterator[tuple[str, str]]:
        self.tables += not inside
        where = inside or f"table {self.tables}"
        hidden = self._hidden_columns(table)
        for number, row in enumerate(_under(table, "table-row"), start=1):
            if self._out(row):
                continue
            place = inside or f"{where}, row {number}"
            cells, column = [], 0
            for cell in row:
                if local(cell) not in ("table-cell", "covered-table-cell"):
                    continue
                if column not in hidden:
                    cells.append(" ".join("".join(text for text, _ in self.blocks(cell, place)).split()))
                column += _repeated(cell)
            if any(cells):
                yield "\t".join(cells).rstrip() + "\n", place

    def _hidden_columns(self, table: Element) -> set[int]:
        hidden: set[int] = set()
        at = 0
        for column in _under(table, "table-column"):
            count = _repeated(column)
            if self._out(column):
                hidden.update(range(at, at + count))
            at += count
        return hidden

    def _inline(self, parent: Element, parts: list[str]) -> None:
        parts.append(parent.text or "")
        for one in parent:
            name = local(one)
            if self._out(one):
                pass
            elif name == "s":
                count = attribute(one, "c") or "1"
                parts.append(" " * min(int(count) if count.isdigit() else 1, SPACES))
            elif name == "tab":
                parts.append("\t")
            elif name == "line-break":
                parts.append("\n")
            elif name in ("note", "text-box", "frame"):
                text = " ".join("".join(text for text, _ in self.blocks(one, "note")).split())
                parts.append(f" ({text})" if text else "")
            else:
                self._inline(one, parts)
            parts.append(one.tail or "")


def _is_hidden_paragraph(paragraph: Element) -> bool:
    return any(local(one) == "hidden-paragraph" and attribute(one, "is-hidden") != "false" for one in paragraph.iter())


def _repeated(element: Element) -> int:
    count = attribute(element, "number-columns-repeated") or "1"
    return min(int(count), 1000) if count.isdigit() else 1


def _under(parent: Element, name: str) -> Iterator[Element]:
    for one in parent:
        if local(one) == name:
            yield one
        elif local(one) in (
            "table-rows",
            "table-header-rows",
            "table-row-group",
            "table-columns",
            "table-header-columns",
        ):
            yield from _under(one, name)
