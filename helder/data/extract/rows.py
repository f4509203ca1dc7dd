"""Tables: CSV, TSV, JSON lines, JSON and Parquet.

A row with a column `text` is a document, and its column `title` its title. A table without such a column is one
document: the heading and a line for each row, cells separated by tabs. A row that cannot be read is named by its line,
and the others are kept.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from helder.data.extract import characters
from helder.data.extract.form import Document, Documents, Extracted, Held, Limits, Pieces, Refused
from helder.data.extract.plain import unix
from helder.data.extract.source import Source
from helder.data.read import sniff

TEXT, TITLE = "text", "title"
STREAMED = 64_000_000  # bytes of a file beyond which it is read in pieces and has to be UTF-8
NAMED = 50  # rows that are named one by one; of more, the number is told
RECORD_LINES = 200  # lines that a quoted cell may span before its quote counts as forgotten (assumption)
_SAMPLE = 1 << 16  # characters by which the delimiter is told

Row = tuple[str, dict[str, Any]]  # (where it stands, its cells by column)


def csv_rows(source: Source, found: Extracted, limits: Limits) -> Documents:
    """CSV, TSV and the like; comma, semicolon, tab or bar, whichever fits the first lines."""
    lines = _lines(source, found, limits)
    sample: list[str] = []
    for line in lines:
        sample.append(line)
        if sum(map(len, sample)) > _SAMPLE:
            break
    if not any(line.strip() for line in sample):
        raise Held("it is empty")
    delimiter = "\t" if source.suffix in (".tsv", ".tab") else sniff("".join(sample))
    found.facts["delimiter"] = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[delimiter]
    bad = Bad("line")

    def again() -> Iterator[str]:
        yield from sample
        yield from lines

    rows = _records(again(), delimiter, bad)
    yield from _documents(rows, found, limits, bad)


def json_lines(source: Source, found: Extracted, limits: Limits) -> Documents:
    """JSON lines: an object a line."""
    bad = Bad("line")

    def rows() -> Iterator[Row]:
        for number, line in enumerate(_lines(source, found, limits), start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                where = (
                    f"{error.msg} at character {error.pos + 1}"
                    if isinstance(error, json.JSONDecodeError)
                    else str(error)
                )
                bad.add(number, f"not JSON ({where[:100]})")
                continue
            if isinstance(value, dict):
                yield f"line {number}", value
            else:
                bad.add(number, "not a JSON object")

    yield from _documents(rows(), found, limits, bad)


def json_whole(source: Source, found: Extracted, limits: Limits) -> Documents:
    """One JSON document: a list of objects is a table, an object is a table of one row."""
    decoded = characters.decode(source.read(min(limits.whole, STREAMED)))
    found.facts["encoding"] = decoded.encoding
    try:
        value = json.loads(decoded.text)
    except RecursionError:
        raise Refused("its values lie too deep inside one another") from None
    except ValueError as error:
        raise Refused(f"it is not JSON, or cut short ({str(error)[:80]})") from None
    values = value if isinstance(value, list) else [value]
    bad = Bad("item")

    def rows() -> Iterator[Row]:
        for number, item in enumerate(values, start=1):
            if isinstance(item, dict):
                yield f"item {number}", item
            else:
                bad.add(number, "not a JSON object")

    yield from _documents(rows(), found, limits, bad)


def parquet(source: Source, found: Extracted, limits: Limits) -> Documents:
    """Parquet, by pyarrow, in batches."""
    import pyarrow as arrow
    import pyarrow.parquet as files

    bad = Bad("row")
    try:
        with os.fdopen(os.dup(source.descriptor), "rb") as stream:
            table = files.ParquetFile(stream)
            unpacked = sum(table.metadata.row_group(at).total_byte_size for at in range(table.num_row_groups))
            if unpacked > limits.file:
                raise Refused(f"it unpacks to {unpacked:,} bytes")

            def rows() -> Iterator[Row]:
                number = 0
                for batch in table.iter_batches(batch_size=512, use_threads=False):
                    for values in batch.to_pylist():
                        number += 1
                        yield f"row {number}", values

            yield from _documents(rows(), found, limits, bad)
    except (arrow.ArrowException, OSError) as error:
        raise Refused(f"it is broken or cut short ({str(error).splitlines()[0][:120]})") from None


class Bad:
    """Rows that are left out, with their places and the reason of each kind."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.reasons: dict[str, list[int]] = {}

    def add(self, number: int, why: str) -> None:
        self.reasons.setdefault(why, []).append(number)

    def tell(self) -> Iterator[str]:
        told = 0
        for why, numbers in self.reasons.items():
            if told >= NAMED:
                rest = sum(map(len, self.reasons.values())) - told
                yield f"{rest:,} more {self.unit}s were left out"
                return
            shown = ", ".join(f"{number:,}" for number in numbers[:NAMED])
            more = f" and {len(numbers) - NAMED:,} more" if len(numbers) > NAMED else ""
            several = "s were" if len(numbers) > 1 else " was"
            yield f"{len(numbers):,} {self.unit}{several} left out: {self.unit} {shown}{more}: {why}"
            told += len(numbers)


