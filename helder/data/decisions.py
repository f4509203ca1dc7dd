"""What people decided about documents: `decisions.json` beside the recipe, an input of the stages and so of the ledger.

    {"format": 1, "decisions": [{"decision": "accept" or "refuse", "document": id or null, "path", "sha256", "why",
    "on"}]}

A decision is about contents: a document's id is the digest of its text, and a file without text (a scan, an archive) is
known by its SHA-256. When either changes, the decision no longer counts, and the document waits anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from helder.errors import HelderError
from helder.ledger.artifact import write_atomic

Word = Literal["accept", "refuse"]
NOTE = "What people decided about documents (helder data review). Keep this file with the recipe."


@dataclass(frozen=True)
class Decision:
    """One decision.

    Attributes:
        decision: "accept" or "refuse".
        document: the id of the document; None for a file of which no text could be read.
        path: where it lay when it was decided, for people.
        sha256: of that file.
        why: in the words of who decided.
        on: the day, as 2026-11-30.
    """

    decision: Word
    document: str | None
    path: str
    sha256: str
    why: str = ""
    on: str = ""

    @property
    def about(self) -> str:
        """What a later decision about the same thing takes the place of."""
        return self.document or f"sha256:{self.sha256}"


@dataclass(frozen=True)
class Decisions:
    """All decisions, one for each document or file."""

    entries: tuple[Decision, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Decisions:
        """The decisions in a file; none when it is not there.

        Raises:
            HelderError: the file cannot be understood.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["format"] != 1:
                raise ValueError(f"its format is {record['format']!r}, not 1")
            entries = tuple(Decision(**{key: one[key] for key in _KEYS}) for one in record["decisions"])
            if any(entry.decision not in ("accept", "refuse") for entry in entries):
                raise ValueError('a decision is "accept" or "refuse"')
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HelderError(
                f"The decisions in {path} cannot be understood.",
                f"{type(error).__name__}: {error}",
                "Restore the file, or remove it and decide again: helder data review",
            ) from error
        return cls().with_(entries)

    def with_(self, more: Iterable[Decision]) -> Decisions:
        """These and others; a later decision about the same thing counts."""
        by_what = {entry.about: entry for entry in self.entries}
        by_what |= {entry.about: entry for entry in more}
        return Decisions(tuple(sorted(by_what.values(), key=lambda entry: (entry.path, entry.about))))

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all; the same decisions give the same bytes."""
        record = {"format": 1, "note": NOTE, "decisions": [asdict(entry) for entry in self.entries]}
        text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
        write_atomic(path, text.encode("utf-8"))

    def of(self, document: str) -> Word | None:
        """What was decided about a document."""
        return next((entry.decision for entry in self.entries if entry.document == document), None)

    def documents(self) -> dict[str, Word]:
        """Document id → decision, for looking up many."""
        return {entry.document: entry.decision for entry in self.entries if entry.document is not None}

    def of_file(self, sha256: str) -> Word | None:
        """What was decided about a file of which no text could be read."""
        return next((one.decision for one in self.entries if one.document is None and one.sha256 == sha256), None)


_KEYS = tuple(Decision.__dataclass_fields__)


def decide(
    waiting: Sequence[dict[str, Any]], accept: Sequence[str], refuse: Sequence[str], why: str, on: str
) -> list[Decision]:
    """Decisions about documents that wait.

    Args:
        waiting: entries with `path`, `sha256`, `document` (an id or None), see `helder.data.waiting`.
        accept, refuse: paths or ids (their beginning, if it is the only one), or folders, with "/" at the end.

    Raises:
        HelderError: nothing that waits is meant, several are, or a file without text would be accepted.
    """
    decisions = []
    words: tuple[tuple[Word, Sequence[str]], ...] = (("accept", accept), ("refuse", refuse))
    for word, names in words:
        for name in names:
            for one in _meant(waiting, name):
                if word == "accept" and one["document"] is None:
                    raise HelderError(
                        f"{one['path']} cannot be accepted.",
                        f"No text could be read of it: {one['why']}.",
                        f"Do that and add it again, or refuse it: helder data review --refuse {name}",
                    )
                decisions.append(Decision(word, one["document"], one["path"], one["sha256"] or "", why, on))
    return decisions


def _meant(waiting: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    exact = [one for one in waiting if name in (one["path"], one["document"])]
    if exact:
        return exact
    if name.endswith("/"):
        found = [one for one in waiting if one["path"].startswith(name)]
    else:
        found = [one for one in waiting if one["document"] and len(name) >= 6 and one["document"].startswith(name)]
        if len({one["document"] for one in found}) > 1:
            raise HelderError(f"{name} begins the ids of {len(found)} documents.", fix="Give more of the id.")
    if not found:
        raise HelderError(
            f"Nothing that waits is called {name}.",
            "It is neither the path nor the id of a document that waits for a person.",
            "helder data review lists what waits.",
        )
    return found
