"""Presentations (pptx): what the audience sees, slide by slide.

Out: hidden slides and shapes, notes for the speaker, comments, master slides. In: all shapes of a slide in the order of
the file, table cells separated by tabs. Diagrams (SmartArt) and charts lie in parts of their own and are not read; a
warning says so.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from helder.data.extract.form import Documents, Extracted, Held, Limits, Pieces
from helder.data.extract.package import Package, attribute, child, local
from helder.data.extract.source import Source

OFF = ("0", "false")


def pptx(source: Source, found: Extracted, limits: Limits) -> Documents:
    """One presentation, one document; a piece is a slide."""
    package = Package(source, limits)
    main = package.main("ppt/presentation.xml")
    related = package.related(main)
    order = child(package.xml(main), "sldIdLst")
    pieces = Pieces(limits.text)
    hidden = notes = drawn = 0
    for number, slide in enumerate(order if order is not None else (), start=1):
        relation = next((value for key, value in slide.attrib.items() if key.endswith("}id")), "")
        kind, path = related.get(relation, ("", ""))
        if kind != "slide" or path not in package:
            continue
        root = package.xml(path)
        if (attribute(root, "show") or "1").lower() in OFF:
            hidden += 1
            continue
        kinds = [kind for kind, _ in package.related(path).values()]
        notes += "notesSlide" in kinds
        drawn += sum(kind in ("diagramData", "chart", "chartEx") for kind in kinds)
        lines: list[str] = []
        _shapes(root, lines)
        pieces.add("".join(line + "\n" for line in lines if line.strip()), f"slide {number}")
    for count, what in (
        (hidden, "hidden slides"),
        (notes, "slides' notes for the speaker"),
        (drawn, "charts and diagrams"),
    ):
        if count:
            found.warnings.append(f"{count} {what} were left out")
    if not pieces:
        raise Held("it has no text; perhaps its slides are pictures")
    yield pieces.document(package.title())


def _shapes(parent: Element, lines: list[str]) -> None:
    for one in parent:
        name = local(one)
        if name == "tbl":
            for row in (row for row in one if local(row) == "tr"):
                cells = [cell for cell in row if local(cell) == "tc"]
                lines.append("\t".join(" ".join(" ".join(_paragraphs(cell)).split()) for cell in cells).rstrip())
        elif name == "txBody":
            lines += _paragraphs(one)
        elif name in ("Fallback", "extLst") or _is_hidden(one):
            continue
        else:
            _shapes(one, lines)


def _is_hidden(shape: Element) -> bool:
    for properties in shape:
        if local(properties).startswith("nv"):
            return (attribute(child(properties, "cNvPr"), "hidden") or "0").lower() in ("1", "true")
    return False


def _paragraphs(body: Element) -> list[str]:
    found = []
    for one in body:
        if local(one) == "p":
            parts: list[str] = []
            for run in one:
                if local(run) == "br":
                    parts.append("\n")
                elif local(run) in ("r", "fld"):
                    parts += [text.text or "" for text in run if local(text) == "t"]
            found.append("".join(parts).strip())
        elif local(one) == "txBody":
            found += _paragraphs(one)
    return [text for text in found if text]
