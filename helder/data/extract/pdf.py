"""PDF, page by page, by PDFium (through pypdfium2), the reader of Chromium.

Text is what the pages draw as letters within their bounds, invisible letters too: the text layer of a recognised scan
is made of them. Text in pictures is not read; a file whose pages have no letter is held as a scan. Notes and form
fields are not text of a page.
"""

from __future__ import annotations

import pypdfium2

from helder.data.extract import marks
from helder.data.extract.form import Documents, Extracted, Held, Limits, Pieces, Refused
from helder.data.extract.plain import unix
from helder.data.extract.source import Source

PASSWORD = 4  # FPDF_ERR_PASSWORD, <fpdfview.h>


def pdf(source: Source, found: Extracted, limits: Limits) -> Documents:
    """One file, one document; a piece is a page."""
    content = source.read(limits.whole)
    if (objects := content.count(b" obj")) > limits.objects:
        raise Refused(f"it has {objects:,} objects; more than {limits.objects:,} are not read")
    if b"%%EOF" not in content[-4096:] and b"startxref" not in content[-4096:]:
        raise Refused("it is cut short: the end of the file is missing")
    found.marks += marks.of_pdf(content)
    try:
        opened = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == PASSWORD or "password" in str(error).lower():
            raise Held("it is locked with a password: save it without one") from None
        raise Refused(f"it is broken: PDFium cannot open it ({error})") from None
    pieces, empty = Pieces(limits.text), []
    try:
        count = len(opened)
        if count > limits.pages:
            raise Refused(f"it has {count:,} pages; more than {limits.pages:,} are not read")
        title = str(opened.get_metadata_dict().get("Title") or "")
        for number in range(count):
            text = _page(opened, number)
            if any(map(str.isalnum, text)):
                pieces.add(text.rstrip() + "\n", f"page {number + 1}")
            else:
                empty.append(number + 1)
    except pypdfium2.PdfiumError as error:
        raise Refused(f"it is broken: PDFium cannot read page {number + 1} ({error})") from None
    finally:
        opened.close()
    if len(empty) == count:
        raise Held("a scan without text: none of its pages has letters; have it recognised (OCR) first")
    if empty:
        shown = ", ".join(map(str, empty[:5])) + (" …" if len(empty) > 5 else "")
        found.warnings.append(f"{len(empty)} of {count} pages have no text, such as pictures (page {shown})")
    yield pieces.document(title or "")


def _page(opened: pypdfium2.PdfDocument, number: int) -> str:
    page = opened[number]
    try:
        text = page.get_textpage()
        try:
            # U+FFFE is how PDFium writes a hyphen at the end of a line, which the word does not have otherwise.
            return unix(str(text.get_text_bounded())).replace("\ufffe\n", "").replace("\ufffe", "").replace("\0", "")
        finally:
            text.close()
    finally:
        page.close()
