"""`/v1/about`: what model this is, who vouches for it, how it was let in; `/v1/certificate`: the page of its bundle."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from helder import __version__
from helder.certify import layout
from helder.serve import wire
from helder.serve.access import Who, needs, no_query
from helder.serve.refusals import Refused
from helder.serve.served import Served

Asks = Annotated[Who, Depends(needs("ask"))]
LANGUAGES = ("en", "nl", "de", "fr")  # of the page
# A page of strangers: shown alone, with its own scripts and nothing from outside.
SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
)


def router(served: Served) -> APIRouter:
    service, log = served.service, served.log
    routes = APIRouter(prefix="/v1", tags=["about"], dependencies=[Depends(no_query)])

    @routes.get("/about")
    async def about(who: Asks) -> dict[str, Any]:
        """What stands behind the answers."""
        told = wire.model(service)
        return {
            "object": "about",
            "model": told["id"],
            "format": service.located.format,
            "sha256": service.located.sha256 or None,
            "context": service.engine.context,
            "engine": service.engine_name,
            "mode": service.mode,
            "server": f"helder {__version__}",
            "task": told["helder"]["task"],
            "abstention": told["helder"].get("abstention"),
            "calibration": service.calibration.to_json() if service.calibration else None,
            "certificate": served.policy.certificate or None,
            "policy": served.policy.to_json(),
            "seal": served.policy.seal,
            "log": None if log is None else {"origin": log.origin, "vkey": log.key.public.vkey, "keep": log.keep.what},
            "trace": served.tracing is not None,
            "untraced": served.untraced,
            "roles": sorted(who.roles),
            "languages": list(LANGUAGES),
        }

    if served.certificate is not None:
        page = (served.certificate / layout.PAGE).read_bytes()  # verified when the model was let in

        @routes.get("/certificate", response_class=Response)
        async def certificate(who: Asks) -> Response:
            """The certificate of the bundle, as its makers signed it."""
            headers = {"Content-Security-Policy": SANDBOX}
            return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    else:

        @routes.get("/certificate", response_class=Response)
        async def none(who: Asks) -> Response:
            raise Refused(404, "A project has no certificate: helder certify makes one, and its bundle can be served.")

    return routes
