"""A bundle in one file: a ZIP archive whose entries are stored as they are, so that it is opened without surprises.

Weights do not compress, and an archive that may not be compressed cannot be a bomb: it unpacks to its own size.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
import zipfile
from pathlib import Path

from helder.certify import layout
from helder.errors import ExitCode, HelderError
from helder.ledger.artifact import CHUNK, fsync_file, temporary_beside

MOST_FILES = 1_000_000
STAMP = (1980, 1, 1, 0, 0, 0)  # the earliest that the format knows: no clock in the bytes


def pack(bundle: Path, target: Path) -> Path:
    """Write a bundle as one file; the same bundle gives the same bytes.

    Raises:
        HelderError: `target` is there already.
    """
    if target.exists():
        raise HelderError(f"{target} is there already.", fix="Name another file, or remove it.")
    paths = sorted(path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file())
    aside = temporary_beside(target)
    try:
        with zipfile.ZipFile(aside, "x", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for path in paths:
                about = zipfile.ZipInfo(path, STAMP)
                about.external_attr = (stat.S_IFREG | 0o644) << 16
                about.file_size = (bundle / path).stat().st_size
                with (bundle / path).open("rb") as source, archive.open(about, "w") as entry:
                    shutil.copyfileobj(source, entry, CHUNK)
        fsync_file(aside)
        aside.rename(target)
    finally:
        aside.unlink(missing_ok=True)
    return target


def unpack(path: Path, target: Path) -> None:
    """Unpack an archive into a new folder.

    Raises:
        HelderError: code 3: no archive, an entry that is compressed, a link, twice there or outside the folder;
            or it is more than fits on the disk.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check(entries, path)
            target.mkdir(parents=True)
            for entry in entries:
                place = target / entry.filename
                place.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, place.open("xb") as file:
                    shutil.copyfileobj(source, file, CHUNK)
    # What zipfile says of a way of packing that it does not know, and of an entry with a password.
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise _refused(path, f"It is no whole ZIP archive: {error}.") from error
    except OSError as error:
        raise _refused(path, f"It cannot be unpacked: {error.strerror or error}.") from error


def _check(entries: list[zipfile.ZipInfo], path: Path) -> None:
    if len(entries) > MOST_FILES:
        raise _refused(path, f"It holds {len(entries):,} files; {MOST_FILES:,} are the most.")
    seen: set[str] = set()
    total = 0
    for entry in entries:
        layout.relative(entry.filename)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if entry.is_dir() or kind not in (0, stat.S_IFREG):
            raise _refused(path, f"{entry.filename!r} in it is no plain file.")
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise _refused(path, f"{entry.filename!r} in it is compressed, which Helder's archives never are.")
        if entry.filename in seen:
            raise _refused(path, f"{entry.filename!r} stands in it twice.")
        seen.add(entry.filename)
        total += entry.file_size
    if total > path.stat().st_size:
        raise _refused(path, "Its entries lie on top of one another: they are larger together than the archive.")
    if total > shutil.disk_usage(tempfile.gettempdir()).free:
        raise HelderError(
            f"There is no room to unpack {path.name}.",
            f"It needs {total:,} bytes in {tempfile.gettempdir()}.",
            "Free some space, or unpack it elsewhere and verify the folder.",
        )


def _refused(path: Path, why: str) -> HelderError:
    return HelderError(f"{path.name} cannot be used.", why, "Get the bundle again from its source.", ExitCode.FAILED)
