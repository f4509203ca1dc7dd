"""What a server counts, as Prometheus reads it; and how it says that it is ready."""

from __future__ import annotations

import re

import httpx
import pytest

from helder.serve.metrics import NAMES, Metrics
from tests.serve.running import Running

LINE = re.compile(r'[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [0-9.e+-]+')  # of the text format, without times


def test_counters_histograms_and_gauges_are_told_with_their_kind_and_meaning() -> None:
    metrics = Metrics()
    metrics.count("helder_requests_total", outcome="answered")
    metrics.count("helder_requests_total", 2, outcome="late")
    for seconds in (0.004, 0.005, 0.3, 1000):
        metrics.observe("helder_queue_seconds", seconds)
    metrics.gauge("helder_queue_length", lambda: 3)
    metrics.gauge("helder_log_entries", lambda: None)
    lines = metrics.text().splitlines()
    assert 'helder_requests_total{outcome="late"} 2' in lines
    assert "# TYPE helder_queue_seconds histogram" in lines
    buckets = [int(line.split()[-1]) for line in lines if "_bucket" in line]
    assert buckets == sorted(buckets)
    assert (buckets[0], buckets[-1]) == (2, 4)
    assert "helder_queue_seconds_count 4" in lines
    assert "helder_queue_length 3" in lines
    assert "log_entries" not in metrics.text()
    assert all(LINE.fullmatch(line) for line in lines if not line.startswith("#"))


def test_a_number_without_a_name_is_a_defect() -> None:
    with pytest.raises(ValueError, match="no counter"):
        Metrics().count("helder_queue_length")
    with pytest.raises(ValueError, match="plain words"):
        Metrics().count("helder_requests_total", outcome='"}')


def test_a_running_server_tells_its_numbers_to_its_owner_only(server: Running) -> None:
    server.client().completions.create(model="doses", prompt="1 puff")
    root = server.url.removesuffix("/v1")
    assert httpx.get(f"{root}/metrics").status_code == 401
    told = httpx.get(f"{root}/metrics", headers={"Authorization": f"Bearer {server.token}"})
    assert told.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line for line in told.text.splitlines() if not line.startswith("#")]
    assert all(LINE.fullmatch(line) for line in lines)
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}
    assert values['helder_requests_total{outcome="answered"}'] >= 1
    assert values["helder_completion_tokens_total"] >= 1
    assert values['helder_resident_bytes{process="server"}'] > 1 << 20
    assert {name for name in NAMES if f"# TYPE {name} " in told.text} >= {
        "helder_queue_length", "helder_first_token_seconds", "helder_tokens_per_second", "helder_engine_broken",
    }  # fmt: skip
    ready = httpx.get(f"{root}/healthz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
