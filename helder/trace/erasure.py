"""`erase`: everything that saw a string, and what it would take to remove it from the model.

The sources are looked through byte by byte (`helder.trace.scan`), not through the index: tokens of "jan DE VRIES" are
others than those of "Jan de Vries". From each finding the way goes on as in `trace`: document → tokens → sequences →
steps; and from the steps to the kept states and to everything that was made of the weights.

Of folders of documents it is the extracted text that is looked through: what a PDF or an office file says is not in its
bytes. All of them are, those that were left out, too: they could come in instead.

A string cannot be taken out of weights. What can be done is to take the documents out of the sources and to train
again. `write` refuses the documents of folders in the file of decisions, and `helder run` then makes everything again
that was made of them, because other data are other inputs; what was made before, such as a training on other texts,
stays. The first training that saw the string begins at its first step, not at its last clean state. The weights of that
state never saw the string; but the steps before it drew their batches from the order of all documents, so that what was
trained on from there would be a run that its statement cannot describe and nobody can repeat once the documents are
gone: its data would be those that had to go. How much of the training was touched is told all the same.
"""

from __future__ import annotations

import json
import textwrap
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helder import pipeline
from helder.data.decisions import Decisions
from helder.data.read import TABLES, decode, files_of
from helder.pipeline import Step
from helder.project import Project
from helder.tokens.documents import is_taken_in
from helder.trace.folders import Finding, TakenIn
from helder.trace.kernels import Kernels, kernels
from helder.trace.scan import Hit, Scanner, form, plain_json
from helder.trace.sources import Sources
from helder.trace.streams import Stream, indexed
from helder.train.chain import STATES

OnEvent = Callable[[dict[str, Any]], None]
COMPILE_FROM = 4_000_000  # bytes: below, compiling the loop (about a second) takes longer than doing without
WEIGHTS = (".safetensors", ".gguf")
ADAPTER = "adapter.safetensors"  # as `helder.train.stage` calls it
COPIES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".md", ".html", ".log")  # files of a run with text
SHOWN = 40  # findings that are printed; all of them are in --json
WIDTH = 100


@dataclass(frozen=True)
class Touched:
    """A training that saw the string.

    Attributes:
        training: the stage.
        sequences, steps: that saw it, as in `helder.trace.way_back.Sighting`.
        clean_state: the last kept state from before it was seen, the number of steps behind it; 0: the model that the
            training began with.
        states: kept states that have seen it.
        again_steps, again_seconds: from the clean state to the end, by the training's own time.
        seconds: of the whole training.
    """

    training: str
    sequences: Sequence[int]
    steps: Sequence[int]
    clean_state: int
    states: Sequence[int]
    again_steps: int
    again_seconds: float
    seconds: float


