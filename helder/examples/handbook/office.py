"""Writers of small office files, for examples and tests: the least that Word, Excel, PowerPoint and LibreOffice take.

Bytes depend on what is asked for and on nothing else: no times, one order of parts, stored without compression (what a
compressor writes differs between versions of zlib).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import escape

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_P = "http://schemas.openxmlformats.org/presentationml/2006/main"
_A = "http://schemas.openxmlformats.org/drawingml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def zipped(parts: Mapping[str, bytes | str], compress: bool = False) -> bytes:
    """A zip file of parts, the same bytes for the same parts."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
            archive.writestr(info, content)
    return stream.getvalue()


def _package(main: str, kind: str, parts: Mapping[str, str], types: Mapping[str, str], title: str = "") -> bytes:
    overrides = "".join(f'<Override PartName="/{name}" ContentType="{type_}"/>' for name, type_ in types.items())
    related = f'<Relationship Id="rId1" Type="{_R}/officeDocument" Target="{main}"/>'
    core = {}
    if title:
        core["docProps/core.xml"] = (
            f'{_HEAD}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
            f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(title)}</dc:title></cp:coreProperties>'
        )
        overrides += (
            '<Override PartName="/docProps/core.xml" '
            'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>'
        )
        related += (
            f'<Relationship Id="rId2" Type="{_PACKAGE}/relationships/metadata/core-properties" '
            'Target="docProps/core.xml"/>'
        )
    return zipped(
        {
            "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>',
            "_rels/.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{related}</Relationships>',
            **parts,
            **core,
        }
    )


def _relations(targets: Iterable[tuple[str, str]]) -> str:
    rows = "".join(
        f'<Relationship Id="rId{number}" Type="{_R}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{rows}</Relationships>'


# -- Word ------------------------------------------------------------------------------------------------


def run(text: str, hidden: bool = False) -> str:
    """Characters of a Word paragraph."""
    properties = "<w:rPr><w:vanish/></w:rPr>" if hidden else ""
    return f'<w:r>{properties}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def inserted(text: str) -> str:
    """A tracked insertion."""
    return f'<w:ins w:id="1" w:author="A" w:date="2026-01-01T00:00:00Z">{run(text)}</w:ins>'


def deleted(text: str) -> str:
    """A tracked deletion."""
    gone = f'<w:r><w:delText xml:space="preserve">{escape(text)}</w:delText></w:r>'
    return f'<w:del w:id="2" w:author="A" w:date="2026-01-01T00:00:00Z">{gone}</w:del>'


def paragraph(*runs: str, style: str = "") -> str:
    """A Word paragraph of runs."""
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}{''.join(runs)}</w:p>"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A Word table of texts."""
    made = "".join(f"<w:tr>{''.join(f'<w:tc>{paragraph(run(cell))}</w:tc>' for cell in row)}</w:tr>" for row in rows)
    return f"<w:tbl>{made}</w:tbl>"


def docx(body: Iterable[str], title: str = "", parts: Mapping[str, str] | None = None) -> bytes:
    """A Word document.

    Args:
        body: paragraphs and tables.
        parts: further parts by their kind ("styles", "footnotes", "header", "comments"): the inside of their root.
    """
    roots = {"styles": "styles", "footnotes": "footnotes", "header": "hdr", "footer": "ftr", "comments": "comments"}
    more = {
        f"word/{kind}.xml": f'{_HEAD}<w:{roots[kind]} xmlns:w="{_W}">{inside}</w:{roots[kind]}>'
        for kind, inside in (parts or {}).items()
    }
    contents = {
        "word/document.xml": f'{_HEAD}<w:document xmlns:w="{_W}"><w:body>{"".join(body)}</w:body></w:document>',
        "word/_rels/document.xml.rels": _relations((kind, f"{kind}.xml") for kind in parts or {}),
        **more,
    }
    types = {"word/document.xml": f"{_TYPE}.wordprocessingml.document.main+xml"}
    types |= {f"word/{kind}.xml": f"{_TYPE}.wordprocessingml.{kind}+xml" for kind in parts or {}}
    return _package("word/document.xml", "word", contents, types, title)


# -- Excel -----------------------------------------------------------------------------------------------

Cell = str | int | float


