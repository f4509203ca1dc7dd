"""One HTTP exchange, every byte of it kept: what was sent, and what came back until it ended or broke.

Python's own client, so that the light install needs nothing more. A connection belongs to one thread and is used again.
The bytes are those above TLS, as the server sent them: status line, headers, chunk lengths and all. The key stands in
none of them: wherever its bytes appear, in either direction, `WITHHELD` stands instead. A service that sends a key back
in pieces or in another spelling is not caught.

No redirect is followed, no proxy is used, no cookie is kept, and no compression is asked for.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

from helder.evaluate.compare.gate import Gate

WITHHELD = b"(key withheld)"
LARGEST = 1 << 24  # bytes of one answer; far above any text that is asked for (assumption)


@dataclass(frozen=True)
class Exchange:
    """A request and what came of it.

    Attributes:
        date: when it was sent, UTC.
        sent, received: the bytes, without the key.
        status: of the answer; None when none came.
        headers: of the answer, names in lower case.
        body: of the answer, as the protocol means it; what had come when the exchange broke is in `received` only.
        seconds: from the first byte sent to the last received.
        broken: why the answer did not come to its end; None when it did.
    """

    date: str
    sent: bytes
    received: bytes
    status: int | None
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    broken: str | None


class Line:
    """A connection to one service, opened when it is first needed."""

    def __init__(self, url: str, gate: Gate, who: str, timeout: float, longest: float, key: str | None) -> None:
        self.parts, self.gate, self.who = urlsplit(url), gate, who
        self.timeout, self.longest = timeout, longest
        self._key = key.encode("utf-8") if key else b""
        self._connection: _Connection | None = None

    def post(
        self, path: str, headers: Mapping[str, str], body: bytes, each: Callable[[bytes], bool] | None = None
    ) -> Exchange:
        """Send a request and read the whole answer.

        Args:
            each: gets each line of the answer as it comes, which is not kept in `Exchange.body` then; false ends the
                answer there, and with it the connection.

        Raises:
            HelderError: code 5, the host was not allowed. Whatever else goes wrong is in `Exchange.broken`.
        """
        connection = self._connection or self._open()
        start = time.monotonic()
        connection.begin(start + self.longest)
        date = datetime.now(UTC).isoformat(timespec="milliseconds")
        status, found, answer, broken = None, {}, b"", None
        try:
            connection.request("POST", self.parts.path + path, body, dict(headers))
            response = connection.getresponse()
            status, found = response.status, {name.lower(): value for name, value in response.getheaders()}
            whole = True
            if each is None:
                answer = response.read()
            else:
                whole = all(each(line) for line in response)
            if response.will_close or not whole:
                self.close()
        except _TooMuch:
            broken = f"the answer has more than {LARGEST:,} bytes"
        except TimeoutError:
            late = time.monotonic() - start >= self.longest
            broken = f"it was not there after {self.longest:g} s" if late else f"no byte came for {self.timeout:g} s"
        except http.client.IncompleteRead:
            broken = "it was cut off before its end"
        except (http.client.HTTPException, OSError) as error:
            broken = str(error) or type(error).__name__
        if broken is not None:
            self.close()
            broken = self._without_key(broken.encode("utf-8", "replace")).decode("utf-8")
        sent, received = self._without_key(bytes(connection.sent)), self._without_key(bytes(connection.received))
        seconds = time.monotonic() - start
        return Exchange(date, sent, received, status, found, self._without_key(answer), seconds, broken)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> _Connection:
        host, port = str(self.parts.hostname), self.parts.port
        self.gate.check(f"{host}:{port}" if port else host, self.who)
        tls = ssl.create_default_context() if self.parts.scheme == "https" else None
        self._connection = _Connection(host, port or (443 if tls else 80), self.timeout, tls)
        return self._connection

    def _without_key(self, data: bytes) -> bytes:
        return data.replace(self._key, WITHHELD) if self._key else data


class _TooMuch(Exception):
    """An answer beyond `LARGEST`."""


class _Connection(http.client.HTTPConnection):
    """A connection that keeps what goes over it, and ends a wait when the time for an answer is over."""

    sent: bytearray
    received: bytearray
    deadline: float

    def __init__(self, host: str, port: int, timeout: float, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=timeout)
        self.tls, self.patience = tls, timeout

        def response(sock: socket.socket, *arguments: Any, **more: Any) -> http.client.HTTPResponse:
            return http.client.HTTPResponse(cast(socket.socket, _Tapped(self, sock)), *arguments, **more)

        self.response_class = cast(type[http.client.HTTPResponse], response)

    def begin(self, deadline: float) -> None:
        """A new exchange."""
        self.sent, self.received, self.deadline = bytearray(), bytearray(), deadline

    def connect(self) -> None:
        super().connect()
        if self.tls is not None:
            self.sock = self.tls.wrap_socket(self.sock, server_hostname=self.host)

    def send(self, data: Any) -> None:
        super().send(data)
        self.sent += data


class _Tapped:
    """What a response asks of its socket: a file to read from."""

    def __init__(self, connection: _Connection, sock: socket.socket) -> None:
        self.connection, self.sock = connection, sock

    def makefile(self, mode: str) -> io.BufferedReader:
        # A file of the socket's own, so that the socket stays open until the answer is read.
        return io.BufferedReader(_Tap(self.connection, self.sock, self.sock.makefile("rb", buffering=0)))


class _Tap(io.RawIOBase):
    """A socket's bytes, kept as they come, and not waited for longer than allowed."""

    def __init__(self, connection: _Connection, sock: socket.socket, source: socket.SocketIO) -> None:
        self.connection, self.sock, self.source = connection, sock, source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.connection.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(min(left, self.connection.patience))
        count = self.source.readinto(buffer) or 0
        self.connection.received += memoryview(buffer)[:count]
        if len(self.connection.received) > LARGEST:
            raise _TooMuch
        return count

    def close(self) -> None:
        self.source.close()
        super().close()