@dataclass(frozen=True)
class Erasure:
    """The answer.

    Attributes:
        scanned: {files, bytes} that were looked through.
        findings: in the sources.
        copies: other files of the project that hold it: answers, records, reports, bundles.
        touched: trainings that saw it, in the order of the run.
        models: stages whose artifact was made of weights that saw it: {stage, digest, adapter, files, states: steps
            behind which it keeps a state}.
        tokenizers: stages that learnt a vocabulary from it.
        bundles: folders that hand out such a model.
        run_seconds: what `helder run` takes once the string is out of the sources, by the times of this run.
        refused: documents that decisions now leave out, by path: {document, path}.
        by_hand: files that hold it and that no decision can leave out, with the lines.
        again, kept: stages that `helder run` makes again, and those that stay as they are, once decisions are written.
        unread: files of folders of documents of which no text could be read: they were not looked through.
        stale: artifacts of this run's folder that are no part of the run as it is now; what they saw is not known.
    """

    text_asked: str
    scanned: Mapping[str, int]
    findings: Sequence[Finding]
    copies: Sequence[str]
    touched: Sequence[Touched]
    models: Sequence[Mapping[str, Any]]
    tokenizers: Sequence[str]
    bundles: Sequence[str]
    run_seconds: float
    notes: Sequence[str] = field(default=())
    refused: Sequence[Mapping[str, str]] = field(default=())
    by_hand: Sequence[str] = field(default=())
    again: Sequence[str] = field(default=())
    kept: Sequence[str] = field(default=())
    unread: Sequence[str] = field(default=())
    stale: Sequence[str] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def text(self) -> str:
        """For a person."""
        from helder.commands.talk import duration, size

        count = f"{self.scanned['files']} files, {size(self.scanned['bytes'])}"
        lines = [f"Looked for {self.text_asked!r} in {count}, whatever its case, spacing, line breaks and accents."]
        whole = [one for one in self.findings if not one.inside_word]
        rest = len(self.findings) - len(whole)
        lines.append(
            f"Found {_counted(len(whole), 'time')}"
            + (f", and {_counted(rest, 'time')} inside longer words." if rest else ".")
        )
        lines.append("")
        for one in self.findings[:SHOWN]:
            line = "" if one.line is None else f", line {one.line}"
            named = dict.fromkeys(f"{each['stream']}: {each['document']}" for each in one.documents)
            learnt = ", ".join(named) or one.role
            inside = ", inside a longer word" if one.inside_word else ""
            place = one.place or f"byte {one.start:,}"
            lines.append(f"  {_flat(one.file)}{line}, {place}: «{_flat(one.written)}» ({one.form}{inside})")
            lines.append(f"      {_flat(learnt)}")
        if len(self.findings) > SHOWN:
            lines.append(f"  and {len(self.findings) - SHOWN} more (--json lists all)")
        for saw in self.touched:
            clean = f"the state behind step {saw.clean_state}" if saw.clean_state else "the model that it began with"
            lines += ["", f"{saw.training}: {_counted(len(saw.sequences), 'sequence')}, {_steps(saw.steps)}"]
            lines.append(f"  clean: {clean}; from there {saw.again_steps} steps, {duration(saw.again_seconds)}")
            if saw.states:
                lines.append(f"  kept states that saw it: {', '.join(f'step {step}' for step in saw.states)}")
        if self.findings and not self.touched:
            lines += ["", "No training saw it."]
        for title, names in (
            ("made of weights that saw it", [_model(one) for one in self.models]),
            ("vocabularies learnt from it", self.tokenizers),
            ("bundles that hand such a model out", self.bundles),
            ("other files of the project that hold it", self.copies),
            ("artifacts of earlier runs, which may have seen it", self.stale),
            ("files without text, which were not looked through", self.unread),
            ("refused from now on", [f"{one['path']} ({one['document']})" for one in self.refused]),
            ("to be changed by hand, because no decision can leave them out", self.by_hand),
            ("made again by helder run", self.again),
            ("kept as they are", self.kept),
        ):
            if names:
                lines += ["", f"{title}:", *(f"  {_flat(name)}" for name in names)]
        for note in self.notes:
            lines += ["", *textwrap.wrap(note, WIDTH)]
        return "\n".join(lines)


