"""Tokens of those who may ask: made once and shown once, kept as digests in a file that only its owner can read.

    $HELDER_HOME/serve/
      tokens.json    name, SHA-256, roles, rate and quota of each token; mode 0600
      used.json      how much of their quotas was used

A token is 32 random bytes, so that its plain SHA-256 tells nobody anything. A server looks at the file again whenever
it has changed: a token that is revoked is refused at the next request. Quotas are kept over restarts; two servers with
one home count each for itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
import re
import secrets
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from helder.errors import ExitCode, HelderError
from helder.ledger.artifact import temporary_beside, write_atomic
from helder.ledger.keys import helder_home

Role = Literal["ask", "log", "admin"]  # ask the model; see the log; what only its owner may
ROLES: tuple[Role, ...] = ("ask", "log", "admin")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
RESERVED = "owner"  # whoever has the token that `helder serve` showed
PERIODS = {"s": 1, "min": 60, "hour": 3600, "day": 86_400}
MOST_TOKENS, LARGEST_FILE = 10_000, 8 << 20  # assumption: more than one machine has
PREFIX = "hld_"  # so that a token that stands somewhere by mistake is found


@dataclass(frozen=True)
class Allowance:
    """So many requests in so much time."""

    count: int
    period: str

    @classmethod
    def read(cls, text: str, what: str) -> Allowance:
        """From "60/min".

        Raises:
            HelderError: it is not of that form.
        """
        found = re.fullmatch(r"([1-9][0-9]{0,8})/(s|min|hour|day)", text)
        if found is None:
            raise HelderError(
                f"The {what} {text!r} cannot be read.", "", f"Write for example 60/min; after /: {', '.join(PERIODS)}."
            )
        return cls(int(found[1]), found[2])

    @property
    def seconds(self) -> int:
        return PERIODS[self.period]

    def __str__(self) -> str:
        return f"{self.count}/{self.period}"


@dataclass(frozen=True)
class Token:
    """What is known of a token.

    Attributes:
        name: stands in the log.
        sha256: of the token.
        roles: what it may do.
        rate: requests in a short time: so many at once, and as they come back.
        quota: requests in a period of the clock (UTC).
        made: when.
    """

    name: str
    sha256: str
    roles: tuple[Role, ...]
    rate: Allowance | None
    quota: Allowance | None
    made: str

    def to_json(self) -> dict[str, Any]:
        told = {key: None if value is None else str(value) for key, value in self._allowances().items()}
        return {**asdict(self), "roles": list(self.roles), **told}

    def _allowances(self) -> dict[str, Allowance | None]:
        return {"rate": self.rate, "quota": self.quota}


class Tokens:
    """The file of tokens, read again when it has changed. Used by any thread.

    Args:
        folder: where it lies; default `$HELDER_HOME/serve`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or helder_home() / "serve"
        self.file = self.folder / "tokens.json"
        self._seen: tuple[int, ...] | None = None
        self._by_digest: dict[str, Token] = {}
        self._by_name: dict[str, Token] = {}

    def find(self, token: str) -> Token | None:
        """The token that somebody sent.

        Raises:
            HelderError: the file is damaged, or others can read it (code 5).
        """
        self._look()
        return self._by_digest.get(digest(token).hex())

    def named(self, name: str) -> Token | None:
        """The token of that name, while it is not revoked."""
        self._look()
        return self._by_name.get(name)

    def all(self) -> list[Token]:
        self._look()
        return [self._by_name[name] for name in sorted(self._by_name)]

    def make(
        self, name: str, roles: Sequence[Role], rate: Allowance | None = None, quota: Allowance | None = None
    ) -> str:
        """A new token; it is returned and never shown again.

        Raises:
            HelderError: the name is taken or is none.
        """
        if NAME.fullmatch(name) is None or name == RESERVED:
            raise HelderError(
                f"{name!r} cannot be the name of a token.",
                "A name has letters a–z, digits, dots, hyphens and underscores, 64 at most; `owner` is taken.",
            )
        with self._changing():
            if name in self._by_name:
                raise HelderError(
                    f"There is a token named {name}.", fix=f"helder token revoke {name}, or another name."
                )
            if len(self._by_name) >= MOST_TOKENS:
                raise HelderError(f"There are {MOST_TOKENS:,} tokens already.", fix="Revoke some.")
            token = PREFIX + secrets.token_urlsafe(32)
            made = datetime.now(UTC).isoformat(timespec="seconds")
            ordered = tuple(role for role in ROLES if role in roles)
            self._write([*self._by_name.values(), Token(name, digest(token).hex(), ordered, rate, quota, made)])
        return token

    def revoke(self, name: str) -> None:
        """Let a token be worth nothing.

        Raises:
            HelderError: there is none of that name.
        """
        with self._changing():
            if name not in self._by_name:
                raise HelderError(f"There is no token named {name}.", fix="helder token list")
            self._write([token for token in self._by_name.values() if token.name != name])

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One at a time, over processes."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._look()
            yield
        finally:
            os.close(descriptor)

    def _write(self, tokens: Sequence[Token]) -> None:
        record = {"format": 1, "tokens": [token.to_json() for token in sorted(tokens, key=lambda one: one.name)]}
        write_atomic(self.file, (json.dumps(record, ensure_ascii=False, indent=1) + "\n").encode(), mode=0o600)
        self._look()

    def _look(self) -> None:
        try:
            about = self.file.stat()
        except FileNotFoundError:
            self._seen, self._by_digest, self._by_name = None, {}, {}
            return
        seen = (about.st_ino, about.st_mtime_ns, about.st_size)
        if seen == self._seen:
            return
        tokens = self._read()
        self._by_digest = {token.sha256: token for token in tokens}
        self._by_name = {token.name: token for token in tokens}
        self._seen = seen

    def _read(self) -> list[Token]:
        try:
            with self.file.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                data = file.read(LARGEST_FILE + 1)
            if mode & 0o077:
                raise HelderError(
                    f"Others can read or write {self.file}.",
                    f"Its mode is {mode:03o}: they could learn who asks, or let themselves in.",
                    f"chmod 600 {self.file}",
                    ExitCode.REFUSED,
                )
            if len(data) > LARGEST_FILE:
                raise ValueError(f"it has more than {LARGEST_FILE} bytes")
            return [_token(one) for one in json.loads(data)["tokens"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise HelderError(f"{self.file} cannot be understood.", str(error), "Correct it, or remove it.") from error


class Spent:
    """How much of its rate and quota each name has used. Used by any thread.

    Args:
        file: where quotas are kept; None: nowhere.
        clock: seconds that never go back.
        now: seconds since 1970.
    """

    def __init__(
        self,
        file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.file, self._clock, self._now = file, clock, now
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}  # name → (requests left, when that was)
        self._used: dict[str, tuple[int, int]] = self._load()  # name → (period of the clock, requests)

    def spend(self, name: str, rate: Allowance | None, quota: Allowance | None) -> tuple[str, int] | None:
        """Take one request; (what is used up, seconds until there is more) when there is none to take."""
        with self._lock:
            if rate is not None:
                left, at = self._buckets.get(name, (float(rate.count), self._clock()))
                clock = self._clock()
                left = min(float(rate.count), left + (clock - at) * rate.count / rate.seconds)
                self._buckets[name] = (left, clock)
                if left < 1:
                    return f"rate of {rate}", max(1, math.ceil((1 - left) * rate.seconds / rate.count))
            if quota is not None:
                now = self._now()
                period = int(now // quota.seconds)
                used = self._used[name][1] if self._used.get(name, (None, 0))[0] == period else 0
                if used >= quota.count:
                    return f"quota of {quota}", max(1, math.ceil((period + 1) * quota.seconds - now))
                self._used[name] = (period, used + 1)
                self._save()
            if rate is not None:
                self._buckets[name] = (left - 1, clock)
        return None

    def _load(self) -> dict[str, tuple[int, int]]:
        if self.file is None:
            return {}
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
            return {str(name): (int(period), int(used)) for name, (period, used) in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise HelderError(
                f"{self.file} cannot be understood.", str(error), "Remove it: quotas then begin anew."
            ) from error

    def _save(self) -> None:
        """Whole or not at all, without waiting for the disk: a power cut may give the last seconds back."""
        if self.file is None:
            return
        aside = temporary_beside(self.file)
        try:
            aside.write_text(json.dumps(self._used), encoding="utf-8")
            aside.rename(self.file)
        except OSError as error:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
            raise HelderError(
                f"{self.file} cannot be written: a quota cannot be counted.", str(error), "Free some space."
            ) from error


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _token(record: dict[str, Any]) -> Token:
    name, sha256, roles = record["name"], record["sha256"], tuple(record["roles"])
    if NAME.fullmatch(name) is None or re.fullmatch(r"[0-9a-f]{64}", sha256) is None or set(roles) - set(ROLES):
        raise ValueError(f"the token {name!r} is not one")
    rate, quota = (
        None if record[what] is None else Allowance.read(record[what], f"{what} of {name}")
        for what in ("rate", "quota")
    )
    return Token(name, sha256, cast(tuple[Role, ...], roles), rate, quota, str(record["made"]))
