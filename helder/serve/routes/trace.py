"""`POST /v1/trace`: which parts of a text stand verbatim in own documents or in the prompt.

One text is traced at a time, and few may wait: it is the same processor that answers.
"""

from __future__ import annotations

from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from helder.serve.access import Who, needs
from helder.serve.refusals import Refused
from helder.serve.requests import Closed
from helder.serve.served import Served
from helder.serve.tracing import Tracing

LONGEST_TEXT = 4_000  # characters; answers have at most 512 tokens, and twice the length is four times the work
LONGEST_PROMPT = 20_000  # characters; above what the usual context of 2,048 tokens holds
MOST_WAITING = 8  # requests, with that under way; one takes 0.03 s for 400 characters, 0.12 for 2,000 (docs/log.md)


class TraceRequest(Closed):
    """POST /v1/trace"""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    prompt: Annotated[str, Field(max_length=LONGEST_PROMPT)] | None = None


def router(served: Served) -> APIRouter:
    assert served.tracing is not None
    tracing: Tracing = served.tracing
    routes = APIRouter(prefix="/v1")
    turn, waiting = anyio.Lock(), 0

    @routes.post("/trace")
    async def trace(body: TraceRequest, who: Annotated[Who, Depends(needs("ask", counts=False))]) -> dict[str, Any]:
        nonlocal waiting
        if waiting >= MOST_WAITING:
            raise Refused(429, "Others wait to have texts traced. Come back in 1 s.", retry_after=1)
        waiting += 1
        try:
            async with turn:
                return await run_in_threadpool(tracing.trace, body.text, body.prompt)
        finally:
            waiting -= 1

    return routes
