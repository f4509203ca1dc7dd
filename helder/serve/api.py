"""`helder serve`: a port on this machine, a token, and the application behind it until Ctrl-C.

The token is made at each start and shown once, or read from a file that only its owner can read. There is no TLS, so
addresses of other machines are refused: put a reverse proxy with TLS in front where others need it.
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
import stat
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from helder.errors import ExitCode, HelderError
from helder.serve.access import Access
from helder.serve.app import create_app
from helder.serve.served import Served
from helder.serve.service import CONTEXT, Service
from helder.serve.tokens import Spent, Tokens
from helder.serve.turns import Turns

if TYPE_CHECKING:
    from helder.project import Project

SHORTEST_TOKEN = 20  # characters
CONNECTIONS = 64  # at the same time; more are told to come back
PATIENCE = 3  # seconds that open connections get when the server stops


class Server(uvicorn.Server):
    """uvicorn, which also tells answers under way that it stops."""

    def __init__(self, config: uvicorn.Config, stopping: threading.Event) -> None:
        super().__init__(config)
        self.stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.stopping.set()
        super().handle_exit(sig, frame)


def serve(
    project: Project,
    host: str = "127.0.0.1",
    port: int = 8000,
    format: str | None = None,
    token_file: Path | None = None,
    threads: int | None = None,
    context: int = CONTEXT,
) -> None:
    """Serve the model of a project until SIGINT or SIGTERM.

    Args:
        project: its run must have made a model file.
        host: 127.0.0.1, ::1 or localhost.
        port: 0 for any free one.
        format: which file answers; see `helder.serve.locate.locate`.
        token_file: where the token is read from; made, with a new token, when it is not there.
        threads: threads of one answer; default: the cores this process may use.
        context: tokens of question and answer together.

    Raises:
        HelderError: no model file, the address is not of this machine, the port is taken, the token file is not safe.
    """
    listener = listen(host, port)
    with listener:
        token = _token(token_file)
        abstain = project.recipe.trust is not None and project.recipe.trust.abstain
        service = Service.open(project.run_folder, format, threads=threads, context=context, abstain=abstain)
        served = Served(service, Turns(), _access(token))
        config = uvicorn.Config(
            create_app(served),
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=PATIENCE,
            lifespan="off",
        )
        name = f"[{listener.getsockname()[0]}]" if listener.family == socket.AF_INET6 else listener.getsockname()[0]
        _greet(service, f"http://{name}:{listener.getsockname()[1]}", token, token_file)
        try:
            with suppress(KeyboardInterrupt):  # how this server is meant to end
                Server(config, served.stopping).run(sockets=[listener])
        finally:
            service.close()
    _say("Stopped.")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; clients that connect before the model is loaded wait.

    Raises:
        HelderError: see `serve`.
    """
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise HelderError(
            f"{host} is not an address of this machine alone.",
            "The server speaks without TLS, so that anyone on the way could read questions, answers and the token.",
            "Serve on 127.0.0.1 and put a reverse proxy with TLS in front of it.",
            ExitCode.REFUSED,
        )
    family, address = (socket.AF_INET6, "::1") if host == "::1" else (socket.AF_INET, "127.0.0.1")
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
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


def _greet(service: Service, url: str, token: str, token_file: Path | None) -> None:
    """Where the server is and how to speak to it, on stderr."""
    located = service.located
    _say(f"{service.name} ({located.format}: {located.reason}) answers at {url}/v1")
    _say(f"token: in {token_file}" if token_file else f"token: {token}   (shown once; a new one at each start)")
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
