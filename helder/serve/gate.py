"""The gate before the application: who sends a request, whether there is room for it, and whether its body is one.

Pure ASGI. Whoever is not known is told so before a byte of the body is read. Bodies are read here, within a time and a
sum of bytes over all requests, and checked (`bodies`) before a route sees them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from helder.errors import HelderError
from helder.serve import bodies
from helder.serve.access import Access
from helder.serve.refusals import Refused, shown

BODY_SECONDS = 20.0  # within which a body must be here
BODIES = 64 << 20  # bytes of all bodies that are being read or worked on; more are told to come back
LARGEST_HEADERS = 16 << 10  # bytes of request line and headers
COME_BACK = 5  # seconds, told to those who come while the server stops
HEALTH = "/healthz"
SINGLE = (b"authorization", b"content-length", b"content-type", b"cookie", b"host", b"x-csrf-token")
SECURE = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class Gate:
    """Lets in who is known, with a body that is one.

    Args:
        public: paths that anyone may GET; one that ends in "/" stands for all below it.
        stopping: when set, new requests are told to come back.
        hosts: names under which the server may be called, without port; None: any. A page of another site that
            points its own name at this machine has the wrong one (DNS rebinding).
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        public: frozenset[str],
        stopping: threading.Event,
        hosts: frozenset[str] | None = None,
    ) -> None:
        self.app, self.access, self.stopping, self.hosts = app, access, stopping, hosts
        self.public = public
        self.below = tuple(sorted(path for path in public if path.endswith("/") and path != "/"))
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"only HTTP is spoken here, not {scope['type']}")
        send = _secured(send)
        length = 0
        try:
            headers = _headers(scope)
            self._check_way(scope, headers)
            length = self._check_size(headers)
            self.held += length
            if length:
                receive = await _read(receive, length)
                if headers.get(b"content-type", b"").split(b";")[0].strip().lower() != b"application/json":
                    raise Refused(415, "Send the body as application/json.")
            await self.app(scope, receive, send)
        except Refused as refused:
            await refused.response()(scope, receive, send)
        except HelderError as error:  # of the file of tokens
            await Refused(503, f"{error.what} {error.fix}".strip()).response()(scope, receive, send)
        finally:
            self.held -= length

    def _check_way(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        path, method = scope["path"], scope["method"]
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self.hosts is not None and _name(host) not in self.hosts:
            raise Refused(421, f"The server is not called {shown(host)!r}.")
        if self.stopping.is_set() and path != HEALTH:
            raise Refused(503, "The server stops and takes no new requests.", retry_after=COME_BACK)
        if path not in self.public and not path.startswith(self.below):
            scope["access"] = self.access
            scope["who"] = self.access.who(method, headers)

    def _check_size(self, headers: Mapping[bytes, bytes]) -> int:
        length = headers.get(b"content-length", b"0")
        if b"transfer-encoding" in headers or not length.isdigit():
            raise Refused(411, "Send the body with a Content-Length.")
        if len(length) > 12 or int(length) > bodies.LARGEST:
            raise Refused(413, f"The body is larger than {bodies.LARGEST} bytes.")
        if self.held + int(length) > BODIES:
            raise Refused(503, "There are too many large requests at once.", retry_after=1)
        return int(length)


def _headers(scope: Scope) -> dict[bytes, bytes]:
    """The headers, of bounded size; one that says who or how much stands there once."""
    found: dict[bytes, bytes] = {}
    size = len(scope["raw_path"]) + len(scope["query_string"])
    for name, value in scope["headers"]:
        size += len(name) + len(value) + 4  # ": " and the end of the line
        if size > LARGEST_HEADERS:  # those that come in one piece; others end in `helder.serve.link`
            raise Refused(431, f"The request line and headers have more than {LARGEST_HEADERS} bytes.")
        if name in found and name in SINGLE:
            raise Refused(400, f"The header {name.decode('latin-1')} stands there twice.")
        found[name] = value
    return found


async def _read(receive: Receive, length: int) -> Receive:
    """Read and check the body; what gives it to the application."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "The client left before its body was here.")
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > length:
                    raise Refused(400, "The body is longer than its Content-Length.")
    except TimeoutError:
        raise Refused(408, f"The body was not here within {BODY_SECONDS:g} seconds.") from None
    bodies.check(bytes(body))
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return replay


def _secured(send: Send) -> Send:
    """Headers that every answer has, unless it says otherwise."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name for name, _ in message.get("headers", ())}
            more = [header for header in SECURE if header[0] not in there]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return wrapped


def _name(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