def erase(
    project: Project | Path | str,
    text: str,
    *,
    write: bool = False,
    on: str = "",
    on_event: OnEvent = lambda event: None,
    loops: Kernels | None = None,
) -> Erasure:
    """Look up a string: a name, a number, a sentence.

    Args:
        project: its folder, or the project; its trainings must be done.
        write: refuse the documents that hold it as a word in the file of decisions, which `helder run` follows.
        on: the day of these decisions.
        loops: compiled or not; default: compiled when there is much to look through.

    Raises:
        HelderError: the string is empty or too long, nothing was trained, or a source cannot be read.
    """
    if isinstance(project, Path | str):
        project = Project.open(project)
    streams = indexed(project, on_event)
    steps = pipeline.status(project, verify=False)
    sources = _sources(project, streams)
    files = {path: name for source, name in sources.items() for path, name in _files(source, name)}
    size = sum(path.stat().st_size for path in files)
    folders = TakenIn.of(project, steps)
    size += folders.size
    scanner = Scanner(text, loops or kernels(size >= COMPILE_FROM))
    rows = {path for one in pipeline.sources(project).values() if one for path, _ in _files(one.path, one.name)}
    looker = _Looker(scanner, [_Documents(one) for one in streams], frozenset(rows))
    findings: list[Finding] = []
    for number, (path, name) in enumerate(files.items(), 1):
        findings += looker.look(path, name)
        on_event({"event": "progress", "stage": "erase", "done": number, "total": len(files), "unit": "file"})
    findings += folders.look(scanner, looker.learnt_as)
    touched = _touched(findings, streams)
    tainted = _made_of({one.training for one in touched}, steps)
    bundles = _bundles(project, {digest for _, digest in tainted.items()})
    copies = [name for path, name in _copies(project, set(files), bundles) if looker.holds(path)]
    seconds = _seconds(steps, set(tainted))
    refused: list[dict[str, str]] = []
    by_hand: list[str] = []
    again: list[str] = []
    kept: list[str] = []
    if write:
        chosen = folders.decisions(findings, scanner, on)
        if chosen:
            Decisions.read(folders.file).with_(chosen).write(folders.file)
        refused = [{"document": one.about, "path": one.path} for one in chosen]
        by_hand = _by_hand(findings)
        for step in pipeline.status(project, verify=False) if chosen else ():
            (kept if step.state == "done" else again).append(step.name)
        seconds = _seconds(steps, set(again)) if chosen else seconds
    read = {_source_key(one.path) for stream in streams for one in stream.sources.values()}
    return Erasure(
        text_asked=text,
        scanned={"files": len(files) + folders.files, "bytes": size},
        findings=findings,
        copies=copies,
        touched=touched,
        models=[_about(step) for step in steps if step.name in tainted and _is_model(step)],
        tokenizers=[
            step.name
            for step in steps
            if step.stage is not None
            and step.stage.function == "helder.tokens.bpe:run"
            and any(
                _source_key(one.path) in read and any(found.documents for found in findings)
                for one in step.stage.inputs.values()
            )
        ],
        bundles=bundles,
        run_seconds=seconds,
        notes=_notes(findings, touched, seconds, project.recipe.base.scratch, folders.there, bool(refused)),
        refused=refused,
        by_hand=by_hand,
        again=again,
        kept=kept,
        unread=folders.unread,
        stale=_stale(project, steps) if findings or copies else [],
    )


def _seconds(steps: Sequence[Step], names: set[str]) -> float:
    """What some stages took in this run."""
    return sum(
        float(step.statement.predicate["timings"].get("seconds") or 0)
        for step in steps
        if step.statement and step.name in names
    )


def _notes(
    findings: Sequence[Finding],
    touched: Sequence[Touched],
    seconds: float,
    scratch: bool,
    folders: bool,
    written: bool,
) -> list[str]:
    from helder.commands.talk import duration

    base = [] if scratch else ["What the imported base model learnt from is not on site and was not looked through."]
    if not findings:
        return ["Misspellings, other transliterations and text in pictures are not found either.", *base]
    stays = (
        "A refused document is not learnt from, but its file still lies in its folder, and its text in what the stage "
        "extract made. To be rid of them, remove the file as well and run again."
    )
    if not touched:
        return [
            "No weights have to be made again. Take it out of the files that hold it.",
            *([stays] if folders else []),
            *base,
        ]
    if written:
        first = "`helder run` follows these decisions."
    elif folders:
        first = (
            "To remove it: `--write` refuses the documents of folders that hold it; take it out of other files by "
            "hand. Then `helder run`."
        )
    else:
        first = "To remove it: take the documents out of the sources, or the string out of them, then `helder run`."
    return [
        f"{first} The trainings above are done again from their first step, and everything behind them: "
        f"{duration(seconds)} by the times of this run. They do not go on from the clean state: other data have "
        "another order, and a training that began with the old one could not be repeated, nor truly be described, "
        "without the documents that go. Then remove the old artifacts, states and bundles named above, and call back "
        "what was handed out.",
        *([stays] if folders else []),
        *base,
    ]


