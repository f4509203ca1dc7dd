"""Who may ask: tokens that only their digests are kept of, roles, rates, quotas, and sessions behind the same gate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from helder.commands.group import call
from helder.errors import ExitCode, HelderError
from helder.serve.access import OWNER, Access, Who
from helder.serve.refusals import Refused
from helder.serve.tokens import Allowance, Spent, Tokens

OWN = "o" * 24


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "serve")


def test_a_token_is_kept_as_a_digest_in_a_private_file(tokens: Tokens) -> None:
    token = tokens.make("ward-3", ["ask"], Allowance(60, "min"), Allowance(1000, "day"))
    text = tokens.file.read_text(encoding="utf-8")
    assert token not in text and token.removeprefix("hld_") not in text
    assert tokens.file.stat().st_mode & 0o777 == 0o600
    found = Tokens(tokens.folder).find(token)
    assert found is not None
    assert (found.name, found.roles, str(found.rate), str(found.quota)) == ("ward-3", ("ask",), "60/min", "1000/day")
    assert tokens.find(token[:-1]) is None
    assert len(token) > 40 and tokens.make("ward-4", ["ask"]) != token


@pytest.mark.parametrize("name", ["owner", "", "../x", "Ward", "a b", "a" * 65, "é"])
def test_names_that_could_mean_something_else_are_refused(tokens: Tokens, name: str) -> None:
    with pytest.raises(HelderError, match="cannot be the name"):
        tokens.make(name, ["ask"])
    assert not tokens.file.exists()


def test_a_name_is_given_once(tokens: Tokens) -> None:
    tokens.make("a", ["ask"])
    with pytest.raises(HelderError, match="There is a token named a"):
        Tokens(tokens.folder).make("a", ["ask"])


def test_a_revoked_token_is_worth_nothing_to_a_server_that_runs(tokens: Tokens) -> None:
    token = tokens.make("a", ["ask"])
    access = Access(OWN, Tokens(tokens.folder))
    assert access.by_token(token) == Who("a", frozenset(["ask"]))
    tokens.revoke("a")
    assert access.by_token(token) is None
    assert access.by_token(OWN) == OWNER
    with pytest.raises(HelderError, match="no token named a"):
        tokens.revoke("a")


def test_a_file_that_others_can_read_or_that_is_damaged_lets_nobody_in(tokens: Tokens) -> None:
    token = tokens.make("a", ["ask"])
    tokens.file.chmod(0o644)
    with pytest.raises(HelderError, match="Others can read") as caught:
        Tokens(tokens.folder).find(token)
    assert caught.value.code == ExitCode.REFUSED
    for damaged in ("{", "[]", '{"tokens": [{}]}', '{"tokens": [{"name": "../a"}]}', "[" * 10**5):
        tokens.file.write_text(damaged, encoding="utf-8")
        tokens.file.chmod(0o600)
        with pytest.raises(HelderError, match="cannot be understood"):
            Tokens(tokens.folder).find(token)


@pytest.mark.parametrize("text", ["60", "0/min", "-1/min", "60/week", "6e1/min", "60/min ", "9999999999/s"])
def test_an_allowance_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(HelderError, match="cannot be read"):
        Allowance.read(text, "rate")


def test_a_rate_gives_so_many_at_once_and_then_as_they_come_back() -> None:
    clock = [0.0]
    spent = Spent(clock=lambda: clock[0])
    rate = Allowance(3, "min")
    assert [spent.spend("a", rate, None) for _ in range(3)] == [None] * 3
    assert spent.spend("a", rate, None) == ("rate of 3/min", 20)
    assert spent.spend("b", rate, None) is None
    clock[0] = 19.9
    assert spent.spend("a", rate, None) == ("rate of 3/min", 1)
    clock[0] = 20.1
    assert spent.spend("a", rate, None) is None
    clock[0] = 1e6  # it does not save up more than its number
    assert [spent.spend("a", rate, None) is None for _ in range(5)] == [True] * 3 + [False] * 2


def test_a_quota_is_kept_over_a_restart_and_begins_anew_with_its_period(tmp_path: Path) -> None:
    now, file, quota = [86_400.0 * 100 + 60], tmp_path / "used.json", Allowance(2, "day")
    first = Spent(file, now=lambda: now[0])
    assert first.spend("a", None, quota) is None
    again = Spent(file, now=lambda: now[0])
    assert again.spend("a", None, quota) is None
    assert again.spend("a", None, quota) == ("quota of 2/day", 86_340)
    now[0] += 86_400
    assert Spent(file, now=lambda: now[0]).spend("a", None, quota) is None
    assert list(tmp_path.iterdir()) == [file]
    file.write_text("x", encoding="utf-8")
    with pytest.raises(HelderError, match="cannot be understood"):
        Spent(file)


def test_a_refused_request_does_not_use_the_quota() -> None:
    spent = Spent(clock=lambda: 0.0, now=lambda: 0.0)
    rate, quota = Allowance(1, "min"), Allowance(2, "day")
    assert spent.spend("a", rate, quota) is None
    for _ in range(3):
        assert spent.spend("a", rate, quota) == ("rate of 1/min", 60)
    assert spent.spend("a", None, quota) is None
    assert spent.spend("a", None, quota) is not None


class OneSession:
    """A page with one session, of the token `a`."""

    def who(self, cookies: Mapping[str, str], csrf: str | None, *, reads: bool) -> Who | None:
        if cookies.get("session") != "good":
            return None
        if not reads and csrf != "known":
            raise Refused(403, "The header is missing.")
        return Who("a", frozenset(["ask", "admin"]))


def test_a_session_goes_through_the_same_gate_and_ends_with_its_token(tokens: Tokens) -> None:
    tokens.make("a", ["ask"])
    access = Access(OWN, tokens, sessions=OneSession())
    cookie = {b"cookie": b"session=good"}
    assert access.who("GET", cookie) == Who("a", frozenset(["ask"]))  # roles as they are now, not as the session says
    assert access.who("POST", {**cookie, b"x-csrf-token": b"known"}).name == "a"
    with pytest.raises(Refused) as caught:
        access.who("POST", cookie)
    assert caught.value.status == 403
    for headers in ({b"cookie": b"session=bad"}, {b"cookie": b"\xff;;=,"}, {**cookie, b"authorization": b"Bearer x"}):
        with pytest.raises(Refused) as caught:
            access.who("GET", headers)
        assert caught.value.status == 401
    tokens.revoke("a")
    with pytest.raises(Refused):
        access.who("GET", cookie)


def test_the_verb_makes_lists_and_revokes(capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str) -> str:
        assert call(["token", *arguments]) == ExitCode.DONE
        return capsys.readouterr().out

    made = json.loads(said("make", "ward-3", "--role", "log", "--role", "ask", "--rate", "5/s", "--json"))
    assert (made["name"], made["roles"], made["rate"], made["quota"]) == ("ward-3", ["ask", "log"], "5/s", None)
    assert Tokens().find(made["token"])
    listed = said("list")
    assert "ward-3" in listed and made["token"] not in listed
    assert call(["token", "make", "ward-3"]) == ExitCode.USER
    assert "no" not in said("revoke", "ward-3")
    assert json.loads(said("list", "--json")) == []
