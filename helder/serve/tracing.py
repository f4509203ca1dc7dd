"""The way back while serving: which parts of an answer stand verbatim in own documents or in the prompt.

The indexes that `helder trace` made are opened once, mapped into memory; nothing is made here. From a bundle that was
received, texts are traced when it holds them and its index (audiences regulator and customer, or open data). A text is
divided without a gap: each part is of a document, of the prompt, or found in neither. As everywhere in `helder.trace`
it is verbatim overlap, not cause.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.errors import ExitCode, HelderError
from helder.ledger.keys import PublicKey
from helder.project import Project
from helder.trace import received
from helder.trace.spans import Rules
from helder.trace.way_back import Origin, Passage, Traced, Tracer

SNIPPET = 400  # bytes of a document that are shown on each side: a paragraph
PLACES = 5  # of one span that are shown
STEPS = 6  # of one training that are named; of more, how many there are
# Every span is told, however many there are: what is marked and what is counted have to be the same.
RULES = Rules(maximum_density=1.0, documents=PLACES)


@dataclass(frozen=True)
class Why:
    """Why nothing is traced here, for `/v1/about`."""

    text: str


class Tracing:
    """Traces texts, one at a time."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._lock = threading.Lock()  # the tracer keeps what it has read

    @classmethod
    def of_project(cls, project: Project) -> Tracing | Why:
        """Of a run; why not, where there is no index yet."""
        from helder import pipeline
        from helder.trace.streams import looked_up

        try:
            steps = pipeline.status(project, verify=False)
            found = looked_up(project, steps)
            if found is None:
                return Why(
                    f'No index of what was learnt from was made. Make it once: helder trace {project.folder} "…"'
                )
            return cls(Tracer(Origin.of(project), found, snippet=SNIPPET))
        except HelderError as error:
            return Why(f"{error.what} {error.why}".strip())

    @classmethod
    def of_bundle(cls, bundle: Path, trusted: Sequence[PublicKey] | None = None) -> Tracing | Why:
        """Of a bundle that `helder.certify.verify` has passed; why not, where what is needed is withheld.

        Args:
            trusted: the keys that are believed; without them those that this machine knows.

        Raises:
            HelderError: code 3 or 4, the bundle is not believed.
        """
        try:
            return cls(Tracer(*received.opened(bundle, trusted), snippet=SNIPPET))
        except HelderError as error:
            if error.code in (ExitCode.FAILED, ExitCode.UNCHECKED):
                raise
            return Why(f"{error.what} {error.why}".strip())

    def trace(self, text: str, prompt: str | None = None) -> dict[str, Any]:
        """What of a text stands where, as `POST /v1/trace` answers it.

        Raises:
            HelderError: the text is empty, or holds a character that the vocabulary cannot write; or a document is no
                longer the one that was learnt from (code 3).
        """
        if not text.strip():
            raise HelderError("There is no text to trace.", fix="Give one.")
        with self._lock:
            traced = self._tracer.trace(text, prompt, RULES)
        return {
            "object": "trace",
            "spans": list(divided(traced)),
            "coverage": dict(traced.coverage),
            "minimum_tokens": traced.rules.minimum_length,
            "notes": list(traced.notes),
            "indexes": dict(traced.indexes),
        }


def divided(traced: Traced) -> Iterator[dict[str, Any]]:
    """A text as parts that follow each other without a gap: {start, stop, kind, documents}.

    start and stop count characters (Unicode code points). What stands in the prompt and in a document is of the kind
    "prompt", which the model had before its eyes, and names the documents as well. Where two spans overlap, the
    earlier one keeps what they share.
    """
    size = len(traced.text)
    span_at: list[int] = [-1] * size
    for number, span in enumerate(traced.spans):
        for place in range(span.start, span.stop):
            if span_at[place] < 0:
                span_at[place] = number
    prompted = [False] * size
    for start, stop in traced.prompted:
        prompted[start:stop] = [True] * (stop - start)
    start = 0
    for place in range(1, size + 1):
        if place < size and (span_at[place], prompted[place]) == (span_at[start], prompted[start]):
            continue
        number = span_at[start]
        kind = "prompt" if prompted[start] else "document" if number >= 0 else "none"
        documents: list[dict[str, Any]] = []
        if number >= 0:
            span = traced.spans[number]
            documents = [_told(passage, span.count) for passage in span.passages]
        yield {"start": start, "stop": place, "kind": kind, "documents": documents}
        start = place


def _told(passage: Passage, count: int) -> dict[str, Any]:
    """One place of a span; `occurrences` counts those of the span in all that was learnt from."""
    seen = [
        {"training": one.training, "steps": list(one.steps[:STEPS]), "of": len(one.steps), "log_agrees": one.agrees}
        for one in passage.seen
    ]
    return {
        "id": f"{passage.stream}/{passage.document}",
        "name": passage.file,
        "line": passage.line,
        "bytes": list(passage.bytes),
        "source": dict(passage.source),
        "title": passage.about.get("title"),
        "licence": passage.about.get("licence"),
        "passage": {"before": passage.before, "match": passage.passage, "after": passage.after},
        "occurrences": count,
        "seen": seen,
    }
