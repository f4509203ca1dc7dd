"""What was sent and what came back: JSON lines, written as it happens.

A line "sent" stands there before the first byte goes out, a line "received" when the exchange ended, well or not. A
process that is killed in between leaves the first without the second, and the money that the request may have cost is
still counted. What was answered is never asked again, so that the same command goes on where it stopped.

Bytes stand as text where they are UTF-8 and as base64 elsewhere; keys stand nowhere (`wire.py`). The head says what
this is: a record. No line of it can be made again by asking again.
"""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from helder.errors import ExitCode, HelderError
from helder.evaluate.compare import RECORDED
from helder.evaluate.compare.protocols import Reply
from helder.evaluate.compare.wire import Exchange

WHY = (
    "A service may answer otherwise tomorrow, from another model under the same name. These are the bytes of that day."
)


@dataclass
class Known:
    """What a record holds already.

    Attributes:
        replies: (service, item, SHA-256 of the request's body) → answer.
        requests, money: what was used.
        seconds: service → of each answer.
        dates: service → of its first and last answer.
        left: service → how many bytes were sent to it, and how many requests.
    """

    replies: dict[tuple[str, str, str], Reply] = field(default_factory=dict)
    requests: int = 0
    money: float = 0.0
    costs: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    dates: dict[str, list[str]] = field(default_factory=dict)
    left: dict[str, list[int]] = field(default_factory=dict)


class Record:
    """A record that is open for writing; several threads may."""

    def __init__(self, path: Path, plan: str) -> None:
        """Open a record, or begin it.

        Args:
            plan: digest of the plan that it belongs to.

        Raises:
            HelderError: the file is no record, or that of another plan.
        """
        self.path, self._lock = path, threading.Lock()
        _cut_half_line(path)
        lines = _whole_lines(path)
        if lines and lines[0].get("plan") != plan:
            raise HelderError(
                f"{path} is the record of another plan.", "", "Move it away, or compare in another folder: --out"
            )
        self.number = max((line["number"] for line in lines[1:]), default=0)
        self._stream: IO[str] = path.open("a", encoding="utf-8")
        if not lines:
            self._write({"format": 1, "label": RECORDED, "why": WHY, "plan": plan})

    def sent(self, service: str, item: str, tries: int, host: str, sha256: str, most: float, size: int) -> int:
        """A request goes out; returns its number."""
        with self._lock:
            self.number += 1
            number = self.number
            self._write(
                {"event": "sent", "number": number, "service": service, "item": item, "try": tries, "host": host}
                | {"body_sha256": sha256, "body_bytes": size, "money_at_most": most}
            )
        return number

    def received(self, number: int, exchange: Exchange, money: float, reply: Reply | None, fault: str | None) -> None:
        """The exchange ended."""
        with self._lock:
            self._write(
                {"event": "received", "number": number, "date": exchange.date, "seconds": round(exchange.seconds, 6)}
                | {"status": exchange.status, "fault": fault, "money": money}
                | {"reply": reply.to_json() if reply else None}
                | {"request_bytes": _bytes(exchange.sent), "answer_bytes": _bytes(exchange.received)}
            )

    def close(self) -> None:
        self._stream.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._stream.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        self._stream.flush()


def read(path: Path) -> Known:
    """What a record holds; empty when there is none."""
    known = Known()
    open_: dict[int, dict[str, Any]] = {}
    for line in _whole_lines(path)[1:]:
        if line["event"] == "sent":
            open_[line["number"]] = line
            known.requests += 1
            known.money += line["money_at_most"]
            service = line["service"]
            known.costs[service] = known.costs.get(service, 0.0) + line["money_at_most"]
            continue
        sent = open_.pop(line["number"])
        service = sent["service"]
        known.money += line["money"] - sent["money_at_most"]
        known.costs[service] += line["money"] - sent["money_at_most"]
        counted = known.left.setdefault(service, [0, 0])
        counted[0], counted[1] = counted[0] + _size(line["request_bytes"]), counted[1] + 1
        if line["reply"]:
            known.replies[service, sent["item"], sent["body_sha256"]] = Reply(**line["reply"])
            known.seconds.setdefault(service, []).append(line["seconds"])
            known.dates.setdefault(service, []).append(line["date"])
    for line in open_.values():  # killed while it was on its way: counted as sent
        counted = known.left.setdefault(line["service"], [0, 0])
        counted[0], counted[1] = counted[0] + line["body_bytes"], counted[1] + 1
    return known


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a record; half a line at the end is being written, or was left by a kill, and is none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    whole = data[: data.rfind(b"\n") + 1]
    try:
        return [json.loads(line) for line in whole.split(b"\n") if line]
    except ValueError as error:
        raise HelderError(
            f"{path} is no record of requests.", str(error), "Move it away and compare again.", ExitCode.FAILED
        ) from error


def _cut_half_line(path: Path) -> None:
    """Cut off what a kill left of a line. Only whoever writes may: to others it may be a line that is being written."""
    if path.is_file():
        data = path.read_bytes()
        with path.open("r+b") as stream:
            stream.truncate(data.rfind(b"\n") + 1)


def _bytes(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


def _size(stored: dict[str, str]) -> int:
    return len(stored["text"].encode("utf-8")) if "text" in stored else len(base64.b64decode(stored["base64"]))
