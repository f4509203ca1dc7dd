"""A service on this machine that speaks both protocols and does what a test tells it to, well or badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SERVED = "mock-2026-01-01"


@dataclass
class Seen:
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes


@dataclass
class Does:
    """How one request is answered.

    Attributes:
        text: what is said.
        status, headers, error: of an answer that is none.
        raw: the bytes of the body, instead of one of the protocol's form.
        cut: after so many bytes of the body the connection ends.
        drip: the body comes in pieces of a byte, with a call of this between them.
        wait: called before anything is sent.
    """

    text: str = "yes"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    raw: bytes | None = None
    cut: int | None = None
    drip: Callable[[], object] | None = None
    wait: Callable[[], object] | None = None
    finish: str | None = None
    usage: bool = True


@dataclass
class Mock:
    """The service. `does` is asked with the request and how many came before it."""

    url: str = ""
    does: Callable[[Seen, int], Does] = lambda seen, count: Does()
    seen: list[Seen] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def question(seen: Seen) -> str:
    return str(seen.body["messages"][-1]["content"])


@contextmanager
def running(does: Callable[[Seen, int], Does] = lambda seen, count: Does()) -> Iterator[Mock]:
    """A mock on a free port, until the end of the `with`."""
    mock = Mock(does=does)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *arguments: Any) -> None:
            pass

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            seen = Seen(self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(raw), raw)
            with mock.lock:
                count = len(mock.seen)
                mock.seen.append(seen)
            does = mock.does(seen, count)
            if does.wait:
                does.wait()
            kind, body = answer(seen, does)
            try:
                self.send_response(does.status)
                self.send_header("Content-Type", kind)
                for name, value in does.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if does.drip:
                    for byte in body:
                        self.wfile.write(bytes([byte]))
                        does.drip()
                self.wfile.write(body if does.cut is None and not does.drip else body[: does.cut or 0])
                self.wfile.flush()
            except OSError:
                pass  # the other side has had enough
            if does.cut is not None or does.drip:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    mock.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield mock
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(seen: Seen, does: Does) -> tuple[str, bytes]:
    """(content type, body)."""
    if does.raw is not None:
        return ("text/event-stream" if seen.body.get("stream") else "application/json"), does.raw
    if does.error is not None or does.status != 200:
        return "application/json", json.dumps({"error": does.error or {"message": "told to"}}).encode()
    anthropic, stream = seen.path.endswith("/messages"), bool(seen.body.get("stream"))
    made = (_anthropic_stream if stream else _anthropic) if anthropic else (_openai_stream if stream else _openai)
    return ("text/event-stream" if stream else "application/json"), made(does)


def _openai(does: Does) -> bytes:
    message = {"role": "assistant", "content": does.text}
    record: dict[str, Any] = {"id": "x", "object": "chat.completion", "model": SERVED}
    record["choices"] = [{"index": 0, "message": message, "finish_reason": does.finish or "stop"}]
    if does.usage:
        record["usage"] = {"prompt_tokens": 10, "completion_tokens": 2}
    return json.dumps(record, ensure_ascii=False).encode()


def _openai_stream(does: Does) -> bytes:
    chunks: list[dict[str, Any]] = [
        {"model": SERVED, "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
        for piece in does.text
    ]
    chunks.append({"model": SERVED, "choices": [{"index": 0, "delta": {}, "finish_reason": does.finish or "stop"}]})
    chunks.append({"model": SERVED, "choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 2}})
    events = [json.dumps(chunk, ensure_ascii=False) for chunk in chunks] + ["[DONE]"]
    return "".join(f"data: {event}\n\n" for event in events).encode()


def _anthropic(does: Does) -> bytes:
    record: dict[str, Any] = {"id": "x", "type": "message", "model": SERVED, "stop_reason": does.finish or "end_turn"}
    record["content"] = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": does.text}]
    if does.usage:
        record["usage"] = {"input_tokens": 10, "output_tokens": 2}
    return json.dumps(record, ensure_ascii=False).encode()


def _anthropic_stream(does: Does) -> bytes:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"model": SERVED, "usage": {"input_tokens": 10, "output_tokens": 1}}},
        {"type": "ping"},
        *({"type": "content_block_delta", "delta": {"type": "text_delta", "text": piece}} for piece in does.text),
        {"type": "message_delta", "delta": {"stop_reason": does.finish or "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    return "".join(f"event: {one['type']}\ndata: {json.dumps(one, ensure_ascii=False)}\n\n" for one in events).encode()
