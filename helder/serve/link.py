"""One connection: uvicorn's HTTP/1.1 protocol with bounds on what a client may cost before it is known.

Headers of 16 kB, within ten seconds; an answer that nobody takes is dropped; so many connections and no more. What is
refused here is told in the same form as everywhere.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol
from uvicorn.server import ServerState

from helder.serve.gate import LARGEST_HEADERS
from helder.serve.refusals import Refused

HEADER_SECONDS = 10.0  # within which they must be here, once a connection is made or a byte of them came
READER_SECONDS = 30.0  # within which a client must take something of an answer that waits for it
LINGER_SECONDS = 1.0  # in which a client that still sends can read why it was refused
KEEP_ALIVE = 15  # seconds that a connection stays open between two requests
CONNECTIONS = 512  # at the same time; a waiting one costs about 20 kB


class Heard(h11.Connection):
    """Remembers why a request was not understood; uvicorn only tells that it was not."""

    problem: h11.RemoteProtocolError | None = None

    def next_event(self) -> Any:
        try:
            return super().next_event()
        except h11.RemoteProtocolError as error:
            self.problem = error
            raise


class Link(H11Protocol):
    """See the module docstring."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn: Heard = Heard(h11.SERVER, LARGEST_HEADERS)
        self._heads: asyncio.TimerHandle | None = None
        self._takes: asyncio.TimerHandle | None = None
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            self._refuse(Refused(503, "There are too many connections.", retry_after=1))
            return
        self._heads = self.loop.call_later(HEADER_SECONDS, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._heads, self._takes):
            if timer:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return
        super().data_received(data)
        waits = self.conn.their_state is h11.IDLE and not self._refused
        if waits and self._heads is None:
            self._heads = self.loop.call_later(HEADER_SECONDS, self._too_slow)
        elif not waits and self._heads is not None:
            self._heads.cancel()
            self._heads = None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._takes is None:
            self._takes = self.loop.call_later(READER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        if self._takes is not None:
            self._takes.cancel()
            self._takes = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls when a request is not HTTP."""
        problem = self.conn.problem
        if problem is not None and problem.error_status_hint == 431:
            self._refuse(Refused(431, f"The request line and headers have more than {LARGEST_HEADERS} bytes."))
        else:
            self._refuse(Refused(400, f"This is not HTTP: {problem or msg}."))

    def _too_slow(self) -> None:
        self._heads = None
        self._refuse(Refused(408, f"The headers were not here within {HEADER_SECONDS:g} seconds."))

    def _refuse(self, refused: Refused) -> None:
        """Answer without the application, and close."""
        if self._refused or self.transport.is_closing():
            return
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE) or (self.cycle and self.cycle.response_started):
            self.transport.close()
            return
        response = refused.response()
        headers = [*response.raw_headers, (b"connection", b"close")]
        head = h11.Response(status_code=refused.status, headers=headers, reason=STATUS_PHRASES[refused.status])
        for event in (head, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        if self.cycle:  # the application may be about to answer: what it says now is dropped
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        # Closed at once, with bytes of the client unread, the connection would be reset and the answer lost.
        self._refused = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)
