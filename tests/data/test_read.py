"""Files of people are read whole, or refused with the file, the line and the way out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from helder.data.read import Row, read_file, read_source
from helder.errors import ExitCode, HelderError


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def refused(path: Path, *required: str) -> HelderError:
    with pytest.raises(HelderError) as caught:
        read_source(path, required)
    assert caught.value.code == ExitCode.USER
    assert caught.value.fix
    return caught.value


def values(rows: list[Row]) -> list[dict[str, object]]:
    return [row.values for row in rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = f"text{delimiter}label\none{delimiter}a\ntwo{delimiter}b\n"
    rows, (source,) = read_source(write(tmp_path, "data.csv", text), ("text", "label"))
    assert values(rows) == [{"text": "one", "label": "a"}, {"text": "two", "label": "b"}]
    assert source.delimiter == delimiter


def test_a_delimiter_that_also_stands_in_the_texts_does_not_mislead(tmp_path: Path) -> None:
    text = 'text;label\n"one, two, three";a\n"four, five, six";b\n'
    rows, (source,) = read_source(write(tmp_path, "data.csv", text), ("text", "label"))
    assert source.delimiter == ";"
    assert rows[0].values["text"] == "one, two, three"


def test_the_required_columns_decide_between_two_delimiters(tmp_path: Path) -> None:
    text = "a,b;text;label\n1,2;one;x\n3,4;two;y\n"
    _, (source,) = read_source(write(tmp_path, "data.csv", text), ("text", "label"))
    assert source.delimiter == ";"


def test_a_given_delimiter_is_used(tmp_path: Path) -> None:
    _, source = read_file(write(tmp_path, "d.csv", "a,b;c,d\n1;2\n"), "d.csv", (), ";")
    assert source.columns == ("a,b", "c,d")


def test_a_quoted_field_may_span_lines_and_the_next_record_has_the_right_number(tmp_path: Path) -> None:
    text = 'text,label\n"first line\nsecond line",a\nplain,b\n'
    rows, _ = read_source(write(tmp_path, "data.csv", text))
    assert rows[0].values["text"] == "first line\nsecond line"
    assert [row.line for row in rows] == [2, 4]


def test_a_line_with_too_many_fields_is_named_by_number(tmp_path: Path) -> None:
    error = refused(write(tmp_path, "data.csv", "text,label\none,a\ntwo, too,b\nthree,c\n"), "text")
    assert error.what == "data.csv, line 3: 3 fields where the heading has 2."
    assert "comma" in error.why


def test_a_line_with_too_few_fields_is_named_by_number(tmp_path: Path) -> None:
    assert "line 4" in refused(write(tmp_path, "data.csv", "text,label\none,a\n\ntwo\n")).what


def test_a_quote_that_is_never_closed_is_named_where_it_opens(tmp_path: Path) -> None:
    text = 'text,label\none,a\n"two,b\nthree,c\nfour,d\n'
    assert refused(write(tmp_path, "data.csv", text)).what.startswith("data.csv, line 3:")


def test_text_after_a_closing_quote_is_named(tmp_path: Path) -> None:
    assert "line 2" in refused(write(tmp_path, "data.csv", 'text,label\n"one" two,a\n')).what


def test_a_cell_longer_than_the_csv_library_allows_is_read(tmp_path: Path) -> None:
    rows, _ = read_source(write(tmp_path, "data.csv", f"text,label\n{'x' * 200_000},a\n"))
    assert len(str(rows[0].values["text"])) == 200_000


def test_blank_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    rows, (source,) = read_source(write(tmp_path, "data.csv", "text,label\n\none,a\n  \ntwo,b\n\n"))
    assert len(rows) == 2
    assert source.blank_lines == 3


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert "'text'" in refused(write(tmp_path, "data.csv", "text,text\none,a\n")).what


@pytest.mark.parametrize("name", ["data.csv", "data.jsonl"])
def test_a_missing_column_names_those_there_are_and_the_one_probably_meant(tmp_path: Path, name: str) -> None:
    content = "question,labels\none,a\n" if name.endswith("csv") else '{"question":"one","labels":"a"}\n'
    error = refused(write(tmp_path, name, content), "question", "label")
    assert error.what == f"{name} has no column 'label'."
    assert "question, labels" in error.why
    assert "Did you mean 'labels'?" in error.why


def test_a_column_that_one_json_line_lacks_is_named_with_the_line(tmp_path: Path) -> None:
    text = '{"text":"one","label":"a"}\n{"text":"two","lable":"b"}\n'
    error = refused(write(tmp_path, "data.jsonl", text), "text", "label")
    assert error.what == "data.jsonl, line 2: the column 'label' is missing."
    assert "Did you mean 'lable'?" in error.why


@pytest.mark.parametrize(
    ("line", "reason"), [('{"text": "one"', "not JSON"), ("[1]", "not a JSON object"), ("one", "not JSON")]
)
def test_a_broken_json_line_is_named_by_number(tmp_path: Path, line: str, reason: str) -> None:
    error = refused(write(tmp_path, "data.jsonl", f'{{"text":"zero"}}\n\n{line}\n'))
    assert error.what.startswith(f"data.jsonl, line 3: {reason}")


def test_a_json_document_over_many_lines_is_told_to_be_json_lines(tmp_path: Path) -> None:
    error = refused(write(tmp_path, "data.json", json.dumps([{"text": "one"}], indent=1)))
    assert "JSONL" in error.fix


def test_a_line_separator_inside_a_json_string_does_not_end_the_line(tmp_path: Path) -> None:
    rows, _ = read_source(write(tmp_path, "data.jsonl", '{"text":"one\u2028two"}\r\n{"text":"three"}\r\n'))
    assert values(rows) == [{"text": "one\u2028two"}, {"text": "three"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_encodings_give_the_same_rows_without_a_warning(tmp_path: Path, encoding: str) -> None:
    content = "text,label\ngedoseerd één café,a\n".encode(encoding)
    rows, (source,) = read_source(write(tmp_path, "data.csv", content), ("text",))
    assert values(rows) == [{"text": "gedoseerd één café", "label": "a"}]
    assert source.warnings == ()


def test_windows_1252_is_read_with_a_warning_that_names_the_line(tmp_path: Path) -> None:
    content = "text,label\nplain,a\nkost € 5 – één,b\n".encode("cp1252")
    rows, (source,) = read_source(write(tmp_path, "data.csv", content))
    assert rows[1].values["text"] == "kost € 5 – één"
    assert source.encoding == "cp1252"
    assert "line 3" in source.warnings[0]


def test_bytes_that_are_in_no_known_encoding_are_refused_by_line(tmp_path: Path) -> None:
    error = refused(write(tmp_path, "data.csv", b"text,label\n\x81\x8d,a\n"))
    assert "Line 2" in error.why


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04" + b"\x00" * 40, "Excel"),
        (b"%PDF-1.7\n", "PDF"),
        (b"GGUF\x03\x00\x00\x00", "GGUF"),
        (b"\x1f\x8b\x08\x00abc", "gzip"),
        (b"\x00\x01\x02\x03\x04\xff\xfe\x80" * 20, "Byte"),
        (b"text,label\none\x00,a\n", "control character"),
        (b"\xff\xfe\x00\x00t\x00\x00\x00", "not read"),
    ],
)
def test_a_binary_file_is_refused_as_text(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in str(refused(write(tmp_path, "data.csv", content)))


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    assert refused(write(tmp_path, "data.csv", content)).what == "data.csv is empty."


def test_a_heading_without_records_is_refused(tmp_path: Path) -> None:
    assert refused(write(tmp_path, "data.csv", "text,label\n")).what == "data.csv holds no records."


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "missing.csv" in refused(tmp_path / "missing.csv").what


def test_a_folder_is_read_in_the_order_of_names_without_hidden_files(tmp_path: Path) -> None:
    write(tmp_path, "b.jsonl", '{"text":"second"}\n')
    write(tmp_path, "a.csv", "text\nfirst\n")
    write(tmp_path, ".hidden", b"\x00\x01")
    rows, sources = read_source(tmp_path, ("text",))
    assert [row.values["text"] for row in rows] == ["first", "second"]
    assert [source.name for source in sources] == ["a.csv", "b.jsonl"]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert "holds no files" in refused(tmp_path).what


def test_what_is_known_of_a_file_is_told(tmp_path: Path) -> None:
    _, (source,) = read_source(write(tmp_path, "data.jsonl", '{"text":"one"}\n'))
    assert (source.bytes, source.format, source.rows) == (15, "jsonl", 1)
    assert source.sha256 == hashlib.sha256(b'{"text":"one"}\n').hexdigest()
