"""The JSON of the OpenAI API, as this server sends it: models, usage, and the chunks of a stream."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import Response
from starlette.types import Receive, Scope, Send

from helder.serve import logprobs
from helder.serve.refusals import Refused
from helder.serve.requests import ChatRequest, CompletionRequest
from helder.serve.service import Reply, Service

Logprobs = Callable[[Reply], dict[str, Any] | None]  # what a choice says of them
EVENTS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]


def model(service: Service) -> dict[str, Any]:
    located, task = service.located, service.task
    about: dict[str, Any] = {
        "format": located.format,
        "sha256": located.sha256 or None,
        "task": {"kind": task.kind, "purpose": task.purpose, "schema": task.json_schema()},
        "context": service.engine.context,
    }
    if service.abstention is not None:
        held = service.abstention
        about["abstention"] = {"threshold": held.threshold, "score": held.score, "say": held.say} | {
            "promise": held.promise
        }
    return {"id": service.name, "object": "model", "created": 0, "owned_by": "helder", "helder": about}


def head(prefix: str, service: Service) -> dict[str, Any]:
    fingerprint = service.located.sha256[:12] or "not-verified"
    return {
        "id": prefix + secrets.token_hex(12),
        "created": int(time.time()),
        "model": service.name,
        "system_fingerprint": fingerprint,
    }


def said(reply: Reply) -> dict[str, Any]:
    """What stands beside the text: the decoded answer, or why there is none; whether it was withheld; its receipt."""
    told: dict[str, Any] = {"answer": reply.output} if reply.error is None else {"answer": None, "error": reply.error}
    if reply.abstained:
        told |= {"abstained": True, "confidence": reply.confidence}
    elif reply.confidence is not None:
        told |= {"abstained": False, "confidence": reply.confidence, "promised": reply.promised}
    if reply.probability is not None:
        told["label"] = {"label": reply.output, **reply.probability.to_json()}
    if reply.passages:
        told["passages"] = list(reply.passages)
    if reply.quotes:
        told["quotes"] = list(reply.quotes)
    if reply.dropped:
        told["passages_dropped"] = reply.dropped
    if reply.receipt is not None:
        told["receipt"] = reply.receipt
    if reply.trace is not None:
        told["trace"] = reply.trace
    return told


def usage(*replies: Reply) -> dict[str, int]:
    prompt = sum(reply.answer.prompt_tokens for reply in replies if reply.answer)
    completion = sum(reply.answer.completion_tokens for reply in replies if reply.answer)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


class Stream(Response):
    """Server-sent events, begun when there is something to send.

    What is refused before the first piece has its own status; after it, an error is the last event. A client that
    leaves ends the answer, before and after.
    """

    def __init__(self, pieces: AsyncGenerator[str | Reply | Refused, None], chunks: Chunks) -> None:
        self.pieces, self.chunks = pieces, chunks
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.ensure_future(self._send(scope, receive, send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not sending.done():
                sending.cancel()
            await asyncio.wait([sending])
        if not sending.cancelled():
            sending.result()

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False
        async with aclosing(self.pieces) as pieces:
            async for piece in pieces:
                if isinstance(piece, Refused) and not begun:
                    await piece.response()(scope, receive, send)
                    return
                if not begun:
                    await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
                    text, begun = "".join(map(_event, self.chunks.begin())), True
                    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
                told = [piece.body()] if isinstance(piece, Refused) else self.chunks.of(piece)
                text = "".join(map(_event, told))
                await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False})


def chat_logprobs(service: Service, body: ChatRequest) -> Logprobs:
    """What a chat completion says of the tokens of a reply: nothing unless asked for, or when it is withheld."""

    def told(reply: Reply) -> dict[str, Any] | None:
        if not body.logprobs or reply.abstained or reply.answer is None:
            return None
        return logprobs.chat(reply.answer, service.pieces, body.top_logprobs or 0)

    return told


def completion_logprobs(service: Service, body: CompletionRequest) -> Logprobs:
    """The same of a plain completion."""

    def told(reply: Reply) -> dict[str, Any] | None:
        if body.logprobs is None or reply.abstained or reply.answer is None:
            return None
        return logprobs.completion(reply.answer, service.pieces, body.logprobs)

    return told


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(chunk: dict[str, Any]) -> str:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"


class Chunks(Protocol):
    """The events of an answer."""

    def begin(self) -> list[dict[str, Any]]: ...

    def of(self, piece: str | Reply) -> list[dict[str, Any]]: ...


@dataclass(frozen=True)
class ChatChunks:
    """Of a chat completion."""

    head: dict[str, Any]
    with_usage: bool
    logprobs: Logprobs

    def begin(self) -> list[dict[str, Any]]:
        return [self._chunk({"role": "assistant", "content": ""})]

    def of(self, piece: str | Reply) -> list[dict[str, Any]]:
        if isinstance(piece, str):
            return [self._chunk({"content": piece})]
        reason = piece.answer.finish_reason if piece.answer else None
        # All log-probabilities at once: pieces of text are not tokens.
        last = [self._chunk({}, reason, self.logprobs(piece), helder=said(piece))]
        if self.with_usage:
            last.append({**self.head, "object": "chat.completion.chunk", "choices": [], "usage": usage(piece)})
        return last

    def _chunk(
        self, delta: dict[str, Any], reason: str | None = None, logprobs: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        return {**self.head, "object": "chat.completion.chunk", "choices": [choice], **more}


@dataclass(frozen=True)
class CompletionChunks:
    """Of a plain completion."""

    head: dict[str, Any]
    with_usage: bool
    logprobs: Logprobs

    def begin(self) -> list[dict[str, Any]]:
        return []

    def of(self, piece: str | Reply) -> list[dict[str, Any]]:
        if isinstance(piece, str):
            return [self._chunk(piece)]
        reason = piece.answer.finish_reason if piece.answer else None
        last = [self._chunk("", reason, self.logprobs(piece), helder={"answers": [said(piece)]})]
        if self.with_usage:
            last.append({**self.head, "object": "text_completion", "choices": [], "usage": usage(piece)})
        return last

    def _chunk(
        self, text: str, reason: str | None = None, logprobs: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        choice = {"index": 0, "text": text, "logprobs": logprobs, "finish_reason": reason}
        return {**self.head, "object": "text_completion", "choices": [choice], **more}
