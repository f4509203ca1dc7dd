"""Files of people → rows: JSONL and delimited text, in the encodings that are met, with the line number of
every row.

A line that cannot be read is an error that names file and line; nothing is skipped but blank lines, which are
counted.
It does not guess at meaning: which column is what is for `helder/data/items.py`.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from helder.errors import HelderError

DELIMITERS = (",", ";", "\t", "|")
_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_JSON_LINES = (".jsonl", ".ndjson", ".json")
_DELIMITED = (".csv", ".tsv", ".tab", ".psv")
TABLES = (*_JSON_LINES, *_DELIMITED)  # suffixes of files with a record a line

# First bytes of files that people hand over by mistake.
_SIGNATURES = (
    (b"PK\x03\x04", "a zip file (an Excel or Word document is one)", "Save the sheet as CSV UTF-8."),
    (b"\xd0\xcf\x11\xe0", "an old Office document", "Save the sheet as CSV UTF-8."),
    (b"%PDF", "a PDF", "Give the table as CSV or JSONL."),
    (b"\x1f\x8b", "gzip-compressed", "Unpack it first."),
    (b"BZh", "bzip2-compressed", "Unpack it first."),
    (b"\xfd7zXZ", "xz-compressed", "Unpack it first."),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed", "Unpack it first."),
    (b"PAR1", "a Parquet file", "Write it as JSONL, one object a line."),
    (b"SQLite format 3", "an SQLite database", "Export the table as CSV."),
    (b"GGUF", "a GGUF model", "Name the data here, and the model under [base]."),
    (b"\x89PNG", "a picture", "Give the table as CSV or JSONL."),
    (b"\xff\xd8\xff", "a picture", "Give the table as CSV or JSONL."),
)


@dataclass(frozen=True)
class Row:
    """One record as it stood: column → value, with where it stood (line numbers begin at 1)."""

    values: dict[str, Any]
    file: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True)
class SourceFile:
    """What is known of a file that was read."""

    name: str
    bytes: int
    sha256: str
    format: str
    encoding: str
    delimiter: str | None
    rows: int
    blank_lines: int
    columns: tuple[str, ...]
    warnings: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"columns": list(self.columns), "warnings": list(self.warnings)}


def read_source(
    path: Path, required: Sequence[str] = (), delimiter: str | None = None
) -> tuple[list[Row], list[SourceFile]]:
    """All rows of a file, or of the files of a folder in the order of their names.

    Args:
        path: a JSONL or CSV file, or a folder of such files (hidden files do not count).
        required: columns that must be there.
        delimiter: of CSV files; found out among comma, semicolon, tab and bar when None.

    Raises:
        HelderError: missing, empty, not text, a broken line (named by number), a missing column.
    """
    files = files_of(path)
    if not files:
        raise HelderError(f"The data folder {path.name} holds no files.", "", "Put JSONL or CSV files there.")
    rows: list[Row] = []
    described: list[SourceFile] = []
    for file in files:
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        found, source = read_file(file, name, required, delimiter)
        rows += found
        described.append(source)
    return rows, described


def files_of(path: Path) -> list[Path]:
    """A file itself, or the files of a folder in the order of their names; hidden ones do not count.

    Raises:
        HelderError: there is nothing.
    """
    if not path.exists():
        raise HelderError(f"The data file {path.name} is not there.", "", f"Check the path: {path}")
    if not path.is_dir():
        return [path]
    files = sorted(item for item in path.rglob("*") if item.is_file())
    return [item for item in files if not any(part.startswith(".") for part in item.relative_to(path).parts)]


def read_file(
    path: Path, name: str, required: Sequence[str] = (), delimiter: str | None = None
) -> tuple[list[Row], SourceFile]:
    """The rows of one file; arguments and errors as in `read_source`, `name` is used in messages."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HelderError(f"{name} cannot be read.", error.strerror or str(error), "Check its permissions.") from error
    text, encoding, warnings = decode(content, name)
    if not text.strip():
        raise HelderError(f"{name} is empty.", "It holds no character but white space.", "Put records into it.")
    suffix = path.suffix.lower()
    is_json = suffix in _JSON_LINES or (suffix not in _DELIMITED and text.lstrip()[:1] in "{[")
    if is_json:
        used = None
        rows, blank = _read_json_lines(text, name)
        columns = tuple(dict.fromkeys(key for row in rows for key in row.values))
    else:
        used = delimiter or sniff(text, required)
        columns, rows, blank = _read_delimited(text, name, used)
    if not rows:
        raise HelderError(f"{name} holds no records.", "There is a heading and nothing below it.", "Add records.")
    for column in required:
        _require(column, columns, rows, name, used)
    return rows, SourceFile(
        name=name,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        format="jsonl" if is_json else "csv",
        encoding=encoding,
        delimiter=used,
        rows=len(rows),
        blank_lines=blank,
        columns=columns,
        warnings=tuple(warnings),
    )


