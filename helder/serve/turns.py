"""The queue before the engine: who answers now, who waits, and who is told to come back.

An engine has a number of places (one, unless it answers in parallel). So many requests are worked on, a bounded number
waits, and the rest are refused at once with the seconds after which it is worth trying again, estimated from the
answers so far. What waits is taken in turn among the tokens, so that one with many requests does not keep others out:
the token with the fewest answers under way comes first, then the one that waited longest for its turn. A token with
nothing in the queue always finds one place there, so that nobody can fill it alone.

A request ends where it stands – in the queue or in the engine, within one token – when its client leaves, when its
time is over, or when the server stops:

    left       the client closed the connection; nobody reads an answer
    late       503 while it waited: nothing was done, try again; 504 while it was answered: asking again takes as long
    stopped    503: the server ends, and what was under way did not end in the time for that

    turn = turns.enter("anna")          # raises Refused (429 or 503) at once
    async with turn:                    # waits
        … turn.keep_on() at each token, from any thread; False: stop there
    turn.check()                        # raises Refused when it was ended

Made and used in one event loop; `Turn.keep_on` and `Turns.drain` may be called from any thread. Nothing here polls.
"""

from __future__ import annotations

import asyncio
import math
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import JSONResponse

from helder.errors import ExitCode, HelderError
from helder.serve import memory
from helder.serve.metrics import Metrics
from helder.serve.refusals import Refused

PATIENCE = 10.0  # seconds that a request waits at most, when the queue's length is not set (assumption)
DEADLINE = 300.0  # seconds from the request to the end of its answer (assumption)
FIRST_GUESS = 4  # requests waiting for each place, before any answer was measured (assumption)
MOST = 64  # requests waiting for each place, however fast answers come (assumption)
BODY = 16 << 20  # bytes of memory that a waiting request may hold: a body of 4 MiB, read as JSON (assumption)
RESERVE = 64 << 20  # bytes that stay free: below, nothing new is admitted (assumption)
WEIGHT = 0.2  # of the newest answer in the mean of their seconds (assumption)
LEFT = 499  # the status that nginx logs for a client that left; nobody reads it

Ending = Literal["left", "late", "stopped"]


class Turnaway(Refused):
    """A request that would be welcome later: 429 or 503 with Retry-After, or 504."""

    def __init__(self, status: int, message: str, code: str, retry_after: int | None = None) -> None:
        super().__init__(status, message, code=code)
        self.retry_after = retry_after

    def response(self) -> JSONResponse:
        response = super().response()
        if self.retry_after is not None:
            response.headers["Retry-After"] = str(self.retry_after)
        else:
            response.headers["X-Should-Retry"] = "false"  # the official clients ask again after 5xx unless told
        return response


