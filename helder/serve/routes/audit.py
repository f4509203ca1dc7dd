"""The log over HTTP: receipts for who asked, the log itself for who may see it, erasure for who administers.

    GET  /v1/receipts/{id}                  role ask (own answers) or log: record, proof, checkpoint, salts
    GET  /v1/log/checkpoint                 role log: the signed note
    GET  /v1/log/tile/…                     role log: tiles and bundles by their C2SP names
    GET  /v1/log/entries?start=&limit=      role log: records, decoded
    GET  /v1/log/consistency?size=          role log: the proof from a tree of that size to the last checkpoint
    GET  /v1/log/texts/{id}                 role log: prompt and answer, as far as they are kept
    POST /v1/log/erase                      role admin: {"id" or "who", "reason"}

With `/v1/log` as prefix this is a log as https://c2sp.org/tlog-tiles describes it, for monitors and witnesses that send
a token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import PlainTextResponse, Response
from pydantic import Field

from helder.errors import ExitCode, HelderError
from helder.serve.access import Who, needs
from helder.serve.audit import AuditLog
from helder.serve.audit.log import LARGEST_PAGE
from helder.serve.refusals import Refused
from helder.serve.requests import Closed
from helder.serve.served import Served

Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$", description="The id of an answer.")]
Sees = Annotated[Who, Depends(needs("log"))]
Administers = Annotated[Who, Depends(needs("admin"))]
Said = TypeVar("Said")
FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}  # a tile never changes
NOT_KEPT = {"Cache-Control": "no-store"}


class EraseRequest(Closed):
    """POST /v1/log/erase: either an answer, or all that one asked."""

    id: Annotated[str, Field(max_length=100)] | None = None
    who: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    reason: Annotated[str, Field(max_length=200)] = ""


def router(served: Served) -> APIRouter:
    assert served.log is not None
    log: AuditLog = served.log
    routes = APIRouter(prefix="/v1")

    # Plain functions: they wait for a disk, in threads of their own.

    @routes.get("/receipts/{id}")
    def receipt(id: Id, request: Request, response: Response) -> dict[str, Any]:
        who: Who = request.scope["who"]
        if not who.roles & {"ask", "log"}:
            raise Refused(
                403, f"The token {who.name!r} has not the role 'ask' or 'log'.", code="insufficient_permissions"
            )
        stamped = _told(lambda: log.receipt(id))
        # The answers of others are not there, for who may only ask: not even that they are.
        if stamped is None or not ("log" in who.roles or stamped.entry["who"] == who.name):
            raise Refused(404, f"There is no answer {id!r} in the log that you may see.", "id", "not_found")
        response.headers.update(NOT_KEPT)
        return {**stamped.to_json(), "vkey": log.key.public.vkey}

    @routes.get("/log/checkpoint", response_class=PlainTextResponse)
    def checkpoint(who: Sees) -> PlainTextResponse:
        return PlainTextResponse(_told(log.checkpoint), headers=NOT_KEPT)

    @routes.get("/log/tile/{path:path}", response_class=Response)
    def tile(path: str, who: Sees) -> Response:
        data = _told(lambda: log.file(f"tile/{path}"))
        if data is None:
            raise Refused(404, f"There is no tile {path!r} under a checkpoint of this log.", "path", "not_found")
        return Response(data, media_type="application/octet-stream", headers=FOR_EVER)

    @routes.get("/log/entries")
    def entries(
        who: Sees,
        response: Response,
        start: Annotated[int, Query(ge=0, lt=1 << 62)] = 0,
        limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 100,
    ) -> dict[str, Any]:
        response.headers.update(NOT_KEPT)
        return {"log": log.origin, "size": log.size, "entries": _told(lambda: log.entries(start, limit))}

    @routes.get("/log/consistency")
    def consistency(who: Sees, response: Response, size: Annotated[int, Query(ge=1, lt=1 << 62)]) -> dict[str, Any]:
        response.headers.update(NOT_KEPT)
        try:
            proof, note = _told(lambda: log.extension(size))
        except IndexError as error:
            raise Refused(404, f"The log never had {size} records.", "size", "not_found") from error
        return {"first": size, "proof": proof, "checkpoint": note}

    @routes.get("/log/texts/{id}")
    def texts(id: Id, who: Sees, response: Response) -> dict[str, Any]:
        found = _told(lambda: log.texts(id))
        if found is None:
            raise Refused(404, f"Nothing is kept of the answer {id!r}, or there is none.", "id", "not_found")
        response.headers.update(NOT_KEPT)
        return found

    @routes.post("/log/erase")
    def erase(body: EraseRequest, who: Administers) -> dict[str, Any]:
        if (body.id is None) == (body.who is None):
            raise Refused(400, "Name either `id` or `who`.", "id")
        if body.id is not None and _told(lambda: log.find(body.id or "")) is None:
            raise Refused(404, f"There is no answer {body.id!r} in the log.", "id", "not_found")
        return {"erased": _told(lambda: log.erase(id=body.id, who=body.who, by=who.name, reason=body.reason))}

    return routes


def _told(work: Callable[[], Said]) -> Said:
    """What the log says; a disk that fails is 503, a log that is damaged 500, both by name."""
    try:
        return work()
    except HelderError as error:
        status = 500 if error.code in (ExitCode.FAILED, ExitCode.OURS) else 503
        raise Refused(status, f"{error.what} {error.why}".strip(), code="log_unavailable") from error
