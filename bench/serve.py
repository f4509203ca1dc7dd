"""What a server of ours costs over llama.cpp's own, how it bears too many requests, and whether it wears.

    python -m bench.serve overhead --model MODEL.gguf --folder FOLDER   # gate, queue, log, receipts; 1 and 8 clients
    python -m bench.serve load --model MODEL.gguf --folder FOLDER          # ten times as many requests as it can answer
    python -m bench.serve soak --requests 10000 --kills 100                # a tiny model; memory, log, killed processes

`overhead`: both servers stand side by side with the same model, the same settings of llama.cpp, the same threads and
as many places, and are asked in turn, in rounds; the other one sleeps meanwhile. The same prompt, as text to ours and
as token ids to llama.cpp's. FOLDER holds the model's tokenizer.json and helder.json.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import measuring
from bench.serve_side import TOKEN
from helder.commands.talk import table
from helder.errors import ExitCode

QUESTION = "Write a short story about a lighthouse keeper who counts the ships that pass in a night."


@dataclass
class Side:
    """A server that runs."""

    process: subprocess.Popen[str]
    url: str
    processes: list[int]

    @classmethod
    def start(cls, *arguments: str) -> Side:
        command = [sys.executable, "-m", "bench.serve_side", *arguments]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        told = json.loads(process.stdout.readline() or "{}")
        if not told:
            raise SystemExit(f"{' '.join(command)} did not start.")
        return cls(process, told["url"], told["processes"])

    def resident(self) -> int:
        return sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) * 4096 for one in self.processes)

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(60)


@dataclass(frozen=True)
class Told:
    """What came of one request: status, seconds to the first piece and to the end, tokens, the receipt's place."""

    status: int
    first: float
    whole: float
    tokens: int = 0
    id: str | None = None
    index: int | None = None


class Client:
    """One client; a connection for each streamed request."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=300)

    def ask(self, path: str, body: dict[str, Any]) -> Told:
        """A streamed request, read to its end."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        self.connection.close()  # a new one for each, because llama.cpp's server closes idle ones after some seconds
        begin = time.perf_counter()
        self.connection.request("POST", path, json.dumps(body), headers)
        response = self.connection.getresponse()
        if response.status != 200:
            response.read()
            return Told(response.status, 0.0, time.perf_counter() - begin)
        first, tokens, id_, index = 0.0, 0, None, None
        for line in response:
            if not line.startswith(b"data: {"):
                continue
            chunk = json.loads(line[6:])
            choice = (chunk.get("choices") or [{}])[0]
            text = choice.get("text") or choice.get("delta", {}).get("content")
            if text and not first:
                first = time.perf_counter() - begin
            tokens = (chunk.get("usage") or {}).get("completion_tokens", tokens)
            receipt = chunk.get("helder", {}).get("receipt")
            if receipt:
                id_, index = receipt["id"], receipt["index"]
        return Told(200, first, time.perf_counter() - begin, tokens, id_, index)


def ours(tokens: int) -> dict[str, Any]:
    messages = [{"role": "user", "content": QUESTION}]
    options = {"stream": True, "stream_options": {"include_usage": True}, "max_tokens": tokens}
    return {"model": "measured", "messages": messages, **options}


def bare(ids: list[int], tokens: int) -> dict[str, Any]:
    from helder.data.task import Task
    from helder.serve import llama
    from helder.serve.answer import Decoding

    form = Task(kind="text", name="measured", purpose="Be measured.").grammar()  # as ours
    return {**llama.request(ids, Decoding(form, tokens)), "stream": True, "stream_options": {"include_usage": True}}


def together(url: str, path: str, body: dict[str, Any], clients: int, requests: int) -> tuple[float, list[Told]]:
    """So many clients with so many requests each; seconds of all, and what came of each."""

    def one(_: int) -> list[Told]:
        client = Client(url)
        return [client.ask(path, body) for _ in range(requests)]

    begin = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        told = [answer for answers in pool.map(one, range(clients)) for answer in answers]
    return time.perf_counter() - begin, told


# -- overhead --------------------------------------------------------------------------------------------------------


