"""The engine of a server: several answers at a time, and a process that crashes is started again and told.

Two ways to answer several requests at once:

    exact   (the default) a process for each, which works on one request at a time: the bits of an answer are those of
            the same question alone. The processes share the pages of the model file where its format allows.
    fast    one process works on all of them together (continuous batching): more answers a second, but their last bits
            depend on what else is being answered.

When a process dies, its request is asked again, once, of the one that takes its place: the same question, settings
and seed give the same answer, so that a client that has read the first half reads on where it was. If the second
answer begins otherwise, or this process dies too, the client gets an error that says so, and the same request is not
tried a third time. A model file whose processes die again and again is given up: see `MOST`.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from helder.errors import ExitCode, HelderError
from helder.serve import llama, memory
from helder.serve.answer import Answer, Decoding
from helder.serve.completer import Completer
from helder.serve.engine import Crashed, Worker
from helder.serve.metrics import Metrics

MOST = 5  # crashes within WINDOW seconds; then nothing is started any more (assumption)
WINDOW = 300.0
DELAYS = (0.0, 0.5, 2.0, 8.0)  # seconds before each new start within the window (assumption)
POISON = 256  # requests that crashed two processes and are remembered

Mode = Literal["exact", "fast"]


class Unavailable(HelderError):
    """There is no engine to answer: it crashed, with this request or too often."""


class Standing:
    """A worker that is started again when it crashes. Used from several threads, one for each lane.

    Args:
        start: makes a worker.
        metrics: where restarts are counted.
        now: seconds, for tests.
        wait: waits so many seconds, for tests; default: until then or until it is closed.
    """

    def __init__(
        self,
        start: Callable[[], Worker],
        metrics: Metrics,
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._start, self._metrics, self._now = start, metrics, now
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait
        self._lock = threading.Lock()
        self._crashes: deque[float] = deque()
        self._poison: dict[str, None] = {}
        self.broken: Unavailable | None = None
        self.worker = start()

    def ask(self, lane: int, request: dict[str, Any], stream: Callable[[str], bool] | None) -> Answer:
        """One request, asked again once if the worker dies.

        Raises:
            Unavailable: the worker died twice, or too often; or the second answer began otherwise.
            HelderError: as `Worker.ask`.
        """
        digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        if digest in self._poison:
            raise Unavailable(
                "This request is not tried again: the engine crashed twice while answering it.",
                "",
                "Report it with the model's digest. Other requests are answered.",
                ExitCode.OURS,
            )
        given = None if stream is None else _Given(stream)
        worker = self._ready()
        try:
            return worker.ask(request, given, lane)
        except Crashed as crash:
            self._restart(worker, crash)
            if given is not None and not given.again():
                raise  # nobody listens any more
        self._metrics.count("helder_engine_repeats_total")
        worker = self._ready()
        try:
            answer = worker.ask(request, given, lane)
        except Crashed as crash:
            self._poison[digest] = None
            while len(self._poison) > POISON:
                del self._poison[next(iter(self._poison))]
            self._restart(worker, crash)
            raise Unavailable(
                "The engine crashed while answering this request, twice.",
                crash.why,
                "It has been started again for other requests. Report this one with the model's digest.",
                ExitCode.OURS,
            ) from crash
        if given is not None and given.differs:
            raise Unavailable(
                "The engine crashed in the middle of this answer, and it was not the same when asked again.",
                "What was sent before is not a whole answer.",
                "Ask again. The engine has been started again.",
                ExitCode.OURS,
            )
        return replace(answer, restarts=1)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            self.worker.close()

    def _ready(self) -> Worker:
        with self._lock:
            if self.broken is not None:
                raise self.broken
            return self.worker

    def _restart(self, dead: Worker, crash: HelderError) -> None:
        """A new worker in the place of the dead one, unless another thread saw to it.

        Raises:
            Unavailable: there were too many crashes.
        """
        with self._lock:
            while self.worker is dead and self.broken is None and not self._closed.is_set():
                now = self._now()
                self._crashes.append(now)
                while self._crashes[0] < now - WINDOW:
                    self._crashes.popleft()
                if len(self._crashes) >= MOST:
                    self.broken = Unavailable(
                        f"The engine crashed {MOST} times within {WINDOW:g} s and is not started again.",
                        f"{crash.what} {crash.why}".strip(),
                        "Whoever runs this server: look at its last messages and at free memory, then start it again.",
                        ExitCode.OURS,
                    )
                    dead.bury()
                    break
                self._wait(DELAYS[min(len(self._crashes), len(DELAYS)) - 1])
                self._metrics.count("helder_engine_restarts_total")
                try:
                    self.worker = self._start()
                except HelderError as error:
                    crash = error
                    continue
                dead.bury()
        if self.broken is not None:
            raise self.broken


class Keeper(Completer):
    """An engine for a server: as many answers at a time as it has places, in processes that are kept alive.

    Args:
        path: the model file.
        threads: threads of all answers together; default: the cores this process may use.
        context: longest prompt and answer together, in tokens.
        places: answers at the same time.
        mode: see the module.
        metrics: what is counted.
        free: bytes of memory that can be had; None where that is not known.

    Raises:
        HelderError: as `Engine.open`; or memory does not suffice for the places.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int | None = None,
        context: int = 2048,
        places: int = 1,
        mode: Mode = "exact",
        metrics: Metrics | None = None,
        free: Callable[[], int | None] = memory.available,
        start: Callable[[Path, int, int, int], Worker] = Worker,
    ) -> None:
        self.path, self.context, self.places, self.mode = Path(path), context, places, mode
        self.threads = threads or len(os.sched_getaffinity(0))
        self.metrics = metrics or Metrics()
        memory.check(self.path, context, places, free())
        together = mode == "fast"
        processes, lanes = (1, places) if together else (places, 1)
        each = max(1, self.threads // processes)
        self.standing: list[Standing] = []
        try:
            for _ in range(processes):
                self.standing.append(Standing(lambda: start(self.path, each, context, lanes), self.metrics))
        except BaseException:
            self.close()
            raise
        self._free: queue.SimpleQueue[tuple[Standing, int]] = queue.SimpleQueue()
        for lane in range(lanes):
            for one in self.standing:
                self._free.put((one, lane))
        self.metrics.gauge("helder_engine_broken", lambda: float(self.broken is not None))
        for number, one in enumerate(self.standing):
            self.metrics.gauge("helder_resident_bytes", _resident(one), process=f"engine-{number}")
        self.metrics.gauge("helder_resident_bytes", memory.resident, process="server")

    @property
    def broken(self) -> HelderError | None:
        """Why nothing is answered any more; None while all is well."""
        return next((one.broken for one in self.standing if one.broken is not None), None)

    @property
    def processes(self) -> list[int]:
        return [one.worker.process.pid for one in self.standing]

    def _answer(
        self, prompt_ids: Sequence[int], wanted: Decoding, stream: Callable[[str], bool] | None, text: str
    ) -> Answer:
        """More calls at a time than there are places wait for each other."""
        request = llama.request(prompt_ids, wanted)
        if self.broken is not None:
            raise self.broken
        standing, lane = place = self._free.get()
        begun, first = time.monotonic(), list[float]()

        def noticed(text: str) -> bool:
            if not first:
                first.append(time.monotonic())
            return stream is None or stream(text)

        try:
            answer = standing.ask(lane, request, None if stream is None else noticed)
        finally:
            self._free.put(place)
        ended = time.monotonic()
        count, observe = self.metrics.count, self.metrics.observe
        count("helder_prompt_tokens_total", answer.prompt_tokens)
        count("helder_completion_tokens_total", answer.completion_tokens)
        observe("helder_answer_seconds", ended - begun)
        if first:
            observe("helder_first_token_seconds", first[0] - begun)
        if answer.completion_tokens > 1 and answer.seconds[1] > 0:
            observe("helder_tokens_per_second", answer.completion_tokens / answer.seconds[1])
        return answer

    def close(self) -> None:
        for one in self.standing:
            one.close()


class _Given:
    """What a reader has got of an answer, so that the same answer, asked again, goes on from there."""

    def __init__(self, stream: Callable[[str], bool]) -> None:
        self.stream, self.text, self.differs = stream, "", False
        self._owed = ""

    def __call__(self, text: str) -> bool:
        known, text = text[: len(self._owed)], text[len(self._owed) :]
        if known != self._owed[: len(known)]:
            self.differs = True
            return False
        self._owed = self._owed[len(known) :]
        self.text += text
        return self.stream(text)

    def again(self) -> bool:
        """The answer begins anew; false when nobody reads it."""
        self._owed = self.text
        return self.stream("")


def _resident(standing: Standing) -> Callable[[], float | None]:
    return lambda: memory.resident(standing.worker.process.pid, below=True)