def xlsx(
    sheets: Mapping[str, Sequence[Sequence[Cell]]],
    hidden: Sequence[str] = (),
    hidden_rows: Sequence[int] = (),
    hidden_columns: Sequence[int] = (),
    dates: Sequence[str] = (),
) -> bytes:
    """An Excel workbook.

    Args:
        hidden: sheets that are not shown; `hidden_rows` and `hidden_columns` (from 1) are of every sheet.
        dates: cells, such as "B2", whose number is a date.
    """
    parts, types = {}, {"xl/workbook.xml": f"{_TYPE}.spreadsheetml.sheet.main+xml"}
    strings: dict[str, int] = {}
    for number, rows in enumerate(sheets.values(), start=1):
        columns = "".join(f'<col min="{one}" max="{one}" width="9" hidden="1"/>' for one in hidden_columns)
        made = []
        for at, row in enumerate(rows, start=1):
            cells = []
            for place, value in enumerate(row):
                name = f"{chr(65 + place)}{at}"
                if isinstance(value, str):
                    cells.append(f'<c r="{name}" t="s"><v>{strings.setdefault(value, len(strings))}</v></c>')
                else:
                    cells.append(
                        f'<c r="{name}"{" s=" + chr(34) + "1" + chr(34) if name in dates else ""}><v>{value}</v></c>'
                    )
            made.append(f'<row r="{at}"{HIDDEN if at in hidden_rows else ""}>{"".join(cells)}</row>')
        inside = f"{f'<cols>{columns}</cols>' if columns else ''}<sheetData>{''.join(made)}</sheetData>"
        parts[f"xl/worksheets/sheet{number}.xml"] = f'{_HEAD}<worksheet xmlns="{_S}">{inside}</worksheet>'
        types[f"xl/worksheets/sheet{number}.xml"] = f"{_TYPE}.spreadsheetml.worksheet+xml"
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number}"{HIDDEN_SHEET if name in hidden else ""} r:id="rId{number}"/>'
        for number, name in enumerate(sheets, start=1)
    )
    targets = [("worksheet", f"worksheets/sheet{number}.xml") for number in range(1, len(sheets) + 1)]
    targets += [("sharedStrings", "sharedStrings.xml"), ("styles", "styles.xml")]
    texts = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in strings)
    contents = {
        "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_S}" xmlns:r="{_R}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(targets),
        "xl/sharedStrings.xml": f'{_HEAD}<sst xmlns="{_S}">{texts}</sst>',
        "xl/styles.xml": f'{_HEAD}<styleSheet xmlns="{_S}"><fonts count="1"><font/></fonts>'
        '<fills count="1"><fill/></fills>'
        '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
        '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
        **parts,
    }
    types |= {
        "xl/sharedStrings.xml": f"{_TYPE}.spreadsheetml.sharedStrings+xml",
        "xl/styles.xml": f"{_TYPE}.spreadsheetml.styles+xml",
    }
    return _package("xl/workbook.xml", "xl", contents, types)


HIDDEN = ' hidden="1"'
HIDDEN_SHEET = ' state="hidden"'

# -- PowerPoint ------------------------------------------------------------------------------------------


def pptx(slides: Sequence[Sequence[str]], hidden: Sequence[int] = (), notes: Mapping[int, str] | None = None) -> bytes:
    """A presentation: for each slide its texts; slides in `hidden` (from 1) are not shown; notes by slide.

    A text with tabs is a table of one row.
    """
    notes = notes or {}
    parts, types = {}, {"ppt/presentation.xml": f"{_TYPE}.presentationml.presentation.main+xml"}
    for number, texts in enumerate(slides, start=1):
        shapes = "".join(map(_shape, texts))
        show = ' show="0"' if number in hidden else ""
        parts[f"ppt/slides/slide{number}.xml"] = (
            f'{_HEAD}<p:sld xmlns:p="{_P}" xmlns:a="{_A}"{show}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>'
        )
        types[f"ppt/slides/slide{number}.xml"] = f"{_TYPE}.presentationml.slide+xml"
        if number in notes:
            parts[f"ppt/notesSlides/notesSlide{number}.xml"] = (
                f'{_HEAD}<p:notes xmlns:p="{_P}" xmlns:a="{_A}"><p:cSld><p:spTree>{_shape(notes[number])}</p:spTree>'
                "</p:cSld></p:notes>"
            )
            parts[f"ppt/slides/_rels/slide{number}.xml.rels"] = _relations(
                [("notesSlide", f"../notesSlides/notesSlide{number}.xml")]
            )
    listed = "".join(f'<p:sldId id="{255 + number}" r:id="rId{number}"/>' for number in range(1, len(slides) + 1))
    contents = {
        "ppt/presentation.xml": f'{_HEAD}<p:presentation xmlns:p="{_P}" xmlns:r="{_R}">'
        f"<p:sldIdLst>{listed}</p:sldIdLst>"
        "</p:presentation>",
        "ppt/_rels/presentation.xml.rels": _relations(
            ("slide", f"slides/slide{number}.xml") for number in range(1, len(slides) + 1)
        ),
        **parts,
    }
    return _package("ppt/presentation.xml", "ppt", contents, types)