def overhead(given: argparse.Namespace) -> dict[str, Any]:
    from helder.tokens import chat
    from helder.tokens.tokenizer import Tokenizer

    tokenizer, form = Tokenizer.load(given.folder), chat.format_of(given.folder)
    ids, _ = chat.render(tokenizer, form, [{"role": "user", "content": QUESTION}])
    asked = {
        "helder": ("/v1/chat/completions", ours(given.tokens)),
        "bare": ("/v1/completions", bare(list(ids), given.tokens)),
    }
    found = []
    for places, mode in given.settings:
        with tempfile.TemporaryDirectory(prefix="helder-bench-") as folder:
            common = [str(given.model), str(given.folder), "--places", str(places), "--context", "512"]
            more = ["--mode", mode, "--waiting", "64", "--log", f"{folder}/log"]
            sides = {"helder": Side.start("helder", *common, *more), "bare": Side.start("bare", *common)}
            try:
                for clients in given.clients:
                    found.append(_rounds(sides, asked, clients, given.rounds) | {"places": places, "mode": mode})
                    print(json.dumps(found[-1]), file=sys.stderr)
            finally:
                for side in sides.values():
                    side.close()
    return {"overhead": found, "bars": {"tokens_per_second": 0.95, "first_token_ms": 3.0}}


def _rounds(sides: dict[str, Side], asked: dict[str, Any], clients: int, rounds: int) -> dict[str, Any]:
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    firsts: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):  # the first is not counted
        for name in sorted(sides, reverse=bool(turn % 2)):
            path, body = asked[name]
            seconds, told = together(sides[name].url, path, body, clients, 1 if clients > 1 else 2)
            wrong = [one for one in told if one.status != 200 or not one.tokens]
            if wrong:
                raise SystemExit(f"{name}: {wrong[0]}")
            if turn:
                speeds[name].append(sum(one.tokens for one in told) / seconds)
                firsts[name].append(statistics.median(one.first for one in told))
    ratios = [one / other for one, other in zip(speeds["helder"], speeds["bare"], strict=True)]
    later = [1e3 * (one - other) for one, other in zip(firsts["helder"], firsts["bare"], strict=True)]
    return {
        "clients": clients,
        "rounds": rounds,
        "tokens_per_second": {name: statistics.median(kept) for name, kept in speeds.items()},
        "first_token_ms": {name: 1e3 * statistics.median(kept) for name, kept in firsts.items()},
        "ratio": statistics.median(ratios),
        "ratio_best": max(speeds["helder"]) / max(speeds["bare"]),
        "later_ms": statistics.median(later),
        "later_best_ms": 1e3 * (min(firsts["helder"]) - min(firsts["bare"])),
    }


# -- load ------------------------------------------------------------------------------------------------------------


def load(given: argparse.Namespace) -> dict[str, Any]:
    """Closed loops: as many clients as places, then ten times as many, which ask again at once when refused."""
    with tempfile.TemporaryDirectory(prefix="helder-bench-") as folder:
        log = f"{folder}/log"
        common = [str(given.model), str(given.folder), "--context", "512", "--log", log]
        side = Side.start("helder", *common, "--places", str(given.places), "--waiting", str(given.waiting))
        try:
            path, body = "/v1/chat/completions", ours(given.tokens)
            together(side.url, path, body, given.places, 1)
            capacity = given.places + given.waiting
            alone = _hammer(side.url, path, body, given.places, given.seconds)
            full = _hammer(side.url, path, body, capacity, given.seconds)
            tenfold = _hammer(side.url, path, body, 10 * given.places, given.seconds)
        finally:
            side.close()
    return {"places": given.places, "waiting": given.waiting, "alone": alone, "full": full, "tenfold": tenfold}


