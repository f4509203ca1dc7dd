"""What machines ask of a server: `/healthz`."""

from __future__ import annotations

from fastapi import APIRouter

from helder.serve.served import Served


def router(served: Served) -> APIRouter:
    del served
    routes = APIRouter()

    @routes.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return routes