def _shape(text: str) -> str:
    if "\t" in text:
        cells = "".join(
            f"<a:tc><a:txBody><a:p><a:r><a:t>{escape(cell)}</a:t></a:r></a:p></a:txBody></a:tc>"
            for cell in text.split("\t")
        )
        row = f"<a:tbl><a:tr>{cells}</a:tr></a:tbl>"
        return f"<p:graphicFrame><a:graphic><a:graphicData>{row}</a:graphicData></a:graphic></p:graphicFrame>"
    lines = "".join(f"<a:p><a:r><a:t>{escape(line)}</a:t></a:r></a:p>" for line in text.split("\n"))
    return f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="t"/></p:nvSpPr><p:txBody>{lines}</p:txBody></p:sp>'


# -- OpenDocument ----------------------------------------------------------------------------------------


def odt(body: str, styles: str = "", title: str = "") -> bytes:
    """An OpenDocument text: `body` is the inside of office:text, `styles` that of office:automatic-styles."""
    names = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
        for short, long in (
            ("office", "office"),
            ("text", "text"),
            ("table", "table"),
            ("style", "style"),
            ("meta", "meta"),
        )
    )
    mime = "application/vnd.oasis.opendocument.text"
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    files = "".join(
        f'<manifest:file-entry manifest:full-path="{path}" manifest:media-type="{kind}"/>'
        for path, kind in (("/", mime), ("content.xml", "text/xml"), ("meta.xml", "text/xml"))
    )
    return zipped(
        {
            "mimetype": mime,
            "content.xml": f"{_HEAD}<office:document-content {names}>"
            f"<office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body><office:text>{body}</office:text></office:body></office:document-content>",
            "meta.xml": f'{_HEAD}<office:document-meta {names} xmlns:dc="http://purl.org/dc/elements/1.1/"><office:meta>'
            f"<dc:title>{escape(title)}</dc:title></office:meta></office:document-meta>",
            "META-INF/manifest.xml": f'{_HEAD}<manifest:manifest xmlns:manifest="{manifest}">{files}'
            "</manifest:manifest>",
        }
    )


# -- PDF -------------------------------------------------------------------------------------------------


def pdf(pages: Sequence[str], title: str = "", metadata: str = "") -> bytes:
    """A PDF with a line of Helvetica for each line of a page; an empty page has a grey box, as a scan has a picture.

    Args:
        metadata: an XMP packet, as it is.
    """
    objects = ["<< /Type /Catalog /Pages 2 0 R" + (" /Metadata 5 0 R" if metadata else "") + " >>"]
    first = 6
    kids = " ".join(f"{first + 2 * at} 0 R" for at in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>")
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    objects.append(f"<< /Title ({_literal(title)}) >>")
    objects.append(
        f"<< /Type /Metadata /Subtype /XML /Length {len(metadata.encode('cp1252'))} >>\nstream\n{metadata}\nendstream"
    )
    for at, text in enumerate(pages):
        drawn = "0.8 g 50 50 400 600 re f"
        if text:
            lines = " ".join(f"({_literal(line)}) Tj T*" for line in text.split("\n"))
            drawn = f"BT /F1 11 Tf 14 TL 50 780 Td {lines} ET"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {first + 2 * at + 1} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(drawn.encode('cp1252'))} >>\nstream\n{drawn}\nendstream")
    written, places = b"%PDF-1.7\n", []
    for number, text in enumerate(objects, start=1):
        places.append(len(written))
        written += f"{number} 0 obj\n{text}\nendobj\n".encode("cp1252")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
        f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 4 0 R >>\nstartxref\n{len(written)}\n%%EOF\n"
    )
    return written + end.encode("cp1252")


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
