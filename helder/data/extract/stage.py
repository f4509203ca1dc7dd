"""The stage "extract": folders of people → documents, and a manifest that accounts for every path.

Settings: `sources`, one for each folder: {"name": as the recipe has it, "licence", "owner", "consent", "date"};
`limits`, values of `helder.data.extract.form.Limits` that are not the usual ones.

Inputs: "folder", "folder-2", …: folders or files as they are (`helder.data.extract.walk.Folder`).

Artifact: documents.jsonl, a line for each document, in the order of folders and paths:

    id          first 16 hex digits of SHA-256 of the text (NFC)
    path, row   where it comes from: the path as shown, with the folder's name when there are several; the row of a
    table media_type, title, text offsets     [[byte of the UTF-8 text, byte of the file or words such as "page 3"]],
    see `places.py` licence, owner, consent, date     as the recipe says library     what read it held        why it
    waits for a person, or null

and manifest.json: {format, paths: [{path, folder, state, why, bytes, sha256, media_type, library, documents, warnings,
…}], counts}: every path exactly once, in the order of folders and paths; counts add up, checked. A path is `accepted`
(all of its documents are taken), `held` (a person can change that: it says how) or `refused` (nobody can). Of a table
of which some rows are held, the path is held; of its documents those whose own `held` is null are free.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from helder.data.extract import walk, workers
from helder.data.extract.form import Limits
from helder.data.extract.walk import Found, shown
from helder.data.extract.workers import Result
from helder.data.lines import written
from helder.errors import ExitCode, HelderError

WHY = {
    "link": "a symbolic link to {target}; links are not followed",
    "pipe": "a pipe, not a file",
    "socket": "a socket, not a file",
    "device": "a device, not a file",
    "unreadable": "a folder that cannot be looked into",
}
HIDDEN = "a hidden file (its name, or that of its folder, begins with a dot)"
LOCK = "a lock file of an office program"
SAID = ("licence", "owner", "consent", "date")
COPIED = 1 << 20  # bytes that are copied at once
TOLD = 100  # paths between two words about progress
STATES = ("accepted", "held", "refused")


def run(
    settings: dict[str, Any],
    inputs: dict[str, Path],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Stage function, see `helder.stage` and the module docstring.

    Raises:
        HelderError: a folder is not there, or no file in any of them is accepted or held with its text.
    """
    names = sorted((name for name in inputs if name.startswith("folder")), key=lambda name: (len(name), name))
    sources = settings.get("sources") or [{} for _ in names]
    if len(sources) != len(names):
        raise HelderError(
            f"{len(names)} folders are given and {len(sources)} sources are described.", "", "Correct it."
        )
    folders = [(inputs[name], source) for name, source in zip(names, sources, strict=True)]
    facts = read_folders(folders, settings.get("limits") or {}, output, scratch, report)
    if not facts["documents"]:
        raise HelderError(
            "No document can be taken from the folders.",
            f"{facts['held']:,} files are held and {facts['refused']:,} are refused.",
            "helder data add FOLDER shows the reason of each.",
        )
    report("note", text=f"{facts['documents']:,} documents; {facts['held']:,} files held, {facts['refused']:,} refused")
    return facts