def _by_hand(findings: Sequence[Finding]) -> list[str]:
    """Files and lines that hold the string, are read by a stage, and are no document of a folder."""
    lines: dict[str, set[int]] = {}
    for one in findings:
        if one.document is None and not one.file.startswith("the records of "):  # those are made of the files
            lines.setdefault(one.file, set()).update([] if one.line is None else [one.line])
    return [
        name + (f", line {', '.join(map(str, sorted(found)))}" if found else "")
        for name, found in sorted(lines.items())
    ]


def _stale(project: Project, steps: Sequence[Step]) -> list[str]:
    """Artifacts in the run's folder that belong to no stage as it is now; indexes of trace are made anew when asked."""
    current = {step.artifact.path for step in steps if step.artifact}
    root = project.run_folder.root / "artifacts"
    return [
        path.relative_to(project.folder).as_posix()
        for path in (sorted(root.iterdir()) if root.is_dir() else ())
        if path.is_dir() and path not in current and not path.name.startswith(("index-", "probe"))
    ]


# -- looking through files ---------------------------------------------------------------------------------------------


@dataclass
class _Documents:
    """The documents of a stream by name."""

    stream: Stream

    def __post_init__(self) -> None:
        self.sources = Sources(self.stream)

    @cached_property
    def numbers(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, one in enumerate(self.stream.index.documents):
            found.setdefault(str(one["id"]), []).append(number)
        return found

    def reads(self, path: Path) -> bool:
        """Whether the stream was made of a file."""
        sources = [one.path for one in self.stream.sources.values()]
        if self.stream.kind == "data":
            return path == self.stream.learnt.path / "train.jsonl"
        return any(path == one or one in path.parents for one in sources)


@dataclass
class _Looker:
    """Looks through files, and finds the documents that findings lie in."""

    scanner: Scanner
    documents: Sequence[_Documents]
    rows: frozenset[Path]  # files that the stage "data" read its records from

    def holds(self, path: Path) -> bool:
        """Whether a file holds the string."""
        data = path.read_bytes()
        return bool(self.scanner.hits(data)) or any(True for _ in self._decoded(path, data))

    def look(self, path: Path, name: str) -> Iterator[Finding]:
        """The findings in a file of the sources."""
        data = path.read_bytes()
        shown = data
        hits = self.scanner.hits(data)
        table = path.suffix.lower() in TABLES
        if not hits and not table and not _utf8(data):
            shown = decode(data, name)[0].encode("utf-8")
            hits = self.scanner.hits(shown)
        found = [(hit, shown) for hit in hits]
        found += self._decoded(path, data) if table else []
        ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10) if found and table else np.empty(0, np.int64)
        for hit, text in found:
            # Of a line that was decoded, the line is what can be told of the file.
            there = hit if text is shown else self.scanner.hits(text)[0]
            kind, inside = form(text, there, self.scanner.text)
            line = int(np.searchsorted(ends, hit.start)) + 1 if table else None
            learnt = self._learnt(path, line)
            yield Finding(
                file=name,
                line=line,
                start=hit.start,
                stop=hit.stop,
                written=text[there.start : there.stop].decode("utf-8", "replace"),
                form=kind,
                inside_word=inside,
                role="learnt from" if learnt else "read by the stage data" if path in self.rows else "not learnt from",
                documents=learnt,
            )

    def learnt_as(self, name: str) -> list[dict[str, Any]]:
        """The tokens of streams that hold the string, in a document of folders that is called so."""
        return [
            {"stream": documents.stream.name, "document": name, "first": first, "stop": stop}
            for documents in self.documents
            if any(is_taken_in(source.path) for source in documents.stream.sources.values())
            for number in documents.numbers.get(name, [])
            for first, stop in self._tokens(documents, number)
        ]

    def _decoded(self, path: Path, data: bytes) -> Iterator[tuple[Hit, bytes]]:
        """Lines of JSON with escapes by number that hold the string once they are decoded, and not before: (the line's
        first byte and the one behind it, the decoded line)."""
        if path.suffix.lower() not in (".jsonl", ".ndjson", ".json") or b"\\u" not in data:
            return
        start = 0
        for line in data.split(b"\n"):
            if b"\\u" in line and not self.scanner.hits(line) and self.scanner.hits(plain := plain_json(line)):
                yield Hit(start, start + len(line)), plain
            start += len(line) + 1

    def _learnt(self, path: Path, line: int | None) -> list[dict[str, Any]]:
        """The documents of streams that a place of a file is part of, and the tokens that hold the string."""
        found = []
        for documents in self.documents:
            if not documents.reads(path):
                continue
            for number in self._numbers(documents, path, line):
                for first, stop in self._tokens(documents, number):
                    name = str(documents.stream.index.documents[number]["id"])
                    found.append({"stream": documents.stream.name, "document": name, "first": first, "stop": stop})
        return found

    def _numbers(self, documents: _Documents, path: Path, line: int | None) -> list[int]:
        stream = documents.stream
        if stream.kind == "data":
            with path.open(encoding="utf-8") as lines:
                record = next(json.loads(text) for number, text in enumerate(lines, 1) if number == line)
            return documents.numbers.get(str(record["id"]), [])
        for source in stream.sources.values():
            if path == source.path or source.path in path.parents:
                name = path.relative_to(source.path).as_posix() if source.path.is_dir() else path.name
                break
        if line is None:
            return documents.numbers.get(name, [])
        if stream.kind == "pairs":
            names = [f"{name}:{line}/{answer}" for answer in ("chosen", "rejected")]
            return [number for one in names for number in documents.numbers.get(one, [])]
        # A row of CSV may go over several lines: the one that begins last before this.
        lines_ = sorted(
            (int(one.rpartition(":")[2]), one) for one in documents.numbers if one.rpartition(":")[0] == name
        )
        place = bisect_right(lines_, line, key=lambda entry: entry[0]) - 1
        exact = path.suffix.lower() in (".jsonl", ".ndjson", ".json")
        if place < 0 or (exact and lines_[place][0] != line):
            return []
        return documents.numbers[lines_[place][1]]

    def _tokens(self, documents: _Documents, number: int) -> list[tuple[int, int]]:
        """The tokens of a document that hold the string, from its text."""
        index = documents.stream.index
        first, stop = index.bounds(number)
        if documents.stream.kind != "text":
            return [(first, stop)]
        ids: NDArray[Any] = index.tokens[first:stop]
        offsets = documents.stream.words.offsets(ids)
        hits = self.scanner.hits(documents.sources.text_of(number))
        return [
            (
                first + int(np.searchsorted(offsets, hit.start, side="right")) - 1,
                first + int(np.searchsorted(offsets, hit.stop, side="left")),
            )
            for hit in hits
        ]


