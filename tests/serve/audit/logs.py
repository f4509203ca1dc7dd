"""Small audit logs for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from helder.ledger.keys import SigningKey
from helder.serve.audit import AuditLog, Keep, Record
from helder.serve.audit.disk import Disk

ORIGIN = "hospital.example/doses"
KEY = SigningKey.generate()


class Quick(Disk):
    """A disk that is not waited for: for tests that are not about crashes."""

    def sync(self, descriptor: int) -> None:
        pass

    def sync_folder(self, descriptor: int) -> None:
        pass


def record(number: int, **more: Any) -> Record:
    """The record of an answer, told from others by its number."""
    given: dict[str, Any] = {
        "id": f"chatcmpl-{number:024x}",
        "who": f"ward-{number % 3}",
        "model": "doses",
        "model_sha256": f"{7:064x}",
        "format": "q4_0",
        "engine": "llama.cpp 1.0",
        "prompt": f"{number} tabs tds pc",
        "answer": f"[{number}]",
        "finish_reason": "stop",
        "settings": {"temperature": 0.0, "seed": 0, "max_tokens": 512},
        "prompt_ids": (1, 2, number),
        "answer_ids": (3, number),
        "confidence": 0.5,
        "passages": (f"{number:064x}",),
    }
    return Record(**given | more)


def opened(folder: Path, keep: Keep | None = None, **more: Any) -> AuditLog:
    """A log that publishes only when it is asked or closed."""
    return AuditLog.open(folder, KEY, ORIGIN, keep or Keep("texts"), **{"publish_every": None, "disk": Quick()} | more)


def made(folder: Path, count: int, keep: Keep | None = None) -> Path:
    """A closed log of `count` answers."""
    with opened(folder, keep) as log:
        for number in range(count):
            log.append(record(number))
    return folder
