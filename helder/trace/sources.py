"""A place in a stream → the document it lies in, and the file, page or byte that the document came from.

The way back is: tokens → bytes of the document's text (each token has as many bytes as it stands for) → bytes or pages
of the source, where the stage that extracted the text wrote down which piece came from where. A document's text is read
from its file again and held against the tokens, so that nothing is said of a file that is another one by now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from helder.data.extract import places
from helder.data.read import TABLES, decode, read_file
from helder.errors import ExitCode, HelderError
from helder.tokens import documents as reading
from helder.tokens.documents import COLUMN
from helder.trace.index import Index
from helder.trace.streams import Stream

KEPT = ("id", "path", "title", "licence", "owner", "consent", "date")  # of a document, as it was extracted


@dataclass(frozen=True)
class Document:
    """A document of a stream, as its source has it.

    Attributes:
        name: in the stream.
        text: its text; of a record, its answer and what is asked are `parts`.
        file: where it lies, relative to what the recipe names.
        line: in a file with a document a line, else None.
        about: what is known of it: licence, title, path of the file that it was extracted from, …
        offsets: (first byte of a piece of the text, byte or place in the source), ascending; empty when unknown.
        shift: what a byte of the text is away from the same byte of its file; None when that is not one number.
    """

    name: str
    text: str
    file: str
    line: int | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    offsets: Sequence[Sequence[Any]] = ()
    shift: int | None = None

    def place(self, byte: int) -> dict[str, Any]:
        """Where a byte of the text stands in the source, as `helder.data.extract.places.place` tells it."""
        if self.shift is not None:
            return {"byte": byte + self.shift, "exact": True}
        return places.place(self.offsets, byte)


@dataclass
class Sources:
    """Reads the documents of a stream again.

    Attributes:
        stream: the stream.
        licence: of documents that do not say their own.
    """

    stream: Stream
    licence: str | None = None
    _tables: dict[Path, _Table] = field(default_factory=dict)
    _taken_in: dict[Path, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def document(self, number: int) -> Document:
        """A document of the stream.

        Raises:
            HelderError: its source is gone or has changed (code 3).
        """
        index = self.stream.index
        name = str(index.documents[number]["id"])
        if self.stream.kind == "data":
            return self._record(name)
        if self.stream.kind == "pairs":
            return self._pair(name)
        wanted = self.text_of(number)
        for source in self.stream.sources.values():
            found = self._read(source.path, name)
            if found is not None and found.text.encode("utf-8") == wanted:
                return found
        raise HelderError(
            f"The document {name} is no longer what the model learnt from.",
            f"Its text was looked for in {', '.join(source.name for source in self.stream.sources.values())}.",
            "Restore the file as it was when the run was made, or run again.",
            ExitCode.FAILED,
        )

    def text_of(self, number: int) -> bytes:
        """The bytes of a document's text, from its tokens."""
        first, stop = self.stream.index.bounds(number)
        return self.stream.words.bytes(self.stream.index.tokens[first:stop])

    def _read(self, path: Path, name: str) -> Document | None:
        """The document with a name in a file or folder, if there is one; see `helder.tokens.documents`."""
        if reading.is_taken_in(path):
            found = self._taken_in.get(path)
            if found is None:
                found = self._taken_in[path] = {
                    reading.called(document): document for document in reading.taken_in(path)
                }
            document = found.get(name)
            if document is None:
                return None
            offsets = document.get("offsets") or ()
            return Document(name, document[COLUMN], document["path"], None, self._about(document), offsets)
        for file, line in _candidates(path, name):
            if line is None:
                content = file.read_bytes()
                text, encoding, _ = decode(content, name)
                shift = {"utf-8": 0, "utf-8-sig": 3}.get(encoding)
                return Document(name, text, name, None, self._about({}), (), shift)
            table = self._tables.setdefault(file, _Table(file))
            row = table.row(line)
            if row is not None and isinstance(row.get(COLUMN), str):
                offsets = row.get("offsets") or ()
                called = name.rpartition(":")[0]
                return Document(name, row[COLUMN], called, line, self._about(row), offsets)
        return None

    def _about(self, row: Mapping[str, Any]) -> dict[str, Any]:
        found = {key: row[key] for key in KEPT if row.get(key) not in (None, "")}
        return found if "licence" in found or self.licence is None else {**found, "licence": self.licence}

    def _record(self, name: str) -> Document:
        text, line = self._records[name]
        return Document(name, text, "train.jsonl", line, self._about({}))

    @cached_property
    def _records(self) -> dict[str, tuple[str, int]]:
        """Id → (its line in the artifact of the stage "data", the line's number)."""
        path = self.stream.learnt.path / "train.jsonl"
        with path.open(encoding="utf-8") as lines:
            return {str(json.loads(text)["id"]): (text.rstrip("\n"), line) for line, text in enumerate(lines, 1)}

    def _pair(self, name: str) -> Document:
        place, _, answer = name.rpartition("/")
        file, _, line = place.rpartition(":")
        path = self.stream.learnt.path
        path = path / file if path.is_dir() else path
        row = self._tables.setdefault(path, _Table(path)).row(int(line)) or {}
        return Document(name, str(row.get(answer, "")), file, int(line), self._about({}))


@dataclass(frozen=True)
class _Table:
    """A file with a document a line, of which single lines are asked for."""

    path: Path

    @cached_property
    def _lines(self) -> list[bytes] | None:
        """Its lines, when it is JSON lines in UTF-8 (the usual case, which need not be parsed as a whole)."""
        content = self.path.read_bytes()
        plain = self.path.suffix.lower() in (".jsonl", ".ndjson") and not content.startswith((b"\xff\xfe", b"\xfe\xff"))
        return content.removeprefix(b"\xef\xbb\xbf").split(b"\n") if plain and b"\0" not in content[:4] else None

    @cached_property
    def _rows(self) -> dict[int, dict[str, Any]]:
        rows, _ = read_file(self.path, self.path.name)
        return {row.line: row.values for row in rows}

    def row(self, line: int) -> dict[str, Any] | None:
        """The row that begins in a line, from 1; None when there is none."""
        if self._lines is None:
            return self._rows.get(line)
        if not 0 < line <= len(self._lines):
            return None
        try:
            row = json.loads(self._lines[line - 1])
        except ValueError:
            return self._rows.get(line)  # not UTF-8, perhaps
        return row if isinstance(row, dict) else None


def _candidates(path: Path, name: str) -> list[tuple[Path, int | None]]:
    """Files of a source that a document's name can mean, with its line in a table."""
    found: list[tuple[Path, int | None]] = []
    for called, line in ((name, None), (name.rpartition(":")[0], name.rpartition(":")[2])):
        if not called or (line is not None and not line.isdigit()):
            continue
        file = path / called if path.is_dir() else path
        is_there = file.is_file() and (path.is_dir() or path.name == called)
        if is_there and (line is None) == (file.suffix.lower() not in TABLES):
            found.append((file, None if line is None else int(line)))
    return found


def token_bytes(stream: Stream, index: Index, document: int, first: int, stop: int) -> tuple[int, int]:
    """The bytes of a document's text that a range of the stream's tokens stands for."""
    begin, _ = index.bounds(document)
    lengths = stream.words.lengths
    before = int(lengths[index.tokens[begin:first]].sum())
    return before, before + int(lengths[index.tokens[first:stop]].sum())
