"""The server: the parts of `helder.serve.routes` behind one gate, and errors in OpenAI's form.

Every path but the public ones needs a token. Nothing that is asked or answered is printed.
"""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from helder import __version__
from helder.errors import HelderError
from helder.serve import description, refusals, routes
from helder.serve.gate import Gate
from helder.serve.refusals import Refused
from helder.serve.served import Served


def create_app(served: Served) -> FastAPI:
    """The application."""
    app = FastAPI(title="Helder", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_middleware(Gate, access=served.access, public=routes.PUBLIC, stopping=served.stopping, hosts=served.hosts)
    for router in routes.routers(served):
        app.include_router(router)
    name = served.service.name
    app.openapi = lambda: description.describe(app, routes.PUBLIC, name)  # type: ignore[method-assign]

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return error.response()

    @app.exception_handler(HelderError)
    async def failed(request: Request, error: HelderError) -> JSONResponse:
        return refusals.of_error(error).response()

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return refusals.of_body(error).response()

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        refused = Refused(error.status_code, f"{error.detail}: {request.method} {refusals.shown(request.url.path)}")
        response = refused.response()
        response.headers.update(error.headers or {})  # Allow
        return response

    return app
