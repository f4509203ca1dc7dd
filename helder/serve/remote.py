"""An engine somewhere else behind the same gate, queue, log and receipts: any server with OpenAI's API, such as vLLM.

    helder serve PROJECT --engine http://127.0.0.1:8000/v1 --engine-model NAME [--engine-kind vllm]

Prompts are rendered here and go as token ids where the engine takes them, so that no text of a user becomes a special
token; an engine that takes no ids gets the bare question as the message of the user, and applies a template of its own.
Which of the two is tried once at the start. Only the address that was named is spoken to: no redirect, no proxy, TLS
unless it is on this machine.

What answers there is what its operator says: the model's name is declared, its weights are not verified, and receipts
say so. Thresholds and calibration belong to the file that was measured, so they are not used. An answer that does not
have the form of the task is an error here as elsewhere; "vllm" and "llama.cpp" are told the form beforehand.

Requests: vLLM 0.12 and later (`structured_outputs`), llama.cpp's server (`grammar`), or nothing but OpenAI's fields.
"""

from __future__ import annotations

import json
import os
import queue
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from helder.errors import ExitCode, HelderError
from helder.evaluate.compare import protocols, services
from helder.evaluate.compare.gate import Gate
from helder.evaluate.compare.wire import Exchange, Line
from helder.serve.answer import Answer, Decoding
from helder.serve.completer import Completer
from helder.serve.constrain import for_llama_cpp
from helder.serve.metrics import Metrics
from helder.serve.supervise import Unavailable

Kind = Literal["openai", "vllm", "llama.cpp"]
KINDS: tuple[Kind, ...] = ("openai", "vllm", "llama.cpp")
KEY = "HELDER_ENGINE_KEY"  # the environment variable with the engine's key, if it wants one
NO_IDS = frozenset({400, 404, 405, 415, 422, 501})  # statuses that mean: not in this form


