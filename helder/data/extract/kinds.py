"""Which reader reads a file: told from its content first, from its name second.

`READERS` is the table of what is read. Everything else has a reason: it waits for a person who can turn it into
something that is read (an archive, an old Office file), or it is no text at all.
"""

from __future__ import annotations

import codecs
import importlib
import re
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from helder.data.extract.form import Documents, Extracted, Held, Limits, Refused
from helder.data.extract.package import UNREADABLE
from helder.data.extract.source import Source

Read = Callable[[Source, Extracted, Limits], Documents]


@dataclass(frozen=True)
class Reader:
    """One kind of file: its media type, who reads it, and with which library."""

    media_type: str
    function: str
    package: str | None = None  # what reads it, if not the standard library and this package

    def load(self) -> Read:
        """The function that reads.

        Raises:
            Held: its library is not installed.
        """
        module, _, name = self.function.partition(":")
        try:
            found: Read = getattr(importlib.import_module(f"helder.data.extract.{module}"), name)
        except ModuleNotFoundError as error:
            raise Held(f"reading it needs {error.name}: pip install 'helder[documents]'") from None
        if self.package == "pyarrow":
            self._check(self.package)
        return found

    def _check(self, package: str) -> None:
        try:
            importlib.import_module(package)
        except ModuleNotFoundError:
            raise Held(f"reading it needs {package}: pip install 'helder[documents]'") from None

    @property
    def library(self) -> str:
        """Who reads this kind, with version."""
        if self.package is None:
            from helder import __version__

            return f"helder {__version__}, python {sys.version_info[0]}.{sys.version_info[1]}"
        try:
            return f"{self.package} {_version(self.package)}"
        except PackageNotFoundError:
            return self.package


_version = lru_cache(version)  # which reads a file each time


_OFFICE = "application/vnd.openxmlformats-officedocument"
READERS = {
    "text": Reader("text/plain", "plain:text"),
    "markdown": Reader("text/markdown", "plain:markdown"),
    "html": Reader("text/html", "web:html", "selectolax"),
    "pdf": Reader("application/pdf", "pdf:pdf", "pypdfium2"),
    "docx": Reader(f"{_OFFICE}.wordprocessingml.document", "word:docx"),
    "xlsx": Reader(f"{_OFFICE}.spreadsheetml.sheet", "sheets:xlsx"),
    "pptx": Reader(f"{_OFFICE}.presentationml.presentation", "slides:pptx"),
    "odt": Reader("application/vnd.oasis.opendocument.text", "opentext:odt"),
    "csv": Reader("text/csv", "rows:csv_rows"),
    "tsv": Reader("text/tab-separated-values", "rows:csv_rows"),
    "jsonl": Reader("application/jsonl", "rows:json_lines"),
    "json": Reader("application/json", "rows:json_whole"),
    "parquet": Reader("application/vnd.apache.parquet", "rows:parquet", "pyarrow"),
    "eml": Reader("message/rfc822", "mail:eml"),
}
_UNPACK = "an archive; unpack it first"
_OLD = "an old Office file, or one that is locked with a password; save it as docx, xlsx, pptx or PDF"
_AUDIO = "it is sound or video, not text"
_PICTURE = "it is a picture, not text"
_PROGRAM = "it is a program, not text"
# First bytes → (whether a person can do something about it, what to say).
_SIGNATURES: tuple[tuple[bytes, bool, str], ...] = (
    (b"\x1f\x8b", True, f"gzip: {_UNPACK}"),
    (b"BZh", True, f"bzip2: {_UNPACK}"),
    (b"\xfd7zXZ\0", True, f"xz: {_UNPACK}"),
    (b"\x28\xb5\x2f\xfd", True, f"zstd: {_UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", True, f"7z: {_UNPACK}"),
    (b"Rar!\x1a\x07", True, f"rar: {_UNPACK}"),
    (b"\x04\x22\x4d\x18", True, f"lz4: {_UNPACK}"),
    (b"MSCF", True, f"cab: {_UNPACK}"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", True, _OLD),
    (b"{\\rtf", True, "RTF; save it as docx or odt"),
    (b"%!PS", True, "PostScript; save it as PDF"),
    (b"SQLite format 3\0", True, "an SQLite database; export the tables as CSV"),
    (b"From ", True, "a mailbox; save its messages as single .eml files"),
    (b"!BDN", True, "an Outlook mailbox; save its messages as .eml files"),
    (b"\x89PNG", False, _PICTURE),
    (b"\xff\xd8\xff", False, _PICTURE),
    (b"GIF8", False, _PICTURE),
    (b"BM", False, _PICTURE),
    (b"II*\0", False, _PICTURE),
    (b"MM\0*", False, _PICTURE),
    (b"RIFF", False, "it is a picture, sound or video, not text"),
    (b"ID3", False, _AUDIO),
    (b"OggS", False, _AUDIO),
    (b"fLaC", False, _AUDIO),
    (b"\x1aE\xdf\xa3", False, _AUDIO),
    (b"\x7fELF", False, _PROGRAM),
    (b"MZ", False, _PROGRAM),
    (b"\xca\xfe\xba\xbe", False, _PROGRAM),
    (b"\0asm", False, _PROGRAM),
    (b"GGUF", False, "it is a model, not text"),
)
_ANY_SIGNATURE = tuple(signature for signature, _, _ in _SIGNATURES)
_TEXT_SIGNATURES = (b"From ", b"BM", b"MZ", b"ID3", b"RIFF", b"GIF8", b"BZh", b"MSCF", b"GGUF")  # may also begin a text
_ZIP = {
    "word/": "docx",
    "xl/": "xlsx",
    "ppt/": "pptx",
}
_OPEN_DOCUMENT = {
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.text-template": "odt",
}
_BY_NAME = {
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    **dict.fromkeys((".md", ".markdown", ".mdown"), "markdown"),
    **dict.fromkeys((".csv", ".psv"), "csv"),
    **dict.fromkeys((".tsv", ".tab"), "tsv"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    ".json": "json",
    ".eml": "eml",
}
_PROMISED = {
    **dict.fromkeys((".docx", ".docm", ".dotx"), "docx"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx"), "xlsx"),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx"), "pptx"),
    ".odt": "odt",
    ".pdf": "pdf",
    ".parquet": "parquet",
}
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".jar", ".epub")
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*(?:<!doctype\s+html|<html[\s>])", re.IGNORECASE | re.DOTALL)
_XML = re.compile(rb"\s*<\?xml\s")
_HEADER = re.compile(rb"[A-Za-z-]{2,40}:[ \t]")
_HEADERS = re.compile(
    rb"^(?:return-path|received|from|to|subject|date|message-id|mime-version|delivered-to|reply-to|x-[a-z-]+):[ \t]",
    re.IGNORECASE | re.MULTILINE,
)


