"""Word documents (docx): what the finished document shows.

Out: tracked deletions and what was moved away, hidden characters (by the run or by its style), comments, the code of
fields, macros. In: tracked insertions, table cells, text boxes, formulas' letters, foot- and endnotes, headers and
footers (each once, after the text). Which text a "final" view shows is what ISO/IEC 29500-1 says of del, moveFrom and
vanish.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from helder.data.extract.form import Documents, Extracted, Held, Limits, Pieces
from helder.data.extract.package import Package, attribute, child, is_on, local
from helder.data.extract.source import Source

GONE = frozenset(
    ("del", "moveFrom", "rPr", "pPr", "sectPr", "instrText", "delText", "Fallback", "tblPr", "tblGrid", "trPr")
)
GONE |= frozenset(("tcPr", "sdtPr", "sdtEndPr", "fldData", "rt", "delInstrText"))
SIGNS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def docx(source: Source, found: Extracted, limits: Limits) -> Documents:
    """One document; a piece is a paragraph, or a row of a table."""
    package = Package(source, limits)
    main = package.main("word/document.xml")
    related = package.related(main)
    hidden = _hidden_styles(package, [path for kind, path in related.values() if kind == "styles"])
    reader = _Reader(hidden)
    pieces = Pieces(limits.text)
    root = package.xml(main)
    body = child(root, "body")
    for text, place in reader.blocks(root if body is None else body, ""):
        pieces.add(text, place)
    for kind, word in (("footnotes", "footnote"), ("endnotes", "endnote"), ("header", "header"), ("footer", "footer")):
        seen: set[str] = set()
        for path in sorted(path for one, path in related.values() if one == kind and path in package):
            part = package.xml(path)
            notes = [one for one in part if local(one) == word] if kind.endswith("notes") else [part]
            for note in notes:
                if attribute(note, "type") in ("separator", "continuationSeparator", "continuationNotice"):
                    continue
                number = f" {attribute(note, 'id')}" if kind.endswith("notes") else ""
                text = "".join(text for text, _ in reader.blocks(note, ""))
                if text.strip() and text not in seen:
                    seen.add(text)
                    pieces.add(text, f"{word}{number}")
    if any(kind == "comments" for kind, _ in related.values()):
        found.warnings.append("comments in the margin were left out")
    if reader.deleted:
        found.warnings.append(f"{reader.deleted} tracked deletions were left out")
    if reader.vanished:
        found.warnings.append(f"{reader.vanished} pieces of hidden text were left out")
    if not pieces:
        raise Held("it has no text; perhaps it holds pictures only")
    yield pieces.document(package.title())


def _hidden_styles(package: Package, paths: list[str]) -> frozenset[str]:
    """Styles whose characters are hidden, themselves or by the style that they are based on."""
    own: dict[str, bool | None] = {}
    based: dict[str, str] = {}
    for path in paths:
        for style in package.xml(path) if path in package else ():
            if local(style) != "style":
                continue
            name = attribute(style, "styleId") or ""
            switch = child(style, "rPr", "vanish")
            own[name] = None if switch is None else is_on(switch)
            if (parent := child(style, "basedOn")) is not None:
                based[name] = attribute(parent, "val") or ""
    hidden = set()
    for name in own:
        at, seen = name, set()
        while at in own and own[at] is None and at not in seen:
            seen.add(at)
            at = based.get(at, "")
        if own.get(at):
            hidden.add(name)
    return frozenset(hidden)


class _Reader:
    """Reads blocks; counts what it leaves out."""

    def __init__(self, hidden: frozenset[str]) -> None:
        self._hidden = hidden
        self.paragraphs = self.tables = self.deleted = self.vanished = 0

    def blocks(self, parent: Element, inside: str) -> Iterator[tuple[str, str]]:
        """(text with its line feed, place) of the paragraphs and rows in an element."""
        joined = ""
        for block in parent:
            name = local(block)
            if name == "p":
                self.paragraphs += not inside
                place = inside or f"paragraph {self.paragraphs}"
                joined += self.paragraph(block)
                if child(block, "pPr", "rPr", "del") is not None or child(block, "pPr", "rPr", "moveFrom") is not None:
                    continue  # the mark between this paragraph and the next is deleted: they are one
                if joined.strip():
                    yield joined.rstrip() + "\n", place
                joined = ""
            elif name == "tbl":
                yield from self.table(block, inside)
            elif name not in GONE:
                yield from self.blocks(block, inside)
        if joined.strip():
            yield joined.rstrip() + "\n", inside or f"paragraph {self.paragraphs}"

    def table(self, table: Element, inside: str) -> Iterator[tuple[str, str]]:
        if not inside:
            self.tables += 1
        where = inside or f"table {self.tables}"
        for number, row in enumerate(_under(table, "tr"), start=1):
            if child(row, "trPr", "del") is not None:
                self.deleted += 1
                continue
            if is_on(child(row, "trPr", "hidden")):
                self.vanished += 1
                continue
            place = inside or f"{where}, row {number}"
            cells = []
            for cell in _under(row, "tc"):
                if child(cell, "tcPr", "cellDel") is not None:
                    self.deleted += 1
                    continue
                cells.append(" ".join("".join(text for text, _ in self.blocks(cell, place)).split()))
            if any(cells):
                yield "\t".join(cells).rstrip() + "\n", place

    def paragraph(self, paragraph: Element) -> str:
        style = attribute(child(paragraph, "pPr", "pStyle"), "val")
        parts: list[str] = []
        self._runs(paragraph, parts, style in self._hidden)
        return "".join(parts)

    def _runs(self, parent: Element, parts: list[str], hidden: bool) -> None:
        for one in parent:
            name = local(one)
            if name == "t":
                parts.append(one.text or "")
            elif name == "r":
                if not self._vanished(one, hidden):
                    self._runs(one, parts, hidden)
            elif name in SIGNS:
                parts.append(SIGNS[name])
            elif name == "sym":
                code = attribute(one, "char") or ""
                # Fonts of symbols put their signs where Unicode has no letters: which sign it is, only the font knows.
                parts.append("•" if code.upper().startswith("F0") else _character(code))
            elif name in GONE:
                self.deleted += name in ("del", "moveFrom")
            elif name == "txbxContent":
                parts.append("\n" + "".join(text for text, _ in self.blocks(one, "text box")))
            else:
                self._runs(one, parts, hidden)

    def _vanished(self, run: Element, hidden: bool) -> bool:
        properties = child(run, "rPr")
        switch = child(properties, "vanish")
        style = attribute(child(properties, "rStyle"), "val")
        is_hidden = is_on(switch) if switch is not None else hidden or style in self._hidden
        if is_hidden and any(local(one) == "t" and (one.text or "").strip() for one in run):
            self.vanished += 1
        return is_hidden


def _character(code: str) -> str:
    try:
        return chr(int(code, 16))
    except (ValueError, OverflowError):
        return ""


def _under(parent: Element, name: str) -> Iterator[Element]:
    """Children of this name, also those in content controls and insertions."""
    for one in parent:
        if local(one) == name:
            yield one
        elif local(one) in ("sdt", "sdtContent", "ins", "moveTo", "customXml"):
            yield from _under(one, name)
