"""Documents as they lie in files, for learning a tokenizer and for learning from them: one reader for both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from helder.data.lines import without_offsets
from helder.data.read import TABLES, decode, files_of, read_file
from helder.errors import HelderError

COLUMN = "text"
STREAMED = (".jsonl", ".ndjson")
TAKEN_IN = "documents.jsonl"  # of an artifact of "extract" or "clean", with an account beside it
ACCOUNTS = ("manifest.json", "account.json", "summary.json")  # the last alone where the account is withheld


def read_documents(path: Path) -> Iterator[tuple[str, str]]:
    """The documents of a file, or of a folder's files in the order of their names, as (name, text).

    JSON lines and CSV hold one a row, in the column `text`; any other file is one document. Of the documents that
    Helder took in itself ("extract", "clean"), those that wait for a person are passed over.

    Raises:
        HelderError: not text, a broken line, or a row without text.
    """
    if is_taken_in(path):
        yield from ((called(document), document[COLUMN]) for document in taken_in(path, places=False))
        return
    for file in files_of(path):
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        if file.suffix.lower() not in TABLES:
            text, _, _ = decode(file.read_bytes(), name)
            yield name, text
            continue
        read = 0
        if file.suffix.lower() in STREAMED:
            for read, text in _plain_lines(file):
                yield f"{name}:{read}", text
            if read and _is_read(file, read):
                continue
        rows, _ = read_file(file, name, (COLUMN,))
        for row in rows:
            if row.line <= read:
                continue
            text = row.values[COLUMN]
            if not isinstance(text, str):
                raise HelderError(f"{row.place} has no text.", f"`{COLUMN}` holds {text!r}.", "Correct the line.")
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise HelderError(
                    f"{row.place} holds half of a surrogate pair.", "It is no character.", "Take it out of the text."
                )
            yield f"{name}:{row.line}", text


def _plain_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Line number and text of JSON lines in UTF-8, one at a time; ends before the first line that is anything else.

    A file of any size is read in the memory of its longest line. Whatever is unusual is left to `read_file`.
    """
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                text = json.loads(line.decode("utf-8"))[COLUMN]
                text.encode("utf-8")
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                return
            yield number, text


def _is_read(file: Path, read: int) -> bool:
    """Whether nothing but blank lines comes after line `read`."""
    with file.open("rb") as lines:
        return all(number <= read or not line.strip() for number, line in enumerate(lines, 1))


def is_taken_in(path: Path) -> bool:
    """Whether a folder is an artifact of "extract" or "clean"."""
    return (path / TAKEN_IN).is_file() and any((path / name).is_file() for name in ACCOUNTS)


def taken_in(path: Path, places: bool = True) -> Iterator[dict[str, Any]]:
    """The documents of such an artifact as they stand there, but for those that wait for a person.

    Args:
        places: with their `offsets`, which take most of the time of reading.
    """
    with (path / TAKEN_IN).open("rb") as lines:
        for line in lines:
            document: dict[str, Any] = json.loads(line) if places else without_offsets(line)
            if not document.get("held"):
                yield document


def called(document: Mapping[str, Any]) -> str:
    """What a document that was taken in is called among those learnt from: its path, with its row in a table."""
    row = f":{document['row']}" if document.get("row") else ""
    return f"{document['path']}{row}"
