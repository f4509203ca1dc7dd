"""One line of talk with a process that holds a model: JSON lines out, JSON lines back, one request at a time.

A process has one lane for each request that it works on at the same time; see `worker.py` for what is said.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from helder.errors import HelderError
from helder.serve import llama
from helder.serve.answer import Answer


class Lane:
    """Two pipes to a worker; asked by one thread at a time.

    Args:
        to, back: what is written to the worker, and what it says.
        died: makes the error that says how the process ended.
    """

    def __init__(self, to: IO[str], back: IO[str], died: Callable[[], HelderError]) -> None:
        self.to, self.back, self.died = to, back, died
        self._lock = threading.Lock()

    def ask(self, request: dict[str, Any], stream: Callable[[str], bool] | None = None) -> Answer:
        """One request, answered whole or passed to `stream` piece by piece.

        Raises:
            HelderError: llama.cpp refused the request, or the process is gone.
        """
        with self._lock:
            self.send({"request": request, "stream": stream is not None})
            if stream is None:
                return llama.answer([self.receive()["part"]], len(request["prompt"]))
            parts: list[dict[str, Any]] = []
            failure: BaseException | None = None
            stopped = False
            while "part" in (said := self.receive()):
                parts.append(said["part"])
                text = said["part"]["choices"][0]["text"] if "choices" in said["part"] else ""
                if text and not stopped:
                    try:
                        stopped = not stream(text)
                    except BaseException as error:  # noqa: BLE001  raised below, when the worker is ready again
                        failure, stopped = error, True
                self._write("stop\n" if stopped else "go\n")
            if failure:
                raise failure
            return llama.answer(parts, len(request["prompt"]), stopped)

    def send(self, record: dict[str, Any]) -> None:
        self._write(json.dumps(record) + "\n")

    def receive(self) -> dict[str, Any]:
        line = self.back.readline()
        if not line.endswith("\n"):  # nothing, or what was written before the process died
            raise self.died()
        record: dict[str, Any] = json.loads(line)
        return record

    def close(self) -> None:
        for pipe in (self.to, self.back):
            with suppress(BrokenPipeError):  # the process is gone; that is what closing is for
                pipe.close()

    def bury(self) -> None:
        """Close, when whoever waits for the dead process has noticed."""
        with self._lock:
            self.close()

    def _write(self, text: str) -> None:
        try:
            self.to.write(text)
            self.to.flush()
        except BrokenPipeError as error:
            raise self.died() from error
