"""A process that writes an audit log until it is killed, and says what it was promised.

    python -m tests.serve.audit.writer

Each line of its input, FOLDER ACKNOWLEDGED THREADS, forks such a process, and its number is printed. Each record that
was acknowledged is a line of the file ACKNOWLEDGED, written after the receipt: its id, its number and its leaf.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from helder.ledger.keys import SigningKey
from helder.serve.audit import AuditLog, Keep
from tests.serve.audit.logs import ORIGIN, record


def write(folder: Path, acknowledged: Path, threads: int, key: SigningKey) -> None:
    """Append records for ever; publish every few milliseconds; erase now and then."""
    descriptor = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    log = AuditLog.open(folder, key, ORIGIN, Keep("texts"), publish_every=0.003)
    start = log.size

    def work(thread: int) -> None:
        number = start * 1000 + thread
        while True:
            receipt = log.append(record(number))
            os.write(descriptor, f"{receipt.id} {receipt.index} {receipt.leaf}\n".encode("ascii"))
            if number % 160 == 0:
                log.erase(id=receipt.id, by="writer")
            number += threads

    for thread in range(1, threads):
        threading.Thread(target=work, args=(thread,), daemon=True).start()
    work(0)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    key = SigningKey.generate()
    for line in sys.stdin:
        folder, acknowledged, threads = line.split()
        child = os.fork()
        if child == 0:
            try:
                write(Path(folder), Path(acknowledged), int(threads), key)
            finally:
                os._exit(1)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
