"""Sessions of the page: a token is given once, a cookie that no script reads speaks for it, and nothing outlives it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from helder.serve import routes, sessions
from helder.serve.access import OWNER, Access, Who
from helder.serve.app import create_app
from helder.serve.refusals import Refused
from helder.serve.served import Served
from helder.serve.sessions import IDLE, LONGEST, MOST_EACH, Sessions
from helder.serve.tokens import Tokens
from helder.serve.turns import Turns
from tests.serve.scripted import Scripted

OWN = "o" * 24
WHO = Who("ward-3", frozenset(["ask"]))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(clock: Clock) -> Sessions:
    return Sessions(clock=clock)


def test_a_cookie_speaks_for_who_signed_in_and_no_other_does(kept: Sessions) -> None:
    cookie, session = kept.begin(OWNER, OWN)
    other, _ = kept.begin(OWNER, OWN)
    assert cookie != other and len(cookie) > 40
    assert kept.who({"helder-8000": cookie}, None, reads=True) == OWNER
    assert kept.who({"helder-8000": cookie}, session.csrf, reads=False) == OWNER
    for cookies in ({}, {"helder-8000": cookie[:-1]}, {"helder-8000": ""}, {"other": cookie}, {"helder-x": cookie}):
        assert kept.who(cookies, session.csrf, reads=True) is None


def test_of_several_servers_cookies_on_one_address_the_right_one_is_taken(kept: Sessions) -> None:
    cookie, _ = kept.begin(OWNER, OWN)
    assert kept.who({"helder-8000": "of another server", "__Host-helder-8443": cookie}, None, reads=True) == OWNER


@pytest.mark.parametrize("csrf", [None, "", "x", "\udcff", "é"])
def test_whatever_is_more_than_reading_needs_the_header(kept: Sessions, csrf: str | None) -> None:
    cookie, _ = kept.begin(OWNER, OWN)
    _, other = kept.begin(OWNER, OWN)
    for given in (csrf, other.csrf):
        with pytest.raises(Refused, match="X-CSRF-Token") as refused:
            kept.who({"helder-1": cookie}, given, reads=False)
        assert refused.value.status == 403


def test_a_session_ends_when_it_is_not_used_and_at_the_latest_after_a_day_of_work(kept: Sessions, clock: Clock) -> None:
    cookie, _ = kept.begin(OWNER, OWN)
    clock.now += IDLE - 1
    assert kept.find(cookie)
    clock.now += IDLE + 1
    assert kept.find(cookie) is None

    cookie, begun = kept.begin(OWNER, OWN)
    start = clock.now
    while clock.now + IDLE / 2 < start + LONGEST:
        clock.now += IDLE / 2
        assert kept.find(cookie)
    clock.now = begun.ends
    assert kept.find(cookie) is None


def test_a_session_ends_with_signing_out(kept: Sessions) -> None:
    cookie, _ = kept.begin(OWNER, OWN)
    kept.end(cookie)
    kept.end(cookie)
    assert kept.find(cookie) is None


def test_one_name_cannot_fill_the_memory_and_the_session_unused_longest_gives_way(kept: Sessions) -> None:
    other, _ = kept.begin(WHO, "t")
    cookies = [kept.begin(OWNER, OWN)[0] for _ in range(MOST_EACH)]
    assert kept.find(cookies[0])  # used: now the second is the oldest
    kept.begin(OWNER, OWN)
    assert kept.find(cookies[0]) and kept.find(cookies[1]) is None
    assert kept.find(cookies[2])
    del other


def test_a_revoked_token_takes_its_sessions_along_also_when_its_name_is_given_again(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    kept = Sessions(tokens.named)
    token = tokens.make("ward-3", ["ask"])
    cookies = [kept.begin(WHO, token)[0] for _ in range(2)]
    assert all(kept.find(cookie) for cookie in cookies)
    tokens.revoke("ward-3")
    assert kept.find(cookies[0]) is None
    tokens.make("ward-3", ["ask"])
    assert kept.find(cookies[1]) is None


def test_neither_cookie_nor_token_is_kept(kept: Sessions) -> None:
    cookie, _ = kept.begin(OWNER, OWN)
    assert cookie not in repr(vars(kept)) and OWN not in repr(vars(kept))


# -- over HTTP ------------------------------------------------------------------------------------------------------


def asked(app: FastAPI, talk: Callable[[httpx.AsyncClient], Awaitable[Any]], url: str = "http://here:8000") -> Any:
    async def run() -> Any:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=url) as client:
            return await talk(client)

    return asyncio.run(run())


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "tokens")


@pytest.fixture
def app(tokens: Tokens) -> FastAPI:
    return create_app(Served(Scripted(), Turns(), Access(OWN, tokens)))


async def sign_in(client: httpx.AsyncClient, token: str = OWN, **headers: str) -> httpx.Response:
    return await client.post("/session", json={"token": token}, headers=headers)


def test_signing_in_asking_and_signing_out(app: FastAPI) -> None:
    async def talk(client: httpx.AsyncClient) -> None:
        assert (await client.get("/session")).json() == {"signed_in": False}
        assert (await client.get("/v1/models")).status_code == 401
        begun = await sign_in(client, f" {OWN}\n")
        told = begun.json()
        assert (told["name"], told["roles"]) == ("owner", ["admin", "ask", "log"])
        assert 0 < told["expires_in"] <= IDLE
        again = (await client.get("/session")).json()
        assert again == {**told, "expires_in": again["expires_in"]}
        assert (await client.get("/v1/models")).status_code == 200
        refused = await client.post("/v1/chat/completions", json={})
        assert refused.status_code == 403 and refused.json()["error"]["code"] == "wrong_csrf_token"
        let = await client.post("/v1/chat/completions", json={}, headers={"X-CSRF-Token": told["csrf"]})
        assert let.status_code == 400  # the gate is passed; the body is not one
        assert (await client.delete("/session")).status_code == 403
        ended = await client.delete("/session", headers={"X-CSRF-Token": told["csrf"]})
        assert ended.json() == {"signed_in": False} and not client.cookies
        assert (await client.get("/v1/models")).status_code == 401
        assert (await client.delete("/session")).status_code == 200

    asked(app, talk)


@pytest.mark.parametrize(
    ("url", "name", "secure"),
    [("http://here:8000", "helder-8000", ""), ("https://here:8443", "__Host-helder-8443", "; Secure")],
)
def test_no_script_and_no_other_site_gets_at_the_cookie(app: FastAPI, url: str, name: str, secure: str) -> None:
    cookie = asked(app, sign_in, url).headers["set-cookie"]
    assert cookie.startswith(f"{name}=")
    assert cookie.split("; ", 1)[1] == f"HttpOnly; Max-Age={LONGEST}; Path=/; SameSite=strict{secure}"


@pytest.mark.parametrize("token", ["wrong", "é" * 20, "\x00"])
def test_a_wrong_token_is_told_and_gives_no_cookie(app: FastAPI, token: str) -> None:
    refused = asked(app, lambda client: sign_in(client, token))
    assert refused.status_code == 401 and "set-cookie" not in refused.headers
    assert token not in refused.text


def test_another_site_can_sign_nobody_in(app: FastAPI) -> None:
    refused = asked(
        app, lambda client: client.post("/session", json={"token": OWN}, headers={"Sec-Fetch-Site": "cross-site"})
    )
    assert refused.status_code == 403 and "set-cookie" not in refused.headers
    body, head = json.dumps({"token": OWN}), {"Content-Type": "text/plain"}  # what a form of another site can send
    form = asked(app, lambda client: client.post("/session", content=body, headers=head))
    assert form.status_code == 415 and "set-cookie" not in form.headers


@pytest.mark.parametrize(
    "body", [{}, {"token": ""}, {"token": 1}, {"token": OWN, "more": 1}, {"token": "o" * 501}, [OWN]]
)
def test_what_is_no_way_to_sign_in_is_refused(app: FastAPI, body: Any) -> None:
    refused = asked(app, lambda client: client.post("/session", json=body))
    assert refused.status_code == 400 and "set-cookie" not in refused.headers
    assert asked(app, lambda client: client.get("/session?token=x")).status_code == 400


def test_signing_in_again_ends_the_session_before(app: FastAPI) -> None:
    async def talk(client: httpx.AsyncClient) -> None:
        await sign_in(client)
        before = dict(client.cookies)
        await sign_in(client)
        assert dict(client.cookies) != before
        client.cookies.clear()
        client.cookies.update(before)
        assert (await client.get("/session")).json() == {"signed_in": False}

    asked(app, talk)


def test_a_session_has_the_roles_of_its_token_and_ends_with_it(app: FastAPI, tokens: Tokens) -> None:
    token = tokens.make("ward-3", ["ask"])

    async def talk(client: httpx.AsyncClient) -> None:
        told = (await sign_in(client, token)).json()
        assert (told["name"], told["roles"]) == ("ward-3", ["ask"])
        tokens.revoke("ward-3")
        assert (await client.get("/session")).json() == {"signed_in": False}
        assert (await client.get("/v1/models")).status_code == 401

    asked(app, talk)


def test_names_of_cookies() -> None:
    assert [sessions.is_ours(sessions.name(1, secure=secure)) for secure in (True, False)] == [True, True]
    assert not any(map(sessions.is_ours, ("helder-", "helder-x", "xhelder-1", "", "__Host-1")))


def test_only_these_paths_need_no_token() -> None:
    assert {"/", "/page/", "/session"} < routes.PUBLIC
    assert not any(path.startswith("/v1") for path in routes.PUBLIC)
