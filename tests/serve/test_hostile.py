"""A short run of `bench/hostile.py`: each kind of hostile request gets 4xx, and everybody else is answered."""

from __future__ import annotations

import httpx
import pytest

from bench.hostile import Attacker, attack, memory, send
from tests.serve.running import Running


@pytest.fixture
def port(server: Running) -> int:
    """Of a server that has answered: how long an answer takes is known to its queue, which refuses by it."""
    found = httpx.URL(server.url).port or 0
    attacker = Attacker("doses", server.token)
    assert [send(found, attacker.sensible(), True) for _ in range(3)] == ["200"] * 3
    return found


def test_hostile_requests_get_4xx_and_sensible_ones_between_them_an_answer(server: Running, port: int) -> None:
    found = attack(port, Attacker("doses", server.token, seed=1), 260)
    assert found.wrong == []
    assert found.sensible == 10
    assert len(found.statuses) == len(Attacker("", "").kinds) + 1
    assert memory(server.process.pid)["VmHWM"] < 800 << 20


def test_each_kind_is_refused_for_its_own_reason(server: Running, port: int) -> None:
    """So that none of them passes because something else was wrong with it."""
    attacker = Attacker("doses", server.token)
    expected = {
        "big_header": "431", "many_headers": "431", "long_line": "431", "wrong_token": "401", "wrong_host": "421",
        "wrong_path": "404", "wrong_method": "405", "big_body": "413", "wrong_type": "415", "no_length": "400",
    }  # fmt: skip
    for kind, status in expected.items():
        one = getattr(attacker, kind)()
        assert send(port, one.data, True) == status, kind
    assert send(port, attacker.sensible(), True) == "200"


def test_the_description_names_every_path_and_how_it_refuses(server: Running) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    told = httpx.get(server.url.removesuffix("/v1") + "/openapi.json", headers=headers).json()
    assert {"/healthz", "/v1/models", "/v1/chat/completions", "/v1/completions", "/v1/about"} <= set(told["paths"])
    for path, operations in told["paths"].items():
        for operation in operations.values():
            assert operation["responses"]["4XX"]["content"]["application/json"]["schema"]["$ref"].endswith("/Error")
            assert "422" not in operation["responses"]
            assert operation["security"] == ([] if path == "/healthz" else [{"token": []}])
    chat = told["components"]["schemas"]["ChatRequest"]
    assert chat["additionalProperties"] is False
    assert chat["properties"]["model"] == {"const": "doses", "type": "string"}
