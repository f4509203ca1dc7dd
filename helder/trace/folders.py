"""Documents that were taken in from folders, looked through for a string, and refused for holding it.

Their extracted text is looked through: what a PDF or an office file says is not in its bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helder.data import accounts
from helder.data.decisions import Decision, Decisions
from helder.data.extract import places
from helder.data.lines import without_offsets
from helder.pipeline import Step
from helder.project import Project
from helder.tokens.documents import TAKEN_IN, called
from helder.trace.scan import Scanner, form


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
        place: where in the file, in words; of documents that were taken in, whose start and stop are bytes of the
            extracted text.
        document: id of such a document; None for other sources.
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
    place: str = ""
    document: str | None = None


@dataclass
class TakenIn:
    """The documents that "extract" took out of folders, and what "clean" made of them.

    Attributes:
        documents: the file of the stage "extract"; None when the recipe names no folder, or it is not made.
        file: of decisions.
        account: what became of each document: (path, row, id) → entry of account.json.
        sha256: of each path's file. unread: paths without text.
    """

    documents: Path | None
    file: Path
    account: Mapping[tuple[str, str, str], Mapping[str, Any]] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)
    unread: Sequence[str] = ()
    cleaned: Path | None = None

    @classmethod
    def of(cls, project: Project, steps: Sequence[Step]) -> TakenIn:
        asked = project.recipe.documents
        made = {step.name: step.artifact.path for step in steps if step.artifact is not None}
        if asked is None or not {"extract", "clean"} <= made.keys():
            return cls(None, project.folder)
        manifest = list(accounts.paths(made["extract"]))
        account = accounts.documents(made["clean"])
        return cls(
            made["extract"] / TAKEN_IN,
            project.folder / asked.decisions,
            {(one["path"], one.get("row", ""), one["id"]): one for one in account},
            {one["path"]: one["sha256"] or "" for one in manifest},
            [one["path"] for one in manifest if not one["documents"]],
            made["clean"] / TAKEN_IN,
        )

    @property
    def there(self) -> bool:
        return self.documents is not None

    @property
    def size(self) -> int:
        return self.documents.stat().st_size if self.documents else 0

    @property
    def files(self) -> int:
        return len(self.sha256) - len(self.unread)

    def look(self, scanner: Scanner, learnt_as: Callable[[str], list[dict[str, Any]]]) -> Iterator[Finding]:
        """Every place of every document's text that holds the string.

        Args:
            learnt_as: name of a document in a stream → the tokens of it that hold the string.
        """
        if self.documents is None:
            return
        with self.documents.open("rb") as lines:
            for line in lines:
                text = str(without_offsets(line)["text"]).encode("utf-8")
                hits = scanner.hits(text)
                if not hits:
                    continue
                document = json.loads(line)
                state = self._entry(document).get("state", "not cleaned yet")
                learnt = learnt_as(called(document)) if state in ("kept", "redacted") else []
                for hit in hits:
                    kind, inside = form(text, hit, scanner.text)
                    row = document.get("row")
                    place = places.locate(document["offsets"], hit.start)
                    yield Finding(
                        file=document["path"],
                        line=None,
                        start=hit.start,
                        stop=hit.stop,
                        written=text[hit.start : hit.stop].decode("utf-8", "replace"),
                        form=kind,
                        inside_word=inside,
                        role="learnt from" if learnt else f"not learnt from: {state}",
                        documents=learnt,
                        place=place if row in (None, "", place) else f"{row}, {place}",
                        document=document["id"],
                    )

    def decisions(self, findings: Sequence[Finding], scanner: Scanner, on: str) -> list[Decision]:
        """What refuses every document that holds the string as a word of its own.

        One that is only learnt from with the string blacked out stays. What a person refused already stays refused.
        """
        whole = {one.document: one.file for one in findings if one.document is not None and not one.inside_word}
        if not whole or self.documents is None or self.cleaned is None:
            return []
        blacked = {
            str(entry["id"])
            for entry in self.account.values()
            if entry["state"] == "redacted" and not entry.get("repeated")
        }
        with self.cleaned.open("rb") as lines:
            for line in lines if blacked else ():
                document = without_offsets(line)
                if document["id"] in blacked and scanner.hits(document["text"].encode("utf-8")):
                    blacked.discard(document["id"])
        known = Decisions.read(self.file).documents()
        return [
            # A path that holds the string is not written down anew.
            Decision(
                "refuse",
                name,
                "" if scanner.hits(path.encode("utf-8")) else path,
                self.sha256.get(path, ""),
                "it holds a string that was to be erased",
                on,
            )
            for name, path in sorted(whole.items())
            if name not in blacked and known.get(name) != "refuse"
        ]

    def _entry(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.account.get((document["path"], str(document.get("row") or ""), document["id"]), {})
