"""Who may do what: tokens (and sessions of the page) become a `Who` before anything of a request is read.

`helder.serve.gate.Gate` stands before the application and asks `Access` who is speaking; nothing but the public paths
is answered without. A route then says which role it needs:

    @router.post("/v1/trace")
    async def trace(body: TraceRequest, who: Who = Depends(needs("ask"))) -> …
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Protocol

from fastapi import Request

from helder.serve.refusals import Refused, shown
from helder.serve.tokens import RESERVED, ROLES, Role, Spent, Tokens, digest


@dataclass(frozen=True)
class Who:
    """Someone who may come in.

    Attributes:
        name: of the token; stands in the log.
        roles: what it may do.
    """

    name: str
    roles: frozenset[Role]


OWNER = Who(RESERVED, frozenset(ROLES))


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
        token: of the owner, who may do everything without limit.
        tokens: of others; None: there are none.
        spent: what they used of their rates and quotas.
        sessions: of the page.
    """

    def __init__(
        self,
        token: str,
        tokens: Tokens | None = None,
        spent: Spent | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        self._owner, self.tokens, self.sessions = digest(token), tokens, sessions
        self._spent = spent or Spent()

    def by_token(self, token: str) -> Who | None:
        """Whose token this is.

        Raises:
            HelderError: the file of tokens cannot be used.
        """
        # Digests are compared, so that neither length nor content of the token shows in the time taken.
        if hmac.compare_digest(digest(token), self._owner):
            return OWNER
        found = self.tokens.find(token) if self.tokens else None
        return Who(found.name, frozenset(found.roles)) if found else None

    def named(self, name: str) -> Who | None:
        """Who has this name now: a token that was revoked, or has other roles by now, takes its sessions along."""
        if name == RESERVED:
            return OWNER
        found = self.tokens.named(name) if self.tokens else None
        return Who(found.name, frozenset(found.roles)) if found else None

    def spend(self, who: Who) -> None:
        """Count one request against the rate and quota of who sends it.

        Raises:
            Refused: 429, there is none left; with the seconds until there is.
        """
        found = self.tokens.named(who.name) if self.tokens else None
        if found is None or (found.rate is None and found.quota is None):
            return
        used = self._spent.spend(found.name, found.rate, found.quota)
        if used is not None:
            message = f"The {used[0]} of the token {who.name!r} is used up. Come back in {used[1]} s."
            raise Refused(429, message, code="rate_limit_exceeded", retry_after=used[1])

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
            session = self.sessions.who(_cookies(headers[b"cookie"]), csrf, reads=reads)
            found = self.named(session.name) if session else None
        if found is None:
            raise _unknown()
        return found


def needs(role: Role, *, counts: bool = True) -> Callable[[Request], Awaitable[Who]]:
    """A dependency of a route: who asks, when they have the role. A POST that asks counts against rate and quota.

    Args:
        counts: False for what belongs to an answer that was counted already.

    Raises:
        Refused: 403; 429.
    """

    async def dependency(request: Request) -> Who:
        who: Who | None = request.scope.get("who")
        if who is None:  # a route below a public path
            raise _unknown()
        if role not in who.roles:
            message = f"The token {who.name!r} has not the role {role!r}."
            raise Refused(403, message, code="insufficient_permissions")
        if counts and role == "ask" and request.method == "POST":
            access: Access = request.scope["access"]
            access.spend(who)
        return who

    return dependency


def _unknown() -> Refused:
    return Refused(
        401,
        "The token is missing or wrong: send `Authorization: Bearer TOKEN` with the token that "
        "`helder serve` showed (in the openai client: api_key).",
        code="invalid_api_key",
    )


async def no_query(request: Request) -> None:
    """A dependency of routes that take nothing in their address.

    Raises:
        Refused: 400, it names what was given.
    """
    if request.url.query:
        name = shown(next(iter(request.query_params), request.url.query))
        raise Refused(400, f"`{name}` in the address is not a parameter that this server knows.", name)


def _cookies(header: bytes) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header.decode("latin-1")).items()}
    except CookieError:
        return {}
