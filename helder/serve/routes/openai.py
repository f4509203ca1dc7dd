"""`/v1/models`, `/v1/chat/completions`, `/v1/completions`: the OpenAI API, held to the job of the model.

The model was trained and measured on one job, so the server holds it to that: a question is one user
message (or one `prompt`), the answer has the form of the task, and decoding is greedy unless a temperature
is given. The content of an answer is the text exactly as generated; beside it the body has `helder`, with
the decoded answer (defaults put back) or the reason why there is none. Clients that do not know the field
pass over it. Where answers that are too unsure are withheld, the content is what is said instead, `helder.abstained` is
true and there is no answer; such answers, and those that are given then, come whole even in a stream.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from helder.serve import answering, client_schema, wire
from helder.serve.access import Who, needs, no_query
from helder.serve.answering import Piece
from helder.serve.refusals import Refused, shown
from helder.serve.requests import ChatRequest, CompletionRequest, ResponseFormat, Sampling
from helder.serve.served import Served
from helder.serve.service import LONGEST_ANSWER, Reply, Service
from helder.serve.stamping import Stamper
from helder.serve.turns import Turn

Asks = Annotated[Who, Depends(needs("ask"))]


def router(served: Served) -> APIRouter:
    service, turns = served.service, served.turns
    routes = APIRouter(prefix="/v1", tags=["openai"], dependencies=[Depends(no_query)])

    @routes.get("/models")
    async def models(who: Asks) -> dict[str, Any]:
        return {"object": "list", "data": [wire.model(service)]}

    @routes.get("/models/{name:path}")
    async def model(name: str, who: Asks) -> dict[str, Any]:
        _check_model(service, name)
        return wire.model(service)

    @routes.post("/chat/completions")
    async def chat(body: ChatRequest, who: Asks, request: Request) -> Any:
        question, form = _question(service, body), _form(service, body.response_format)
        if body.top_logprobs and not body.logprobs:
            raise Refused(400, "`top_logprobs` goes with `logprobs`: true.", "top_logprobs")
        head, told = wire.head("chatcmpl-", service), wire.chat_logprobs(service, body)
        turn = turns.enter(who.name)
        limit = body.max_completion_tokens or body.max_tokens
        asking = _Asking(served, who, turn, body, limit, bool(body.logprobs), body.top_logprobs or 0, form)
        if body.stream:
            await answering.prepared(turn, lambda: service.prompt(question))
            pieces = answering.pieces(turn, lambda piece: asking.ask(head["id"], question, piece))
            return wire.Stream(pieces, wire.ChatChunks(head, body.with_usage, told))
        reply = await answering.whole(turn, request, lambda piece: asking.ask(head["id"], question, piece))
        assert reply.answer is not None
        message = {"role": "assistant", "content": reply.answer.text, "refusal": None}
        reason = reply.answer.finish_reason
        choice = {"index": 0, "message": message, "logprobs": told(reply), "finish_reason": reason}
        said = {"usage": wire.usage(reply), "helder": wire.said(reply)}
        return {**head, "object": "chat.completion", "choices": [choice], **said}

    @routes.post("/completions")
    async def completions(body: CompletionRequest, who: Asks, request: Request) -> Any:
        _check_model(service, body.model)
        if body.stream and len(body.prompts) > 1:
            raise Refused(400, "Streaming answers one prompt at a time.", "prompt")
        head, told = wire.head("cmpl-", service), wire.completion_logprobs(service, body)
        turn = turns.enter(who.name)
        asking = _Asking(served, who, turn, body, body.max_tokens, body.logprobs is not None, body.logprobs or 0)
        await answering.prepared(turn, lambda: [service.prompt(prompt) for prompt in body.prompts])
        if body.stream:
            prompt = body.prompts[0]
            pieces = answering.pieces(turn, lambda piece: asking.ask(head["id"], prompt, piece))
            return wire.Stream(pieces, wire.CompletionChunks(head, body.with_usage, told))

        def all_of_them(piece: Piece) -> list[Reply]:
            """Each answer is one in the log, under an id of its own when there are several."""
            ids = [head["id"]] if len(body.prompts) == 1 else [f"{head['id']}-{at}" for at in range(len(body.prompts))]
            return [asking.ask(id, prompt, piece) for id, prompt in zip(ids, body.prompts, strict=True)]

        replies = await answering.whole(turn, request, all_of_them)
        choices = [
            {
                "index": index,
                "text": reply.answer.text,
                "logprobs": told(reply),
                "finish_reason": reply.answer.finish_reason,
            }
            for index, reply in enumerate(replies)
            if reply.answer
        ]
        said = {"usage": wire.usage(*replies), "helder": {"answers": [wire.said(reply) for reply in replies]}}
        return {**head, "object": "text_completion", "choices": choices, **said}

    return routes


# -- what is asked --------------------------------------------------------------------------------------------------


def _check_model(service: Service, name: str) -> None:
    if name != service.name:
        message = f"The model {shown(name)!r} is not served here; {service.name!r} is."
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
    return body.messages[0].text


def _form(service: Service, asked: ResponseFormat | None) -> str | None:
    """Lark text of the form that a client asks for; None for the task's own.

    The form of a label or a record is fixed: another one is refused. "text" asks for nothing in particular.
    "json_object" agrees when an answer is one record. "json_schema" agrees when the schema is the task's own,
    descriptions aside; or the answer is free text, which takes any schema that can be bounded.
    """
    if asked is None:
        return None
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
        if task.kind == "text":
            return client_schema.grammar(schema)
        if task.kind != "record" or _bare(schema) != _bare(task.json_schema()):
            raise Refused(
                400,
                f"The form of an answer is fixed, and the schema differs from it. Send this one: {own}",
                "response_format",
            )
    return None


def _bare(schema: Any) -> Any:
    """A schema without what only people read."""
    if isinstance(schema, dict):
        hidden = ("title", "description", "$schema", "examples")
        kept = {key: value for key, value in schema.items() if key not in hidden or isinstance(value, dict)}
        return {key: _bare(value) for key, value in kept.items()}
    return [_bare(value) for value in schema] if isinstance(schema, list) else schema


@dataclass(frozen=True)
class _Asking:
    """How the questions of one request are asked, and put into the log."""

    served: Served
    who: Who
    turn: Turn
    body: Sampling
    limit: int | None
    logprobs: bool
    top: int
    form: str | None = None

    @property
    def _form_name(self) -> str:
        """ "task", or which schema of the client's, by its digest."""
        return "task" if self.form is None else f"sha256:{hashlib.sha256(self.form.encode()).hexdigest()}"

    def ask(self, id: str, question: str, piece: Piece) -> Reply:
        """Runs in the engine's thread."""
        body, service = self.body, self.served.service
        settings = {
            "temperature": body.temperature or 0.0,
            "top_p": 1.0 if body.top_p is None else body.top_p,
            "seed": body.seed or 0,
        }
        told = settings | {"max_tokens": self.limit or LONGEST_ANSWER, "form": self._form_name}
        stamper = Stamper(self.served.log, service, self.who.name, self.turn, told, body.stops)

        def asked(kept: Piece) -> Reply:
            return service.ask(
                question,
                max_tokens=self.limit,
                temperature=settings["temperature"],
                top_p=settings["top_p"],
                seed=body.seed or 0,
                stop=body.stops,
                logprobs=self.logprobs,
                top=self.top,
                form=self.form,
                stream=kept,
            )

        reply = stamper.answered(id, question, piece, asked)
        return reply if self.served.tracing is None else replace(reply, trace="/v1/trace")
