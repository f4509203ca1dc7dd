"""`/openapi.json`: what FastAPI knows of the routes, and what it does not: who may come in, what is refused and how.

Every refusal has the form of an OpenAI error. 4XX and 5XX stand for all of them, since their codes are told by name.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string", "description": "What is wrong and what to do."},
                "type": {"enum": ["invalid_request_error", "server_error"]},
                "param": {"type": ["string", "null"], "description": "The field that it is about."},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
USAGE = {
    "type": "object",
    "required": ["prompt_tokens", "completion_tokens", "total_tokens"],
    "additionalProperties": {"type": "integer", "minimum": 0},
}
HEAD: dict[str, Any] = {
    "id": {"type": "string"},
    "created": {"type": "integer"},
    "model": {"type": "string"},
    "system_fingerprint": {"type": "string"},
    "choices": {"type": "array", "items": {"type": "object"}},
    "usage": USAGE,
    "helder": {"type": "object", "description": "The decoded answer, abstention, label, passages, receipt."},
}
MODEL = {
    "type": "object",
    "required": ["id", "object", "created", "owned_by", "helder"],
    "properties": {"id": {"type": "string"}, "object": {"const": "model"}, "created": {"type": "integer"}},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"properties": HEAD | {"object": {"const": "chat.completion"}}},
    "/v1/completions": {"properties": HEAD | {"object": {"const": "text_completion"}}},
    "/v1/models": {
        "required": ["object", "data"],
        "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": MODEL}},
    },
    "/v1/models/{name}": MODEL,
}
STREAMS = ("/v1/chat/completions", "/v1/completions")
REFUSED = {
    "description": "Refused, or failed; `Retry-After` says when to come back, where that helps.",
    "headers": {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "required": False}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}


def describe(app: FastAPI, public: frozenset[str], model: str) -> dict[str, Any]:
    """The description; made once.

    Args:
        public: paths that need no token.
        model: the one that is served, and that a request has to name.
    """
    if app.openapi_schema is None:
        told = FastAPI.openapi(app)
        told["components"] = told.get("components", {})
        told["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        told["components"].setdefault("schemas", {})["Error"] = ERROR
        for name in ("ChatRequest", "CompletionRequest"):
            told["components"]["schemas"][name]["properties"]["model"] = {"const": model, "type": "string"}
        for unused in ("HTTPValidationError", "ValidationError"):
            told["components"]["schemas"].pop(unused, None)
        for path, operations in told["paths"].items():
            for operation in operations.values():
                _complete(path, operation, path in public)
        app.openapi_schema = told
    return app.openapi_schema


def _complete(path: str, operation: dict[str, Any], public: bool) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    responses |= {"4XX": REFUSED, "5XX": REFUSED}
    operation["security"] = [] if public else [{"token": []}]
    done = responses.get("200")
    if path in ANSWERS and done is not None:
        schema = {"type": "object", "required": list(ANSWERS[path]["properties"]), **ANSWERS[path]}
        done["content"] = {"application/json": {"schema": schema}}
    if path in STREAMS and done is not None:
        done["content"]["text/event-stream"] = {}  # events of JSON, and the word [DONE] at their end