def kind_of(source: Source, found: Extracted) -> str:
    """The key in `READERS` of a file.

    Raises:
        Held, Refused: it is not read; the text says why.
    """
    if source.size == 0:
        raise Refused("it is empty")
    head = source.head()
    kind = _by_content(source, head)
    promised = _PROMISED.get(source.suffix)
    if kind is None and promised is not None:
        raise Refused(f"it is named {source.suffix}, and its content is something else, or broken")
    named = _BY_NAME.get(source.suffix)
    if kind is None:
        kind = named or "text"
    told = {"docx", "xlsx", "pptx", "odt", "pdf", "parquet"}
    if (promised or named) not in (None, kind) and (kind in told or promised):
        found.warnings.append(f"it is named {source.suffix} and is {READERS[kind].media_type}")
    return kind


def _by_content(source: Source, head: bytes) -> str | None:
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _in_zip(source)
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"PAR1"):
        return "parquet"
    if head[257:262] == b"ustar":
        raise Held(f"tar: {_UNPACK}")
    for signature, can_be_helped, what in _SIGNATURES if head.startswith(_ANY_SIGNATURE) else ():
        if not head.startswith(signature) or (signature in _TEXT_SIGNATURES and not _certain(signature, head)):
            continue
        raise Held(what) if can_be_helped else Refused(what)
    if head[4:8] == b"ftyp":
        raise Refused(_AUDIO)
    start = head.removeprefix(codecs.BOM_UTF8)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        start = start[2:].replace(b"\0", b"")  # good enough to tell markup
    if _HTML.match(start) or (_XML.match(start) and b"<html" in start[:2000].lower()):
        return "html"
    if _XML.match(start) and source.suffix not in _BY_NAME:
        if b"<svg" in start:
            raise Refused(_PICTURE)
        raise Held("XML; no rule says which of it is text: save it as text or HTML")
    if source.suffix in (".svg", ".svgz"):
        raise Refused(_PICTURE)
    if source.suffix in _ARCHIVES:
        raise Refused(f"it is named {source.suffix}, and its content is something else, or broken")
    if source.suffix not in _BY_NAME and _is_message(start):
        return "eml"
    return None


def _certain(signature: bytes, head: bytes) -> bool:
    """Whether a signature that could also begin a text does not."""
    if signature == b"From ":
        return bool(re.match(rb"From \S+ .{0,30}\d\d:\d\d", head)) and bool(_HEADERS.search(head))
    return any(byte < 9 or 13 < byte < 32 for byte in head[:512])


def _is_message(start: bytes) -> bool:
    if not _HEADER.match(start):
        return False
    top = start.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]
    names = {match.group().lower().rstrip(b": \t") for match in _HEADERS.finditer(top)}
    return len(names) >= 3 and not {b"from", b"received", b"return-path"}.isdisjoint(names)


def _in_zip(source: Source) -> str:
    import os

    try:
        with os.fdopen(os.dup(source.descriptor), "rb") as stream:
            names = zipfile.ZipFile(stream).namelist()
            if "mimetype" in names:
                with zipfile.ZipFile(stream).open("mimetype") as file:
                    said = file.read(200).decode("ascii", "replace").strip()
                if said in _OPEN_DOCUMENT:
                    return _OPEN_DOCUMENT[said]
                if said.startswith("application/vnd.oasis.opendocument"):
                    raise Held("an OpenDocument file that is no text; save it as xlsx, pptx or PDF")
                if said == "application/epub+zip":
                    raise Held("an e-book; save it as text, HTML or PDF")
    except UNREADABLE:
        if source.suffix in _PROMISED:
            raise Refused("it is cut short or broken: the list of its parts is missing") from None
        raise Held(f"zip: {_UNPACK}; it seems to be cut short") from None
    if "[Content_Types].xml" in names:
        for folder, kind in _ZIP.items():
            if any(name.startswith(folder) for name in names):
                return kind
    raise Held(f"zip: {_UNPACK}")


def read(source: Source, found: Extracted, limits: Limits) -> tuple[Reader, Documents]:
    """The reader of a file and the documents that it finds, which are read as they are asked for.

    Raises:
        Held, Refused: it is not read; the text says why.
    """
    reader = READERS[kind_of(source, found)]
    return reader, reader.load()(source, found, limits)