def decode(content: bytes, name: str) -> tuple[str, str, list[str]]:
    """Bytes → (text, encoding, warnings). UTF-8 (with or without BOM), UTF-16, else Windows-1252 with a
    warning.

    Raises:
        HelderError: it is not text, or in an encoding that is not read.
    """
    for signature, what, fix in _SIGNATURES:
        if content.startswith(signature):
            raise HelderError(f"{name} is not a text file.", f"It is {what}.", fix)
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise HelderError(f"{name} is in UTF-32.", "This encoding is not read.", "Save it as UTF-8.")
    if content.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    elif content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    else:
        encoding = _utf16_without_mark(content) or "utf-8"
    try:
        text = content.decode(encoding)
        warnings = []
    except UnicodeDecodeError as error:
        if encoding != "utf-8" or _looks_binary(content):
            raise _not_text(name, f"Byte {error.start} is not {encoding.upper()}: {error.reason}.") from error
        line = content.count(b"\n", 0, error.start) + 1
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError as second:
            line = content.count(b"\n", 0, second.start) + 1
            raise _not_text(
                name, f"Line {line} is neither UTF-8 nor Windows-1252 (byte 0x{content[second.start]:02x})."
            ) from second
        encoding = "cp1252"
        warnings = [f"{name}: line {line} is not UTF-8; the file was read as Windows-1252 (cp1252)"]
    for place, character in enumerate(text):
        if character < " " and character not in "\t\n\r\f\v":
            line = text.count("\n", 0, place) + 1
            raise _not_text(name, f"Line {line} holds the control character 0x{ord(character):02x}.")
    return text, encoding, warnings


def closest(word: str, words: Iterable[str]) -> str:
    """` Did you mean …?` when one of the words is near, else nothing."""
    near = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    if not near:
        near = [other for other in words if other.casefold() == word.casefold()][:1]
    return f" Did you mean {near[0]!r}?" if near else ""


def _utf16_without_mark(content: bytes) -> str | None:
    # Text in a Latin script has a zero in every second byte; binary files have zeros in both places.
    sample = content[:4000]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if half and odd > half * 0.6 and even == 0:
        return "utf-16-le"
    if half and even > half * 0.6 and odd == 0:
        return "utf-16-be"
    return None


def _looks_binary(content: bytes) -> bool:
    return any(byte < 32 and byte not in b"\t\n\r\f\v" for byte in content)


def _not_text(name: str, why: str) -> HelderError:
    return HelderError(f"{name} is not a text file.", why, "Give JSONL or CSV in UTF-8.")


