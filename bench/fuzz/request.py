"""What clients send: bytes on a connection, through the server's own protocol, gate, routes and models.

The first byte of an input chooses: the body of a chat, of plain completions or of a trace, put into a request that is
right; or the bytes of the whole connection. The model answers at once: what is fuzzed is what stands before it.
A request that breaks the application, or is answered with a status that blames the server, is a finding.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from bench.fuzz.harness import Target, change_bytes, change_json, change_text, scratch
from bench.fuzz.log import Quick, organisation
from helder.data.task import Task
from helder.serve.access import Access
from helder.serve.answer import Answer
from helder.serve.api import LOOPBACK, configure
from helder.serve.app import create_app
from helder.serve.audit import AuditLog, Keep
from helder.serve.locate import Located
from helder.serve.served import Served
from helder.serve.service import Reply, Service
from helder.serve.turns import Turns

TOKEN = "fuzz-fuzz-fuzz-fuzz-fuzz"
CHAT, COMPLETION, TRACE, RAW = b"c", b"p", b"t", b"r"
PATHS = {CHAT: "/v1/chat/completions", COMPLETION: "/v1/completions", TRACE: "/v1/trace"}
SECONDS = 5.0  # until an answer that needs nothing more counts as hanging
SCHEMA = {
    "type": "object",
    "properties": {"dose": {"type": "integer"}},
    "required": ["dose"],
    "additionalProperties": False,
}
STATUS = re.compile(rb"^HTTP/1\.1 (\d{3}) ", re.MULTILINE)
BLAMES_US = (500, 501, 502)


class Stub(Service):
    """A model that answers every question with the same record."""

    def __init__(self) -> None:
        place = scratch() / "none"
        self.engine = cast(Any, SimpleNamespace(context=2048, name="made up", mode="exact", broken=False))
        self.task = Task("record", "doses", "Doses.", schema=SCHEMA)
        self.located = Located(place, "q8_0", "0" * 64, place, place, "made up")
        self.abstention = self.calibration = self.retriever = None
        self.__dict__["pieces"] = SimpleNamespace(of=lambda id: b"x", text=lambda id: "x")

    def prompt(self, question: str) -> list[int]:
        assert question.encode("utf-8") is not None  # half a surrogate pair must not come so far
        return [0] * len(question.split())

    def ask(
        self,
        question: str,
        *,
        stream: Callable[[str], bool] | None = None,
        form: str | None = None,
        **wanted: Any,
    ) -> Reply:
        most, top = wanted["max_tokens"], wanted["top"]
        assert most is None or 0 < most < 1 << 31
        assert 0 <= wanted["temperature"] <= 2 and 0 < wanted["top_p"] <= 1 and 0 <= wanted["seed"] < 1 << 32
        assert 0 <= top <= 20 and all(wanted["stop"])
        ids = tuple(self.prompt(question))
        more = tuple(((1, -0.1),) * top for _ in (1, 2))
        text = '{"dose":1}'
        if stream is not None:
            stream(text)
        answer = Answer(
            text,
            (1, 2),
            "stop",
            len(ids),
            3,
            (-0.1, -0.2) if wanted["logprobs"] else (),
            more if wanted["logprobs"] else (),
        )
        return self.read(question, answer, form=form)


class Plug(asyncio.Transport):
    """The other end of a connection: keeps what the server says."""

    def __init__(self) -> None:
        super().__init__()
        self.said, self.closed = bytearray(), False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"sockname": ("127.0.0.1", 8000), "peername": ("127.0.0.1", 4711)}.get(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed, "said after the end"
        self.said += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


class Connected:
    """One server in one event loop, which gets a connection for each input."""

    def __init__(self) -> None:
        from uvicorn.server import ServerState

        logging.getLogger("uvicorn.error").disabled = True  # what went wrong is in `self.broken`
        tracing: Any = SimpleNamespace(trace=lambda text, prompt: {"spans": [], "coverage": {"none": len(text)}})
        log = AuditLog.open(
            scratch() / "served", organisation(), "fuzz/doses", Keep("digests"), disk=Quick(), publish_every=None
        )
        served = Served(Stub(), Turns(), Access(TOKEN), log=log, tracing=tracing, hosts=LOOPBACK)
        app = create_app(served)
        self.broken: list[Exception] = []

        async def watched(scope: Any, receive: Any, send: Any) -> None:
            try:
                await app(scope, receive, send)
            except Exception as error:
                self.broken.append(error)
                raise

        self.loop = asyncio.new_event_loop()
        self.config = configure(cast(Any, watched))
        self.config.load()
        self.state = ServerState()

    def say(self, data: bytes) -> bytes:
        """What the server answers to these bytes, after which the client leaves."""
        self.broken.clear()
        said = self.loop.run_until_complete(self._say(data))
        if self.broken:
            raise self.broken[0]
        return said

    async def _say(self, data: bytes) -> bytes:
        plug, tasks = Plug(), self.state.tasks
        kind = cast(Any, self.config.http_protocol_class)
        link = kind(config=self.config, server_state=self.state, app_state={}, _loop=self.loop)
        link.connection_made(plug)
        # In two pieces, as a network would: the second one may find a connection that is refused already.
        half = len(data) // 2
        for piece in (data[:half], data[half:]):
            if piece and not plug.closed:
                link.data_received(piece)
                await asyncio.sleep(0)
        if tasks:  # what waits for the rest of a body waits in vain
            await asyncio.wait(tasks, timeout=0.2)
        link.connection_lost(None)
        plug.closed = True
        late = (await asyncio.wait(tasks, timeout=SECONDS))[1] if tasks else ()
        assert not late, f"still at work {SECONDS:g} seconds after the client left"
        return bytes(plug.said)


@cache
def connected() -> Connected:
    return Connected()


def run(data: bytes) -> None:
    kind = data[:1]
    if kind in PATHS:
        said = connected().say(_request(PATHS[kind], data[1:]))
        assert STATUS.match(said), "no answer to a request that is whole"
    else:
        said = connected().say(data[1:])
    for status in map(int, STATUS.findall(said.split(b"\r\n\r\n")[0])):
        assert status not in BLAMES_US, said[:2000]


def _request(path: str, body: bytes, first: str = "POST", *lines: str) -> bytes:
    said = [f"{first} {path} HTTP/1.1", "Host: 127.0.0.1:8000", f"Authorization: Bearer {TOKEN}"]
    said += ["Content-Type: application/json", f"Content-Length: {len(body)}", *lines]
    return ("\r\n".join(said) + "\r\n\r\n").encode("latin-1") + body


def seeds() -> list[bytes]:
    chat: dict[str, Any] = {"model": "doses", "messages": [{"role": "user", "content": "2 tabs tds pc"}]}
    every = chat | {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "2 tabs"}], "name": "a"}],
        "temperature": 0.5, "top_p": 0.9, "seed": 3, "max_tokens": 20, "stop": ["\n"], "n": 1, "user": "ward 3",
        "stream": True, "stream_options": {"include_usage": True}, "logit_bias": {}, "presence_penalty": 0,
        "frequency_penalty": 0, "logprobs": True, "top_logprobs": 2, "metadata": {"a": "b"}, "tools": [],
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
        "tool_choice": "none",
    }  # fmt: skip
    plain = {"model": "doses", "prompt": ["2 tabs", "1 puff"], "max_tokens": 5, "logprobs": 2, "echo": False}
    bodies = [(CHAT, chat), (CHAT, every), (COMPLETION, plain), (COMPLETION, plain | {"prompt": "a", "stream": True})]
    found = [kind + json.dumps(body).encode() for kind, body in bodies]
    found.append(TRACE + json.dumps({"text": "two tablets", "prompt": "2 tabs"}).encode())
    asked = _request(PATHS[CHAT], json.dumps(chat).encode())
    erase = _request("/v1/log/erase", b'{"id": "chatcmpl-0", "reason": "asked for"}')
    gets = (_request(path, b"", "GET") for path in PATHS_TO_GET)
    return [*found, RAW + asked, RAW + erase, *(RAW + one for one in gets), RAW + asked + asked]


def mutate(data: bytes, chance: random.Random) -> bytes:
    if data[:1] in PATHS:
        return data[:1] + change_json(data[1:], chance)
    if chance.random() < 0.3:
        return data[:1] + change_bytes(data[1:], chance, WORDS)
    head, gap, body = data[1:].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    at = chance.randrange(len(lines))
    match chance.randrange(4):
        case 0:
            lines[at] = change_text(lines[at], chance)
        case 1:
            lines.insert(at, chance.choice(WORDS))
        case 2:
            lines.insert(at, lines[chance.randrange(len(lines))])
        case _:
            del lines[at]
    return data[:1] + b"\r\n".join(lines) + gap + body


PATHS_TO_GET = (
    "/healthz", "/metrics", "/openapi.json", "/v1/models", "/v1/models/doses", "/v1/../etc/passwd", "/v1/about",
    "/v1/certificate", "/v1/receipts/chatcmpl-0", "/v1/log/checkpoint", "/v1/log/tile/0/000.p/3",
    "/v1/log/entries?start=0&limit=3", "/v1/log/consistency?size=1", "/v1/log/texts/chatcmpl-0",
)  # fmt: skip
WORDS = (
    b"Transfer-Encoding: chunked", b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999",
    b"Expect: 100-continue", b"Connection: Upgrade", b"Upgrade: websocket", b"Upgrade: h2c", b"Host: evil.example",
    b"Cookie: session=a; b", b"X-CSRF-Token: a", b"Content-Type: text/plain", b"Origin: http://evil.example",
    b"Range: bytes=0-", b"X-Forwarded-For: 127.0.0.1", b"OPTIONS * HTTP/1.1", b"HEAD /v1/models HTTP/1.1",
    b"GET /v1/models/%2e%2e%2f HTTP/1.1", b"GET //v1/models HTTP/1.0", b"GET http://evil.example/ HTTP/1.1",
    b"PRI * HTTP/2.0", b"Authorization: Basic YTpi", b"Authorization: Bearer " + TOKEN.encode(), b"Host: 127.0.0.1",
)  # fmt: skip
TARGET = Target("request", run, seeds, mutate, words=(*WORDS, b"messages", b"stream", b"response_format", b"stop"))