class Remote(Completer):
    """An engine behind OpenAI's API.

    Args:
        url: up to and without /completions, such as http://127.0.0.1:8000/v1.
        model: its name there.
        kind: how it is told the form of an answer.
        context: longest prompt and answer together, in tokens; what is longer is refused here.
        places: requests at the same time.
        probe: token ids to try at the start.
        metrics: what is counted.
        timeout: seconds without a byte after which an answer counts as lost.

    Raises:
        HelderError: the address cannot be used (code 1, or 5 without TLS), or nobody answers there.
    """

    mode: Literal["exact", "fast"] = "fast"  # nobody here knows what else it answers at the same time

    def __init__(
        self,
        url: str,
        model: str,
        *,
        kind: Kind = "openai",
        context: int = 2048,
        places: int = 1,
        probe: Sequence[int] = (0,),
        metrics: Metrics | None = None,
        timeout: float = 120.0,
    ) -> None:
        service = services.from_word(f"openai:{model}@{url}")
        if service is None:
            raise HelderError(f"{url!r} is not the address of an engine.", "", "Such as http://127.0.0.1:8000/v1.")
        if service.url.startswith("http:") and not service.on_this_machine:
            raise HelderError(
                f"{service.host} is another machine, and {url} has no TLS.",
                "Anyone on the way could read questions and answers, and change them.",
                "Use https://, or a tunnel that ends on this machine.",
                ExitCode.REFUSED,
            )
        self.service, self.kind, self.context, self.places = service, kind, context, places
        self.metrics = metrics or Metrics()
        key = os.environ.get(KEY)
        self._headers = protocols.headers(service, key)
        gate, lines = Gate.of([service.host]), range(places)
        self._every = [Line(service.url, gate, "The engine", timeout, timeout * 10, key) for _ in lines]
        self._free: queue.SimpleQueue[Line] = queue.SimpleQueue()
        for line in self._every:
            self._free.put(line)
        self.wants_text = False  # it takes no token ids
        self.name = f"{service.host}: {model} (declared, not verified)"
        self._try(probe)

    def _answer(
        self, prompt_ids: Sequence[int], wanted: Decoding, stream: Callable[[str], bool] | None, text: str
    ) -> Answer:
        """Without log-probabilities and without the tokens of the answer.

        Raises:
            Unavailable: nobody answers there, or it says that it cannot now.
            HelderError: as `complete`.
        """
        body: dict[str, Any] = {
            "model": self.service.model,
            "max_tokens": wanted.max_tokens,
            "temperature": wanted.temperature,
            "top_p": wanted.top_p,
            "seed": wanted.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if wanted.stop:
            body["stop"] = list(wanted.stop)
        if wanted.grammar is not None and self.kind == "vllm":
            body["structured_outputs"] = {"grammar": wanted.grammar}
        if wanted.grammar is not None and self.kind == "llama.cpp":
            body["grammar"] = for_llama_cpp(wanted.grammar)
        if self.wants_text:
            body["messages"] = [{"role": "user", "content": text}]
        else:
            body["prompt"] = [int(token) for token in prompt_ids]
        reading = _Reading(stream)
        begun = time.monotonic()
        line = self._free.get()
        try:
            exchange = line.post(self._path, self._headers, json.dumps(body).encode(), reading.line)
            if exchange.status is None and not exchange.received:  # an idle connection was closed meanwhile
                exchange = line.post(self._path, self._headers, json.dumps(body).encode(), reading.line)
        finally:
            self._free.put(line)
        answer = reading.answer(len(prompt_ids), time.monotonic() - begun)
        if not reading.stopped and (exchange.status != 200 or exchange.broken or not reading.ended):
            raise self._failed(exchange, reading)
        self.metrics.count("helder_prompt_tokens_total", answer.prompt_tokens)
        self.metrics.count("helder_completion_tokens_total", answer.completion_tokens)
        self.metrics.observe("helder_answer_seconds", time.monotonic() - begun)
        if reading.first is not None:
            self.metrics.observe("helder_first_token_seconds", reading.first - begun)
        return answer

    def close(self) -> None:
        for line in self._every:
            line.close()

    @property
    def _path(self) -> str:
        return "/chat/completions" if self.wants_text else "/completions"

    def _try(self, probe: Sequence[int]) -> None:
        """Ask for one token, as ids and, if those are refused, as a text."""
        body = {"model": self.service.model, "prompt": list(probe), "max_tokens": 1, "temperature": 0}
        found = self._every[0].post("/completions", self._headers, json.dumps(body).encode())
        if found.status in NO_IDS:
            self.wants_text = True
            body = {"model": self.service.model, "max_tokens": 1, "temperature": 0}
            body["messages"] = [{"role": "user", "content": "."}]
            found = self._every[0].post(self._path, self._headers, json.dumps(body).encode())
        if found.status != 200 or found.broken:
            raise self._failed(found, None)

    def _failed(self, exchange: Exchange, reading: _Reading | None) -> HelderError:
        host = self.service.host
        if exchange.status is None or exchange.broken:
            why = exchange.broken or "it did not answer"
            return Unavailable(f"The engine at {host} gave no whole answer.", why, "Look whether it runs.")
        if exchange.status == 200:
            why = (reading.error if reading else None) or "its answer ended early"
            return Unavailable(f"The engine at {host} gave no whole answer.", why, "Ask again.")
        fault = protocols.refused(exchange.status, exchange.headers, exchange.body or (reading.raw if reading else b""))
        if exchange.status in (401, 403):
            return Unavailable(f"The engine at {host} does not let us in.", fault.reason, f"Set {KEY} to its key.")
        if fault.again:
            return Unavailable(f"The engine at {host} cannot answer now.", fault.reason, "Ask again later.")
        what = f"The engine at {host} refused a request."
        return HelderError(what, fault.reason, "Check --engine-model and --engine-kind.", ExitCode.OURS)


class _Reading:
    """An answer as it comes: lines of server-sent events, in either of OpenAI's two forms."""

    def __init__(self, stream: Callable[[str], bool] | None) -> None:
        self.stream = stream
        self.text: list[str] = []
        self.raw = b""  # what is no event: the body of an error
        self.finish: str | None = None
        self.tokens: int | None = None
        self.first: float | None = None
        self.error: str | None = None
        self.stopped = self.ended = False

    def line(self, line: bytes) -> bool:
        """Take one; false: no more is wanted."""
        if not line.startswith(b"data:"):
            self.raw += line
            return len(self.raw) < 1 << 16
        data = line[5:].strip()
        if data == b"[DONE]":
            self.ended = self.finish is not None
            return True  # until its end, so that the connection can be used again
        try:
            chunk = json.loads(data)
            if "error" in chunk:
                self.error = str(chunk["error"])[:300]
                return False
            self.tokens = (chunk.get("usage") or {}).get("completion_tokens", self.tokens)
            for choice in chunk["choices"][:1]:
                self.finish = choice.get("finish_reason") or self.finish
                text = choice.get("text") or (choice.get("delta") or {}).get("content") or ""
                if text and not self._take(str(text)):
                    return False
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            self.error = f"what came is not of OpenAI's form ({type(error).__name__})"
            return False
        return True

    def answer(self, prompt_tokens: int, seconds: float) -> Answer:
        return Answer(
            text="".join(self.text),
            ids=(),
            finish_reason="stop" if self.finish == "stop" and not self.stopped else "length",
            prompt_tokens=prompt_tokens,
            completion_tokens=len(self.text) if self.tokens is None else int(self.tokens),
            seconds=(0.0, seconds),
        )

    def _take(self, text: str) -> bool:
        if self.first is None:
            self.first = time.monotonic()
        self.text.append(text)
        self.stopped = self.stream is not None and not self.stream(text)
        return not self.stopped
