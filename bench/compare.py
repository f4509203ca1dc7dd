"""How fast `helder compare` asks a service: 1,000 items, 100 ms an answer, 8 at a time; the bar: 70 requests/s.

The service is a process of its own on this machine that waits 100 ms before each answer, so that 80 a second is the
most that 8 connections can get. Asked is as the command asks: set aside, recorded, every byte kept.

    .venv/bin/python -m bench.compare
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import measuring

SERVER = """
import json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
latency = float(sys.argv[1])
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def log_message(self, *arguments): pass
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(latency)
        record = {"model": "mock", "choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}
        record["usage"] = {"prompt_tokens": 20, "completion_tokens": 1}
        body = json.dumps(record).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def measure(items: int, at_once: int, latency: float) -> dict[str, Any]:
    """Ask one service all items."""
    from helder.evaluate.compare import asking, leaving, record
    from helder.evaluate.compare.budget import Budget, Limits
    from helder.evaluate.compare.gate import Gate
    from helder.evaluate.compare.items import of_file
    from helder.evaluate.compare.services import Price, Service

    server = subprocess.Popen([sys.executable, "-c", SERVER, str(latency)], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        service = Service(name="mock", model="mock", url=url, price=Price(input=1, output=1))
        with tempfile.TemporaryDirectory(prefix="helder-bench-") as place:
            folder = Path(place)
            rows = [{"id": str(n), "input": f"Question {n}? " + "word " * 100, "output": "yes"} for n in range(items)]
            (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            requests = leaving.leaving([service], of_file(folder / "items.jsonl", None, None, 0)).requests
            journal = record.Record(folder / "record.jsonl", "bench")
            budget = Budget(Limits(items, 1000.0, "USD"))
            start, cpu = time.monotonic(), time.process_time()
            found = asking.ask_all(
                requests, Gate.of(["127.0.0.1"]), budget, journal, record.Known(), seed=0, at_once=at_once
            )
            seconds, spent = time.monotonic() - start, time.process_time() - cpu
            journal.close()
            size = (folder / "record.jsonl").stat().st_size
    finally:
        server.kill()
        server.wait()
    assert len(found.replies) == items
    return {
        "items": items,
        "at_once": at_once,
        "latency": latency,
        "seconds": seconds,
        "requests_per_second": items / seconds,
        "cpu_ms_per_request": 1000 * spent / items,
        "record_bytes": size,
    }


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--items", type=measuring.positive, default=1000)
    options.add_argument("--at-once", type=measuring.positive, default=8)
    options.add_argument("--latency", type=float, default=0.1, help="Seconds (default: %(default)s).")
    given = options.parse_args()
    found = measure(given.items, given.at_once, given.latency)
    if given.json:
        print(json.dumps(found, indent=1))
        return
    print(f"{found['items']:,} items, {found['at_once']} at a time, {1000 * found['latency']:.0f} ms an answer")
    print(f"requests a second   {found['requests_per_second']:.1f} (bar: 70; the most there can be: "
          f"{found['at_once'] / found['latency']:.0f})")  # fmt: skip
    print(f"our CPU a request   {found['cpu_ms_per_request']:.2f} ms")
    print(f"record              {found['record_bytes'] / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