class Turns:
    """The places of an engine and the queue before them.

    Args:
        places: requests that the engine works on at the same time.
        waiting: requests that may wait; default: as many as are likely to get their turn within `patience`, as far as
            memory for their bodies is free.
        patience: seconds; see `waiting`.
        deadline: seconds that a request gets, waiting and answering together.
        metrics: where outcomes are counted.
        free: bytes of memory that can still be had; None where that is not known.
    """

    def __init__(
        self,
        places: int = 1,
        *,
        waiting: int | None = None,
        patience: float = PATIENCE,
        deadline: float = DEADLINE,
        metrics: Metrics | None = None,
        free: Callable[[], int | None] = memory.available,
    ) -> None:
        if places < 1 or (waiting is not None and waiting < 0):
            raise ValueError("an engine has at least one place, and a queue no negative length")
        self.places, self.waiting, self.patience, self.deadline = places, waiting, patience, deadline
        self.metrics = metrics or Metrics()
        self.stop_at = math.inf  # time.monotonic() at which answers under way are cut
        self._free, self._draining = free, False
        self._busy: dict[str, int] = {}  # name -> places that it has
        # name -> its requests that wait; the first name is the longest unserved. A turn that nobody holds is gone.
        self._queues: dict[str, deque[weakref.ref[Turn]]] = {}
        self._seconds: float | None = None  # mean time that a place was taken
        self.metrics.gauge("helder_queue_length", lambda: self.length)
        self.metrics.gauge("helder_requests_running", lambda: self.running)

    # -- what there is --

    @property
    def length(self) -> int:
        """Requests that wait."""
        return sum(len(queue) for queue in self._queues.values())

    @property
    def running(self) -> int:
        """Requests that are worked on."""
        return sum(self._busy.values())

    @property
    def draining(self) -> bool:
        return self._draining

    @property
    def limit(self) -> int:
        """Requests that may wait now."""
        if self.waiting is not None:
            return self.waiting
        each = FIRST_GUESS if self._seconds is None else self.patience / max(self._seconds, 1e-3)
        return self.places * int(min(max(each, 1), MOST))

    def wait_for(self, ahead: int) -> float:
        """Seconds that a request with so many before it will wait, estimated; 0 before any answer was measured."""
        return (ahead + 1) / self.places * (self._seconds or 0.0)

    # -- coming and going --

    def enter(self, who: str, seconds: float | None = None) -> Turn:
        """A place in the engine or in the queue.

        Args:
            who: the name of the token.
            seconds: that this request gets; default: the queue's deadline.

        Raises:
            Turnaway: 429, the queue is full; 503, the server ends or memory is short.
        """
        if self._draining:
            self.metrics.count("helder_requests_total", outcome="draining")
            raise Turnaway(503, "The server is stopping and takes no new requests.", "draining", 5)
        if self.running < self.places and not self.length:
            self._admit_by_memory(0)
            turn = Turn(self, who, seconds or self.deadline)
            self._begin(turn)
            return turn
        length = self.length
        if length >= self.limit and (self.waiting == 0 or who in self._queues or who in self._busy):
            after = max(1, math.ceil(self.wait_for(length)))
            self.metrics.count("helder_requests_total", outcome="queue_full")
            raise Turnaway(
                429,
                f"{self.running} requests are being answered and {length} wait, which is all that this server takes. "
                f"A place should be free in {after} s.",
                "queue_full",
                after,
            )
        self._admit_by_memory(length)
        turn = Turn(self, who, seconds or self.deadline)
        self._queues.setdefault(who, deque()).append(weakref.ref(turn))
        return turn

    @asynccontextmanager
    async def taken(self, who: str) -> AsyncIterator[Turn]:
        """`enter`, and its turn, in one."""
        async with self.enter(who) as turn:
            yield turn

    def drain(self, seconds: float) -> None:
        """Take nothing new; what waits and what is under way gets so long to end. From any thread or signal handler."""
        self._draining = True
        self.stop_at = min(self.stop_at, time.monotonic() + seconds)

    def _admit_by_memory(self, length: int) -> None:
        free = self._free()
        if free is None or free - (length + 1) * BODY >= RESERVE:
            return
        self.metrics.count("helder_requests_total", outcome="memory_short")
        raise Turnaway(
            503,
            f"Memory is short: {free >> 20} MiB are free, and {length} requests wait. Try again later.",
            "memory_short",
            max(1, math.ceil(self.wait_for(length))),
        )

    def _begin(self, turn: Turn) -> None:
        self._busy[turn.who] = self._busy.get(turn.who, 0) + 1
        turn.begun = time.monotonic()
        self.metrics.observe("helder_queue_seconds", turn.begun - turn.entered)
        if turn.ready is not None and not turn.ready.done():
            turn.ready.set_result(None)

    def _leave(self, who: str, begun: float | None, *, counted: bool = False) -> None:
        """A turn is over: its place is free for the next one, or it no longer waits."""
        if begun is None:
            self._clear(who)
            return
        left = self._busy[who] - 1
        if left:
            self._busy[who] = left
        else:
            del self._busy[who]
        if counted:  # something was answered: how long it took tells how long others will wait
            taken = time.monotonic() - begun
            self._seconds = taken if self._seconds is None else self._seconds + WEIGHT * (taken - self._seconds)
        while self.running < self.places and (turn := self._next()) is not None:
            self._begin(turn)

    def _next(self) -> Turn | None:
        """Who comes now: of those with the fewest places, the one longest unserved."""
        for name in list(self._queues):
            self._clear(name)
        while self._queues:
            name = min(self._queues, key=lambda who: self._busy.get(who, 0))  # the first of equals
            queue = self._queues.pop(name)
            turn = queue.popleft()()
            if queue:
                self._queues[name] = queue  # at the end: others come before its next one
            if turn is not None:
                return turn
        return None

    def _clear(self, who: str) -> None:
        """Forget the turns of a name that are gone or over."""
        kept = deque(one for one in self._queues.get(who, ()) if (turn := one()) is not None and not turn.over)
        if kept:
            self._queues[who] = kept
        else:
            self._queues.pop(who, None)


