"""Office files are zip files of XML parts; here they are opened within limits.

Parts are read by name and counted as they unpack, never by the sizes that the file claims. A part with a document
type is refused: no office program writes one, and entities and outside references need one. Nothing is written to disk.

The XML is read by the standard library (expat) and by us, not by an office library: none of those looked at leaves out
what was deleted or hidden and keeps what was inserted (docs/log.md).
"""

from __future__ import annotations

import io
import os
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from helder.data.extract.form import Held, Limits, Refused
from helder.data.extract.source import Source

PARTS = 20_000  # parts of one file (assumption: a workbook of 1,000 sheets has 4,000)
RATIO_FROM = 1_000_000  # bytes of a part that may unpack from next to nothing, such as an empty sheet (assumption)
_DOCTYPES = [
    doctype.encode(code) for doctype in ("<!DOCTYPE", "<!ENTITY") for code in ("utf-8", "utf-16-le", "utf-16-be")
]
# What zipfile says of an archive that is broken; NotImplementedError of a way of packing that it does not know, and
# RuntimeError of an entry with a password.
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)


class Package:
    """The parts of an office file.

    Raises:
        Refused: broken, cut short, or beyond a limit.
        Held: locked with a password.
    """

    def __init__(self, source: Source, limits: Limits) -> None:
        self._limits, self._unpacked, self._elements = limits, 0, 0
        if source.size > limits.whole:
            raise Refused(f"it is larger than {limits.whole:,} bytes, which is what is read of one file as a whole")
        self._stream = os.fdopen(os.dup(source.descriptor), "rb")
        try:
            self._zip = zipfile.ZipFile(self._stream)
            parts = self._zip.infolist()
        except UNREADABLE as error:
            raise Refused(f"it is broken or cut short: its list of parts cannot be read ({error})") from None
        if len(parts) > PARTS:
            raise Refused(f"it has {len(parts):,} parts; more than {PARTS:,} are not read")
        self.names = {part.filename: part for part in parts}
        if any(part.flag_bits & 1 for part in parts):
            raise Held("it is locked with a password: save it without one")

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def read(self, name: str) -> bytes:
        """A part, unpacked within the limits."""
        if name not in self.names:
            raise Refused(f"it is broken: its part {name} is missing")
        part = self.names[name]
        most = max(RATIO_FROM, part.compress_size * self._limits.ratio)
        most = min(most, self._limits.unpacked - self._unpacked)
        try:
            with self._zip.open(part) as stream:
                content = stream.read(most + 1)
        except UNREADABLE as error:
            raise Refused(f"it is broken or cut short: its part {name} cannot be read ({error})") from None
        if len(content) > most:
            raise Refused(
                f"its part {name} has {part.compress_size:,} bytes and unpacks to more than {most:,}: "
                "a decompression bomb"
            )
        self._unpacked += len(content)
        return content

    def xml(self, name: str) -> Element:
        """The root of a part."""
        content = self._checked(name)
        try:
            root = ElementTree.fromstring(content)  # document types, and so entities, were refused before
        except ElementTree.ParseError as error:
            raise Refused(f"it is broken: its part {name} is not XML ({error})") from None
        self._check_depth(root, name)
        return root

    def elements(self, name: str) -> Iterator[tuple[str, Element]]:
        """Begins and ends of the elements of a large part, in order; clear those that are done with."""
        content = self._checked(name)
        deep = 0
        try:
            for event, element in ElementTree.iterparse(io.BytesIO(content), ("start", "end")):
                deep += 1 if event == "start" else -1
                if deep > self._limits.depth:
                    raise Refused(f"elements of its part {name} lie more than {self._limits.depth} deep")
                yield event, element
        except ElementTree.ParseError as error:
            raise Refused(f"it is broken: its part {name} is not XML ({error})") from None

    def _checked(self, name: str) -> bytes:
        content = self.read(name)
        if any(doctype in content for doctype in _DOCTYPES):
            raise Refused(f"its part {name} has a document type, which may hold an entity bomb; office files have none")
        self._elements += content.count(b"<")
        if self._elements > 2 * self._limits.elements:
            raise Refused(f"it has more than {self._limits.elements:,} elements")
        return content

    def _check_depth(self, root: Element, name: str) -> None:
        level, deep = [root], 0
        while level:
            deep += 1
            if deep > self._limits.depth:
                raise Refused(f"elements of its part {name} lie more than {self._limits.depth} deep")
            level = [child for element in level for child in element]

    def related(self, name: str) -> dict[str, tuple[str, str]]:
        """What a part refers to inside the file: id → (kind, part). What lies outside is not followed."""
        folder, file = posixpath.split(name)
        table = posixpath.join(folder, "_rels", f"{file}.rels")
        if table not in self.names:
            return {}
        found = {}
        for one in self.xml(table):
            if one.get("TargetMode") == "External":
                continue
            target = one.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found[one.get("Id", "")] = (one.get("Type", "").rsplit("/", 1)[-1], path)
        return found

    def main(self, fallback: str) -> str:
        """The name of the part that the file is about."""
        for kind, path in self.related("").values():
            if kind == "officeDocument":
                return path
        return fallback

    def title(self) -> str:
        """The title in the file's properties."""
        for kind, path in self.related("").values():
            if kind == "core-properties" and path in self.names:
                return next((one.text or "" for one in self.xml(path) if local(one) == "title"), "")
        return ""


def local(element: Element) -> str:
    """The name of an element without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Element | None, name: str, default: str | None = None) -> str | None:
    """An attribute by its name without a namespace."""
    if element is None:
        return default
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return value
    return default


def child(element: Element | None, *names: str) -> Element | None:
    """The first child of this name, and its first child of the next name, …"""
    for name in names:
        element = None if element is None else next((one for one in element if local(one) == name), None)
    return element


def is_on(element: Element | None) -> bool:
    """Whether a switch of WordprocessingML is on: there, and not "0", "false" or "off"."""
    return element is not None and (attribute(element, "val", "1") or "").lower() not in ("0", "false", "off")
