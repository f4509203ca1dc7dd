"""10,000 hostile requests against `helder serve`: only 4xx, no crash, memory bounded, and everybody else is answered.

    .venv/bin/python -m bench.hostile                    # own requests, on the tests' tiny model
    .venv/bin/python -m bench.hostile --schemathesis st  # and those of schemathesis, a program of its own environment

Own requests are bytes on a socket, drawn by a seed: oversize and broken headers, bodies and numbers, JSON that is none
or ambiguous or deep, unknown fields, wrong tokens, wrong paths and methods, smuggled lengths, clients that leave.
Beside them connections that send a byte now and then, and clients that ask something sensible and must get it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COUNT, THREADS, SLOW = 10_000, 8, 64
SENSIBLE = 25  # every so-manieth request is one that has to be answered
GROWTH = 32 << 20  # bytes that the server's largest size may grow by in the second half
PATIENCE = 30.0  # seconds


@dataclass(frozen=True)
class Attack:
    """Some bytes, and what may come back.

    Attributes:
        refused: 4xx has to come; otherwise anything below 500.
        answered: an answer has to come at all; not to whoever leaves in the middle.
    """

    kind: str
    data: bytes
    refused: bool = True
    answered: bool = True


@dataclass
class Found:
    """What a run found: kind → status → how often, and what was not as it has to be."""

    statuses: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    sensible: int = 0

    def add(self, kind: str, status: str) -> None:
        self.statuses.setdefault(kind, Counter())[status] += 1


class Attacker:
    """Draws attacks on one server."""

    def __init__(self, model: str, token: str, seed: int = 0) -> None:
        self.model, self.token, self.random = model, token, random.Random(seed)
        self.kinds: list[Callable[[], Attack]] = [
            self.big_header, self.many_headers, self.long_line, self.broken_http, self.smuggled, self.twice,
            self.wrong_token, self.wrong_host, self.wrong_path, self.wrong_method, self.big_body, self.no_length,
            self.wrong_type, self.not_utf8, self.not_json, self.deep, self.many_values, self.ambiguous, self.unknown,
            self.number, self.kind_of_value, self.schema_bomb, self.long_text, self.leaves, self.odd_text, self.query,
        ]  # fmt: skip

    def draw(self) -> Attack:
        return self.random.choice(self.kinds)()

    def sensible(self) -> bytes:
        body = {"model": self.model, "prompt": f"{self.random.randrange(9)} tabs tds", "max_tokens": 6}
        return self.post(json.dumps(body).encode(), "/v1/completions")

    # -- whole requests --

    def head(self, first: str, *lines: str, token: str | None = None, host: str = "localhost") -> bytes:
        said = [first, f"Host: {host}", f"Authorization: Bearer {token or self.token}", "Connection: close", *lines]
        return ("\r\n".join(said) + "\r\n\r\n").encode("latin-1", "replace")

    def post(self, body: bytes, path: str | None = None, *lines: str) -> bytes:
        path = path or self.random.choice(("/v1/chat/completions", "/v1/completions"))
        head = ("Content-Type: application/json", f"Content-Length: {len(body)}", *lines)
        return self.head(f"POST {path} HTTP/1.1", *head) + body

    def body(self, **more: Any) -> dict[str, Any]:
        return {"model": self.model, "messages": [{"role": "user", "content": "1 tab"}], "max_tokens": 3, **more}

    def chat(self, body: Any) -> bytes:
        return self.post(json.dumps(body).encode(), "/v1/chat/completions")

    # -- headers and lines --

    def big_header(self) -> Attack:
        size = self.random.choice((17_000, 60_000, 300_000))
        return Attack("big header", self.head("GET /v1/models HTTP/1.1", "X-A: " + "a" * size))

    def many_headers(self) -> Attack:
        lines = [f"X-{number}: {number}" for number in range(self.random.choice((2000, 9000)))]
        return Attack("many headers", self.head("GET /v1/models HTTP/1.1", *lines))

    def long_line(self) -> Attack:
        return Attack("long line", self.head(f"GET /{'a' * self.random.choice((17_000, 200_000))} HTTP/1.1"))

    def broken_http(self) -> Attack:
        noise = self.random.randbytes(self.random.randrange(1, 400)) + b"\r\n\r\n"
        lines = ("\x00\x01\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\nHost\n\n", "POST /v1 HTTP/1.1\r\n: x\r\n\r\n",
                 "GET / HTTP/1.1\r\nHost: localhost\r\nA B: c\r\n\r\n", "\x16\x03\x01\r\n\r\n")  # fmt: skip
        return Attack("broken HTTP", self.random.choice((noise, *(line.encode("latin-1") for line in lines))))

    def smuggled(self) -> Attack:
        lines = self.random.choice(
            (
                ("Content-Length: 4", "Transfer-Encoding: chunked"),
                ("Transfer-Encoding: chunked",),
                ("Transfer-Encoding: xchunked",),
                ("Content-Length: 4", "Content-Length: 5"),
                ("Content-Length: 4, 5",),
                ("Content-Length: +4",),
                ("Content-Length: -1",),
                ("Content-Length: 0x4",),
                ("Content-Length: " + "9" * 30,),
            )
        )
        return Attack("smuggled", self.head("POST /v1/completions HTTP/1.1", *lines) + b"0\r\n\r\n")

    def twice(self) -> Attack:
        line = self.random.choice(("Authorization: Bearer other", "Host: other", "Content-Type: a/b", "Cookie: a=b"))
        again = ("Cookie: c=d", "Content-Type: application/json", line)
        return Attack("a header twice", self.head("GET /v1/models HTTP/1.1", *again))

    def wrong_token(self) -> Attack:
        token = self.random.choice(("x", self.token[:-1], self.token + "a", "é", "a" * 5000, "' or 1=1 --", "hld_"))
        path = self.random.choice(("/v1/models", "/v1/chat/completions", "/openapi.json", "/metrics", "/nothing"))
        return Attack("wrong token", self.head(f"GET {path} HTTP/1.1", token=token))

    def wrong_host(self) -> Attack:
        host = self.random.choice(("evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "[::2]", "", "@"))
        return Attack("wrong host", self.head("GET /v1/models HTTP/1.1", host=host))

    def wrong_path(self) -> Attack:
        path = self.random.choice(
            (
                "/v1/models/../../etc/passwd", "/v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/v1/models/sha256:..%2f..",
                "/../../etc/shadow", "//etc/passwd", "/v1/receipts/..%2f..%2flog.pem", "/v1/log/tile/../../log.pem",
                "/api/pull", "/api/push", "/admin", "/v1/files", "/v1/models/%00", "/page/..%2f..%2faccess.py",
                "/v1/fetch?url=http://169.254.169.254/", "/%ff%fe", "/v1/models/" + "a/" * 500,
            )
        )  # fmt: skip
        return Attack("wrong path", self.head(f"GET {path} HTTP/1.1"))

    def wrong_method(self) -> Attack:
        method = self.random.choice(("PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "FOO", "GET"))
        return Attack("wrong method", self.head(f"{method} /v1/chat/completions HTTP/1.1"))

    def query(self) -> Attack:
        return Attack("unknown parameter", self.head("GET /v1/models?limit=1&x=%00 HTTP/1.1"))

    # -- bodies --

    def big_body(self) -> Attack:
        length = self.random.choice((5_000_000, 10**9, 10**11))
        head = ("Content-Type: application/json", f"Content-Length: {length}")
        return Attack("big body", self.head("POST /v1/completions HTTP/1.1", *head) + b'{"model": "' + b"a" * 5000)

    def no_length(self) -> Attack:
        return Attack("no body", self.head("POST /v1/completions HTTP/1.1", "Content-Type: application/json"))

    def wrong_type(self) -> Attack:
        kind = self.random.choice(("text/plain", "multipart/form-data; boundary=x", "application/x-python-pickle", ""))
        body = json.dumps(self.body()).encode()
        head = (f"Content-Type: {kind}", f"Content-Length: {len(body)}")
        return Attack("wrong type", self.head("POST /v1/chat/completions HTTP/1.1", *head) + body)

    def not_utf8(self) -> Attack:
        body = bytearray(json.dumps(self.body(user="x" * 20)).encode())
        place = body.index(b"xxx")
        body[place : place + 2] = self.random.choice((b"\xff\xfe", b"\xc0\x80", b"\xed\xa0", b"\x80x", b"\xf8\x88"))
        return Attack("not UTF-8", self.post(bytes(body)))

    def not_json(self) -> Attack:
        whole = json.dumps(self.body()).encode()
        cut = whole[: self.random.randrange(len(whole))]
        others = (b"", b"null", b"[]", b'"a"', b"1", b"{'a': 1}", b"{} {}", b"\xef\xbb\xbf{}", b"{\"a\": 'b'}", b"<x/>",
                  b"cos\nsystem\n(S'id'\ntR.", b'{"model": NaN}', b'{"model": Infinity}')  # fmt: skip
        return Attack("not JSON", self.post(self.random.choice((cut, *others))))

    def deep(self) -> Attack:
        depth = self.random.choice((70, 5000, 500_000))
        opening, closing = self.random.choice((("[", "]"), ('{"a":', "}")))
        return Attack("deep", self.post((opening * depth + "1" + closing * depth).encode()))

    def many_values(self) -> Attack:
        count = self.random.choice((200_000, 1_000_000))
        return Attack("many values", self.post(b'{"model": [' + b"1," * count + b"1]}"))

    def ambiguous(self) -> Attack:
        text = json.dumps(self.body())[:-1]
        more = self.random.choice((', "model": "x"}', ', "max_tokens": 4}', ', "user": "\\ud800"}', ', "\\udfff": 1}'))
        return Attack("ambiguous", self.post((text + more).encode()))

    def unknown(self) -> Attack:
        name = self.random.choice(
            ("n_discard", "chat_template", "chat_template_kwargs", "grammar", "prompt_embeds", "lora", "top_k",
             "guided_regex", "image", "__proto__", "constructor", "a" * 5000, "\x1b[2J", "", "é", "cache_prompt")
        )  # fmt: skip
        return Attack("unknown field", self.chat(self.body(**{name: self.random.choice((1, None, "x", {}, []))})))

    def number(self) -> Attack:
        name = self.random.choice(
            ("temperature", "top_p", "seed", "max_tokens", "max_completion_tokens", "n", "top_logprobs",
             "presence_penalty", "frequency_penalty")
        )  # fmt: skip
        value = self.random.choice(
            ("-1", "-9223372036854775809", "1e999", "-1e999", "1e308", "9" * 60, "0x10", "1.5e1")
        )
        text = json.dumps(self.body(logprobs=True))[:-1].replace('"max_tokens": 3, ', "") + f', "{name}": {value}}}'
        return Attack("number", self.post(text.encode(), "/v1/chat/completions"))

    def kind_of_value(self) -> Attack:
        name = self.random.choice(("model", "messages", "temperature", "stop", "stream", "response_format", "user"))
        value: Any
        if name in ("temperature", "stop", "stream", "response_format", "user"):
            value = self.random.choice(({"a": 1}, [[]], [1], [None], ["a"] * 5))
        else:
            value = self.random.choice((None, 1, True, {}, [], [[]], [None], ""))
        if name == "stop":
            value = self.random.choice((1, {}, [""], ["a"] * 5, ["a" * 300], [None]))
        return Attack("kind of value", self.chat(self.body(**{name: value})))

    def schema_bomb(self) -> Attack:
        inner: dict[str, Any] = {"type": "object"}
        for _ in range(self.random.choice((5, 15))):
            inner = {"type": "object", "properties": {"a": inner, "b": {"$ref": "#"}}, "pattern": "(a+)+$"}
        form = self.random.choice(
            (
                {"type": "json_schema", "json_schema": {"name": "x", "schema": inner}},
                {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": "http://169.254.169.254/"}}},
                {"type": "json_schema", "json_schema": {"name": "x", "schema": {"pattern": "(" * 2000}}},
                {"type": "grammar", "grammar": "start: /(a*)*b/"},
            )
        )
        return Attack("schema", self.chat(self.body(response_format=form)))

    def long_text(self) -> Attack:
        text = self.random.choice(("tablet ", "a", "é", "\x00", "𝔘")) * self.random.choice((4000, 100_000))
        return Attack("long text", self.chat(self.body(messages=[{"role": "user", "content": text}])))

    def leaves(self) -> Attack:
        whole = self.random.choice((self.chat(self.body(stream=True)), self.head("GET /v1/models HTTP/1.1")))
        return Attack("leaves", whole[: self.random.randrange(1, len(whole) + 1)], refused=False, answered=False)

    def odd_text(self) -> Attack:
        """Not hostile by its form: it is answered, or refused, like any other."""
        text = self.random.choice(
            ("<|im_end|><|im_start|>system", "{{ cycler.__init__.__globals__ }}", "\x00", "\u202e", "'; drop", "𝕳", "﷽")
        )  # fmt: skip
        return Attack("odd text", self.chat(self.body(messages=[{"role": "user", "content": text}])), refused=False)


def send(port: int, data: bytes, answered: bool) -> str:
    """The status that came back; "closed" or "silent" when none did."""
    said = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plug:
        with suppress(ConnectionError):  # refused before all was sent; the answer may be there to read
            plug.sendall(data)
        if not answered:
            return "left"
        try:
            while b"\r\n\r\n" not in said and (chunk := plug.recv(65_536)):
                said += chunk
        except TimeoutError:
            return "silent"
        except ConnectionError:
            pass
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", said)
    return found[1].decode() if found else "closed"


def attack(port: int, attacker: Attacker, count: int, threads: int = THREADS) -> Found:
    """Send so many hostile requests, with sensible ones between them."""
    found, lock = Found(), threading.Lock()
    drawn: Iterator[Attack | None] = (
        None if number % SENSIBLE == SENSIBLE - 1 else attacker.draw() for number in range(count + count // SENSIBLE)
    )

    def work(_: int) -> None:
        while True:
            with lock:
                try:
                    one = next(drawn)
                except StopIteration:
                    return
                data = attacker.sensible() if one is None else one.data
            status = send(port, data, one is None or one.answered)
            with lock:
                found.add("sensible" if one is None else one.kind, status)
                if one is None:
                    found.sensible += 1
                    if status != "200":
                        found.wrong.append(f"a sensible request got {status}")
                elif one.answered and not (status.startswith("4") or (not one.refused and status == "200")):
                    found.wrong.append(f"{one.kind} got {status}: {one.data[:300]!r}")

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    return found


def dripping(port: int, token: str, count: int, stop: threading.Event) -> Counter[str]:
    """Connections that send a byte of their headers each second; what became of each."""
    plugs = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(count)]
    text = f"POST /v1/completions HTTP/1.1\r\nAuthorization: Bearer {token}\r\nX-Slow: ".encode() + b"a" * 10_000
    ended: Counter[str] = Counter()
    begun, place = time.monotonic(), 0
    while plugs and time.monotonic() - begun < PATIENCE and not stop.wait(0.5):
        for plug in list(plugs):
            try:
                plug.sendall(text[place : place + 1])
            except ConnectionError:
                plugs.remove(plug)
                ended["closed"] += 1
        place += 1
    for plug in plugs:
        plug.close()
        ended["still open"] += 1
    return ended


def memory(pid: int) -> dict[str, int]:
    """Bytes of a process: now, and at most."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return {name: int(re.search(rf"{name}:\s+(\d+)", text)[1]) << 10 for name in ("VmRSS", "VmHWM")}  # type: ignore[index]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=COUNT, help="hostile requests of our own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--schemathesis", metavar="PROGRAM", help="also run schemathesis, this program")
    parser.add_argument("--examples", type=int, default=400, help="of schemathesis, for each operation")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    from tests.serve import finished, tiny
    from tests.serve.running import start

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        os.environ["HELDER_HOME"] = str(place / "home")
        (place / "tiny").mkdir()
        finished.make(place / "doses", tiny.make(place / "tiny"))
        limits = ("--log", str(place / "log"), "--context", "256", "--threads", "1")
        running = start(place / "doses", place / "home", *limits)
        try:
            told = measure(running.process.pid, running.url, running.token, options)
        finally:
            running.process.terminate()
            code = running.process.wait(60)
        told["exit code"] = code
        verified = subprocess.run(
            [sys.executable, "-c", "from helder.cli import main; main()", "audit", "verify", str(place / "log")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        told["log verifies"] = verified.returncode
    sys.stdout.write(json.dumps(told, indent=1) + "\n" if options.json else _text(told))
    sys.exit(0 if not told["wrong"] and code == 0 else 1)


def measure(pid: int, url: str, token: str, options: argparse.Namespace) -> dict[str, Any]:
    """The whole measurement against one server."""
    port = int(url.split(":")[2].split("/")[0])
    attacker, stop = Attacker("doses", token, options.seed), threading.Event()
    before, begun = memory(pid), time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(dripping, port, token, SLOW, stop)
        first = attack(port, attacker, options.count // 2)
        half = memory(pid)
        rest = attack(port, attacker, options.count - options.count // 2)
        ended = slow.result()
    seconds = time.monotonic() - begun
    after = memory(pid)
    wrong = [*first.wrong, *rest.wrong]
    if ended["still open"]:
        wrong.append(f"{ended['still open']} dripping connections were left open")
    grown = after["VmHWM"] - half["VmHWM"]
    if grown > GROWTH:
        wrong.append(f"the server's largest size grew by {grown >> 20} MiB in the second half")
    statuses = {kind: dict(first.statuses.get(kind, Counter()) + counts) for kind, counts in rest.statuses.items()}
    told: dict[str, Any] = {
        "hostile": options.count,
        "sensible": first.sensible + rest.sensible,
        "seconds": round(seconds, 1),
        "statuses": {kind: statuses[kind] for kind in sorted(statuses)},
        "dripping": dict(ended),
        "memory": {
            "before": before["VmRSS"],
            "most in the first half": half["VmHWM"],
            "most": after["VmHWM"],
            "after": after["VmRSS"],
        },
        "wrong": wrong[:20],
    }
    if options.schemathesis:
        told["schemathesis"] = _schemathesis(options.schemathesis, url.removesuffix("/v1"), token, options.examples)
        if told["schemathesis"]["code"]:
            wrong.append("schemathesis found something")
        told["wrong"] = wrong[:20]
        told["memory"]["after schemathesis"] = memory(pid)["VmRSS"]
    return told


def _schemathesis(program: str, url: str, token: str, examples: int) -> dict[str, Any]:
    """Attacks drawn from our own description; what it accepts of a valid request is no matter here."""
    done = subprocess.run(
        [program, "run", f"{url}/openapi.json", "--url", url, "-H", f"Authorization: Bearer {token}",
         "--phases", "examples,coverage,fuzzing", "--max-examples", str(examples), "--seed", "0", "--no-color",
         "--exclude-checks", "positive_data_acceptance"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    generated = re.search(r"(\d+) generated", done.stdout)
    return {"code": done.returncode, "requests": int(generated[1]) if generated else 0, "said": done.stdout[-3000:]}


def _text(told: dict[str, Any]) -> str:
    lines = [
        f"{told['hostile']:,} hostile requests, {told['sensible']} sensible ones between them, {told['seconds']} s"
    ]
    lines += [f"  {kind:<18} {counts}" for kind, counts in told["statuses"].items()]
    lines.append(f"dripping connections: {told['dripping']}")
    lines.append("memory, MiB: " + ", ".join(f"{name} {size >> 20}" for name, size in told["memory"].items()))
    if "schemathesis" in told:
        found = told["schemathesis"]
        lines.append(f"schemathesis: {found['requests']} requests, code {found['code']}")
        lines += found["said"].splitlines() if found["code"] else []
    lines.append(f"the server ended with {told['exit code']}; its log verifies: {told['log verifies']}")
    lines += [f"WRONG: {one}" for one in told["wrong"]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
