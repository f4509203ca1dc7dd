"""Sessions of the page: who signs in with a token once is known by a cookie from then on.

The browser holds a random cookie that no script can read (HttpOnly) and that no other site can make it send
(SameSite=Strict); what it stands for is in the memory of the server, under its digest, and ends with the server. The
token itself is not kept: not in the cookie, not here, not in the page. Whatever changes or asks something brings the
header X-CSRF-Token as well, which only the page can read.

What it does not protect: cookies know no ports, so that a browser shows a session of 127.0.0.1 to other servers on
that address. Who cannot trust the other users of a machine serves under a name of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from helder.serve.access import Who
from helder.serve.refusals import Refused

LONGEST = 12 * 3600  # seconds; assumption: a working day
IDLE = 2 * 3600  # seconds without a request; assumption: nobody sits there any more
MOST = 10_000  # of all together; assumption: more than one machine has
MOST_EACH = 20  # of one name; the one that was used longest ago gives way
SECRET = 32  # random bytes


class Named(Protocol):
    """What is asked of a token that is still good: its digest, in hexadecimal."""

    @property
    def sha256(self) -> str: ...


@dataclass(frozen=True)
class Session:
    """One browser that has signed in.

    Attributes:
        who: the token's name and roles, when it signed in.
        token: SHA-256 of the token: one that is revoked takes its sessions along, also where another was made under
            its name.
        csrf: what the header X-CSRF-Token must say.
        ends: when it ends at the latest, in seconds of the clock.
        used: when it was used last.
    """

    who: Who
    token: str
    csrf: str
    ends: float
    used: float

    def left(self, now: float) -> float:
        """Seconds until it ends, if nothing more is asked."""
        return min(self.ends, self.used + IDLE) - now


class Sessions:
    """All sessions of a server, as `helder.serve.access.Access` asks for them. Used by any thread.

    Args:
        named: the token of a name as it is now, None when it was revoked. Names without a token here (the owner's)
            are good as long as the server runs.
        lasting: names that need no look: the owner.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        named: Callable[[str], Named | None] = lambda name: None,
        lasting: frozenset[str] = frozenset({"owner"}),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._named, self._lasting, self._clock = named, lasting, clock
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}  # digest of the cookie → session, the longest unused first

    def begin(self, who: Who, token: str) -> tuple[str, Session]:
        """A new session: (the cookie's value, the session)."""
        cookie, now = secrets.token_urlsafe(SECRET), self._clock()
        session = Session(who, _digest(token), secrets.token_urlsafe(SECRET), now + LONGEST, now)
        with self._lock:
            ended = [key for key, one in self._sessions.items() if one.left(now) <= 0]
            own = [key for key, one in self._sessions.items() if one.who.name == who.name and key not in ended]
            for key in (*ended, *own[: max(0, len(own) - MOST_EACH + 1)]):
                del self._sessions[key]
            while len(self._sessions) >= MOST:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[_digest(cookie)] = session
        return cookie, session

    def find(self, cookie: str) -> Session | None:
        """The session of a cookie, which is used by this; None when there is none or it has ended."""
        key, now = _digest(cookie), self._clock()
        with self._lock:
            session = self._sessions.pop(key, None)
            if session is None or session.left(now) <= 0 or not self._good(session):
                return None
            session = replace(session, used=now)
            self._sessions[key] = session
        return session

    def end(self, cookie: str) -> None:
        """Sign out."""
        with self._lock:
            self._sessions.pop(_digest(cookie), None)

    def left(self, session: Session) -> float:
        """Seconds until a session ends, if nothing more is asked."""
        return session.left(self._clock())

    def who(self, cookies: Mapping[str, str], csrf: str | None, *, reads: bool) -> Who | None:
        """See `helder.serve.access.Sessions`, which this is."""
        session = self.of(cookies)
        if session is None:
            return None
        if not reads:
            check(session, csrf)
        return session.who

    def of(self, cookies: Mapping[str, str]) -> Session | None:
        """The session among the cookies of a request: several servers on one address leave one each."""
        for name in sorted(cookies):
            if is_ours(name) and (session := self.find(cookies[name])) is not None:
                return session
        return None

    def _good(self, session: Session) -> bool:
        if session.who.name in self._lasting:
            return True
        found = self._named(session.who.name)
        return found is not None and hmac.compare_digest(found.sha256, session.token)


def check(session: Session, csrf: str | None) -> None:
    """See that a request comes from the page itself.

    Raises:
        Refused: 403, the header is missing or wrong.
    """
    if csrf is None or not hmac.compare_digest(csrf.encode("utf-8", "surrogateescape"), session.csrf.encode("ascii")):
        message = "The header X-CSRF-Token is missing or wrong: a session asks from its own page only. Load it again."
        raise Refused(403, message, code="wrong_csrf_token")


def name(port: int, *, secure: bool) -> str:
    """Of the cookie: one for each server on an address; `__Host-` binds it to this host and to TLS."""
    return f"{'__Host-' if secure else ''}helder-{port}"


def is_ours(name: str) -> bool:
    port = name.removeprefix("__Host-").removeprefix("helder-")
    return name.removeprefix("__Host-").startswith("helder-") and port.isdigit()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
