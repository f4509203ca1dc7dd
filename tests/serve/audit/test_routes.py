"""The log over HTTP: who may see what, and that it is the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from helder.ledger import merkle
from helder.serve import routes
from helder.serve.access import Access
from helder.serve.app import create_app
from helder.serve.audit import AuditLog
from helder.serve.audit.note import Checkpoint, VerifierKey
from helder.serve.routes import audit
from helder.serve.served import Served
from helder.serve.tokens import Tokens
from helder.serve.turns import Turns
from tests.serve.audit.logs import opened, record

OWNER = "a" * 24


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    with opened(tmp_path / "log") as log:
        for number in range(300):
            log.append(record(number))
        yield log


@pytest.fixture
def tokens(tmp_path: Path) -> dict[str, str]:
    """Name of a token → the token; ward-1 may ask, an auditor may see the log."""
    store = Tokens(tmp_path / "home")
    return {"ward-1": store.make("ward-1", ("ask",)), "auditor": store.make("auditor", ("log",)), "owner": OWNER}


def asked(log: AuditLog, tmp_path: Path, token: str, talk: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
    named = cast(Any, SimpleNamespace(name="doses"))  # all that the application asks of a model
    served = Served(named, Turns(), Access(OWNER, Tokens(tmp_path / "home")), log=log)

    async def run() -> Any:
        with pytest.MonkeyPatch.context() as patch:  # the log's routes alone: there is no model here
            patch.setattr(routes, "routers", lambda served: [audit.router(served)])
            transport = httpx.ASGITransport(app=create_app(served))
        head = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=head) as client:
            return await talk(client)

    return asyncio.run(run())


def test_a_receipt_can_be_checked_by_who_got_it(log: AuditLog, tokens: dict[str, str], tmp_path: Path) -> None:
    got = asked(log, tmp_path, tokens["ward-1"], lambda client: client.get(f"/v1/receipts/{record(7).id}")).json()
    point = Checkpoint.read(got["checkpoint"].encode(), VerifierKey.read(got["vkey"]))
    leaf = merkle.leaf(got["data"].encode("utf-8"))
    assert leaf.hex() == got["leaf"]
    proof = [bytes.fromhex(digest) for digest in got["proof"]]
    assert merkle.proves(leaf, got["index"], point.size, proof, point.root)
    assert got["record"]["id"] == record(7).id


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("ward-1", f"/v1/receipts/{record(7).id}", 200),
        ("ward-1", f"/v1/receipts/{record(8).id}", 404),  # ward-2 asked
        ("ward-1", "/v1/receipts/chatcmpl-nobody", 404),
        ("ward-1", "/v1/receipts/..%2f..%2flog.pem", 404),
        ("ward-1", f"/v1/receipts/{'x' * 101}", 400),
        ("auditor", f"/v1/receipts/{record(8).id}", 200),
        ("ward-1", "/v1/log/checkpoint", 403),
        ("ward-1", "/v1/log/entries", 403),
        ("ward-1", "/v1/log/tile/0/000", 403),
        ("ward-1", f"/v1/log/texts/{record(7).id}", 403),
        ("auditor", "/v1/log/entries?start=0&limit=1001", 400),
        ("auditor", "/v1/log/entries?start=-1", 400),
        ("auditor", "/v1/log/entries?start=x", 400),
        ("auditor", "/v1/log/entries?start=99999", 200),
        ("auditor", "/v1/log/tile/0/001", 404),
        ("auditor", "/v1/log/tile/../../log.pem", 404),
        ("auditor", "/v1/log/tile/%2e%2e/log.pem", 404),
        ("auditor", "/v1/log/consistency?size=0", 400),
        ("auditor", "/v1/log/consistency?size=301", 404),
        ("auditor", "/v1/log/texts/chatcmpl-nobody", 404),
        ("nobody", "/v1/log/checkpoint", 401),
    ],
)
def test_everyone_gets_what_their_role_lets_them_see(
    log: AuditLog, tokens: dict[str, str], tmp_path: Path, name: str, path: str, status: int
) -> None:
    got = asked(log, tmp_path, tokens.get(name, "wrong" * 8), lambda client: client.get(path))
    assert got.status_code == status, got.text
    if status >= 400:
        assert got.json()["error"]["message"]


def test_a_monitor_rebuilds_the_log_from_its_tiles(log: AuditLog, tokens: dict[str, str], tmp_path: Path) -> None:
    async def talk(client: httpx.AsyncClient) -> tuple[Checkpoint, bytes, dict[str, Any], dict[str, Any]]:
        note = await client.get("/v1/log/checkpoint")
        leaves = b""
        for path in ("000", "001.p/44"):
            found = await client.get(f"/v1/log/tile/0/{path}")
            assert found.headers["content-type"] == "application/octet-stream"
            leaves += found.content
        assert (await client.get("/v1/log/tile/entries/000")).content[2:].startswith(log.record(0))
        extension = await client.get("/v1/log/consistency?size=100")
        page = await client.get("/v1/log/entries?start=299&limit=5")
        return Checkpoint.read(note.content, log.key.public), leaves, extension.json(), page.json()

    point, leaves, extension, page = asked(log, tmp_path, tokens["auditor"], talk)
    found = [leaves[place : place + 32] for place in range(0, len(leaves), 32)]
    assert merkle.root(found) == point.root
    proof = [bytes.fromhex(digest) for digest in extension["proof"]]
    assert merkle.extends(100, merkle.root(found[:100]), point.size, point.root, proof)
    assert [one["index"] for one in page["entries"]] == [299]
    assert page["size"] == 300


def test_only_who_administers_erases(log: AuditLog, tokens: dict[str, str], tmp_path: Path) -> None:
    def erase(token: str, body: dict[str, Any]) -> httpx.Response:
        got: httpx.Response = asked(log, tmp_path, token, lambda client: client.post("/v1/log/erase", json=body))
        return got

    assert erase(tokens["auditor"], {"who": "ward-1"}).status_code == 403
    assert erase(OWNER, {}).status_code == 400
    assert erase(OWNER, {"id": "a", "who": "b"}).status_code == 400
    assert erase(OWNER, {"id": "chatcmpl-nobody"}).status_code == 404
    assert erase(OWNER, {"id": record(1).id, "colour": "red"}).status_code == 400
    assert erase(OWNER, {"id": record(1).id, "reason": "request"}).json() == {"erased": 1}
    assert erase(OWNER, {"who": "ward-1"}).json() == {"erased": 99}
    assert log.entries(300)[0]["record"]["who"] == "owner"
    got = asked(log, tmp_path, tokens["auditor"], lambda client: client.get(f"/v1/log/texts/{record(1).id}"))
    assert got.status_code == 404
    kept = asked(log, tmp_path, tokens["auditor"], lambda client: client.get(f"/v1/log/texts/{record(2).id}"))
    assert kept.json()["prompt"] == record(2).prompt
