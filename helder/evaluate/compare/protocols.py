"""The two protocols: a conversation → the bytes of a request, and the bytes of an answer → what it says.

A request is a pure function of the service's settings and the conversation, so that what would leave can be listed
before anything does. An answer that is not whole, or not of its protocol's form, is a `Fault` and never a text.

Forms: OpenAI's chat completions (`max_completion_tokens` and `reasoning_effort` and no temperature for models that
think), Anthropic's messages, version 2023-06-01. Streams are server-sent events.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from helder.evaluate.compare.services import Service

VERSION = "2023-06-01"  # of Anthropic's protocol
AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})  # what another try may cure; 529: overloaded
EVERYTHING = frozenset({401, 402, 403, 404, 405})  # what every further request would meet as well
NEVER = frozenset({"insufficient_quota", "billing_hard_limit_reached"})  # a 429 that waiting does not cure
SHOWN = 300  # characters of a service's own message that an error shows

Message = Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """What a service answered.

    Attributes:
        text: the answer, without its thinking.
        finish: why it ended, in the protocol's own word.
        served_model: the model's name as the service gives it; names may be moved to other models.
        input_tokens, output_tokens: as the service counts and charges them; None where it does not say.
    """

    text: str
    finish: str
    served_model: str
    input_tokens: int | None
    output_tokens: int | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Fault(Exception):
    """No answer.

    Args:
        reason: why, in a sentence without its full stop.
        again: whether another try may cure it.
        everything: whether every other request would meet it too.
        after: seconds that the service asks to wait.
        charged: whether the service may charge for it all the same.
    """

    def __init__(
        self,
        reason: str,
        *,
        again: bool = True,
        everything: bool = False,
        after: float | None = None,
        charged: bool = True,
    ) -> None:
        super().__init__(reason)
        self.reason, self.again, self.everything = reason, again, everything
        self.after, self.charged = after, charged


def path(service: Service) -> str:
    """What follows the service's address."""
    return "/chat/completions" if service.protocol == "openai" else "/v1/messages"


def headers(service: Service, key: str | None) -> dict[str, str]:
    """The headers of a request; the key is in them and nowhere else."""
    common = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "helder"}
    if service.protocol == "anthropic":
        return common | {"anthropic-version": VERSION} | ({"x-api-key": key} if key else {})
    return common | ({"Authorization": f"Bearer {key}"} if key else {})


def body(service: Service, messages: Sequence[Message]) -> bytes:
    """The body of a request: always the same bytes for the same settings and conversation."""
    fields: dict[str, Any] = {"model": service.model, "messages": [dict(message) for message in messages]}
    if service.protocol == "anthropic":
        fields["max_tokens"] = service.max_tokens
        if service.thinking_tokens is not None:
            fields["thinking"] = {"type": "enabled", "budget_tokens": service.thinking_tokens}
    else:
        fields["max_completion_tokens" if service.thinks else "max_tokens"] = service.max_tokens
        if service.reasoning_effort is not None:
            fields["reasoning_effort"] = service.reasoning_effort
    if service.temperature is not None and not service.thinks:
        fields["temperature"] = service.temperature
    if service.stream:
        fields["stream"] = True
        if service.protocol == "openai":
            fields["stream_options"] = {"include_usage": True}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def read(service: Service, status: int, heads: Mapping[str, str], data: bytes) -> Reply:
    """What an answer says.

    Raises:
        Fault: it is an error, or not whole, or not of the protocol's form.
    """
    if status != 200:
        raise refused(status, heads, data)
    try:
        if heads.get("content-type", "").startswith("text/event-stream"):
            events = list(_events(data))
            return _openai_stream(events) if service.protocol == "openai" else _anthropic_stream(events)
        record = json.loads(data)
        return _openai(record) if service.protocol == "openai" else _anthropic(record)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Fault(f"the answer is not of {service.protocol}'s form ({type(error).__name__}: {error})") from error


