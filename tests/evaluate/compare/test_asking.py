"""Services that answer, fail, are slow, are cut off and are full: what is asked, kept, paid and given up."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from helder.errors import ExitCode, HelderError
from helder.evaluate.compare import asking, leaving, patience, protocols, record
from helder.evaluate.compare.asking import Answered
from helder.evaluate.compare.budget import Budget, Limits
from helder.evaluate.compare.gate import Gate
from helder.evaluate.compare.items import Asked, of_file
from helder.evaluate.compare.services import Price, Service
from tests.evaluate.compare.mock import SERVED, Does, Mock, Seen, answer, question, running

KEY = "sk-very-secret-0123456789"
PLENTY = Limits(10_000, 1000.0, "USD")
PROTOCOLS = pytest.mark.parametrize("protocol", ["openai", "anthropic"])
STREAMS = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_KEY", KEY)


def service(mock: Mock, protocol: Literal["openai", "anthropic"] = "openai", **more: Any) -> Service:
    url = f"{mock.url}/v1" if protocol == "openai" else mock.url
    fields: dict[str, Any] = {"name": "mock", "model": "m", "url": url, "key": "MOCK_KEY", "max_tokens": 100}
    return Service(protocol=protocol, **{**fields, "price": Price(input=1.0, output=10.0), **more})


def asked(folder: Path, count: int = 6) -> Asked:
    lines = [json.dumps({"id": str(n), "input": f"Question {n}?", "output": "yes"}) + "\n" for n in range(count)]
    (folder / "items.jsonl").write_text("".join(lines), encoding="utf-8")
    return of_file(folder / "items.jsonl", None, None, 0)


class Asking:
    """One service asked all items of a folder; what was waited for instead of waiting."""

    def __init__(self, folder: Path, mock: Mock, count: int = 6, limits: Limits = PLENTY, **more: Any) -> None:
        self.folder, self.service, self.limits = folder, service(mock, **more), limits
        self.requests = leaving.leaving([self.service], asked(folder, count)).requests
        self.waits: list[float] = []

    def run(self, at_once: int = 1, hosts: tuple[str, ...] = ("127.0.0.1",), tries: int = 4) -> Answered:
        path = self.folder / "record.jsonl"
        known, journal = record.read(path), record.Record(path, "plan")
        self.budget = Budget(self.limits, known.requests, known.money)
        try:
            return asking.ask_all(
                self.requests, Gate.of(hosts), self.budget, journal, known,
                seed=3, at_once=at_once, tries=tries, sleep=self.waits.append,
            )  # fmt: skip
        finally:
            journal.close()

    @property
    def lines(self) -> list[dict[str, Any]]:
        text = (self.folder / "record.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


def first_fails(with_: Does) -> Callable[[Seen, int], Does]:
    return lambda seen, count: with_ if count == 0 else Does(text="ja €")


@PROTOCOLS
@STREAMS
def test_every_item_is_answered_in_either_protocol_whole_or_in_pieces(
    tmp_path: Path, protocol: str, stream: bool
) -> None:
    with running(lambda seen, count: Does(text=f"€ {question(seen)}")) as mock:
        work = Asking(tmp_path, mock, protocol=protocol, stream=stream)
        found = work.run(at_once=3)
    assert {key: reply.text for key, reply in found.replies.items()} == {
        f"items:{n}": f"€ Question {n}?" for n in range(6)
    }
    assert {reply.served_model for reply in found.replies.values()} == {SERVED}
    assert {(reply.input_tokens, reply.output_tokens) for reply in found.replies.values()} == {(10, 2)}
    assert sorted(seen.raw for seen in mock.seen) == sorted(request.body for request in work.requests)
    assert work.budget.money == pytest.approx(6 * (10 * 1 + 2 * 10) / 1e6)
    assert not work.waits


@PROTOCOLS
def test_the_key_reaches_the_service_and_stands_nowhere_else(
    tmp_path: Path, protocol: str, capfd: pytest.CaptureFixture[str]
) -> None:
    echo = Does(status=401, error={"message": f"no such key: {KEY}"})
    with running(lambda seen, count: Does() if count else echo) as mock:
        with pytest.raises(HelderError) as caught:
            Asking(tmp_path, mock, protocol=protocol).run()
        Asking(tmp_path, mock, protocol=protocol).run()
    header = "authorization" if protocol == "openai" else "x-api-key"
    assert all(KEY in seen.headers[header] for seen in mock.seen)
    kept = (tmp_path / "record.jsonl").read_bytes()
    assert KEY.encode() not in kept
    assert kept.count(b"(key withheld)") >= len(mock.seen) + 1
    assert KEY not in str(caught.value)
    assert "(key withheld)" in str(caught.value)
    assert KEY not in "".join(capfd.readouterr())


def test_what_is_kept_are_the_bytes_that_went_over_the_wire(tmp_path: Path) -> None:
    with running() as mock:
        work = Asking(tmp_path, mock, count=1)
        work.run()
    head, sent, received = work.lines
    assert head["label"] == "recorded, cannot be replayed"
    assert sent["event"] == "sent"
    request, answer = received["request_bytes"]["text"], received["answer_bytes"]["text"]
    assert request.startswith("POST /v1/chat/completions HTTP/1.1\r\n")
    assert request.endswith(work.requests[0].body.decode())
    assert "Authorization: Bearer (key withheld)" in request
    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert json.loads(answer.partition("\r\n\r\n")[2])["model"] == SERVED
    assert received["date"].startswith("20")
    assert received["reply"]["served_model"] == SERVED


@PROTOCOLS
@pytest.mark.parametrize("status", [408, 429, 500, 503, 529])
def test_what_another_try_cures_is_tried_again_after_a_wait_from_the_seed(
    tmp_path: Path, protocol: str, status: int
) -> None:
    with running(first_fails(Does(status=status))) as mock:
        work = Asking(tmp_path, mock, protocol=protocol, count=2)
        found = work.run()
    assert len(found.replies) == 2
    assert len(mock.seen) == 3
    assert work.waits == [patience.wait(3, "mock", "items:0", 1)]
    assert 0.5 <= work.waits[0] <= 1.0
    assert work.budget.requests == 3
    assert work.budget.money == pytest.approx(2 * 30 / 1e6), "a fault before the answer began costs nothing"


def test_a_service_that_asks_to_wait_is_waited_for_by_everyone(tmp_path: Path) -> None:
    with running(first_fails(Does(status=429, headers={"Retry-After": "7"}))) as mock:
        work = Asking(tmp_path, mock, count=2)
        work.run()
    assert work.waits[0] == 7.0
    assert work.waits[1] == pytest.approx(7.0, abs=1.0), "the pause, which sleeping would have ended"


def test_a_wait_may_be_given_as_a_date() -> None:
    fault = protocols.refused(429, {"retry-after": "Wed, 01 Jan 2020 00:00:00 GMT"}, b"")
    assert fault.after == 0.0
    assert protocols.refused(429, {"retry-after": "soon"}, b"").after is None


@pytest.mark.parametrize(
    ("does", "why"),
    [
        (Does(status=401, error={"message": "who are you"}), "who are you"),
        (Does(status=404, error={"message": "no such model"}), "no such model"),
        (Does(status=307, headers={"Location": "http://elsewhere.example/"}), "redirects are not followed"),
        (Does(status=429, error={"code": "insufficient_quota", "message": "pay"}), "pay"),
        (Does(status=503, headers={"Retry-After": "86400"}), "asks to wait 86,400 s"),
    ],
)
def test_what_every_request_would_meet_stops_at_once(tmp_path: Path, does: Does, why: str) -> None:
    with running(lambda seen, count: does) as mock:
        work = Asking(tmp_path, mock)
        with pytest.raises(HelderError, match=why) as caught:
            work.run()
        assert caught.value.code == ExitCode.UNCHECKED
        assert len(mock.seen) == 1


def test_an_item_that_is_refused_is_kept_with_its_reason_and_the_others_go_on(tmp_path: Path) -> None:
    def does(seen: Seen, count: int) -> Does:
        return Does(status=400, error={"message": "not this one"}) if "3" in question(seen) else Does()

    with running(does) as mock:
        found = Asking(tmp_path, mock).run()
    assert len(found.replies) == 5
    assert found.refused == {"items:3": "status 400: not this one"}


def test_a_request_that_is_always_refused_is_not_sent_a_thousand_times(tmp_path: Path) -> None:
    with running(lambda seen, count: Does(status=400)) as mock, pytest.raises(HelderError, match="cannot be asked"):
        Asking(tmp_path, mock, count=40).run()
    assert len(mock.seen) == asking.HOPELESS


@PROTOCOLS
@STREAMS
def test_an_answer_that_is_cut_off_is_none_and_counts_at_its_most(tmp_path: Path, protocol: str, stream: bool) -> None:
    with running(first_fails(Does(text="yes, wholly", cut=60))) as mock:
        work = Asking(tmp_path, mock, protocol=protocol, stream=stream, count=1)
        found = work.run()
    assert found.replies["items:0"].text == "ja €"
    broken = work.lines[2]
    assert broken["fault"]
    assert broken["reply"] is None
    assert broken["answer_bytes"]["text"].startswith("HTTP/1.1 200 OK"), "what had come is kept"
    assert broken["money"] == pytest.approx((len(work.requests[0].body) + 100 * 10) / 1e6)
    assert work.budget.money == pytest.approx(broken["money"] + 30 / 1e6)


@PROTOCOLS
def test_a_stream_that_ends_well_too_early_is_cut_off_too(tmp_path: Path, protocol: str) -> None:
    def does(seen: Seen, count: int) -> Does:
        whole = answer(seen, Does())[1]
        return Does(raw=whole[: whole.rindex(b"\n\n", 0, -2) + 2]) if count == 0 else Does()

    with running(does) as mock:
        work = Asking(tmp_path, mock, protocol=protocol, stream=True, count=1)
        work.run()
    assert len(mock.seen) == 2
    assert work.lines[2]["fault"] == "the stream was cut off before its end"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<html>", b'{"choices": []}', b"\xff\xfe", b'{"choices":[{"message":7}]}']
)
def test_an_answer_that_is_not_of_the_protocols_form_is_a_fault(tmp_path: Path, body: bytes) -> None:
    with running(lambda seen, count: Does(raw=body)) as mock:
        work = Asking(tmp_path, mock, count=1)
        with pytest.raises(HelderError, match="without an answer") as caught:
            work.run(tries=2)
    assert caught.value.code == ExitCode.UNCHECKED
    assert [line["fault"] for line in work.lines if line.get("event") == "received"] != [None, None]


def test_a_fault_inside_a_stream_is_one(tmp_path: Path) -> None:
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    one = Service(name="a", protocol="anthropic", model="m", url="http://127.0.0.1", stream=True)
    with pytest.raises(protocols.Fault, match="Overloaded"):
        protocols.read(one, 200, {"content-type": "text/event-stream"}, error)


def test_a_service_that_says_nothing_is_given_up_in_time(tmp_path: Path) -> None:
    done = threading.Event()
    with running(lambda seen, count: Does(wait=lambda: done.wait(5)) if count == 0 else Does()) as mock:
        work = Asking(tmp_path, mock, count=1, timeout=0.05)
        assert work.run().replies
        done.set()
    assert work.lines[2]["fault"] == "no byte came for 0.05 s"


def test_a_service_that_drips_is_given_up_in_time(tmp_path: Path) -> None:
    done = threading.Event()
    with running(lambda seen, count: Does(drip=lambda: done.wait(0.02)) if count == 0 else Does()) as mock:
        work = Asking(tmp_path, mock, count=1, timeout=5.0, longest=0.2)
        assert work.run().replies
        done.set()
    assert work.lines[2]["fault"] == "it was not there after 0.2 s"
    assert work.lines[2]["seconds"] < 2


def test_nobody_listening_is_told_and_costs_nothing(tmp_path: Path) -> None:
    with running() as mock:
        pass
    work = Asking(tmp_path, mock, count=1)
    with pytest.raises(HelderError, match="refused"):
        work.run(tries=3)
    assert len(work.waits) == 3 - 1
    assert work.budget.money == 0


def test_an_answer_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helder.evaluate.compare.wire.LARGEST", 1000)
    with running(first_fails(Does(text="x" * 5000))) as mock:
        work = Asking(tmp_path, mock, count=1)
        work.run()
    assert work.lines[2]["fault"] == "the answer has more than 1,000 bytes"


def test_the_budget_in_requests_is_never_exceeded_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    with running() as mock:
        with pytest.raises(HelderError, match="budget is used up") as caught:
            Asking(tmp_path, mock, limits=Limits(4, 1000.0, "USD")).run(at_once=3)
        assert caught.value.code == ExitCode.REFUSED
        assert len(mock.seen) == 4
        found = Asking(tmp_path, mock, limits=Limits(6, 1000.0, "USD")).run(at_once=3)
        assert len(mock.seen) == 6, "what was answered is not asked again"
    assert len(found.replies) == 6


def test_the_budget_in_money_holds_for_the_most_that_could_be_charged(tmp_path: Path) -> None:
    with running(lambda seen, count: Does(usage=False)) as mock:
        work = Asking(tmp_path, mock)
        most = (len(work.requests[0].body) + 100 * 10) / 1e6
        work.limits = Limits(1000, 3.5 * most, "USD")
        with pytest.raises(HelderError, match="may cost"):
            work.run(at_once=4)
        assert len(mock.seen) == 3
    assert work.budget.money <= work.limits.money


def test_faults_count_against_the_budget_in_requests(tmp_path: Path) -> None:
    with running(lambda seen, count: Does(status=500)) as mock, pytest.raises(HelderError, match="budget"):
        Asking(tmp_path, mock, count=1, limits=Limits(2, 1000.0, "USD")).run()
    assert len(mock.seen) == 2


def test_a_host_that_was_not_named_is_not_spoken_to(tmp_path: Path) -> None:
    with running() as mock:
        host = mock.url.removeprefix("http://")
        for hosts in [(), ("localhost",), ("127.0.0.1:1",), ("27.0.0.1",)]:
            with pytest.raises(HelderError, match="nothing may be sent there") as caught:
                Asking(tmp_path, mock).run(hosts=hosts)
            assert caught.value.code == ExitCode.REFUSED
            assert f"--allow-network {host}" in caught.value.fix
        assert not mock.seen
        assert Asking(tmp_path, mock, count=1).run(hosts=(host,)).replies


def test_a_key_that_is_not_set_is_told_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOCK_KEY")
    with running() as mock, pytest.raises(HelderError, match="MOCK_KEY is not set"):
        Asking(tmp_path, mock).run()
    assert not mock.seen


def test_a_request_that_was_on_its_way_when_the_process_was_killed_still_counts(tmp_path: Path) -> None:
    with running() as mock:
        work = Asking(tmp_path, mock, count=2)
        work.run()
        path = tmp_path / "record.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[:-1]) + lines[-1][:40], encoding="utf-8")
        known = record.read(path)
        assert known.requests == 2
        assert known.money == pytest.approx(30 / 1e6 + (len(work.requests[1].body) + 1000) / 1e6)
        assert work.run().replies.keys() == {"items:0", "items:1"}
        assert len(mock.seen) == 3


def test_a_record_of_another_plan_is_not_added_to(tmp_path: Path) -> None:
    record.Record(tmp_path / "record.jsonl", "one").close()
    with pytest.raises(HelderError, match="another plan"):
        record.Record(tmp_path / "record.jsonl", "two")


def test_waits_grow_differ_between_items_and_are_the_same_every_time() -> None:
    waits = [patience.wait(0, "s", "i", tries) for tries in range(1, 9)]
    assert all(2**n / 2 <= wait <= 2**n for n, wait in enumerate(waits[:6]))
    assert max(waits) <= patience.LONGEST
    assert waits == [patience.wait(0, "s", "i", tries) for tries in range(1, 9)]
    assert len({patience.wait(0, "s", str(item), 1) for item in range(50)}) == 50


def bodies(**fields: Any) -> Iterator[dict[str, Any]]:
    one = Service(**{"name": "x", "model": "m", "url": "https://example.org", **fields})
    yield json.loads(protocols.body(one, [{"role": "user", "content": "Hé?"}]))


@pytest.mark.parametrize(
    ("fields", "has", "lacks"),
    [
        ({"model": "gpt-4o"}, {"max_tokens": 1024, "temperature": 0.0}, {"max_completion_tokens", "reasoning_effort"}),
        ({"model": "o1-mini"}, {"max_completion_tokens": 1024}, {"max_tokens", "temperature", "reasoning_effort"}),
        (
            {"model": "o3", "reasoning_effort": "high"},
            {"max_completion_tokens": 1024, "reasoning_effort": "high"},
            {"max_tokens", "temperature"},
        ),
        ({"model": "x/o4-mini", "temperature": 1.0}, {"max_completion_tokens": 1024}, {"temperature"}),
        ({"model": "olmo-2"}, {"max_tokens": 1024, "temperature": 0.0}, {"max_completion_tokens"}),
        ({"protocol": "anthropic"}, {"max_tokens": 1024, "temperature": 0.0}, {"thinking"}),
        (
            {"protocol": "anthropic", "thinking_tokens": 2000, "max_tokens": 4000},
            {"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 2000}},
            {"temperature"},
        ),
        ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}, set()),
        ({"temperature": None}, {"max_tokens": 1024}, {"temperature"}),
    ],
)
def test_parameters_are_those_that_the_model_takes(
    fields: dict[str, Any], has: dict[str, Any], lacks: set[str]
) -> None:
    (body,) = bodies(**fields)
    assert has.items() <= body.items()
    assert not lacks & body.keys()
    assert body["messages"] == [{"role": "user", "content": "Hé?"}]