def _utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not data.startswith((b"\xff\xfe", b"\xfe\xff")) and b"\0" not in data[:4000]


def _sources(project: Project, streams: Sequence[Stream]) -> dict[Path, str]:
    """Files and folders that hold what may have been learnt from, and the names they are told by."""
    found: dict[Path, str] = {}
    for stream in streams:
        for source in stream.sources.values():
            if is_taken_in(source.path):
                continue  # see `TakenIn`
            path = source.path / "train.jsonl" if stream.kind == "data" else source.path
            found[path] = f"the records of {stream.name}" if stream.kind == "data" else source.name
    named = {key: project.folder / one for key, one in project.recipe.files().items()}
    for path in (path for key, path in named.items() if not key.startswith("documents.")):
        found.setdefault(path, path.name)
    return found


def _files(source: Path, name: str) -> list[tuple[Path, str]]:
    if not source.is_dir():
        return [(source, name)] if source.is_file() else []
    return [(file, f"{name}/{file.relative_to(source).as_posix()}") for file in files_of(source)]


def _copies(project: Project, known: set[Path], bundles: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """Other files of the project with text in them."""
    places = [project.folder / "run", *(project.folder / bundle for bundle in bundles)]
    for place in places:
        for path in sorted(place.rglob("*")):
            plain = path.is_file() and not path.is_symlink() and path not in known
            if plain and path.suffix.lower() in COPIES:
                yield path, path.relative_to(project.folder).as_posix()


# -- what saw it -------------------------------------------------------------------------------------------------------


def _touched(findings: Sequence[Finding], streams: Sequence[Stream]) -> list[Touched]:
    found = []
    for stream in streams:
        places = sorted(
            {
                (one["first"], one["stop"])
                for finding in findings
                for one in finding.documents
                if one["stream"] == stream.name
            }
        )
        for seen in stream.sightings if places else ():
            sequences = sorted({sequence for place in places for sequence in seen.sequences(*place)})
            steps = seen.steps(sequences)
            if not steps:
                continue
            training = seen.training
            clean = max((state for state in training.states if state < steps[0]), default=0)
            again = training.steps - clean
            found.append(
                Touched(
                    training.stage,
                    sequences,
                    steps,
                    clean,
                    [state for state in training.states if state >= steps[0]],
                    again,
                    training.seconds * again / training.steps,
                    training.seconds,
                )
            )
    order = [training.stage for stream in streams for training in stream.trainings]
    return sorted(found, key=lambda one: order.index(one.training))


def _made_of(trainings: set[str], steps: Sequence[Step]) -> dict[str, str]:
    """Stages whose artifact was made of what these trainings made, themselves among them: name → digest."""
    tainted: dict[str, str] = {}
    for step in steps:
        if step.artifact is None or step.stage is None:
            continue
        inputs = {one.digest for one in step.stage.inputs.values()}
        if step.name in trainings or inputs & set(tainted.values()):
            tainted[step.name] = step.artifact.digest
    return tainted


def _is_model(step: Step) -> bool:
    return step.artifact is not None and any(path.suffix in WEIGHTS for path in step.artifact.path.iterdir())


def _about(step: Step) -> dict[str, Any]:
    assert step.artifact is not None
    files = sorted(path.name for path in step.artifact.path.iterdir() if path.suffix in WEIGHTS)
    states = sorted(int(path.stem) for path in (step.artifact.path / STATES).glob("*.safetensors"))
    return {
        "stage": step.name,
        "digest": step.artifact.digest,
        "files": files,
        "adapter": ADAPTER in files,
        "states": states,
    }


def _model(one: Mapping[str, Any]) -> str:
    adapter = " (with an adapter)" if one["adapter"] else ""
    states = f"; states behind steps {', '.join(map(str, one['states']))}" if one["states"] else ""
    return f"{one['stage']} {one['digest'][:12]}: {', '.join(one['files'])}{adapter}{states}"


def _bundles(project: Project, digests: set[str]) -> list[str]:
    """Bundles below the project's folder whose ledger holds a statement about one of these artifacts."""
    from helder.certify.layout import LEDGER, RELEASE

    found = []
    for release in sorted(project.folder.rglob(RELEASE)):
        if project.run_folder.root in release.parents:
            continue
        payloads = [_payload(path) for path in sorted((release.parent / LEDGER).glob("*.json"))]
        if any(digest in payload for payload in payloads for digest in digests):
            found.append(release.parent.relative_to(project.folder).as_posix())
    return found


def _payload(path: Path) -> str:
    """What an envelope says, unchecked: it is only asked whether it speaks of something."""
    import base64

    try:
        return base64.b64decode(json.loads(path.read_bytes())["payload"]).decode("utf-8", "replace")
    except (ValueError, KeyError, TypeError, OSError):
        return ""


def _source_key(path: Path) -> str:
    return str(path.resolve())


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _steps(steps: Sequence[int]) -> str:
    shown = ", ".join(f"{step:,}" for step in steps[:8])
    return f"{_counted(len(steps), 'step')}: {shown}" + (f", … {steps[-1]:,}" if len(steps) > 8 else "")


def _flat(text: str) -> str:
    """On one line, with nothing that steers a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
