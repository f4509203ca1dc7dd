"""Who may do what: tokens (and sessions of the page) become a `Who` before anything of a request is read.

`Gate` stands before the application and asks `Access` who is speaking; nothing but the public paths is answered
without. A route then says which role it needs:

    @router.post("/v1/trace")
    async def trace(body: TraceRequest, who: Who = Depends(needs("ask"))) -> …
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Literal, Protocol

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from helder.serve.refusals import Refused

Role = Literal["ask", "log", "admin"]  # ask the model; see the log; what only its owner may
ROLES: tuple[Role, ...] = ("ask", "log", "admin")
LARGEST_BODY = 4 << 20  # bytes; far above any context that a small model has


@dataclass(frozen=True)
class Who:
    """Someone who may come in.

    Attributes:
        name: of the token; stands in the log.
        roles: what it may do.
    """

    name: str
    roles: frozenset[Role]


OWNER = Who("owner", frozenset(ROLES))


class Sessions(Protocol):
    """What the page's sessions must be able to do for `Access`."""

    def who(self, cookies: Mapping[str, str], csrf: str | None, *, reads: bool) -> Who | None:
        """Who a session's cookie speaks for; None without a valid one.

        Args:
            cookies: name → value, as the browser sent them.
            csrf: the header X-CSRF-Token.
            reads: GET, HEAD or OPTIONS: the header is not needed.

        Raises:
            Refused: 403, the session is valid and the header is missing or wrong.
        """
        ...


class Access:
    """Tokens and, where there is a page, its sessions.

    Args:
        token: of the owner, who may do everything.
    """

    def __init__(self, token: str, sessions: Sessions | None = None) -> None:
        self._owner, self.sessions = digest(token), sessions

    def by_token(self, token: str) -> Who | None:
        """Whose token this is."""
        # Digests are compared, so that neither length nor content of the token shows in the time taken.
        return OWNER if hmac.compare_digest(digest(token), self._owner) else None

    def who(self, method: str, headers: Mapping[bytes, bytes]) -> Who:
        """Who sends a request.

        Raises:
            Refused: 401: nobody we know. 403: a session without its CSRF header.
        """
        scheme, _, given = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        found = self.by_token(given.strip()) if scheme.lower() == "bearer" else None
        if found is None and not scheme and self.sessions and b"cookie" in headers:
            csrf = headers[b"x-csrf-token"].decode("latin-1") if b"x-csrf-token" in headers else None
            reads = method in ("GET", "HEAD", "OPTIONS")
            found = self.sessions.who(_cookies(headers[b"cookie"]), csrf, reads=reads)
        if found is None:
            raise Refused(
                401,
                "The token is missing or wrong: send `Authorization: Bearer TOKEN` with the token that "
                "`helder serve` showed (in the openai client: api_key).",
                code="invalid_api_key",
            )
        return found


def needs(role: Role) -> Callable[[Request], Awaitable[Who]]:
    """A dependency of a route: who asks, when they have the role.

    Raises:
        Refused: 403.
    """

    async def dependency(request: Request) -> Who:
        who: Who = request.scope["who"]
        if role not in who.roles:
            message = f"The token {who.name!r} has not the role {role!r}."
            raise Refused(403, message, code="insufficient_permissions")
        return who

    return dependency


class Gate:
    """Lets a request in when we know who sends it and its body is of reasonable size.

    Pure ASGI: nothing is read before.

    Args:
        public: paths that anyone may GET; one that ends in "/" stands for all below it.
    """

    def __init__(self, app: ASGIApp, access: Access, public: frozenset[str]) -> None:
        self.app, self.access, self.public = app, access, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._check(scope)
            except Refused as refused:
                await refused.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        path = scope["path"]
        below = any(path.startswith(prefix) for prefix in self.public if prefix.endswith("/") and prefix != "/")
        if path not in self.public and not below:
            scope["who"] = self.access.who(scope["method"], headers)
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or b"transfer-encoding" in headers:
            raise Refused(411, "Send the body with a Content-Length.")
        if int(length) > LARGEST_BODY:
            raise Refused(413, f"The body is larger than {LARGEST_BODY} bytes.")


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _cookies(header: bytes) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header.decode("latin-1")).items()}
    except CookieError:
        return {}
