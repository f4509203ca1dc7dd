"""The paths of the server, one module for each part: `router(served) -> APIRouter`.

A part that is new is named in `routers`, and its paths that need no token in `PUBLIC`.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter

from helder.serve.routes import about, audit, machine, openai, page, trace
from helder.serve.served import Served

# Paths that anyone may read; one that ends in "/" stands for all below it.
PUBLIC: frozenset[str] = frozenset({"/healthz", "/", "/page/", "/session"})


def routers(served: Served) -> Iterator[APIRouter]:
    """Those of the parts that are there."""
    yield machine.router(served)
    yield about.router(served)
    yield openai.router(served)
    yield page.router(served)
    if served.log is not None:
        yield audit.router(served)
    if served.tracing is not None:
        yield trace.router(served)
