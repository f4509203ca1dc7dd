"""What the server counts, told in Prometheus' text format (version 0.0.4). No names of people, no texts.

Counters and histograms are added to from any thread; gauges are asked when somebody reads.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Upper bounds of the histograms' buckets.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
RATES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)

# Every name that there is: kind, help, and the buckets of a histogram.
NAMES: Mapping[str, tuple[str, str, tuple[float, ...]]] = {
    "helder_requests_total": ("counter", "Requests for an answer, by what became of them.", ()),
    "helder_requests_running": ("gauge", "Requests that are being answered.", ()),
    "helder_queue_length": ("gauge", "Requests that wait for their turn.", ()),
    "helder_queue_seconds": ("histogram", "Seconds that requests waited for their turn.", SECONDS),
    "helder_prompt_tokens_total": ("counter", "Tokens of questions that were answered.", ()),
    "helder_completion_tokens_total": ("counter", "Tokens of answers.", ()),
    "helder_first_token_seconds": ("histogram", "Seconds in the engine until an answer's first piece.", SECONDS),
    "helder_answer_seconds": ("histogram", "Seconds in the engine until an answer's end.", SECONDS),
    "helder_tokens_per_second": ("histogram", "Tokens per second while an answer is written.", RATES),
    "helder_engine_restarts_total": ("counter", "Times that the engine crashed and was started again.", ()),
    "helder_engine_repeats_total": ("counter", "Answers asked a second time because the engine crashed.", ()),
    "helder_engine_broken": ("gauge", "1 when the engine crashed too often and is not started again.", ()),
    "helder_resident_bytes": ("gauge", "Memory in use, by process; shared pages count in each.", ()),
    "helder_log_entries": ("gauge", "Records in the audit log.", ()),
}


class Metrics:
    """The numbers of one server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[tuple[str, str], float] = {}
        self._histograms: dict[str, _Histogram] = {}
        self._gauges: dict[tuple[str, str], Callable[[], float | None]] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        key = (_known(name, "counter"), _labels(labels))
        with self._lock:
            self._counters[key] = self._counters.get(key, 0) + amount

    def observe(self, name: str, value: float) -> None:
        """Add a value to a histogram."""
        _known(name, "histogram")
        with self._lock:
            self._histograms.setdefault(name, _Histogram(NAMES[name][2])).add(value)

    def gauge(self, name: str, read: Callable[[], float | None], **labels: str) -> None:
        """Say how a gauge is read; None is left out."""
        self._gauges[_known(name, "gauge"), _labels(labels)] = read

    def value(self, name: str, **labels: str) -> float:
        """A counter's value."""
        with self._lock:
            return self._counters.get((_known(name, "counter"), _labels(labels)), 0)

    def text(self) -> str:
        """All of it in Prometheus' text format."""
        with self._lock:
            lines: dict[str, list[str]] = {name: [] for name in NAMES}
            for (name, labels), value in sorted(self._counters.items()):
                lines[name].append(f"{name}{labels} {_number(value)}")
            for name, histogram in self._histograms.items():
                lines[name] += histogram.lines(name)
        for (name, labels), read in sorted(self._gauges.items()):
            found = read()
            if found is not None:
                lines[name].append(f"{name}{labels} {_number(found)}")
        said: list[str] = []
        for name, found_lines in lines.items():
            if found_lines:
                kind, meaning, _ = NAMES[name]
                said += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", *found_lines]
        return "\n".join(said) + "\n"


class _Histogram:
    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds, self.counts, self.sum = bounds, [0] * (len(bounds) + 1), 0.0

    def add(self, value: float) -> None:
        self.counts[bisect.bisect_left(self.bounds, value)] += 1
        self.sum += value

    def lines(self, name: str) -> list[str]:
        said, below = [], 0
        for bound, count in zip((*map(_number, self.bounds), "+Inf"), self.counts, strict=True):
            below += count
            said.append(f'{name}_bucket{{le="{bound}"}} {below}')
        return [*said, f"{name}_sum {_number(self.sum)}", f"{name}_count {below}"]


def _known(name: str, kind: str) -> str:
    if NAMES.get(name, ("",))[0] != kind:
        raise ValueError(f"{name} is no {kind} of this server")
    return name


def _labels(labels: Mapping[str, str]) -> str:
    """As they stand in the text; values are our own words, which need no escaping."""
    if any(not value.replace("_", "").replace("-", "").isalnum() for value in labels.values()):
        raise ValueError(f"labels are plain words: {labels}")
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}" if labels else ""


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
