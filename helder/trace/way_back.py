"""`trace`: for one text, what of it stands verbatim in what the model learnt from, and all that is known of that.

Coverage divides the text by its bytes: what stands in the prompt, when one is given; else what stands in own documents,
in runs of at least `minimum_length` tokens; and what was found in neither. A run that stands in both counts for the
prompt, which the model had before its eyes, and is told as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helder import pipeline
from helder.data.read import read_source
from helder.errors import HelderError
from helder.ledger.artifact import Artifact
from helder.project import Project
from helder.trace import received
from helder.trace import spans as finding
from helder.trace.kernels import Kernels
from helder.trace.sources import Sources, token_bytes
from helder.trace.spans import USUAL, Rules, Span
from helder.trace.streams import Stream, indexed

OnEvent = Callable[[dict[str, Any]], None]
MOST_OTHERWISE = 200  # places at which a passage is looked for with other tokens at its ends
SNIPPET = 60  # bytes of a document that are shown on each side of a span on a command line
NOT_CAUSE = (
    "This is verbatim overlap, not cause: it shows that a text stands in the training data, not that the model wrote "
    "it because of that."
)


@dataclass(frozen=True)
class Sighting:
    """Where a training saw a passage.

    Attributes:
        training: the stage.
        sequences: rows of the stream, or examples in the order of the data, from 0; all that hold any of it.
        steps: the steps that saw them, from 1, as in the training log.
        checked: of these steps, how many were held against the digest of their batch in the log.
        agrees: whether all of those fit; None when none could be held against it.
    """

    training: str
    sequences: list[int]
    steps: list[int]
    checked: int
    agrees: bool | None


@dataclass(frozen=True)
class Passage:
    """One place of the data in which a span stands.

    Attributes:
        stream: the stage that made what was learnt from.
        document: its name there.
        file: where it lies, relative to what the recipe names; line: in a file with a document a line.
        bytes: first byte of the passage in the document's text, and the one behind its last.
        source: the same in the file that the text came from, where it is known: {path, byte or place, exact}.
        about: licence, title, owner, … of the document.
        before, passage, after: what stands there.
        score: how well the document fits the text (BM25 over the documents found).
        seen: by which trainings.
    """

    stream: str
    document: str
    file: str
    line: int | None
    bytes: tuple[int, int]
    source: Mapping[str, Any]
    about: Mapping[str, Any]
    before: str
    passage: str
    after: str
    score: float
    seen: Sequence[Sighting]


@dataclass(frozen=True)
class TracedSpan:
    """A maximal part of the text that stands in the data.

    Attributes:
        start, stop: characters of the text.
        tokens: how long it is.
        count: in how many places of the data its tokens stand.
        in_prompt: whether it stands in the prompt as well.
        passages: the best of these places.
    """

    start: int
    stop: int
    text: str
    tokens: int
    count: int
    in_prompt: bool
    passages: Sequence[Passage]


@dataclass(frozen=True)
class Traced:
    """The answer.

    Attributes:
        coverage: shares of the text, which add up to 1: prompt, own_documents, not_found; and in_both, which is part of
            prompt.
        spans: in the order of the text.
        left_out: spans that are in the data and not among `spans`, because of the rules for showing.
        notes: what has to be said with it.
        indexes: name → digest of the index that was asked.
        prompted: the parts of the text that stand in the prompt: (first character, the one behind the last).
    """

    text: str
    coverage: Mapping[str, float]
    spans: Sequence[TracedSpan]
    left_out: int
    notes: Sequence[str]
    indexes: Mapping[str, str]
    rules: Rules
    prompted: Sequence[tuple[int, int]] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def trace(
    project: Project | Path | str,
    text: str,
    *,
    prompt: str | None = None,
    rules: Rules = USUAL,
    on_event: OnEvent = lambda event: None,
    loops: Kernels | None = None,
) -> Traced:
    """Trace a text back to what the model of a project learnt from.

    Args:
        project: its folder, or the project; its trainings must be done. Or the folder of a bundle, which is verified
            first (levels 1 and 2).
        prompt: what the model was asked, when the text is its answer.
        rules: what counts as a span.
        on_event: gets the events of the stage "index", which runs on first use.

    Raises:
        HelderError: nothing was trained, an index cannot be made, or the vocabulary cannot write the text; the bundle
            does not hold what is needed, or is not believed.
    """
    if not text.strip():
        raise HelderError("There is no text to trace.", fix="Give one.")
    if isinstance(project, Path | str):
        if received.is_bundle(Path(project)):
            received.checked(Path(project))
            return Tracer(*received.opened(Path(project)), loops).trace(text, prompt, rules)
        project = Project.open(project)
    return Tracer(Origin.of(project), indexed(project, on_event), loops).trace(text, prompt, rules)


@dataclass(frozen=True)
class Origin:
    """What is known of a run beside its streams.

    Attributes:
        licence: of the data; None when it is unknown.
        base: the imported model that it began with; None when it was made from nothing.
        column: of the data's files, which holds the questions.
        files: those that were learnt from.
    """

    licence: str | None
    base: str | None
    column: str
    files: Sequence[Artifact] = ()

    @classmethod
    def of(cls, project: Project) -> Origin:
        """Of a project."""
        recipe = project.recipe
        files = [of for name, of in pipeline.sources(project).items() if of is not None and is_training(name)]
        base = None if recipe.base.scratch else recipe.base.model
        return cls(stated(recipe.data.licence), base, recipe.data.input, files)


def is_training(name: str) -> bool:
    """Whether an input of the stage "data" holds questions that are learnt from."""
    return name == "train" or name.startswith("train-")


def stated(licence: str | None) -> str | None:
    """A licence, unless it says that it is not known."""
    return None if licence == "unknown" else licence


class Tracer:
    """Traces texts of one run, whose indexes stay open between them.

    Args:
        snippet: bytes of a document that are shown on each side of a span.
    """

    def __init__(
        self, origin: Origin, streams: Sequence[Stream], loops: Kernels | None = None, *, snippet: int = SNIPPET
    ) -> None:
        self.origin, self.streams, self.loops, self.snippet = origin, streams, loops, snippet
        self.sources = {stream.name: Sources(stream, origin.licence) for stream in streams}
        self._rows: dict[str, tuple[str, int]] | None = None

    def trace(self, text: str, prompt: str | None = None, rules: Rules = USUAL) -> Traced:
        """See `trace`."""
        data = text.encode("utf-8")
        own, asked = np.zeros(len(data), dtype=np.bool_), np.zeros(len(data), dtype=np.bool_)
        found: dict[tuple[int, int], _Candidate] = {}
        tokens = 0
        for stream in self.streams:
            looked = _look(stream, text, prompt, rules, self.loops)
            own |= looked.own
            asked |= looked.prompt
            tokens = max(tokens, len(looked.ids))
            for span in looked.spans:
                place = (int(looked.offsets[span.start]), int(looked.offsets[span.stop]))
                found.setdefault(place, _Candidate(*place)).add(stream, looked, span)
        maximal = _maximal(list(found.values()))
        shown = finding.longest_only([one.span for one in maximal], tokens, rules)
        kept = [one for one in maximal if any(one.span is span for span in shown)]
        both, share = own & asked, 1 / len(data)
        coverage = {
            "prompt": float(asked.sum() * share),
            "own_documents": float((own & ~asked).sum() * share),
            "not_found": float((~own & ~asked).sum() * share),
            "in_both": float(both.sum() * share),
        }
        return Traced(
            text,
            coverage,
            [self._told(one, data, asked, rules) for one in kept],
            len(maximal) - len(kept),
            [NOT_CAUSE, *self.notes()],
            {stream.stage.name: stream.made.digest for stream in self.streams if stream.made},
            rules,
            _runs(data, asked),
        )

    def notes(self) -> list[str]:
        """What is not known of the model."""
        base = self.origin.base
        if base is None:
            return ["The model was made from nothing: there is no other text that it learnt from."]
        return [
            f"The base model {base} was imported. What it learnt from is not on site and was not looked through: "
            "what is not found here may stand there."
        ]

    def _told(self, one: _Candidate, data: bytes, asked: NDArray[np.bool_], rules: Rules) -> TracedSpan:
        passages: list[Passage] = []
        start, stop = one.start, one.stop
        count = 0
        for stream, looked, span in one.found:
            others = self._cut_otherwise(stream, looked, span, data, rules)
            count += span.count + len(others)
            places = [(span, place) for place in span.places.tolist()] + others[: rules.documents]
            scores = looked.scores([place for _, place in others])
            for part, place in places:
                left, right = _grown(stream, looked, part, place, data, rules)
                start, stop = min(start, left), max(stop, right)
                passages.append(self._passage(stream, looked, part, place, (left, right), scores))
        passages.sort(key=lambda passage: (-passage.score, passage.document, passage.bytes))
        begin, end = _characters(data, start, stop)
        return TracedSpan(
            start=begin,
            stop=end,
            text=data.decode("utf-8")[begin:end],
            tokens=max(span.length for _, _, span in one.found),
            count=count,
            in_prompt=bool(asked[one.start : one.stop].all()),
            passages=passages[: rules.documents],
        )

    def _cut_otherwise(
        self, stream: Stream, looked: _Looked, span: Span, data: bytes, rules: Rules
    ) -> list[tuple[Span, int]]:
        """Places where the same words stand, whose first or last token is another because of what stands around them:
        (the part of the span that has the same tokens, the place)."""
        begin, end = int(looked.offsets[span.start]), int(looked.offsets[span.stop])
        words = data[begin:end].strip()
        if span.length < 3 or not words:
            return []
        first = begin + data[begin:end].index(words)
        last, known = first + len(words), {(span.start, int(place)) for place in span.places}
        found: list[tuple[Span, int]] = []
        for start, stop in ((span.start + 1, span.stop), (span.start, span.stop - 1), (span.start + 1, span.stop - 1)):
            ids = looked.ids[start:stop]
            count, places = finding.occurrences(stream.index, ids, MOST_OTHERWISE, self.loops)
            part = Span(start, stop, count, places)
            for place in places.tolist():
                here = (span.start, place - (start - span.start))
                left, right = _grown(stream, looked, part, place, data, rules)
                if here not in known and left <= first and last <= right:
                    known.add(here)
                    found.append((part, place))
        return found

    def _passage(
        self,
        stream: Stream,
        looked: _Looked,
        span: Span,
        place: int,
        grown: tuple[int, int],
        scores: Mapping[int, float],
    ) -> Passage:
        index = stream.index
        (number,) = index.document_of(np.array([place]))
        first, stop = token_bytes(stream, index, int(number), place, place + span.length)
        begin, end = int(looked.offsets[span.start]), int(looked.offsets[span.stop])
        first, stop = first - (begin - grown[0]), stop + (grown[1] - end)
        document = self.sources[stream.name].document(int(number))
        content = self.sources[stream.name].text_of(int(number))
        file, line, source = document.file, document.line, document.place(first)
        if source:
            source = {"path": document.about.get("path", file), **source}
        if stream.kind == "data":
            file, line = self.row_of(document.text, file, line)
        return Passage(
            stream=stream.name,
            document=document.name,
            file=file,
            line=line,
            bytes=(first, stop),
            source=source,
            about=document.about,
            before=content[max(0, first - self.snippet) : first].decode("utf-8", "ignore"),
            passage=content[first:stop].decode("utf-8", "replace"),
            after=content[stop : stop + self.snippet].decode("utf-8", "ignore"),
            score=scores[int(number)],
            seen=sightings(stream, place, place + span.length),
        )

    def row_of(self, record: str, file: str, line: int | None) -> tuple[str, int | None]:
        """File and line of the recipe's data that a record of the data artifact was read from.

        Several rows may hold the same question; then the first.
        """
        if self._rows is None:
            self._rows = {}
            for source in self.origin.files:
                rows, _ = read_source(source.path)
                for row in rows:
                    asked = str(row.values.get(self.origin.column, "")).strip()
                    called = f"{source.name}/{row.file}" if source.path.is_dir() else source.name
                    self._rows.setdefault(asked, (called, row.line))
        return self._rows.get(str(json.loads(record)["input"]).strip(), (file, line))


def sightings(stream: Stream, first: int, stop: int, check: int = 3) -> list[Sighting]:
    """Which trainings saw a range of a stream's tokens, and in which steps.

    Args:
        check: so many of the steps are held against the training log, the first ones.
    """
    found = []
    for seen in stream.sightings:
        sequences = seen.sequences(first, stop)
        steps = seen.steps(sequences)
        checks = [agrees for step in steps[:check] if (agrees := seen.agrees(step)) is not None]
        found.append(Sighting(seen.training.stage, sequences, steps, len(checks), all(checks) if checks else None))
    return found


@dataclass
class _Looked:
    """What one stream has of a text."""

    stream: Stream
    ids: list[int]
    offsets: NDArray[np.int64]
    spans: tuple[Span, ...]
    own: NDArray[np.bool_]
    prompt: NDArray[np.bool_]
    _scores: dict[int, float] | None = None

    def scores(self, others: Sequence[int] = ()) -> dict[int, float]:
        """Document → how well it fits the text, over all documents of all spans.

        Args:
            others: further places that are to be scored.
        """
        index = self.stream.index
        further = set(index.document_of(np.array(others, dtype=np.int64)).tolist())
        if self._scores is None or further - self._scores.keys():
            places = np.concatenate([span.places for span in self.spans])
            numbers = sorted(set(index.document_of(places).tolist()) | further)
            documents = [index.tokens[slice(*index.bounds(number))] for number in numbers]
            self._scores = dict(zip(numbers, finding.ranked(documents, self.ids), strict=True))
        return self._scores


@dataclass
class _Candidate:
    """A part of the text by its bytes, and the streams that have it."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        self.found: list[tuple[Stream, _Looked, Span]] = []

    def add(self, stream: Stream, looked: _Looked, span: Span) -> None:
        self.found.append((stream, looked, span))

    @property
    def span(self) -> Span:
        """The longest of what the streams have of it."""
        return max((span for _, _, span in self.found), key=lambda span: span.length)


