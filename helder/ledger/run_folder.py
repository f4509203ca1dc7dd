"""The folder of a run: where artifacts, statements, logs and unfinished work lie.

    run/
      artifacts/<stage>-<digest12>/   finished artifacts, never changed ledger/<NNN>-<stage>.json       one
      signed statement for each, in the order in which they were made logs/<stage>.log                what
      the stage's process printed, the last attempt work/<key12>/                   unfinished work: output/
      fresh at each attempt, scratch/ kept between them

A statement is written last. What has no statement does not exist, so that a kill at any point leaves a run
that continues.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from helder.errors import HelderError
from helder.ledger import keys, statement
from helder.ledger.artifact import Artifact, write_atomic
from helder.ledger.statement import Statement

SHORT = 12  # hexadecimal digits of a digest in a folder name: 48 bits, plenty to tell a run's artifacts apart


@dataclass(frozen=True)
class Entry:
    """One file of the ledger: opened, or the reason why it is not believed."""

    path: Path
    statement: Statement | None
    problem: HelderError | None


@dataclass(frozen=True)
class RunFolder:
    root: Path

    @property
    def ledger(self) -> Path:
        return self.root / "ledger"

    def log(self, stage: str) -> Path:
        return self.root / "logs" / f"{stage}.log"

    def work(self, key: str) -> Path:
        return self.root / "work" / key[:SHORT]

    def artifact(self, stage: str, digest: str) -> Path:
        return self.root / "artifacts" / f"{stage}-{digest[:SHORT]}"

    def entries(self) -> list[Entry]:
        """Every statement of the ledger, oldest first, each checked against the known keys."""
        files = sorted(self.ledger.glob("*.json")) if self.ledger.is_dir() else []
        if not files:
            return []
        known, found = keys.known_keys(), []
        for path in sorted(files, key=_number):
            try:
                opened = statement.verify(path.read_bytes(), known, f"The statement {path}")
                found.append(Entry(path, opened, None))
            except HelderError as error:
                found.append(Entry(path, None, error))
        return found

    def find(self, key: str) -> Statement | None:
        """The newest believed statement of the stage with this key."""
        matches = [entry.statement for entry in self.entries() if entry.statement and entry.statement.key == key]
        return matches[-1] if matches else None

    def append(self, stage: str, envelope: bytes) -> Path:
        """Write a signed statement under the next number."""
        numbers = [_number(path) for path in self.ledger.glob("*.json")] if self.ledger.is_dir() else []
        path = self.ledger / f"{max(numbers, default=0) + 1:03d}-{stage}.json"
        write_atomic(path, envelope)
        return path

    def held(self, made: Statement) -> Artifact:
        """The artifact that a statement speaks of, where it should lie in this run (not checked)."""
        return Artifact(self.artifact(made.stage, made.digest), made.digest, made.stage)

    @contextmanager
    def lock(self, patience: float = 1.0) -> Iterator[int]:
        """Hold the run for this process; yields the descriptor, to be inherited by the stages' processes.

        The lock belongs to the open file, so it is free as soon as the last process of the run is gone,
        even when all were killed. A run that was killed an instant ago may still be going, hence the
        patience (seconds).

        Raises:
            HelderError: another run works on this folder, or the folder cannot be written.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            deadline = time.monotonic() + patience
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
                        raise HelderError(
                            f"Another `helder run` is at work in {self.root}.",
                            f"It holds the lock (process {holder or 'unknown'}).",
                            "Wait for it, or stop it; then run again.",
                        ) from None
                    time.sleep(0.02)  # waiting for a lock with a limit: flock itself would wait for ever
            for left in self.ledger.glob(".*.part"):  # by a run that was killed while it wrote
                left.unlink()
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
            yield descriptor
        finally:
            os.close(descriptor)


def _number(path: Path) -> int:
    match = re.match(r"(\d+)-", path.name)
    return int(match[1]) if match else 0
