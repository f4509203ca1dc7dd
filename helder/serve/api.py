"""`helder serve`: a port, a token, and the application behind it until it is told to end.

The owner's token is made at each start and shown once, or read from a file that only its owner can read; others get
theirs from `helder token`. Without a certificate for TLS only this machine can be spoken to.

SIGTERM: new requests are told to come back, those under way come to their end (for at most `drain` seconds), then the
process ends with 0. Ctrl-C does the same with less patience; a second one ends it at once.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import secrets
import signal
import socket
import ssl
import stat
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from helder.errors import ExitCode, HelderError
from helder.serve.access import Access
from helder.serve.admission import Admitted, admit
from helder.serve.app import create_app
from helder.serve.audit import AuditLog, Keep
from helder.serve.completer import Completer
from helder.serve.link import CONNECTIONS, KEEP_ALIVE, Link
from helder.serve.remote import Kind, Remote
from helder.serve.served import Served
from helder.serve.service import CONTEXT, Service
from helder.serve.stamping import open_log
from helder.serve.supervise import Keeper, Mode
from helder.serve.tokens import Spent, Tokens
from helder.serve.tracing import Tracing, Why
from helder.serve.turns import DEADLINE, Turns

SHORTEST_TOKEN = 20  # characters
PATIENCE = 3  # seconds that answers under way get after Ctrl-C, and an answer that is cut to end
DRAIN = 30.0  # seconds that answers under way get after SIGTERM
LOCAL = ("127.0.0.1", "localhost", "::1")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


class Server(uvicorn.Server):
    """uvicorn, which lets answers under way come to their end while it tells new requests to come back."""

    def __init__(self, config: uvicorn.Config, served: Served, drain: float = DRAIN) -> None:
        super().__init__(config)
        self.served, self.drain = served, drain
        self.until: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.until is not None:  # told twice
            self.served.turns.drain(0)
            super().handle_exit(sig, frame)
            return
        seconds = min(PATIENCE, self.drain) if sig == signal.SIGINT else self.drain
        self.until = time.monotonic() + seconds
        self._captured_signals.append(sig)
        self.served.stopping.set()
        self.served.turns.drain(seconds)

    async def on_tick(self, counter: int) -> bool:
        if self.until is not None and (not self.server_state.tasks or time.monotonic() > self.until + PATIENCE):
            self.should_exit = True
        return await super().on_tick(counter)


@dataclass(frozen=True)
class Where:
    """Where a server listens, and as what.

    Attributes:
        host: 127.0.0.1, ::1 or localhost; with `tls` any address of this machine.
        port: 0 for any free one.
        tls: files with the certificate (chain) and the private key, in PEM.
        names: further names under which it is called, by a reverse proxy on this machine for example.
        token_file: where the owner's token is read from; made, with a new token, when it is not there.
        drain: seconds that answers under way get after SIGTERM.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    tls: tuple[Path, Path] | None = None
    names: tuple[str, ...] = ()
    token_file: Path | None = None
    drain: float = DRAIN


@dataclass(frozen=True)
class Logging:
    """Whether and where answers are recorded.

    Attributes:
        folder: of the log; None: under `$HELDER_HOME/serve/log`, by the model's name.
        keep: what is kept beside the records.
        off: nothing is recorded, and answers have no receipts.
    """

    folder: Path | None = None
    keep: Keep = field(default_factory=Keep)
    off: bool = False


@dataclass(frozen=True)
class Engines:
    """How many are answered at a time, and how.

    Attributes:
        places: answers at the same time.
        mode: "exact": a process for each, the bits of an answer do not depend on others; "fast": one for all.
        waiting: requests that may wait; default: as many as are likely to be answered soon.
        deadline: seconds that a request gets, waiting and answering together.
        elsewhere: address, model name and kind of an engine that answers instead of a process here.
    """

    places: int = 1
    mode: Mode = "exact"
    waiting: int | None = None
    deadline: float = DEADLINE
    elsewhere: tuple[str, str, Kind] | None = None


def serve(
    target: Path,
    where: Where,
    logging: Logging,
    engines: Engines | None = None,
    *,
    policy: Path | None = None,
    format: str | None = None,
    threads: int | None = None,
    context: int = CONTEXT,
) -> None:
    """Serve the model of a project or of a bundle until SIGINT or SIGTERM.

    Args:
        target: the project, whose run must have made a model file; or the bundle, as folder or archive.
        engines: how many are answered at a time; default: one.
        policy: what is demanded of a bundle; see `helder.serve.policy`.
        format: which file answers; see `helder.serve.locate.locate`.
        threads: threads of one answer; default: the cores this process may use.
        context: tokens of question and answer together.

    Raises:
        HelderError: the bundle may not answer (code 5), no model file, the address is not of this machine alone and
            there is no TLS, the port is taken, the token file is not safe, the log is damaged or another server has it.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(listen(where.host, where.port, where.tls is not None))
        if where.tls is not None:
            _check_tls(*where.tls)
        token = _token(where.token_file)
        access = _access(token)
        admitted = stack.enter_context(admit(target, policy, format))
        how = engines or Engines()
        turns = Turns(how.places, waiting=how.waiting, deadline=how.deadline)

        common: dict[str, Any] = {"context": context, "places": how.places, "metrics": turns.metrics}

        def keeper(path: Path) -> Completer:
            if how.elsewhere is not None:
                return Remote(*how.elsewhere[:2], kind=how.elsewhere[2], **common)
            return Keeper(path, threads=threads, mode=how.mode, **common)

        service = Service.open(admitted.run, admitted.format or format, abstain=admitted.abstain, engine=keeper)
        stack.callback(service.close)
        log = None if logging.off else stack.enter_context(open_log(service, logging.folder, logging.keep))
        hosts = LOOPBACK.union(where.names) if where.host in LOCAL else None
        served = assemble(admitted, service, turns, access, log, hosts)
        name = f"[{listener.getsockname()[0]}]" if listener.family == socket.AF_INET6 else listener.getsockname()[0]
        url = f"{'https' if where.tls else 'http'}://{name}:{listener.getsockname()[1]}"
        _greet(served, url, token, where.token_file)
        with suppress(KeyboardInterrupt):  # how this server is meant to end
            Server(configure(create_app(served), where.tls), served, where.drain).run(sockets=[listener])
    _say("Stopped.")


def assemble(
    admitted: Admitted,
    service: Service,
    turns: Turns,
    access: Access,
    log: AuditLog | None,
    hosts: frozenset[str] | None,
) -> Served:
    """The server of a model that was let in, with every part that is there for it."""
    tracing = admitted.tracing()
    return Served(
        service,
        turns,
        access,
        log=log,
        tracing=tracing if isinstance(tracing, Tracing) else None,
        untraced=tracing.text if isinstance(tracing, Why) else None,
        policy=admitted.policy,
        certificate=admitted.bundle.root if admitted.bundle else None,
        hosts=hosts,
    )


def configure(app: FastAPI, tls: tuple[Path, Path] | None = None) -> uvicorn.Config:
    """uvicorn's settings: bounds are those of `helder.serve.link`, nothing of a request is printed."""
    return uvicorn.Config(
        app,
        http=Link,
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=PATIENCE,
        ssl_certfile=tls and tls[0],
        ssl_keyfile=tls and str(tls[1]),
    )


