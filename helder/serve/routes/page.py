"""The page: `/`, its files below `/page/`, and `/session` to sign in and out.

The files are the same for everybody and need no token; whatever the page shows needs a session.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from helder.serve import page, sessions
from helder.serve.access import Who, no_query
from helder.serve.refusals import Refused
from helder.serve.requests import Closed
from helder.serve.served import Served
from helder.serve.sessions import Session, Sessions

LONGEST_TOKEN = 500  # characters


class SignIn(Closed):
    """POST /session"""

    token: Annotated[str, Field(min_length=1, max_length=LONGEST_TOKEN)]


def router(served: Served) -> APIRouter:
    access, files = served.access, page.assets()
    kept = access.sessions = Sessions(access.tokens.named if access.tokens else lambda name: None)
    routes, closed = APIRouter(include_in_schema=False), [Depends(no_query)]

    @routes.get("/")
    async def index(request: Request) -> Response:
        return _file(files["index.html"], request)

    @routes.get("/page/{name:path}")
    async def asset(name: str, request: Request) -> Response:
        if name not in files or name == "index.html":
            raise Refused(404, "The page has no such file.")
        return _file(files[name], request)

    @routes.get("/session", dependencies=closed)
    async def session(request: Request) -> dict[str, Any]:
        found = kept.of(request.cookies)
        # A token may have other roles by now.
        who = None if found is None else access.named(found.who.name)
        return {"signed_in": False} if found is None or who is None else _told(kept, found, who)

    @routes.post("/session", dependencies=closed)
    async def sign_in(body: SignIn, request: Request, response: Response) -> dict[str, Any]:
        _from_here(request)
        token = body.token.strip()
        who = access.by_token(token)
        if who is None:
            raise Refused(401, "There is no such token, or it was revoked.", "token", "invalid_api_key")
        port, secure = _port(request), request.url.scheme == "https"
        old = request.cookies.get(sessions.name(port, secure=secure))
        if old is not None:
            kept.end(old)
        cookie, begun = kept.begin(who, token)
        response.set_cookie(
            sessions.name(port, secure=secure), cookie, max_age=sessions.LONGEST, path="/", secure=secure,
            httponly=True, samesite="strict",
        )  # fmt: skip
        return _told(kept, begun, who)

    @routes.delete("/session", dependencies=closed)
    async def sign_out(request: Request, response: Response) -> dict[str, Any]:
        port, secure = _port(request), request.url.scheme == "https"
        cookie = request.cookies.get(sessions.name(port, secure=secure))
        found = None if cookie is None else kept.find(cookie)
        if cookie is not None and found is not None:
            sessions.check(found, request.headers.get("x-csrf-token"))
            kept.end(cookie)
        response.delete_cookie(
            sessions.name(port, secure=secure), path="/", secure=secure, httponly=True, samesite="strict"
        )
        return {"signed_in": False}

    return routes


def _told(kept: Sessions, session: Session, who: Who) -> dict[str, Any]:
    return {
        "signed_in": True,
        "name": who.name,
        "roles": sorted(who.roles),
        "csrf": session.csrf,
        "expires_in": int(kept.left(session)),
    }


def _file(asset: page.Asset, request: Request) -> Response:
    headers = {**page.HEADERS, "ETag": asset.tag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == asset.tag:
        return Response(status_code=304, headers=headers)
    data = asset.data
    if "gzip" in request.headers.get("accept-encoding", ""):
        data, headers["Content-Encoding"] = asset.packed, "gzip"
    return Response(data, media_type=asset.type, headers=headers)


def _from_here(request: Request) -> None:
    """Nobody is signed in by the page of another site, to whom they would then tell what they ask."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refused(403, "Sign in on the page of this server.", code="wrong_origin")


def _port(request: Request) -> int:
    server = request.scope.get("server")
    return int(server[1] or 0) if server else 0
