"""The OpenAI-compatible server: `/v1/models`, `/v1/chat/completions`, `/v1/completions`, `/healthz`, on 127.0.0.1.

The model was trained and measured on one job, so the server holds it to that: a question is one user
message (or one `prompt`), the answer has the form of the task, and decoding is greedy unless a temperature
is given. The content of an answer is the text exactly as generated; beside it the body has `helder`, with
the decoded answer (defaults put back) or the reason why there is none. Clients that do not know the field
pass over it. Where answers that are too unsure are withheld, the content is what is said instead, `helder.abstained` is
true and there is no answer; such answers, and those that are given then, come whole even in a stream.

One request is worked on at a time; others wait in line. Every path but `/healthz` needs the token. Nothing
that is asked or answered is logged. There is no TLS: the server speaks to this machine only.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from helder import __version__
from helder.errors import HelderError
from helder.serve import refusals, wire
from helder.serve.refusals import Gate, Refused
from helder.serve.requests import ChatRequest, CompletionRequest, ResponseFormat, Sampling
from helder.serve.service import Reply, Service


def create_app(service: Service, token: str, stopping: threading.Event | None = None) -> FastAPI:
    """The application.

    Args:
        service: the model; used by one request at a time.
        token: what clients send.
        stopping: when set, answers under way end early.
    """
    stopping = stopping or threading.Event()
    app = FastAPI(title="Helder", version=__version__, docs_url=None, redoc_url=None)
    app.add_middleware(Gate, token=token)
    turn = asyncio.Lock()

    async def in_turn(work: Callable[[], Any]) -> Any:
        async with turn:
            return await run_in_threadpool(work)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [wire.model(service)]}

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        _check_model(service, name)
        return wire.model(service)

    @app.post("/v1/chat/completions")
    async def chat(body: ChatRequest) -> Any:
        question = _question(service, body)
        limit = body.max_completion_tokens or body.max_tokens
        head = wire.head("chatcmpl-", service)
        if body.stream:
            service.prompt(question)
            pieces = _pieces(service, question, body, limit, turn, stopping)
            return wire.sse(wire.chat_chunks(head, pieces, body.with_usage))
        reply = await in_turn(lambda: _ask(service, question, body, limit, stopping))
        message = {"role": "assistant", "content": reply.answer.text, "refusal": None}
        reason = reply.answer.finish_reason
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        said = {"usage": wire.usage(reply), "helder": wire.said(reply)}
        return {**head, "object": "chat.completion", "choices": [choice], **said}

    @app.post("/v1/completions")
    async def completions(body: CompletionRequest) -> Any:
        _check_model(service, body.model)
        for prompt in body.prompts:
            service.prompt(prompt)
        head = wire.head("cmpl-", service)
        if body.stream:
            if len(body.prompts) > 1:
                raise Refused(400, "Streaming answers one prompt at a time.", "prompt")
            pieces = _pieces(service, body.prompts[0], body, body.max_tokens, turn, stopping)
            return wire.sse(wire.completion_chunks(head, pieces, body.with_usage))
        replies: list[Reply] = await in_turn(
            lambda: [_ask(service, prompt, body, body.max_tokens, stopping) for prompt in body.prompts]
        )
        choices = [
            {
                "index": index,
                "text": reply.answer.text,
                "logprobs": None,
                "finish_reason": reply.answer.finish_reason,
            }
            for index, reply in enumerate(replies)
            if reply.answer
        ]
        said = {"usage": wire.usage(*replies), "helder": {"answers": [wire.said(reply) for reply in replies]}}
        return {**head, "object": "text_completion", "choices": choices, **said}

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
        return Refused(error.status_code, f"{error.detail}: {request.method} {request.url.path}").response()

    return app


# -- what is asked --------------------------------------------------------------------------------------------------


def _check_model(service: Service, name: str) -> None:
    if name != service.name:
        message = f"The model {name!r} is not served here; {service.name!r} is."
        raise Refused(404, message, "model", "model_not_found")


def _question(service: Service, body: ChatRequest) -> str:
    """The one question of a conversation."""
    _check_model(service, body.model)
    if len(body.messages) != 1 or body.messages[0].role != "user":
        raise Refused(
            400,
            "Send exactly one message, with the role `user`: this model was trained and measured on that, and "
            "what it answers to a conversation or a system message is not known.",
            "messages",
        )
    if body.response_format:
        _check_format(service, body.response_format)
    return body.messages[0].text


def _check_format(service: Service, asked: ResponseFormat) -> None:
    """The form is that of the task; another one is refused.

    "text" asks for nothing in particular. "json_object" agrees when an answer is one record. "json_schema"
    agrees when the schema is the task's own, descriptions aside.
    """
    task = service.task
    own = json.dumps(task.json_schema(), ensure_ascii=False)
    if asked.type == "json_object" and (task.kind != "record" or task.many):
        form = "a JSON array" if task.kind == "record" else f"a {task.kind}"
        message = f"An answer of this model is {form}, not a JSON object. Leave response_format out."
        raise Refused(400, message, "response_format")
    if asked.type == "json_schema":
        schema = asked.json_schema.schema_ if asked.json_schema else None
        if schema is None:
            raise Refused(400, "Give response_format.json_schema.schema.", "response_format")
        if task.kind != "record" or _bare(schema) != _bare(task.json_schema()):
            raise Refused(
                400,
                f"The form of an answer is fixed, and the schema differs from it. Send this one: {own}",
                "response_format",
            )


def _bare(schema: Any) -> Any:
    """A schema without what only people read."""
    if isinstance(schema, dict):
        hidden = ("title", "description", "$schema", "examples")
        kept = {key: value for key, value in schema.items() if key not in hidden or isinstance(value, dict)}
        return {key: _bare(value) for key, value in kept.items()}
    return [_bare(value) for value in schema] if isinstance(schema, list) else schema


def _ask(
    service: Service,
    question: str,
    body: Sampling,
    limit: int | None,
    stopping: threading.Event,
    piece: Callable[[str], bool] = lambda text: True,
) -> Any:
    return service.ask(
        question,
        max_tokens=limit,
        temperature=body.temperature or 0.0,
        top_p=1.0 if body.top_p is None else body.top_p,
        seed=body.seed or 0,
        stop=body.stops,
        stream=lambda text: piece(text) and not stopping.is_set(),
    )


async def _pieces(
    service: Service,
    question: str,
    body: Sampling,
    limit: int | None,
    turn: asyncio.Lock,
    stopping: threading.Event,
) -> AsyncIterator[str | Reply | Refused]:
    """The pieces of an answer as they come, then the reply, or why there is none.

    A client that leaves ends the generator, and with it the generation.
    """
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[str | Reply | Refused]()
    left = threading.Event()

    def put(item: str | Reply | Refused) -> bool:
        if item == "":  # the client is only asked whether it is still there
            return not left.is_set()
        loop.call_soon_threadsafe(queue.put_nowait, item)
        return not left.is_set()

    def work() -> None:
        try:
            put(_ask(service, question, body, limit, stopping, put))
        except HelderError as error:
            put(refusals.of_error(error))
        except Exception:  # noqa: BLE001  the client must not wait for ever, whatever went wrong
            put(Refused(500, "The answer failed: a defect of ours."))

    async with turn:
        worker = asyncio.ensure_future(run_in_threadpool(work))
        try:
            while True:
                item = await queue.get()
                yield item
                if not isinstance(item, str):
                    return
        finally:
            left.set()
            await asyncio.shield(worker)