def listen(host: str, port: int, tls: bool = False) -> socket.socket:
    """A listening socket; clients that connect before the model is loaded wait.

    Raises:
        HelderError: see `serve`.
    """
    if host not in LOCAL and not tls:
        raise HelderError(
            f"{host} is not an address of this machine alone.",
            "Without TLS anyone on the way could read questions, answers and the token.",
            "Give --tls-cert and --tls-key; or serve on 127.0.0.1, with a reverse proxy with TLS in front of it.",
            ExitCode.REFUSED,
        )
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise HelderError(f"{host!r} is not an address.", str(error), "Give an address, such as 192.0.2.7.") from error
    listener = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((str(address), port))
        listener.listen(CONNECTIONS)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise HelderError(
                f"Port {port} on {address} is in use.",
                "Another program listens there, maybe another `helder serve`.",
                "Stop it, or choose another port: --port 0 takes any that is free.",
            ) from error
        raise HelderError(
            f"Port {port} on {address} cannot be opened.",
            os.strerror(error.errno or 0) + (" (ports below 1024 need rights)" if port < 1024 else ""),
            "Choose another port, such as --port 8000.",
        ) from error
    return listener


def _check_tls(certificate: Path, key: Path) -> None:
    """That both files are there, belong together, and that nobody else can read the key."""
    try:
        mode = stat.S_IMODE(key.stat().st_mode)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise HelderError(
            f"The certificate {certificate} and the key {key} cannot be used.",
            str(error) or type(error).__name__,
            "Give the certificate (chain) and its private key without a passphrase, both in PEM.",
        ) from error
    if mode & 0o007:
        raise HelderError(
            f"Others can read the key {key}.", f"Its mode is {mode:03o}.", f"chmod 600 {key}", ExitCode.REFUSED
        )


def _no_password() -> str:
    raise ValueError("the key is protected by a passphrase")


def _token(path: Path | None) -> str:
    if path is None:
        return secrets.token_urlsafe(24)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(24) + "\n")
    except FileExistsError:
        pass
    except OSError as error:
        raise HelderError(f"The token file {path} cannot be made.", str(error), "Choose another place.") from error
    try:
        with path.open(encoding="ascii") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            token = file.read(4096).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise HelderError(f"The token file {path} cannot be read.", str(error), "Correct or remove it.") from error
    if mode & 0o077:
        raise HelderError(
            f"Others can read the token file {path}.", f"Its mode is {mode:03o}.", f"chmod 600 {path}", ExitCode.REFUSED
        )
    if len(token) < SHORTEST_TOKEN or not token.isprintable() or " " in token:
        raise HelderError(
            f"The token in {path} is not usable.",
            f"A token is one line of at least {SHORTEST_TOKEN} characters without spaces.",
            "Remove the file: the next start makes a new one.",
        )
    return token


def _access(token: str) -> Access:
    tokens = Tokens()
    tokens.all()  # a file that cannot be used is told now, and not to the first who asks
    return Access(token, tokens, Spent(tokens.folder / "used.json"))


def _greet(served: Served, url: str, token: str, token_file: Path | None) -> None:
    """Where the server is and how to speak to it, on stderr."""
    service, log = served.service, served.log
    located = service.located
    _say(f"{service.name} ({located.format}: {located.reason}) answers at {url}/v1")
    _say(f"token: in {token_file}" if token_file else f"token: {token}   (shown once; a new one at each start)")
    _say(f"page:  {url}/   (sign in there with the token)")
    if log is None:
        _say("log:   none, answers have no receipts")
    else:
        _say(f"log:   {log.folder} ({log.size:,} records, {log.origin})")
    shown = f"$(cat {token_file})" if token_file else "TOKEN"
    body = f'{{"model": "{service.name}", "messages": [{{"role": "user", "content": "…"}}]}}'
    _say(
        f'try:   curl {url}/v1/chat/completions -H "Authorization: Bearer {shown}" '
        f"-H 'Content-Type: application/json' -d '{body}'"
    )
    _say("stop:  Ctrl-C")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