def refused(status: int, heads: Mapping[str, str], data: bytes) -> Fault:
    """The fault behind a status other than 200."""
    try:
        found = json.loads(data)
        told = found["error"]
        code, words = (
            (told.get("code") or told.get("type"), told.get("message")) if isinstance(told, dict) else ("", told)
        )
    except (ValueError, LookupError, TypeError):
        code, words = "", data.decode("utf-8", "replace").strip()
    message = " ".join(str(words or "").split())[:SHOWN]
    reason = f"status {status}" + (f", {code}" if code else "") + (f": {message}" if message else "")
    if 300 <= status < 400:
        reason += f" (to {heads.get('location', 'nowhere')}; redirects are not followed)"
    again = status in AGAIN and code not in NEVER
    everything = status in EVERYTHING or code in NEVER or 300 <= status < 400
    # An error before the answer began is not charged for, by either price list.
    return Fault(reason, again=again, everything=everything, after=_wait(heads), charged=False)


def _wait(heads: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header: a number, or a date."""
    value = heads.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _openai(record: Mapping[str, Any]) -> Reply:
    choice = record["choices"][0]
    message, usage = choice["message"], record.get("usage") or {}
    text = message.get("content") or message.get("refusal") or ""
    if not isinstance(text, str):
        raise TypeError("the content is no text")
    return Reply(
        text, str(choice["finish_reason"]), str(record.get("model", "not stated")),
        _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")),
    )  # fmt: skip


def _openai_stream(events: Sequence[tuple[str, str]]) -> Reply:
    text: list[str] = []
    usage: dict[str, Any] = {}
    finish, model = None, "not stated"
    for _, data in events:
        if data == "[DONE]":
            break
        chunk = json.loads(data)
        if "error" in chunk:
            raise Fault(f"the stream says: {_words(chunk['error'])}")
        model = str(chunk.get("model") or model)
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"][:1]:
            delta = choice.get("delta") or {}
            text.append(delta.get("content") or delta.get("refusal") or "")
            finish = choice.get("finish_reason") or finish
    else:
        raise Fault("the stream was cut off before its end")
    if finish is None:
        raise Fault("the stream ended without a reason")
    return Reply(
        "".join(text), str(finish), model, _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    )


def _anthropic(record: Mapping[str, Any]) -> Reply:
    text = "".join(part["text"] for part in record["content"] if part["type"] == "text")
    usage = record.get("usage") or {}
    return Reply(
        text, str(record["stop_reason"]), str(record.get("model", "not stated")),
        _sent(usage), _count(usage.get("output_tokens")),
    )  # fmt: skip


def _anthropic_stream(events: Sequence[tuple[str, str]]) -> Reply:
    text: list[str] = []
    usage: dict[str, Any] = {}
    finish, model = None, "not stated"
    for kind, data in events:
        record = json.loads(data)
        kind = record.get("type", kind)
        if kind == "error":
            raise Fault(f"the stream says: {_words(record['error'])}")
        if kind == "message_start":
            model = str(record["message"].get("model", model))
            usage |= record["message"].get("usage") or {}
        elif kind == "content_block_delta" and record["delta"]["type"] == "text_delta":
            text.append(record["delta"]["text"])
        elif kind == "message_delta":
            finish = record["delta"].get("stop_reason") or finish
            usage |= record.get("usage") or {}
        elif kind == "message_stop":
            break
    else:
        raise Fault("the stream was cut off before its end")
    if finish is None:
        raise Fault("the stream ended without a reason")
    return Reply("".join(text), str(finish), model, _sent(usage), _count(usage.get("output_tokens")))


def _sent(usage: Mapping[str, Any]) -> int | None:
    """Tokens that were sent: those read from and written to a cache are counted beside the others."""
    parts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    if _count(usage.get("input_tokens")) is None:
        return None
    return sum(_count(usage.get(part)) or 0 for part in parts)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _words(error: Any) -> str:
    told = error.get("message") or error.get("type") if isinstance(error, dict) else error
    return " ".join(str(told).split())[:SHOWN]


def _events(data: bytes) -> Iterator[tuple[str, str]]:
    """(event, data) of each whole server-sent event; one that was cut off before its empty line is none."""
    kind = ""
    lines: list[str] = []
    for line in data.decode("utf-8").replace("\r\n", "\n").split("\n")[:-1]:
        if not line:
            if lines:
                yield kind, "\n".join(lines)
            kind, lines = "", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            lines.append(value)
