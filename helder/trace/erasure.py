"""`erase`: everything that saw a string, and what it would take to remove it from the model.

The sources are looked through byte by byte (`helder.trace.scan`), not through the index: tokens of "jan DE VRIES" are
others than those of "Jan de Vries". From each finding the way goes on as in `trace`: document → tokens → sequences →
steps; and from the steps to the kept states and to everything that was made of the weights.

A string cannot be taken out of weights. What can be done is to take the documents out of the sources and to train
again: `helder run` does so by itself, because other data are other inputs. Other data also have another order, so that
it begins at the first step of the first training that saw the string; that from the last clean state on would be less
is told, for whoever needs to know how much of the training was touched.
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
from helder.data.read import TABLES, decode, files_of
from helder.pipeline import Step
from helder.project import Project
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
class Finding:
    """The string in one place of the sources.

    Attributes:
        file: relative to the project's folder, or the name of the source; line: in a file with a document a line.
        start, stop: bytes of the file; of its text in UTF-8 where it is in another encoding.
        written: how it stands there.
        form: "as asked", "other case" or "other form".
        inside_word: whether letters or digits go on before or behind it.
        role: what the file is for: "learnt from", "read by the stage data", "not learnt from".
        documents: of it that trainings learnt from: {stream, document, first, stop: tokens of the stream}. Empty when
            it was held out, left out, or is no training data.
    """

    file: str
    line: int | None
    start: int
    stop: int
    written: str
    form: str
    inside_word: bool
    role: str
    documents: Sequence[Mapping[str, Any]]


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
            learnt = ", ".join(f"{each['stream']}: {each['document']}" for each in one.documents) or one.role
            inside = ", inside a longer word" if one.inside_word else ""
            lines.append(f"  {_flat(one.file)}{line}, byte {one.start:,}: «{_flat(one.written)}» ({one.form}{inside})")
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
    on_event: OnEvent = lambda event: None,
    loops: Kernels | None = None,
) -> Erasure:
    """Look up a string: a name, a number, a sentence.

    Args:
        project: its folder, or the project; its trainings must be done.
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
    scanner = Scanner(text, loops or kernels(size >= COMPILE_FROM))
    rows = {path for one in pipeline.sources(project).values() if one for path, _ in _files(one.path, one.name)}
    looker = _Looker(scanner, [_Documents(one) for one in streams], frozenset(rows))
    findings: list[Finding] = []
    for number, (path, name) in enumerate(files.items(), 1):
        findings += looker.look(path, name)
        on_event({"event": "progress", "stage": "erase", "done": number, "total": len(files), "unit": "file"})
    touched = _touched(findings, streams)
    tainted = _made_of({one.training for one in touched}, steps)
    bundles = _bundles(project, {digest for _, digest in tainted.items()})
    copies = [name for path, name in _copies(project, set(files), bundles) if looker.holds(path)]
    seconds = sum(
        float(step.statement.predicate["timings"].get("seconds") or 0)
        for step in steps
        if step.statement and (step.name in tainted)
    )
    read = {_source_key(one.path) for stream in streams for one in stream.sources.values()}
    return Erasure(
        text_asked=text,
        scanned={"files": len(files), "bytes": size},
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
        notes=_notes(findings, touched, seconds, project.recipe.base.scratch),
    )


def _notes(findings: Sequence[Finding], touched: Sequence[Touched], seconds: float, scratch: bool) -> list[str]:
    from helder.commands.talk import duration

    base = [] if scratch else ["What the imported base model learnt from is not on site and was not looked through."]
    if not findings:
        return ["Misspellings, other transliterations and text in pictures are not found either.", *base]
    if not touched:
        return ["Take it out of the files that hold it; no weights have to be made again.", *base]
    return [
        "To remove it: take the documents out of the sources, or the string out of the documents, then `helder run`. "
        "Other data have another order, so the trainings above are done again from their first step, and everything "
        f"behind them: {duration(seconds)} by the times of this run. Then remove the old artifacts, states and bundles "
        "named above, and call back what was handed out.",
        *base,
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
            path = source.path / "train.jsonl" if stream.kind == "data" else source.path
            found[path] = f"the records of {stream.name}" if stream.kind == "data" else source.name
    for path in (project.folder / one for one in project.recipe.files().values()):
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
