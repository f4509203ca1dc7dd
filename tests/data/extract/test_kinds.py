"""Each kind of file is told by its content, and what a person sees of it is its text."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from helder.data.extract import places
from helder.examples.handbook import office
from tests.data.extract.reading import one

pytest.importorskip("selectolax")
pytest.importorskip("pypdfium2")


def test_markdown_keeps_what_is_shown_and_loses_comments(tmp_path: Path) -> None:
    text = "# Regels voor thuis\n\nWerk <!-- geheim --> thuis mag.\n```html\n<!-- code blijft -->\n```\n"
    read = one(tmp_path, "a.md", text)
    document = read.document("a.md")
    assert document["text"] == text.replace("<!-- geheim -->", "")
    assert document["title"] == "Regels voor thuis"
    place = document["text"].encode().index(b"thuis mag")
    assert places.locate(document["offsets"], place) == f"byte {text.encode().index(b'thuis mag')}"


@pytest.mark.parametrize("text", ["een\r\ntwee é\r\n" * 800, "een\rtwee\r", "een\ntwee\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_has_line_feeds_and_its_lines_are_found_in_the_file(tmp_path: Path, text: str, encoding: str) -> None:
    content = text.encode(encoding)
    document = one(tmp_path, "a.txt", content).document("a.txt")
    clean = text.replace("\r\n", "\n").replace("\r", "\n")
    assert document["text"] == clean
    coded = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(encoding, encoding)
    for start, byte in document["offsets"][:-1]:
        expected = clean.encode()[start:].decode()[:5].split("\n")[0]
        assert content[byte:].decode(coded).startswith(expected)
    assert document["offsets"][-1] == [len(clean.encode()), len(content)]


PAGE = """<!doctype html><html><head><title>Huis &amp; regels</title><style>.weg, #ook {display: none}</style>
<script>document.write("script > weg")</script></head><body><h1>Één kop</h1><!-- weg --><p>Eerste  alinea
met <b>vet</b> en &euro; 5.</p><p class="weg">weg</p><p id=ook>weg</p><p hidden>weg</p><p style="display:none">weg</p>
<p aria-hidden="true">weg</p><table><tr><th>Naam<th>Prijs</tr><tr><td><p>Thee</p><td>2,50</tr></table>
<ul><li>een<li>twee</ul><pre>a  b
c</pre><noscript>weg</noscript><template>weg</template><textarea>weg</textarea><ins>erbij</ins> einde</body></html>"""


def test_a_page_is_what_a_browser_shows(tmp_path: Path) -> None:
    read = one(tmp_path, "a.html", PAGE)
    document = read.document("a.html")
    assert document["text"] == (
        "Één kop\nEerste alinea met vet en € 5.\nNaam\tPrijs\nThee\t2,50\neen\ntwee\na  b\nc\nerbij einde\n"
    )
    assert document["title"] == "Huis & regels"
    assert "selectolax" in document["library"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_runs_of_a_page_are_found_at_their_bytes(tmp_path: Path, encoding: str) -> None:
    text = PAGE.replace("<head>", f'<head><meta charset="{encoding}">')
    content = text.encode(encoding)
    document = one(tmp_path, "a.html", content).document("a.html")
    coded = "utf-16-le" if encoding == "utf-16" else encoding
    written = document["text"].encode()
    found = 0
    for (start, byte), (end, _) in zip(document["offsets"], document["offsets"][1:], strict=False):
        run = written[start:end].decode().split()
        if run and "€" not in run:
            assert content[byte:].decode(coded).lstrip().startswith(run[0]), run
            found += 1
    assert found > 8


def test_a_page_with_private_characters_of_its_own_keeps_them(tmp_path: Path) -> None:
    assert one(tmp_path, "a.html", "<html><p>\U00100001\U00100002 en &#x100003; tekst").text("a.html") == (
        "\U00100001\U00100002 en \U00100003 tekst\n"
    )


def word() -> bytes:
    body = [
        office.paragraph(
            office.run("Zicht "), office.inserted("erbij "), office.deleted("WEG"), office.run("WEG", True)
        ),
        office.paragraph(office.run("WEG"), style="Verborgen"),
        office.table([["Thee", "2,50"], ["Koffie", "3"]]),
    ]
    parts = {
        "styles": '<w:style w:styleId="Basis"><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:styleId="Verborgen"><w:basedOn w:val="Basis"/></w:style>',
        "header": office.paragraph(office.run("De kop")),
        "footnotes": f'<w:footnote w:id="2">{office.paragraph(office.run("Een noot"))}</w:footnote>',
        "comments": f'<w:comment w:id="1">{office.paragraph(office.run("WEG"))}</w:comment>',
    }
    return office.docx(body, "Brief", parts)


def workbook() -> bytes:
    rows: list[list[Any]] = [["Product", "Prijs", "WEG", "Vanaf"], ["Thee", 2.5, "WEG", 45000], ["WEG", 1, 2, 3]]
    sheets = {"Prijzen": rows, "Geheim": [["WEG"]]}
    return office.xlsx(sheets, hidden=["Geheim"], hidden_rows=[3], hidden_columns=[3], dates=["D2"])


def slides() -> bytes:
    return office.pptx([["Titel", "punt een\npunt twee", "a\tb"], ["WEG"]], hidden=[2], notes={1: "WEG"})


def open_text() -> bytes:
    deleted = "<text:deletion><text:p>WEG</text:p></text:deletion>"
    return office.odt(
        f"<text:tracked-changes><text:changed-region>{deleted}</text:changed-region></text:tracked-changes>"
        '<text:h>Kop</text:h><text:p>Een <text:span text:style-name="T1">WEG</text:span>zin<text:s text:c="2"/>hier'
        "<office:annotation><text:p>WEG</text:p></office:annotation></text:p>"
        "<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell>"
        "<text:p>b</text:p></table:table-cell></table:table-row></table:table>",
        '<style:style style:name="T1"><style:text-properties text:display="none"/></style:style>',
        "Titel",
    )


@pytest.mark.parametrize(
    ("name", "content", "text", "places_told"),
    [
        (
            "brief.docx",
            word(),
            "Zicht erbij\nThee\t2,50\nKoffie\t3\nEen noot\nDe kop\n",
            ["paragraph 1", "table 1, row 1", "table 1, row 2", "footnote 2", "header"],
        ),
        (
            "prijzen.xlsx",
            workbook(),
            "Product\tPrijs\tVanaf\nThee\t2.5\t2023-03-15\n",
            [f"sheet Prijzen!{cell}" for cell in ("A1", "B1", "D1", "A2", "B2", "D2")],
        ),
        ("praatje.pptx", slides(), "Titel\npunt een\npunt twee\na\tb\n", ["slide 1"]),
        ("tekst.odt", open_text(), "Kop\nEen zin  hier\na\tb\n", ["paragraph 1", "paragraph 2", "table 1, row 1"]),
        (
            "blad.pdf",
            office.pdf(["Bladzij een", "", "Bladzij drie"]),
            "Bladzij een\nBladzij drie\n",
            ["page 1", "page 3"],
        ),
    ],
)
def test_office_files_lose_what_was_deleted_or_hidden_and_keep_the_rest(
    tmp_path: Path, name: str, content: bytes, text: str, places_told: list[str]
) -> None:
    read = one(tmp_path, name, content)
    document = read.document(name)
    assert document["text"] == text
    assert [place for _, place in document["offsets"]] == places_told
    assert "WEG" not in str(read.manifest)
    again = one(tmp_path, "nameless", content)  # the name is only a hint
    assert again.document("nameless")["text"] == text


def test_a_pdf_without_letters_is_held_as_a_scan_and_empty_pages_are_told(tmp_path: Path) -> None:
    held = one(tmp_path, "scan.pdf", office.pdf(["", ""])).path("scan.pdf")
    assert (held["state"], held["why"][:19]) == ("held", "a scan without text")
    assert "1 of 2 pages have no text" in one(tmp_path, "a.pdf", office.pdf(["x", ""])).path("a.pdf")["warnings"][0]


def test_an_email_is_its_headers_and_its_text_and_attachments_are_named(tmp_path: Path) -> None:
    message = (
        b"From: Jan <jan@example.org>\r\nTo: Els <els@example.org>\r\nSubject: =?utf-8?q?Caf=C3=A9?=\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n"
        b"Content-Type: multipart/alternative; boundary=C\r\n\r\n--C\r\n"
        b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"Hallo caf=E9\r\n--C\r\nContent-Type: text/html\r\n\r\n<p>HTML\r\n--C--\r\n--B\r\n"
        b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=x.pdf\r\n\r\nx\r\n--B--\r\n"
    )
    read = one(tmp_path, "a.eml", message)
    assert read.text("a.eml") == "From: Jan <jan@example.org>\nTo: Els <els@example.org>\nSubject: Café\n\nHallo café\n"
    assert read.document("a.eml")["title"] == "Café"
    assert "x.pdf" in read.path("a.eml")["warnings"][0]
    assert one(tmp_path, "nameless", message).document("nameless")["media_type"] == "message/rfc822"


def test_csv_finds_its_delimiter_keeps_quoted_lines_and_names_the_bad_one(tmp_path: Path) -> None:
    text = 'naam;tel\nJan;"1\n2"\nfout\nKees;"3\nPiet;4\n'
    read = one(tmp_path, "a.csv", text)
    assert read.text("a.csv") == "naam\ttel\nJan\t1 2\nPiet\t4\n"
    warnings = " ".join(read.path("a.csv")["warnings"])
    assert "line 4: another number of fields" in warnings
    assert "line 5: a double quote is not closed" in warnings
    assert read.path("a.csv")["facts"]["delimiter"] == "semicolon"
    assert [place for _, place in read.document("a.csv")["offsets"]] == ["the heading", "line 2", "line 6"]


def test_a_quote_inside_a_cell_opens_nothing(tmp_path: Path) -> None:
    read = one(tmp_path, "a.csv", 'maat;soort\n12" breed;buis\n"een ""2"";x";twee\n')
    assert read.text("a.csv") == 'maat\tsoort\n12" breed\tbuis\neen "2";x\ttwee\n'
    assert read.path("a.csv")["warnings"] == []


def test_a_page_whose_style_sheet_is_broken_is_read(tmp_path: Path) -> None:
    page = "<!doctype html><style>.<{display:none} .a, p.weg {display:none}</style><p>zicht<p class=weg>weg"
    assert one(tmp_path, "a.html", page).text("a.html") == "zicht\n"


def test_rows_with_a_column_text_are_documents_of_their_own(tmp_path: Path) -> None:
    lines = ['{"text": "een", "title": "A"}', "{kapot", '{"text": 3}', '{"text": ""}', '{"text": "twee"}']
    read = one(tmp_path, "a.jsonl", "\n".join(lines))
    assert [(d["text"], d["row"], d["title"]) for d in read.documents] == [
        ("een", "line 1", "A"),
        ("twee", "line 5", ""),
    ]
    warnings = " ".join(read.path("a.jsonl")["warnings"])
    assert "line 2: not JSON" in warnings
    assert "line 3: its text is a int" in warnings
    assert "1 lines have an empty text" in warnings
    assert read.path("a.jsonl")["documents"] == [d["id"] for d in read.documents]
    table = one(tmp_path, "a.tsv", "text\tx\nhallo\t1\n")
    assert [d["text"] for d in table.documents] == ["hallo"]


def test_json_and_parquet_are_tables(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    files = pytest.importorskip("pyarrow.parquet")
    assert len(one(tmp_path, "a.json", json.dumps([{"text": "een"}, {"text": "twee"}])).documents) == 2
    stream = io.BytesIO()
    files.write_table(arrow.table({"text": ["een", None], "n": [1, 2]}), stream)
    read = one(tmp_path, "a.parquet", stream.getvalue())
    assert [(d["text"], d["row"]) for d in read.documents] == [("een", "row 1")]
    assert "row 2: no text" in " ".join(read.path("a.parquet")["warnings"])
    assert one(tmp_path, "a.parquet", stream.getvalue()[:-9]).path("a.parquet")["state"] == "refused"


def tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "state", "why"),
    [
        ("a.zip", office.zipped({"a.txt": "tekst"}), "held", "unpack it first"),
        ("a.gz", gzip.compress(b"tekst", mtime=0), "held", "unpack it first"),
        ("a.tar", tar(), "held", "unpack it first"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "held", "old Office file"),
        ("a.rtf", b"{\\rtf1 tekst}", "held", "save it as docx"),
        ("a.xml", b"<?xml version='1.0'?><a>tekst</a>", "held", "XML"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "refused", "a picture"),
        ("a.exe", b"\x7fELF" + bytes(50), "refused", "a program"),
        ("a.docx", b"gewone tekst", "refused", "its content is something else"),
        ("a.pdf", office.pdf(["tekst"])[:-60], "refused", "cut short"),
        ("a.docx", word()[:-60], "refused", "cut short"),
        ("a.json", b'[{"text": "een"}, {"te', "refused", "cut short"),
        ("a.txt", b"", "refused", "empty"),
        ("a.txt", b" \n ", "held", "no text"),
    ],
)
def test_what_is_not_read_has_its_reason(tmp_path: Path, name: str, content: bytes, state: str, why: str) -> None:
    found = one(tmp_path, name, content).path(name)
    assert found["state"] == state
    assert why in found["why"]
    assert found["documents"] == []


def test_a_name_that_promises_something_else_is_told(tmp_path: Path) -> None:
    read = one(tmp_path, "a.txt", office.pdf(["Bladzij"]))
    assert read.document("a.txt")["media_type"] == "application/pdf"
    read = one(tmp_path, "a.docx", workbook())
    assert "it is named .docx and is" in read.path("a.docx")["warnings"][0]
