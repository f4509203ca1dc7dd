"""What readers give back: documents with places, and the two ways of not giving one.

A document's text is a sequence of pieces, and each piece says where it came from: a number is a byte of the file, a
word is a place that a person finds again ("page 3", "sheet Prijzen!B4"). `helder.data.extract.places` reads them.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

Place = int | str


class Refused(Exception):
    """The file cannot be read, and no decision of a person would change that; the text says why."""


class Held(Exception):
    """The file waits for a person: something can be done about it, and the text says what."""


@dataclass(frozen=True)
class Limits:
    """How much one file may take; all are assumptions, wide enough for books and tight enough for a bomb."""

    file: int = 50_000_000_000  # bytes of a file that is read in pieces: JSON lines, CSV, Parquet
    whole: int = 256_000_000  # bytes of a file that is read as a whole
    unpacked: int = 512_000_000  # bytes of all parts of an office file together
    ratio: int = 200  # unpacked bytes for each packed byte of a part, beyond the first `RATIO_FROM` bytes of it
    text: int = 64_000_000  # characters of one document
    depth: int = 256  # elements inside one another in an office file
    elements: int = 5_000_000  # elements of one office file
    objects: int = 500_000  # objects of a PDF
    pages: int = 20_000  # pages of a PDF
    seconds: float = 1.0  # processor time for a small file; see `workers.allowance`
    memory: int = 1_000_000_000  # bytes of memory beyond what a worker has when it starts


@dataclass
class Document:
    """The text of a file, or of one row of a table.

    Attributes:
        title: what the file calls it; empty when it does not.
        text: what a person reads, lines ended by line feeds.
        offsets: (first byte of a piece in the UTF-8 text, where it stands in the file), ascending.
        row: which row of a table it is, as the file counts; None for a document that is a whole file.
        marks: reasons to ask a person first.
    """

    title: str
    text: str
    offsets: list[tuple[int, Place]]
    row: str | None = None
    marks: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The first 16 hex digits of SHA-256 of the text in Unicode's composed form (NFC)."""
        return document_id(self.text)


@dataclass
class Extracted:
    """What a reader found in a file beside its documents; filled while it reads.

    Attributes:
        warnings: sentences about what a person should know; nothing is lost without one.
        marks: reasons to ask a person before any of it is used.
        facts: what is known of the file: its encoding, its delimiter.
    """

    warnings: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)


class Pieces:
    """Builds a text of pieces with their places.

    Raises:
        Refused: the text grows beyond the limit.
    """

    def __init__(self, limit: int) -> None:
        self._parts: list[str] = []
        self._offsets: list[tuple[int, Place]] = []
        self._bytes = 0
        self._characters, self._limit = 0, limit

    def add(self, text: str, place: Place | None = None) -> None:
        """Add text; without a place, it belongs to the piece before it."""
        if not text:
            return
        if place is not None and (not self._offsets or self._offsets[-1][1] != place):
            self._offsets.append((self._bytes, place))
        self._parts.append(text)
        self._characters += len(text)
        self._bytes += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if self._characters > self._limit:
            raise Refused(f"its text has more than {self._limit:,} characters")

    def line(self, text: str, place: Place | None = None) -> None:
        """Add a line, when there is anything in it."""
        if text.strip():
            self.add(text.rstrip() + "\n", place)

    def __bool__(self) -> bool:
        return bool(self._parts)

    def document(self, title: str = "") -> Document:
        """All pieces as one document.

        Raises:
            Refused: it holds half of a surrogate pair, which no text can.
        """
        text = "".join(self._parts)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise Refused("it holds half of a surrogate pair, which is no character") from None
        return Document(" ".join(title.split())[:200], text, self._offsets)


def document_id(text: str) -> str:
    """The first 16 hex digits of SHA-256 of a text in Unicode's composed form (NFC)."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set of names."""
    return frozenset(text.split())


Documents = Iterator[Document]