class Turn:
    """One request's place. `async with` waits for it; see the module."""

    over = True  # until it is made

    def __init__(self, turns: Turns, who: str, seconds: float) -> None:
        self.turns, self.who = turns, who
        self._loop, self.over = asyncio.get_running_loop(), False
        self.entered = time.monotonic()
        self.deadline = self.entered + seconds
        self.begun: float | None = None
        self.ready: asyncio.Future[None] | None = None
        self.ended: Ending | None = None
        self.tokens = 0
        self._request: Request | None = None
        self._watcher: asyncio.Task[None] | None = None

    def watched(self, request: Request) -> Turn:
        """Also end when the client of this request leaves. For answers that come whole: a stream notices itself."""
        self._request = request
        return self

    def keep_on(self) -> bool:
        """Whether the answer goes on; called at each token, from any thread."""
        now = time.monotonic()
        self.tokens += 1
        if self.ended is None:
            if now >= self.deadline:
                self.ended = "late"
            elif now >= self.turns.stop_at:
                self.ended = "stopped"
        return self.ended is None

    def leave(self) -> None:
        """Nobody waits for the answer any more."""
        self.ended = self.ended or "left"
        if self.ready is not None and not self.ready.done():
            self.ready.set_result(None)

    def check(self) -> None:
        """Raises: Refused: the request was ended."""
        refusal = self.refusal()
        if refusal is not None:
            raise refusal

    def refusal(self) -> Refused | None:
        """What is said to the client when its request was ended; None when it was not."""
        whole = self.deadline - self.entered
        if self.ended == "left":
            return Refused(LEFT, "The client left.", code="client_left")
        if self.ended == "late" and self.begun is None:
            after = max(1, math.ceil(self.turns.wait_for(self.turns.length)))
            what = f"It was not this request's turn within {whole:g} s: nothing was done. Try again later."
            return Turnaway(503, what, "deadline_exceeded", after)
        if self.ended == "late":
            what = f"The answer was not complete within {whole:g} s, the time for a request. Ask for less."
            return Turnaway(504, what, "deadline_exceeded")
        if self.ended == "stopped":
            return Turnaway(503, "The server stopped before the answer was complete.", "draining", 5)
        return None

    async def __aenter__(self) -> Turn:
        if self._request is not None:
            self._watcher = asyncio.create_task(self._watch(self._request))
        try:
            if self.begun is None and self.ended is None:
                await self._wait()
            self.check()
        except BaseException as error:
            self.close(error)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(error)

    def __del__(self) -> None:
        # A stream whose client leaves before its first byte is never entered: its place must not be lost. This may run
        # in any thread, and after the loop is closed.
        if not self.over:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self.turns._leave, self.who, self.begun)

    async def _wait(self) -> None:
        loop = self._loop
        self.ready = loop.create_future()
        until = min(self.deadline, self.turns.stop_at) - time.monotonic()
        timer = loop.call_later(max(0.0, until), self._too_late)
        try:
            await self.ready
        finally:
            timer.cancel()

    def _too_late(self) -> None:
        if self.begun is None and self.ended is None:
            self.ended = "stopped" if self.deadline > self.turns.stop_at else "late"
            assert self.ready is not None
            if not self.ready.done():
                self.ready.set_result(None)

    async def _watch(self, request: Request) -> None:
        message: dict[str, Any] = {}
        while message.get("type") != "http.disconnect":
            message = dict(await request.receive())
        self.leave()

    def close(self, error: BaseException | None = None) -> None:
        """Give the place back. Closing twice is fine.

        Args:
            error: what went wrong; None when nothing did.
        """
        if self.over:
            return
        self.over = True
        if self._watcher is not None:
            self._watcher.cancel()
        if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
            self.ended = self.ended or "left"
        outcome: str | None = self.ended
        if outcome is None:
            users = isinstance(error, Refused) and error.status < 500
            users = users or (isinstance(error, HelderError) and error.code is not ExitCode.OURS)
            outcome = "answered" if error is None else "refused" if users else "failed"
        self.turns.metrics.count("helder_requests_total", outcome=outcome)
        self.turns._leave(self.who, self.begun, counted=self.tokens > 0)
