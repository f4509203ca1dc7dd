"""What machines ask of a server: `/healthz`, and `/metrics` in Prometheus' text format for those who may administer.

/healthz    200 "ready": it answers. 503 "draining": it ends. 503 "broken": the engine crashed too often and
            is not started again; whoever watches this should start the server anew. Nothing else is told.
/metrics    counts, lengths, times and memory; no names, no texts (`helder.serve.metrics`)
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse

from helder.serve.access import Who, needs, no_query
from helder.serve.metrics import CONTENT_TYPE
from helder.serve.served import Served

Administers = Annotated[Who, Depends(needs("admin"))]


def router(served: Served) -> APIRouter:
    turns, engine, log = served.turns, served.service.engine, served.log
    routes = APIRouter(tags=["machine"], dependencies=[Depends(no_query)])
    if log is not None:
        turns.metrics.gauge("helder_log_entries", lambda: log.size)

    @routes.get("/healthz")
    async def healthz() -> JSONResponse:
        status = "broken" if engine.broken else "draining" if turns.draining else "ready"
        return JSONResponse({"status": status}, 200 if status == "ready" else 503, {"Cache-Control": "no-store"})

    @routes.get("/metrics")
    async def metrics(who: Administers) -> Response:
        return Response(turns.metrics.text(), media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})

    return routes