def read_folders(
    folders: Sequence[tuple[Path, Mapping[str, Any]]],
    limits: Mapping[str, Any],
    output: Path,
    scratch: Path,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Read folders, each with what is said of it, and write documents and manifest; the counts."""
    bounds = Limits(**limits)
    counts: Counter[str] = Counter()
    documents = 0
    with (
        (output / "documents.jsonl").open("wb") as lines,
        (output / "manifest.json").open("wb") as said,
    ):
        manifest = _Manifest(said)
        for number, (place, source) in enumerate(folders):
            folder = str(source.get("name") or place.name)
            common = {key: source.get(key) for key in SAID}
            prefix = f"{folder.rstrip('/')}/" if len(folders) > 1 else ""
            spools = scratch / f"spool-{number}"
            spool = _Spools(spools, lines)
            for result in results(place, bounds, spools, common | {"prefix": prefix}):
                manifest.add(entry(result, folder, prefix), spool.ids(result))
                counts[result.state] += 1
                documents += result.documents
                if result.spool >= 0:
                    spool.copy(result.spool, result.start, result.end)
                if manifest.paths % TOLD == 0:
                    report("progress", done=manifest.paths, total=None, unit="paths")
            spool.close()
            _forget(spools)
        facts: dict[str, Any] = {"paths": manifest.paths, **{state: counts[state] for state in STATES}}
        facts["documents"] = documents
        manifest.end(facts)
    _check(facts)
    return facts


def results(root: Path, limits: Limits, spools: Path, common: Mapping[str, Any]) -> Iterator[Result]:
    """What became of every path under a folder, in order; a file that marks its folder holds all that lies in it."""
    spools.mkdir(parents=True, exist_ok=True)
    found = walk.walk(root)
    marked = markers(root, found)
    files = [(one, _mark(one.path, marked)) for one in found if one.kind == "file" and not _passed_over(one, marked)]
    count = max(1, min(len(os.sched_getaffinity(0)), len(files)))
    read = workers.extract(root, files, limits, spools, count, dict(common))
    for one in found:
        if one.kind != "file":
            why = WHY[one.kind].format(target=shown(one.target))
            yield Result(one, "refused", why)
        elif why := _passed_over(one, marked):
            yield _hashed(root, one, why)
        else:
            yield next(read)
    for _ in read:  # lets the workers go
        raise HelderError("More files were read than there are.", str(root), "Report it.", ExitCode.OURS)


def _mark(path: str, marked: Mapping[str, str]) -> str:
    """Why a file waits because of the folder that it lies in; empty when it does not."""
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        if folder in marked:
            return marked[folder]
    return ""


def markers(root: Path, found: list[Found]) -> dict[str, str]:
    """Folders whose files wait because of a marker file in them: folder → why."""
    from helder.data.extract import marks

    marked = {}
    for one in found:
        folder, _, name = one.path.rpartition("/")
        if one.kind != "file" or name.lower() not in marks.MARKER_FILES or one.size > 1_000_000:
            continue
        try:
            with walk.opened(root, one.path) as descriptor:
                why = marks.of_marker_file(name, os.pread(descriptor, 1_000_000, 0))
        except OSError:
            why = f"{marks.NOT_FOR_AI}: {shown(name)} in its folder cannot be read"
        if why:
            marked[folder] = why
    return marked


def _passed_over(one: Found, marked: Mapping[str, str]) -> str:
    from helder.data.extract import marks

    folder, _, name = one.path.rpartition("/")
    if folder in marked and name.lower() in marks.MARKER_FILES:
        return "a mark that says what may be done with its folder"
    if any(part.startswith(".") for part in one.path.split("/")):
        return HIDDEN
    return LOCK if one.path.rpartition("/")[2].startswith(("~$", ".~lock.")) else ""


def _hashed(root: Path, one: Found, why: str) -> Result:
    try:
        with walk.opened(root, one.path) as descriptor:
            size, sha256 = walk.hashed(descriptor)
    except OSError:
        return Result(one, "refused", why, size=one.size)
    return Result(one, "refused", why, sha256=sha256, size=size)


def entry(result: Result, folder: str, prefix: str = "") -> dict[str, Any]:
    """The line of a path in the manifest, but for the ids of its documents."""
    is_file = result.found.kind == "file"
    return {
        "path": prefix + shown(result.found.path),
        "folder": folder,
        "state": result.state,
        "why": result.why,
        "bytes": result.size if is_file else None,
        "sha256": result.sha256 or None,
        "media_type": result.media_type or None,
        "library": result.library or None,
        "facts": result.facts,
        "warnings": result.warnings,
        "documents": [],
    }


_NO_DOCUMENTS = b'"documents":[]'  # in a text of JSON, there would be a backslash before its quotation marks


class _Manifest:
    """Writes paths as they come: the list of a large archive does not fit into memory twice."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.paths = stream, 0
        stream.write(b'{"format":1,"paths":[')

    def add(self, one: Mapping[str, Any], ids: Iterable[bytes]) -> None:
        """Add a path with the ids of its documents, a list of JSON in pieces; of a table they are many."""
        before, after = written(one, sort=True).split(_NO_DOCUMENTS, 1)
        self._stream.write((b",\n" if self.paths else b"\n") + before + b'"documents":[')
        self._stream.writelines(ids)
        self._stream.write(b"]" + after)
        self.paths += 1

    def end(self, counts: Mapping[str, Any]) -> None:
        self._stream.write(b'\n],"counts":' + written(counts, sort=True) + b"}\n")


class _Spools:
    """What the workers wrote, copied to one stream; what stands together in a file is copied at once."""

    def __init__(self, folder: Path, stream: IO[bytes]) -> None:
        self._folder, self._stream = folder, stream
        self._open: dict[Path, int] = {}
        self._waiting = (-1, 0, 0)

    def copy(self, number: int, start: int, end: int) -> None:
        """Copy bytes `start` to `end` of a worker's file, at the latest when `close` is called."""
        last, begin, stop = self._waiting
        if (number, start) == (last, stop) and stop - begin < COPIED:
            self._waiting = (number, begin, end)
            return
        self._copy_waiting()
        self._waiting = (number, start, end)

    def _copy_waiting(self) -> None:
        number, start, end = self._waiting
        if start == end:
            return
        self._stream.writelines(self._pieces(workers.spool_path(self._folder, number), start, end))

    def ids(self, result: Result) -> Iterator[bytes]:
        """The ids of the documents of a file."""
        return self._pieces(workers.ids_path(self._folder, result.spool), result.ids, result.ids_end)

    def _pieces(self, path: Path, start: int, end: int) -> Iterator[bytes]:
        if start < end and path not in self._open:
            self._open[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        while start < end:
            part = os.pread(self._open[path], min(end - start, COPIED), start)
            if not part:
                raise HelderError("What a reader wrote is gone.", str(path), "Run it again.", ExitCode.OURS)
            yield part
            start += len(part)

    def close(self) -> None:
        """Copy what is left, and let the files go."""
        self._copy_waiting()
        self._waiting = (-1, 0, 0)
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()


def _forget(spools: Path) -> None:
    for path in spools.iterdir():
        path.unlink()
    spools.rmdir()


def _check(facts: Mapping[str, int]) -> None:
    if facts["paths"] != sum(facts[state] for state in STATES):
        raise HelderError("The counts of the manifest do not add up.", str(facts), "Report it.", ExitCode.OURS)


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest in an artifact of this stage."""
    record: dict[str, Any] = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    return record