def _documents(rows: Iterable[Row], found: Extracted, limits: Limits, bad: Bad) -> Documents:
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        found.warnings += bad.tell()
        raise Held("it has no rows" if not bad.reasons else "none of its rows can be read")
    columns = {name.strip().lower(): name for name in first[1] if isinstance(name, str)}
    odd = 0

    def everything() -> Iterator[Row]:
        yield first
        yield from rows

    if TEXT not in columns:
        yield _one(everything(), list(first[1]), limits, found)
        found.warnings += bad.tell()
        return
    unused = [name for low, name in columns.items() if low not in (TEXT, TITLE)]
    if unused:
        found.warnings.append(f"columns that are not read: {', '.join(unused)}")
    empty = 0
    for place, values in everything():
        text = values.get(columns[TEXT])
        number = int(place.rsplit(" ", 1)[1])
        if not isinstance(text, str):
            bad.add(number, "no text" if text is None else f"its text is a {type(text).__name__}")
            continue
        if not text.strip():
            empty += 1
            continue
        if len(text) > limits.text:
            raise Refused(f"{place} has more than {limits.text:,} characters")
        told: list[str] = []
        text = unix(characters.clean(text, told))
        if told:
            odd += 1
            if odd <= 3:
                found.warnings += [f"{place}: {sentence}" for sentence in told]
        if not is_text(text):
            bad.add(number, "it holds half of a surrogate pair, which is no character")
            continue
        title = values.get(columns.get(TITLE, TITLE))
        yield Document(title if isinstance(title, str) else "", text, [(0, place)], row=place)
    if odd > 3:
        found.warnings.append(f"{odd - 3:,} more {bad.unit}s have such characters")
    if empty:
        found.warnings.append(f"{empty:,} {bad.unit}s have an empty text")
    found.warnings += bad.tell()


def _one(rows: Iterator[Row], columns: Sequence[str], limits: Limits, found: Extracted) -> Document:
    pieces = Pieces(limits.text)
    pieces.add("\t".join(columns) + "\n", "the heading")
    told: list[str] = []
    for place, values in rows:
        if list(values) == list(columns):
            line = "\t".join(map(cell, values.values()))
        else:
            line = "\t".join(f"{name}: {cell(value)}" for name, value in values.items())
        pieces.line(characters.clean(line, told), place)
    found.warnings += told[:3]
    return pieces.document()


def is_text(text: str) -> bool:
    """Whether a text can be written: JSON can hold half of a surrogate pair."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def cell(value: Any) -> str:
    """A value as a cell of a line: no line ends and no tabs in it."""
    if value is None:
        return ""
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return " ".join(str(value).split())


def _lines(source: Source, found: Extracted, limits: Limits) -> Iterator[str]:
    """The lines of a file with their ends; large files in pieces."""
    if source.size <= STREAMED:
        decoded = characters.decode(source.read(STREAMED))
        found.facts["encoding"] = decoded.encoding
        if decoded.encoding in ("cp1252", "latin-1"):
            found.warnings.append("it is not Unicode; it was read as Windows-1252")
        yield from io.StringIO(decoded.text, newline="\n")
        return
    if source.size > limits.file:
        raise Refused(f"it is larger than {limits.file:,} bytes")
    found.facts["encoding"] = "utf-8"
    os.lseek(source.descriptor, 0, os.SEEK_SET)
    with os.fdopen(os.dup(source.descriptor), "r", encoding="utf-8-sig", newline="\n") as stream:
        try:
            for line in stream:
                if len(line) > limits.text:
                    raise Refused(f"one of its lines has more than {limits.text:,} characters")
                yield line
        except UnicodeDecodeError as error:
            raise Held(
                f"it is larger than {STREAMED:,} bytes and not UTF-8 ({error.reason}); save it as UTF-8"
            ) from None


def _records(lines: Iterator[str], delimiter: str, bad: Bad) -> Iterator[Row]:
    """Rows of delimited text. A row that cannot be read costs its first line only: what follows is tried anew."""
    limit = csv.field_size_limit(1 << 30)
    columns: list[str] = []
    try:
        for number, fields in _fields(lines, delimiter, bad, columns):
            if not any(field.strip() for field in fields):
                continue
            if not columns:
                columns += [field.strip() or f"column {place}" for place, field in enumerate(fields, start=1)]
                twice = {name for name in columns if columns.count(name) > 1}
                columns[:] = [
                    f"{name} ({place})" if name in twice else name for place, name in enumerate(columns, start=1)
                ]
                continue
            yield f"line {number}", dict(zip(columns, fields, strict=True))
    finally:
        csv.field_size_limit(limit)


def _fields(lines: Iterator[str], delimiter: str, bad: Bad, columns: list[str]) -> Iterator[tuple[int, list[str]]]:
    waiting: list[str] = []  # lines that were taken for a record that turned out to be none
    number = 0
    while True:
        line = waiting.pop(0) if waiting else next(lines, "")
        if not line:
            return
        number += 1
        if '"' not in line:
            fields = line.rstrip("\r\n").split(delimiter)
            if len(columns) in (0, len(fields)) or not line.strip():
                yield number, fields
            else:
                bad.add(number, f"another number of fields than the heading's {len(columns)}")
            continue
        record, taken = line, 1
        if (alone := _parsed(line, delimiter)) is not None:  # a quote inside a cell, such as an inch, opens nothing
            if len(columns) in (0, len(alone)):
                yield number, alone
            else:
                bad.add(number, f"another number of fields than the heading's {len(columns)}")
            continue
        while record.count('"') % 2 and taken < RECORD_LINES:
            more = waiting[taken - 1] if taken <= len(waiting) else next(lines, "")
            if not more:
                break
            if taken > len(waiting):
                waiting.append(more)
            record += more
            taken += 1
        fields = _parsed(record, delimiter) or []
        if taken > 1 and fields and len(columns) in (0, len(fields)):
            yield number, fields
            del waiting[: taken - 1]
            number += taken - 1
        else:
            bad.add(number, "a double quote is not closed, or text follows one that is")


def _parsed(record: str, delimiter: str) -> list[str] | None:
    """The fields of one record; None when it is none, or more than one."""
    try:
        found = list(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return found[0] if len(found) == 1 else None