def _look(stream: Stream, text: str, prompt: str | None, rules: Rules, loops: Kernels | None) -> _Looked:
    words = stream.words
    ids = words.encode(text)
    offsets = words.offsets(ids)
    least = min(rules.minimum_length, len(ids))
    if least < rules.minimum_length:
        rules = finding.without_limits(rules)
    found = finding.find(
        stream.index,
        ids,
        rules,
        delimiters=words.delimiters(rules.delimiters),
        word_starts=words.starts(ids) if rules.word_starts else None,
        loops=loops,
    )
    own = _bytes(finding.covered(found.longest, least), offsets)
    asked = np.zeros(len(own), dtype=np.bool_)
    if prompt:
        asked = _bytes(finding.shared(ids, words.encode(prompt), least), offsets)
    return _Looked(stream, ids, offsets, found.spans, own, asked)


def _bytes(tokens: NDArray[np.bool_], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """For each byte of a text what is said of its token."""
    return np.repeat(tokens, np.diff(offsets))


def _runs(data: bytes, marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The runs of marked bytes of a text, as characters; a character that is marked in part is not."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]])))
    return [_characters(data, int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _maximal(found: Sequence[_Candidate]) -> list[_Candidate]:
    """Without those that lie within another."""
    kept: list[_Candidate] = []
    for one in sorted(found, key=lambda one: (one.start, -one.stop)):
        if not kept or one.stop > kept[-1].stop:
            kept.append(one)
    return kept


def _grown(stream: Stream, looked: _Looked, span: Span, place: int, data: bytes, rules: Rules) -> tuple[int, int]:
    """The bytes of a text that stand around a place of the stream, whole words beyond the tokens that are the same.

    Where a word begins a text, or another stands behind it, it may have other tokens than in the document. No delimiter
    is crossed.
    """
    index, pieces = stream.index, stream.words.pieces
    (document,) = index.document_of(np.array([place]))
    first, last = index.bounds(int(document))
    start, stop = int(looked.offsets[span.start]), int(looked.offsets[span.stop])
    ends = {byte for character in rules.delimiters for byte in character.encode("utf-8")}

    def backwards() -> Iterator[int]:
        for at in range(place - 1, first - 1, -1):
            yield from reversed(pieces[index.tokens[at]])

    def forwards() -> Iterator[int]:
        for at in range(place + span.length, last):
            yield from pieces[index.tokens[at]]

    left, right = start, stop
    for byte in backwards():
        if not left or data[left - 1] != byte or byte in ends:
            break
        left -= 1
    for byte in forwards():
        if right == len(data) or data[right] != byte or data[right - 1] in ends:
            break
        right += 1
    if rules.word_starts:
        while left < start and _within_a_word(data, left):
            left += 1
        while right > stop and _within_a_word(data, right):
            right -= 1
    return left, right


def _within_a_word(data: bytes, place: int) -> bool:
    """Whether a place between two bytes lies between letters or digits; bytes beyond ASCII count as letters."""
    if not 0 < place < len(data):
        return False
    left, right = data[place - 1 : place], data[place : place + 1]
    return (left.isalnum() or left >= b"\x80") and (right.isalnum() or right >= b"\x80")


def _characters(data: bytes, start: int, stop: int) -> tuple[int, int]:
    """Bytes of a text as characters; those that are cut are left out."""
    while start < stop and data[start] & 0xC0 == 0x80:
        start += 1
    while stop > start and stop < len(data) and data[stop] & 0xC0 == 0x80:
        stop -= 1
    return len(data[:start].decode("utf-8")), len(data[:stop].decode("utf-8"))
