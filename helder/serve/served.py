"""What every route gets: the model, the queue before it, who may ask, and the parts that are there.

A part is a module of `helder.serve.routes` with `router(served) -> APIRouter`; `create_app` mounts those whose part
is there. A part that is not there is None, and its paths do not exist.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from helder.serve.access import Access
from helder.serve.audit import AuditLog
from helder.serve.policy import Policy
from helder.serve.service import Service
from helder.serve.tracing import Tracing
from helder.serve.turns import Turns


@dataclass(frozen=True)
class Served:
    """One server.

    Attributes:
        service: model, task and retrieval.
        turns: the queue before the engine.
        access: tokens, roles, rates, sessions.
        log: the audit log; None when nothing is recorded.
        tracing: the way back to the documents; None when they are not here, and `untraced` says why.
        policy: what was demanded of the model, and what was found.
        stopping: set when the server is to end: no new requests, those under way come to their end.
        certificate: the verified bundle's folder, in which its certificate lies; None for a project.
        hosts: names under which it may be called; None: any. See `helder.serve.gate.Gate`.
    """

    service: Service
    turns: Turns
    access: Access
    log: AuditLog | None = None
    tracing: Tracing | None = None
    untraced: str | None = None
    policy: Policy = field(default_factory=Policy)
    stopping: threading.Event = field(default_factory=threading.Event)
    certificate: Path | None = None
    hosts: frozenset[str] | None = None
