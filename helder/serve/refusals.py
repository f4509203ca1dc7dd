"""What the server does not do, told in OpenAI's form of an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from helder.errors import ExitCode, HelderError
from helder.serve.service import TooLong
from helder.serve.supervise import Unavailable

MOST_TOLD = 8  # problems of one body that are told; whoever made it needs no more to begin with


class Refused(Exception):
    """A request that is not done, in the OpenAI form of an error."""

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code, self.retry_after = status, message, param, code, retry_after

    def response(self) -> JSONResponse:
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(self.body(), self.status, headers)

    def body(self) -> dict[str, Any]:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def of_error(error: HelderError) -> Refused:
    message = " ".join(part for part in (error.what, error.why, error.fix) if part)
    if isinstance(error, TooLong):
        return Refused(400, message, "messages", "context_length_exceeded")
    if isinstance(error, Unavailable):
        return Refused(503, message, code="engine_crashed")
    return Refused(500 if error.code == ExitCode.OURS else 400, message)


def of_body(error: RequestValidationError) -> Refused:
    """Every problem of a body, each with the field that it is about."""

    def problems() -> Iterator[tuple[str, str]]:
        for found in error.errors():
            # Branches of a union ("str", "list[...]") are ours, not the client's; what is left is the field's path.
            path = [shown(str(part)) for part in found["loc"][1:] if not _is_branch(str(part))]
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
    more = f"; and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
    return Refused(400, "; ".join(text for _, text in found[:MOST_TOLD]) + f"{more}.", found[0][0] or None)


def _is_branch(part: str) -> bool:
    return part in ("str", "constrained-str") or "[" in part


def shown(name: str, longest: int = 60) -> str:
    """A name of a client's for a message: shortened, and without what a terminal would obey."""
    cut = name if len(name) <= longest else name[: longest - 1] + "…"
    return "".join(letter if letter.isprintable() else "�" for letter in cut)
