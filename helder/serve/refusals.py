"""What the server does not do: requests without the token, too large or malformed, told in OpenAI's form."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from helder.errors import ExitCode, HelderError
from helder.serve.service import TooLong

LARGEST_BODY = 4 << 20  # bytes; far above any context that a small model has


class Refused(Exception):
    """A request that is not done, in the OpenAI form of an error."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code

    def response(self) -> JSONResponse:
        return JSONResponse(self.body(), self.status)

    def body(self) -> dict[str, Any]:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


class Gate:
    """Lets a request in when it has the token and a body of reasonable size. Pure ASGI: nothing is read before."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.digest = app, _digest(token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != "/healthz":
            headers = dict(scope["headers"])
            scheme, _, given = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
            refused = None
            # Digests are compared, so that neither length nor content of the token shows in the time taken.
            if scheme.lower() != "bearer" or not hmac.compare_digest(_digest(given.strip()), self.digest):
                refused = Refused(
                    401,
                    "The token is missing or wrong: send `Authorization: Bearer TOKEN` with the token that "
                    "`helder serve` showed (in the openai client: api_key).",
                    code="invalid_api_key",
                )
            elif not headers.get(b"content-length", b"0").isdigit() or b"transfer-encoding" in headers:
                refused = Refused(411, "Send the body with a Content-Length.")
            elif int(headers.get(b"content-length", b"0")) > LARGEST_BODY:
                refused = Refused(413, f"The body is larger than {LARGEST_BODY} bytes.")
            if refused:
                await refused.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def of_error(error: HelderError) -> Refused:
    message = " ".join(part for part in (error.what, error.why, error.fix) if part)
    if isinstance(error, TooLong):
        return Refused(400, message, "messages", "context_length_exceeded")
    return Refused(500 if error.code == ExitCode.OURS else 400, message)


def of_body(error: RequestValidationError) -> Refused:
    """Every problem of a body, each with the field that it is about."""

    def problems() -> Iterator[tuple[str, str]]:
        for found in error.errors():
            # Branches of a union ("str", "list[...]") are ours, not the client's; what is left is the field's path.
            path = [str(part) for part in found["loc"][1:] if not _is_branch(str(part))]
            name = ".".join(path)
            if found["type"] == "extra_forbidden":
                yield name, f"`{name}` is not a field that this server knows"
            elif found["type"] == "json_invalid":
                yield "", "the body is not JSON: " + str(found.get("ctx", {}).get("error", found["msg"]))
            elif found["type"] == "missing":
                yield name, f"`{name}` is missing" if name else "the body is missing"
            else:
                yield name, f"`{name}`: {found['msg'][0].lower()}{found['msg'][1:]}"

    found = list(dict.fromkeys(problems()))
    return Refused(400, "; ".join(text for _, text in found) + ".", found[0][0] or None)


def _is_branch(part: str) -> bool:
    return part in ("str", "constrained-str") or "[" in part
