"""Workbooks (xlsx): the cells of the sheets that are shown, as they are stored; dates as dates.

Out: hidden sheets, rows and columns (each counted in a warning; rows that a filter hides are hidden rows), comments,
formulas, of which the last result is in. Numbers stand as they are stored, without the format's rounding and signs.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from helder.data.extract.form import Documents, Extracted, Held, Limits, Pieces
from helder.data.extract.package import Package, attribute, child, local
from helder.data.extract.source import Source

DATES = frozenset(
    (*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59))
)  # built-in formats, ISO 29500-1 18.8.30
_DATE = re.compile(r"[ymdhs]", re.IGNORECASE)
_NOT_CODE = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')  # words, colours and spacing in a format


def xlsx(source: Source, found: Extracted, limits: Limits) -> Documents:
    """One workbook, one document; a piece is a cell."""
    package = Package(source, limits)
    main = package.main("xl/workbook.xml")
    related = package.related(main)
    book = package.xml(main)
    strings = _strings(package, related)
    dates = _date_formats(package, related)
    early = (attribute(child(book, "workbookPr"), "date1904") or "0").lower() in ("1", "true")
    pieces = Pieces(limits.text)
    hidden = 0
    names = child(book, "sheets")
    for sheet in names if names is not None else ():
        if (attribute(sheet, "state") or "visible") != "visible":
            hidden += 1
            continue
        kind, path = related.get(_relation(sheet), ("", ""))
        if kind == "worksheet" and path in package:
            reader = _Sheet(attribute(sheet, "name") or "?", strings, dates, early)
            reader.read(package, path, pieces)
            for count, what in ((reader.hidden_rows, "rows"), (len(reader.hidden_columns), "columns")):
                if count:
                    found.warnings.append(f"{count} hidden {what} of the sheet {reader.name} were left out")
    if hidden:
        found.warnings.append(f"{hidden} hidden sheets were left out")
    if not pieces:
        raise Held("it has no cell with anything in it that is shown")
    yield pieces.document(package.title())


def _relation(sheet: Element) -> str:
    return next((value for key, value in sheet.attrib.items() if key.endswith("}id")), "")


def _strings(package: Package, related: dict[str, tuple[str, str]]) -> list[str]:
    strings: list[str] = []
    for kind, path in related.values():
        if kind == "sharedStrings" and path in package:
            for event, element in package.elements(path):
                if event == "end" and local(element) == "si":
                    strings.append(_rich(element))
                    element.clear()
    return strings


def _rich(element: Element) -> str:
    """The text of a string with formatted runs; how it is pronounced (rPh) is not part of it."""
    parts = []
    for one in element:
        if local(one) == "t":
            parts.append(one.text or "")
        elif local(one) == "r":
            parts += [inner.text or "" for inner in one if local(inner) == "t"]
    return "".join(parts)


def _date_formats(package: Package, related: dict[str, tuple[str, str]]) -> frozenset[int]:
    """Indices of cell formats that show a number as a date or time."""
    found: set[int] = set()
    for kind, path in related.values():
        if kind != "styles" or path not in package:
            continue
        root = package.xml(path)
        own = {
            attribute(one, "numFmtId"): attribute(one, "formatCode") or "" for one in _children(child(root, "numFmts"))
        }
        for place, cell in enumerate(_children(child(root, "cellXfs"))):
            number = attribute(cell, "numFmtId") or "0"
            code = own.get(number)
            is_date = bool(_DATE.search(_NOT_CODE.sub("", code))) if code else number.isdigit() and int(number) in DATES
            if is_date:
                found.add(place)
    return frozenset(found)


def _children(element: Element | None) -> list[Element]:
    return [] if element is None else list(element)


class _Sheet:
    def __init__(self, name: str, strings: list[str], dates: frozenset[int], early: bool) -> None:
        self.name, self._strings, self._dates = name, strings, dates
        self._origin = datetime(1904, 1, 1) if early else datetime(1899, 12, 30)  # noqa: DTZ001  cells have no time zone
        self.hidden_rows = 0
        self.hidden_columns: set[int] = set()

    def read(self, package: Package, path: str, pieces: Pieces) -> None:
        number = 0
        for event, element in package.elements(path):
            name = local(element)
            if event == "start" and name == "row":
                number = int(attribute(element, "r") or number + 1)
            elif event == "end" and name == "col":
                self._column(element)
            elif event == "end" and name == "row":
                if (attribute(element, "hidden") or "0").lower() in ("1", "true"):
                    self.hidden_rows += 1
                else:
                    self._row(element, number, pieces)
                element.clear()

    def _column(self, element: Element) -> None:
        if (attribute(element, "hidden") or "0").lower() in ("1", "true"):
            first, last = int(attribute(element, "min") or 0), int(attribute(element, "max") or 0)
            # The last hidden block may run to the edge of the sheet, which is no column that somebody hid.
            self.hidden_columns.update(range(first, min(last, first + 1000) + 1))

    def _row(self, row: Element, number: int, pieces: Pieces) -> None:
        column, begun, last = 0, False, 0
        for cell in row:
            letters = re.match(r"[A-Z]+", attribute(cell, "r") or "")
            column = _column_number(letters[0]) if letters else column + 1
            if local(cell) != "c" or column in self.hidden_columns:
                continue
            value = " ".join(self._value(cell).split())
            if not value:
                continue
            if begun:
                pieces.add("\t")
            pieces.add(value, f"sheet {self.name}!{_column_letters(column)}{number}")
            begun, last = True, column
        if begun and last:
            pieces.add("\n")

    def _value(self, cell: Element) -> str:
        kind = attribute(cell, "t") or "n"
        if kind == "inlineStr":
            inline = child(cell, "is")
            return "" if inline is None else _rich(inline)
        stored = child(cell, "v")
        value = "" if stored is None else stored.text or ""
        if kind == "s":
            place = int(value) if value.isdigit() else -1
            return self._strings[place] if 0 <= place < len(self._strings) else ""
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        style = attribute(cell, "s") or ""
        if kind == "n" and style.isdigit() and int(style) in self._dates:
            return self._date(value)
        return value

    def _date(self, value: str) -> str:
        try:
            days = float(value)
            if 0 <= days < 1:
                return (self._origin + timedelta(days=days)).time().isoformat(timespec="seconds")
            moment = self._origin + timedelta(seconds=round(days * 86400))
        except (ValueError, OverflowError):
            return value
        return moment.date().isoformat() if days == int(days) else moment.isoformat(sep=" ", timespec="seconds")


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters[:4]:
        number = number * 26 + ord(letter) - 64
    return number


def _column_letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
