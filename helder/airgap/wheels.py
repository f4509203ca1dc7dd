"""Wheels: what one is, whether it is whole, and which of a folder are needed on a target.

A wheel is believed after every file in it was held to its RECORD, which lists each with its SHA-256 (PEP 376, PEP 427).
Whether RECORD is what the wheel's makers wrote, its own SHA-256 must tell: from the index, or from a lock with hashes.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from helder.airgap.target import Target
from helder.certify import layout
from helder.errors import ExitCode, HelderError
from helder.ledger.artifact import hash_file

MOST_UNPACKED = 8 << 30  # bytes of one wheel; assumption: torch for processors has 0.6 GB
MOST_FILES = 200_000
ROUNDS = 50  # in which the choice of wheels has to settle; assumption: a chain of conflicts is never that long


@dataclass(frozen=True)
class Wheel:
    """One wheel.

    Attributes:
        tags: what it runs on.
        requires: what it asks for, with markers.
        unpacked: bytes of all its files.
        licence: as its makers state it; "" where they do not.
    """

    path: Path
    name: NormalizedName
    version: Version
    tags: frozenset[Tag]
    requires: tuple[Requirement, ...]
    python: SpecifierSet
    size: int
    sha256: str
    unpacked: int
    licence: str

    def fits(self, target: Target) -> bool:
        return not self.tags.isdisjoint(target.tags) and self.python.contains(f"{target.python}.99")


def named(path: Path) -> tuple[NormalizedName, Version, frozenset[Tag]]:
    """What a file's name says.

    Raises:
        HelderError: it is not the name of a wheel.
    """
    try:
        name, version, _, tags = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        raise _refused(path, f"Its name is not that of a wheel: {error}.") from error
    return name, version, tags


def read(path: Path) -> Wheel:
    """Read a wheel and hold everything in it to its RECORD.

    Raises:
        HelderError: code 3, it is not whole, or not what its name says.
    """
    name, version, tags = named(path)
    size, sha256 = hash_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = _check(archive, path)
            about = _metadata(archive)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError) as error:
        raise _refused(path, f"It is no whole wheel: {error}.") from error
    if canonicalize_name(str(about["Name"])) != name or Version(str(about["Version"])) != version:
        raise _refused(path, f"In it is {about['Name']} {about['Version']}.")
    try:
        requires = tuple(Requirement(one) for one in about.get_all("Requires-Dist", []))
        python = SpecifierSet(str(about["Requires-Python"] or ""))
    except ValueError as error:  # what InvalidRequirement and InvalidSpecifier are
        raise _refused(path, f"It asks for what cannot be read: {error}.") from error
    licence = str(about["License-Expression"] or about["License"] or "").strip()
    if not licence or "\n" in licence:  # whole texts stand in that field too
        stated = [one for one in about.get_all("Classifier", []) if str(one).startswith("License :: ")]
        licence = str(stated[0]).rpartition(" :: ")[2] if stated else ""
    return Wheel(path, name, version, tags, requires, python, size, sha256, unpacked, licence)


def _check(archive: zipfile.ZipFile, path: Path) -> int:
    """Hold every file to RECORD; the bytes of all of them."""
    entries = {one.filename: one for one in archive.infolist() if not one.is_dir()}
    total = sum(one.file_size for one in entries.values())
    if len(entries) > MOST_FILES or total > MOST_UNPACKED:
        raise _refused(path, f"It unpacks to {total:,} bytes in {len(entries):,} files.")
    places = [one for one in entries if one.count("/") == 1 and one.endswith(".dist-info/RECORD")]
    if len(places) != 1 or len(archive.infolist()) < len(entries):
        raise _refused(path, "It has no RECORD, or several.")
    rows = list(csv.reader(archive.read(places[0]).decode("utf-8").splitlines()))
    listed = {row[0]: row[1] for row in rows if row}
    unsigned = {places[0], f"{places[0]}.jws", f"{places[0]}.p7s"}
    if strange := sorted((set(entries) - unsigned) ^ (set(listed) - unsigned)):
        raise _refused(path, f"Its RECORD and its files differ: {strange[0]!a}.")
    for name in sorted(set(entries) - unsigned):
        try:
            layout.relative(name)
        except HelderError as error:
            raise _refused(path, f"It holds the path {name!a}, which leads out of it.") from error
        kind, _, digest = listed[name].partition("=")
        if kind != "sha256" or _digest(archive, entries[name]) != digest:
            raise _refused(path, f"{name!a} in it is not what its RECORD says.")
    return total


def _digest(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    hasher = hashlib.sha256()
    with archive.open(entry) as file:
        while chunk := file.read(1 << 20):
            hasher.update(chunk)
    return base64.urlsafe_b64encode(hasher.digest()).rstrip(b"=").decode("ascii")


def _metadata(archive: zipfile.ZipFile) -> Message:
    names = [one for one in archive.namelist() if one.count("/") == 1 and one.endswith(".dist-info/METADATA")]
    if len(names) != 1:
        raise ValueError("no METADATA, or several")
    return BytesParser().parsebytes(archive.read(names[0]))


def choose(wheels: Iterable[Wheel], roots: Sequence[Requirement], target: Target) -> list[Wheel]:
    """The wheels that the roots need on the target, with all that those need, sorted by name.

    Of several the newest version is taken that everybody accepts, and of one version the wheel that asks for the least.

    Raises:
        HelderError: something is missing; `Missing` names it.
    """
    order = {tag: place for place, tag in enumerate(target.tags)}
    by_name: dict[str, list[Wheel]] = {}
    for wheel in wheels:
        if wheel.fits(target):
            by_name.setdefault(wheel.name, []).append(wheel)
    for found in by_name.values():
        found.sort(key=lambda one: (one.version, -min(order[tag] for tag in one.tags if tag in order)), reverse=True)
    chosen: dict[str, Wheel] = {}
    for _ in range(ROUNDS):
        asked = _asked(roots, chosen, target)
        taken = {name: _best(by_name.get(name, []), asked[name], name, target) for name in asked}
        if taken == chosen:
            return [chosen[name] for name in sorted(chosen)]
        chosen = taken
    raise HelderError("The wheels do not agree on versions.", fix="Collect them in an empty folder.")


def _asked(roots: Sequence[Requirement], chosen: Mapping[str, Wheel], target: Target) -> dict[str, list[Requirement]]:
    """name → what is asked of it, by the roots and by all that were chosen so far and are still needed."""
    asked: dict[str, list[Requirement]] = {}
    left, seen = list(roots), set()
    while left:
        one = left.pop()
        name = canonicalize_name(one.name)
        if (key := (name, str(one))) in seen:
            continue
        seen.add(key)
        asked.setdefault(name, []).append(one)
        if name in chosen:
            left += [more for more in chosen[name].requires if target.needs(more.marker, one.extras)]
    return asked


def _best(found: Sequence[Wheel], asked: Sequence[Requirement], name: str, target: Target) -> Wheel:
    for wheel in found:
        if all(one.specifier.contains(wheel.version, prereleases=True) for one in asked):
            return wheel
    raise Missing(asked, name, target)


class Missing(HelderError):
    """No wheel of that name fits the target and what is asked of it."""

    def __init__(self, asked: Sequence[Requirement], name: str, target: Target) -> None:
        wanted = " and ".join(sorted({f"{one.name}{one.specifier}" for one in asked}))
        super().__init__(
            f"There is no wheel of {name} for {target.name} and Python {target.python}.",
            f"Asked for is {wanted}.",
            "Put it into the folder of --wheels, or let it be fetched: --allow-network.",
        )
        self.asked = list(asked)


def requirement(text: str) -> Requirement:
    """A requirement as it stands in metadata.

    Raises:
        HelderError: it is none.
    """
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise HelderError(f"{text!a} is no requirement.", str(error)) from error


def _refused(path: Path, why: str) -> HelderError:
    return HelderError(f"{path.name} cannot be used.", why, "Get it again.", ExitCode.FAILED)
