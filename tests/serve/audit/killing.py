"""Kill a writer of an audit log at a random moment, and see that nothing it was promised is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from helder.errors import ExitCode
from helder.ledger import merkle
from helder.serve.audit.verify import verify
from tests.serve.audit.logs import opened


class Killer:
    """Writers that are started and killed, all on one log."""

    def __init__(self, place: Path, threads: int = 4) -> None:
        self.folder, self.acknowledged, self.threads = place / "log", place / "acknowledged", threads
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.serve.audit.writer"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip

    def round(self, moment: float, draw: random.Random) -> int:
        """Start a writer, kill it after `moment` seconds from its first record, check; how many were acknowledged."""
        assert self.process.stdin
        assert self.process.stdout
        before = self._size()
        self.process.stdin.write(f"{self.folder} {self.acknowledged} {self.threads}\n")
        child = int(self.process.stdout.readline())
        # Some are killed while they open the log, the others while they write.
        waits = draw.random() < 0.8
        while waits and self._size() == before and _alive(child):
            time.sleep(0.001)
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
        while _alive(child):
            time.sleep(0.001)
        return self.check()

    def _size(self) -> int:
        return self.acknowledged.stat().st_size if self.acknowledged.exists() else 0

    def check(self) -> int:
        """Every acknowledged record is in its place, and the log verifies before and after it is gone on with."""
        lines = self.acknowledged.read_text(encoding="ascii").splitlines() if self.acknowledged.exists() else []
        if (self.folder / "checkpoint").exists():
            report = verify(self.folder)
            assert report.faults == [], report.faults
        with opened(self.folder) as log:
            for line in lines:
                id, index, leaf = line.split()
                assert merkle.leaf(log.record(int(index))).hex() == leaf, id
        report = verify(self.folder)
        assert report.exit_code == ExitCode.UNCHECKED, report.findings  # nobody asked for the organisation's key
        assert report.facts["waiting"] == 0
        return len(lines)

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(10)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