def _read_json_lines(text: str, name: str) -> tuple[list[Row], int]:
    rows: list[Row] = []
    blank = 0
    # Only line feeds end a line: U+2028 and the like may stand inside a JSON string.
    lines = text.split("\n")
    if lines and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            blank += 1
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = (
                f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else str(error)
            )
            fix = "One JSON object a line, each line closed."
            if number == 1 and line.strip() in ("[", "{"):
                fix = "This is one JSON document over many lines; write one object a line (JSONL)."
            raise HelderError(f"{name}, line {number}: not JSON.", reason, fix) from error
        if not isinstance(value, dict):
            raise HelderError(
                f"{name}, line {number}: not a JSON object.",
                f"It is a {type(value).__name__}.",
                "Each line is an object with the columns as keys.",
            )
        rows.append(Row(value, name, number))
    return rows, blank


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(first line, fields) of each record; a field may span lines inside quotes. Raises csv.Error with
    `line`.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            error.add_note(str(line))
            raise
        yield line, fields


def sniff(text: str, required: Sequence[str] = ()) -> str:
    """The delimiter under which most required columns are in the heading, and the first lines have the same
    width.
    """

    def score(delimiter: str) -> tuple[int, int, int]:
        widths: list[int] = []
        heading: list[str] = []
        try:
            for _, fields in _records(text, delimiter):
                if not widths:
                    heading = [name.strip() for name in fields]
                if fields:
                    widths.append(len(fields))
                if len(widths) == 20:
                    break
        except csv.Error:
            pass  # the reader proper names the line; here it only counts against this delimiter
        even = sum(width == len(heading) for width in widths)
        return sum(name in heading for name in required), even if len(heading) > 1 else 0, len(heading)

    return max(DELIMITERS, key=lambda delimiter: (score(delimiter), -DELIMITERS.index(delimiter)))


def _read_delimited(text: str, name: str, delimiter: str) -> tuple[tuple[str, ...], list[Row], int]:
    columns: tuple[str, ...] = ()
    rows: list[Row] = []
    blank = 0
    limit = csv.field_size_limit()
    csv.field_size_limit(max(limit, len(text) + 1))  # a cell may be as long as the file; the default is 128 KiB
    try:
        for line, fields in _records(text, delimiter):
            if not fields or (len(fields) == 1 and len(columns) > 1 and not fields[0].strip()):
                blank += 1
            elif not columns:
                columns = tuple(column.strip() for column in fields)
                twice = [column for column in columns if columns.count(column) > 1]
                if twice:
                    raise HelderError(
                        f"{name}, line {line}: the column {twice[0]!r} stands there twice.",
                        "",
                        "Rename one of them.",
                    )
            elif len(fields) != len(columns):
                raise HelderError(
                    f"{name}, line {line}: {len(fields)} fields where the heading has {len(columns)}.",
                    f"Fields are separated by {_DELIMITER_NAMES.get(delimiter, repr(delimiter))}; a field that "
                    'holds this character must stand in double quotes ("…").',
                    "Correct this line.",
                )
            else:
                rows.append(Row(dict(zip(columns, fields, strict=True)), name, line))
    except csv.Error as error:
        line_note = getattr(error, "__notes__", ["?"])[0]
        raise HelderError(
            f"{name}, line {line_note}: the record that begins here cannot be read.",
            f"A double quote is not closed, or text follows one that is ({error}).",
            'Close the quote; a quote inside a quoted field is written twice ("").',
        ) from error
    finally:
        csv.field_size_limit(limit)
    return columns, rows, blank


def _require(column: str, columns: Sequence[str], rows: Sequence[Row], name: str, delimiter: str | None) -> None:
    if column not in columns:
        separator = f" (separated by {_DELIMITER_NAMES.get(delimiter, repr(delimiter))})" if delimiter else ""
        raise HelderError(
            f"{name} has no column {column!r}.",
            f"Its columns{separator} are: {', '.join(columns)}.{closest(column, columns)}",
            "Name the right columns under [data] (input, output), or add the heading line if there is none.",
        )
    for row in rows:
        if column not in row.values:
            raise HelderError(
                f"{row.place}: the column {column!r} is missing.",
                f"This line has: {', '.join(row.values) or 'nothing'}.{closest(column, row.values)}",
                "Give every line this column.",
            )
