"""The JSON of the OpenAI API, as this server sends it: models, usage, and the chunks of a stream."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse

from helder.serve.refusals import Refused
from helder.serve.service import Reply, Service


def model(service: Service) -> dict[str, Any]:
    located, task = service.located, service.task
    about = {
        "format": located.format,
        "sha256": located.sha256,
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
    fingerprint = service.located.sha256[:12]
    return {
        "id": prefix + secrets.token_hex(12),
        "created": int(time.time()),
        "model": service.name,
        "system_fingerprint": fingerprint,
    }


def said(reply: Reply) -> dict[str, Any]:
    """What stands beside the text: the decoded answer, or why there is none; and whether it was withheld."""
    if reply.abstained:
        return {"answer": None, "abstained": True, "confidence": reply.confidence}
    told = {"answer": reply.output} if reply.error is None else {"answer": None, "error": reply.error}
    if reply.confidence is None:
        return told
    return {**told, "abstained": False, "confidence": reply.confidence, "promised": reply.promised}


def usage(*replies: Reply) -> dict[str, int]:
    prompt = sum(reply.answer.prompt_tokens for reply in replies if reply.answer)
    completion = sum(reply.answer.completion_tokens for reply in replies if reply.answer)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def sse(chunks: AsyncIterator[dict[str, Any]]) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        async for chunk in chunks:
            yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def chat_chunks(
    head: dict[str, Any], pieces: AsyncIterator[str | Reply | Refused], with_usage: bool
) -> AsyncIterator[dict[str, Any]]:
    def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**head, "object": "chat.completion.chunk", "choices": [choice], **more}

    yield chunk({"role": "assistant", "content": ""})
    async for piece in pieces:
        if isinstance(piece, str):
            yield chunk({"content": piece})
        elif isinstance(piece, Refused):
            yield piece.body()
        else:
            yield chunk({}, piece.answer.finish_reason if piece.answer else None, helder=said(piece))
            if with_usage:
                yield {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage(piece)}


async def completion_chunks(
    head: dict[str, Any], pieces: AsyncIterator[str | Reply | Refused], with_usage: bool
) -> AsyncIterator[dict[str, Any]]:
    def chunk(text: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}
        return {**head, "object": "text_completion", "choices": [choice], **more}

    async for piece in pieces:
        if isinstance(piece, str):
            yield chunk(piece)
        elif isinstance(piece, Refused):
            yield piece.body()
        else:
            reason = piece.answer.finish_reason if piece.answer else None
            yield chunk("", reason, helder={"answers": [said(piece)]})
            if with_usage:
                yield {**head, "object": "text_completion", "choices": [], "usage": usage(piece)}