def _hammer(url: str, path: str, body: dict[str, Any], clients: int, seconds: float) -> dict[str, Any]:
    until = time.perf_counter() + seconds

    def one(_: int) -> list[Told]:
        client, kept = Client(url), list[Told]()
        while time.perf_counter() < until:
            kept.append(client.ask(path, body))
            if kept[-1].status != 200:
                time.sleep(0.05)
        return kept

    with ThreadPoolExecutor(clients) as pool:
        told = [answer for answers in pool.map(one, range(clients)) for answer in answers]
    accepted = [one.whole for one in told if one.status == 200]
    refused = [one.whole for one in told if one.status == 429]
    return {
        "clients": clients,
        "accepted": len(accepted),
        "p50": _quantile(accepted, 0.5),
        "p99": _quantile(accepted, 0.99),
        "refused": len(refused),
        "refused_p50_ms": 1e3 * _quantile(refused, 0.5),
        "refused_p99_ms": 1e3 * _quantile(refused, 0.99),
        "refused_most_ms": 1e3 * max(refused, default=0.0),
        "others": dict(Counter(one.status for one in told if one.status not in (200, 429))),
    }


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


# -- soak ------------------------------------------------------------------------------------------------------------


@dataclass
class Soaked:
    """What a soak counts, from several threads."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    outcomes: Counter[str] = field(default_factory=Counter)
    receipts: dict[str, int] = field(default_factory=dict)


def soak(given: argparse.Namespace) -> dict[str, Any]:
    from helder.serve.audit.verify import verify
    from tests.serve import tiny

    with tempfile.TemporaryDirectory(prefix="helder-bench-") as name:
        folder = Path(name)
        model = tiny.make(folder)
        (folder / "helder.json").write_text('{"chat_format": "chatml"}', encoding="utf-8")
        arguments = ["helder", str(model.gguf), str(folder), "--context", str(tiny.CONTEXT), "--waiting", "16"]
        arguments += ["--threads", "1", "--log", str(folder / "log")]
        side, soaked, sizes, deaths = Side.start(*arguments), Soaked(), dict[int, int](), Counter[str]()
        drawn = random.Random(given.seed)
        left, batch = given.requests, max(1, given.requests // 100)
        whom = [drawn.choice(("engine", "server")) for _ in range(given.kills)]
        begun = time.perf_counter()
        while left:
            count = min(batch, left)
            killer = None
            if whom and drawn.random() < len(whom) * batch / left:
                killer = threading.Timer(drawn.uniform(0, 0.5), _kill, (side, victim := whom.pop()))
                deaths[victim] += 1
                killer.start()
            _some(side.url, count, drawn.randrange(2**32), soaked)
            if killer is not None:
                killer.join()
            left -= count
            if side.process.poll() is not None:
                side = Side.start(*arguments)
            elif not given.kills and (given.requests - left) % (given.requests // 10) == 0:
                sizes[given.requests - left] = side.resident()
        seconds = time.perf_counter() - begun
        side.close()
        report = verify(folder / "log")
        there = _ids(folder / "log")
    lost = [id_ for id_, index in soaked.receipts.items() if there.get(index) != id_]
    early = sizes.get(given.requests // 10, 0)
    return {
        "requests": given.requests,
        "seconds": seconds,
        "outcomes": dict(soaked.outcomes),
        "receipts": len(soaked.receipts),
        "lost": len(lost),
        "log": {
            "records": len(there),
            "verifies": report.exit_code is not ExitCode.FAILED,
            "faults": len(report.faults),
        },
        "kills": dict(deaths),
        "resident": {str(at): size for at, size in sizes.items()},
        "growth": sizes[given.requests] / early - 1 if early else None,
    }


def _kill(side: Side, victim: str) -> None:
    if victim == "server":
        side.process.kill()
        return
    children = Path(f"/proc/{side.process.pid}/task/{side.process.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)


def _some(url: str, count: int, seed: int, soaked: Soaked) -> None:
    """Mixed requests by four clients: whole, streamed, left in the middle, drawn, wrong."""

    def one(number: int) -> None:
        drawn = random.Random(seed + number)
        client = Client(url)
        for _ in range(count // 4 + (number < count % 4)):
            outcome = "failed"
            try:
                outcome = _mixed(client, drawn, soaked)
            except (OSError, http.client.HTTPException, ValueError):
                client = Client(url)
            with soaked.lock:
                soaked.outcomes[outcome] += 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))


def _mixed(client: Client, drawn: random.Random, soaked: Soaked) -> str:
    kind = drawn.choice(("stream", "stream", "whole", "leave", "drawn", "wrong", "large"))
    text = " ".join(drawn.choice(("tablet", "puff", "night", "één", "☃")) for _ in range(drawn.randint(1, 12)))
    body: dict[str, Any] = {"model": "measured", "messages": [{"role": "user", "content": text}], "max_tokens": 12}
    path = "/v1/chat/completions"
    if kind in ("whole", "wrong", "large"):
        if kind == "wrong":
            body[drawn.choice(("temperature", "n", "nonsense"))] = -1
        if kind == "large":
            body["messages"][0]["content"] = "x" * 100_000
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        client.connection.request("POST", path, json.dumps(body), headers)
        response = client.connection.getresponse()
        told = json.loads(response.read())
        if response.status == 200:
            _keep(soaked, told["helder"]["receipt"])
        return f"{kind} {response.status}"
    if kind == "leave":
        body |= {"stream": True, "max_tokens": 100}
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        client.connection.request("POST", path, json.dumps(body), headers)
        response = client.connection.getresponse()
        response.readline()
        client.connection.close()
        return f"{kind} {response.status}"
    body |= {"stream": True} | ({"temperature": 1.5, "seed": drawn.randrange(1000)} if kind == "drawn" else {})
    answer = client.ask(path, body)
    if answer.id is not None and answer.index is not None:
        _keep(soaked, {"id": answer.id, "index": answer.index})
    return f"{kind} {answer.status}"


def _keep(soaked: Soaked, receipt: dict[str, Any]) -> None:
    with soaked.lock:
        soaked.receipts[receipt["id"]] = receipt["index"]


def _ids(folder: Path) -> dict[int, str]:
    """The id of each record in the log."""
    from helder.ledger import keys
    from helder.serve.audit import AuditLog, Keep

    log = AuditLog.open(folder, keys.signing_key(), "bench/measured", Keep("digests"), publish_every=None)
    try:
        return {index: json.loads(log.record(index))["id"] for index in range(log.size)}
    finally:
        log.close()


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("what", choices=("overhead", "load", "soak"))
    options.add_argument("--model", type=Path)
    options.add_argument("--folder", type=Path)
    options.add_argument("--rounds", type=measuring.positive, default=7)
    options.add_argument("--tokens", type=measuring.positive, default=64)
    options.add_argument("--clients", type=lambda text: [int(one) for one in text.split(",")], default=[1, 8])
    options.add_argument(
        "--settings",
        type=lambda text: [(int(n), mode) for n, _, mode in (one.partition("x") for one in text.split(","))],
        default=[(1, "exact"), (8, "fast")],
        help="Places and mode, such as 1xexact,2xexact,8xfast.",
    )
    options.add_argument("--places", type=measuring.positive, default=1)
    options.add_argument("--waiting", type=int, default=1)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--requests", type=measuring.positive, default=10_000)
    options.add_argument("--kills", type=int, default=0)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    if given.what != "soak" and not (given.model and given.folder):
        options.error("--model and --folder are needed")
    found = {"overhead": overhead, "load": load, "soak": soak}[given.what](given)
    measuring.tell(found, _shown(found), given.json)


def _shown(found: dict[str, Any]) -> str:
    if "overhead" in found:
        cells = [
            [
                f"{one['places']} {one['mode']}", str(one["clients"]),
                *(f"{one['tokens_per_second'][name]:.1f}" for name in ("helder", "bare")), f"{one['ratio']:.3f}",
                *(f"{one['first_token_ms'][name]:.1f}" for name in ("helder", "bare")), f"{one['later_ms']:+.1f}",
            ]
            for one in found["overhead"]
        ]  # fmt: skip
        head = ["places", "clients", "ours t/s", "bare t/s", "ratio", "ours ms", "bare ms", "later ms"]
        return table(cells, head, right=tuple(range(1, 8)))
    return json.dumps(found, indent=1)


if __name__ == "__main__":
    main()
