"""What is given for a record of the audit log, and what it says when it cannot: receipts, proofs, refusals."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helder.errors import ExitCode, HelderError


class NotLogged(HelderError):
    """A record that did not come into the log: whatever it is about must not be given out."""


class Damaged(HelderError):
    """A log that is not what was written."""

    def __init__(self, folder: Path, what: str) -> None:
        super().__init__(
            f"The audit log {folder} is damaged: {what}.",
            "Something other than this program or a crash changed it: a disk, or a person.",
            f"See all of it with: helder audit verify {folder}. Then restore it from a copy, or move it away and "
            "begin a new one.",
            ExitCode.FAILED,
        )


@dataclass(frozen=True)
class Receipt:
    """That a record is in the log: `leaf` is its digest in the tree, in hexadecimal."""

    id: str
    log: str
    index: int
    leaf: str

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "log": self.log, "index": self.index, "leaf": self.leaf}


@dataclass(frozen=True)
class Stamped:
    """A record with the proof that it is in the log.

    Attributes:
        entry: the record as it is in the log.
        data: its bytes; `leaf` is SHA-256 over 0x00 and these.
        size: of the tree that the proof and the checkpoint are about.
        proof: the digests from the leaf to the root, from below.
        checkpoint: the signed note.
        salts: of the texts, while they are kept: with them, who has a text shows that it is this one.
    """

    entry: dict[str, Any]
    data: bytes
    index: int
    leaf: str
    size: int
    proof: list[str]
    checkpoint: str
    salts: dict[str, str] | None

    def to_json(self) -> dict[str, Any]:
        return {
            "record": self.entry,
            "data": self.data.decode("utf-8"),
            "index": self.index,
            "leaf": self.leaf,
            "proof": self.proof,
            "checkpoint": self.checkpoint,
            "salts": self.salts,
        }


def no_disk(folder: Path, error: BaseException, kind: type[HelderError] = HelderError) -> HelderError:
    """What is told of an error that came while the log was written."""
    if isinstance(error, HelderError):
        return kind(error.what, error.why, error.fix, error.code)
    if not isinstance(error, OSError):
        return kind(f"Writing the audit log {folder} failed: {error!r}.", "A defect of ours.", "", ExitCode.OURS)
    why = os.strerror(error.errno) if error.errno else str(error)
    return kind(
        f"The audit log {folder} cannot be written.",
        f"{why[:1].upper()}{why[1:]}. What cannot be logged is not answered.",
        "Make room on the disk or repair it.",
    )
