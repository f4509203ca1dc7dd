"""What stands beside an answer: its receipt, the log-probabilities of its tokens, the probability of a label."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from helder.data.task import Task
from helder.ledger import keys
from helder.project import Project
from helder.serve.access import Access
from helder.serve.answer import Answer
from helder.serve.app import create_app
from helder.serve.audit import AuditLog, Keep, NotLogged
from helder.serve.audit.record import salted
from helder.serve.calibrated import Calibration, Probability
from helder.serve.logprobs import Pieces, completion
from helder.serve.served import Served
from helder.serve.service import Service
from helder.serve.stamping import open_log
from helder.serve.tokens import Allowance, Tokens
from helder.serve.turns import Turns
from helder.tokens.tokenizer import Tokenizer
from tests.serve import finished
from tests.serve.test_abstention import record, seal
from tests.serve.tiny import Tiny

TOKEN = "a" * 24
QUESTION = "2 tabs tds pc"
CHAT = {"model": "doses", "messages": [{"role": "user", "content": QUESTION}]}
LABELS = Task(kind="label", name="triage", purpose="How urgent is it?", labels=("urgent", "routine", "other"))


def asked(served: Served, talk: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        transport = httpx.ASGITransport(app=create_app(served))
        head = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=head, timeout=60) as client:
            return await talk(client)

    return asyncio.run(run())


def posted(served: Served, path: str, body: dict[str, Any]) -> httpx.Response:
    reply: httpx.Response = asked(served, lambda client: client.post(path, json=body))
    return reply


def chunks(stream: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in stream.text.split("\n") if line.startswith("data: {")]


@pytest.fixture(scope="module")
def service(finished_home: tuple[Path, Path]) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(finished_home[1]))
        opened = Service.open(Project.open(finished_home[0]).run_folder, "q8_0", threads=1, context=256)
    yield opened
    opened.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    with AuditLog.open(tmp_path / "log", keys.signing_key(), "here/doses", Keep("texts")) as opened:
        yield opened


def served(service: Service, log: AuditLog | None = None) -> Served:
    return Served(service, Turns(), Access(TOKEN), log=log)


def test_every_answer_has_a_receipt_of_a_record_that_says_what_was_asked_and_answered(
    service: Service, log: AuditLog
) -> None:
    whole = posted(served(service, log), "/v1/chat/completions", {**CHAT, "seed": 3, "stop": "\n"}).json()
    receipt = whole["helder"]["receipt"]
    assert (receipt["id"], receipt["log"], receipt["index"]) == (whole["id"], "here/doses", 0)
    stamped = log.receipt(whole["id"])
    assert stamped is not None and stamped.leaf == receipt["leaf"]
    entry = stamped.entry
    assert entry["who"] == "owner"
    assert entry["model"] == {"name": "doses", "sha256": service.located.sha256, "format": "q8_0"}
    assert entry["settings"] == {"temperature": 0.0, "top_p": 1.0, "seed": 3, "max_tokens": 512, "form": "task"}
    assert entry["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert stamped.salts is not None
    salts = {name: bytes.fromhex(salt) for name, salt in stamped.salts.items()}
    assert entry["digests"]["prompt"] == salted(salts["prompt"], "prompt", QUESTION)
    assert entry["digests"]["answer"] == salted(salts["answer"], "answer", whole["choices"][0]["message"]["content"])
    assert entry["digests"]["stop"] == salted(salts["prompt"], "stop", ["\n"])
    assert entry["digests"]["prompt_ids"] == salted(salts["prompt"], "prompt_ids", service.prompt(QUESTION))

    streamed = chunks(posted(served(service, log), "/v1/chat/completions", {**CHAT, "stream": True}))
    assert streamed[-1]["helder"]["receipt"]["index"] == 1
    assert streamed[-1]["helder"]["receipt"]["id"] == streamed[-1]["id"]

    two = posted(served(service, log), "/v1/completions", {"model": "doses", "prompt": [QUESTION, "1 puff bd"]}).json()
    receipts = [one["receipt"] for one in two["helder"]["answers"]]
    assert [one["id"] for one in receipts] == [f"{two['id']}-0", f"{two['id']}-1"]
    assert log.size == 4


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_the_log_does_not_take_is_not_given(
    service: Service, log: AuditLog, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    def full(entry: object) -> None:
        raise NotLogged("There is no room for the record.")

    monkeypatch.setattr(log, "append", full)
    reply = posted(served(service, log), "/v1/chat/completions", {**CHAT, "stream": stream})
    if stream:  # pieces were sent already; the last word is an error, and no end of an answer
        last = chunks(reply)[-1]
        assert last["error"]["code"] == "not_logged"
        assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks(reply)[:-1])
        return
    assert reply.status_code == 503
    assert reply.json()["error"]["code"] == "not_logged"
    assert reply.headers["retry-after"] == "30"
    assert "choices" not in reply.json()


def test_what_a_client_got_before_the_engine_failed_is_in_the_log(
    service: Service, log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from helder.errors import ExitCode, HelderError

    def dies(*_: object, stream: Callable[[str], bool], **__: object) -> Answer:
        stream("[{")
        raise HelderError("llama.cpp crashed.", code=ExitCode.OURS)

    monkeypatch.setattr(service.engine, "complete", dies)
    reply = posted(served(service, log), "/v1/chat/completions", {**CHAT, "stream": True})
    assert "crashed" in chunks(reply)[-1]["error"]["message"]
    (entry,) = [json.loads(log.record(place)) for place in range(log.size)]
    assert entry["finish_reason"] == "error"
    kept = log.texts(entry["id"])
    assert kept is not None and kept["answer"] == "[{"


def test_a_log_is_found_again_under_its_name(service: Service, home: Path) -> None:
    with open_log(service, None, Keep(), "hospital.example/doses") as first:
        assert first.folder == home / "serve" / "log" / "doses"
    with open_log(service, None, Keep()) as again:
        assert again.origin == "hospital.example/doses"


def test_log_probabilities_are_those_of_the_tokens_of_the_answer(service: Service) -> None:
    whole = posted(served(service), "/v1/chat/completions", {**CHAT, "logprobs": True, "top_logprobs": 4}).json()
    content = whole["choices"][0]["logprobs"]["content"]
    assert b"".join(bytes(token["bytes"]) for token in content).decode() == whole["choices"][0]["message"]["content"]
    again = service.engine.complete(service.prompt(QUESTION), grammar=service.grammar, logprobs=True)
    assert [token["logprob"] for token in content] == pytest.approx(list(again.logprobs))
    for token in content:
        best = [one["logprob"] for one in token["top_logprobs"]]
        assert len(best) == 4 and best == sorted(best, reverse=True) and token["logprob"] <= best[0] + 1e-6
        assert sum(map(math.exp, best)) <= 1 + 1e-6
    streamed = chunks(posted(served(service), "/v1/chat/completions", {**CHAT, "logprobs": True, "stream": True}))
    told = [chunk["choices"][0]["logprobs"] for chunk in streamed]
    assert told[:-1] == [None] * (len(told) - 1)
    assert [token["logprob"] for token in told[-1]["content"]] == pytest.approx(list(again.logprobs))
    assert all(token["top_logprobs"] == [] for token in told[-1]["content"])

    body = {"model": "doses", "prompt": QUESTION, "logprobs": 2}
    plain = posted(served(service), "/v1/completions", body).json()["choices"][0]
    told = plain["logprobs"]
    assert "".join(told["tokens"]) == plain["text"]
    assert [plain["text"][at:].startswith(token) for at, token in zip(told["text_offset"], told["tokens"], strict=True)]
    assert all(len(one) == 2 for one in told["top_logprobs"])
    none = posted(served(service), "/v1/completions", {"model": "doses", "prompt": QUESTION}).json()["choices"][0]
    assert none["logprobs"] is None


def test_tokens_that_are_parts_of_a_character_are_told_as_bytes(model: Tiny) -> None:
    pieces = Pieces(cast(Tokenizer, Vocabulary(model.tokenizer.get_vocab())))
    ids = model.encode("é <|im_end|>")
    assert b"".join(pieces.of(id) for id in ids).decode() == "é <|im_end|>"
    answer = Answer("é", tuple(model.encode("é")), "stop", 1, 2, logprobs=(-0.1,) * len(model.encode("é")))
    told = completion(answer, pieces, 0)
    assert told is not None and told["top_logprobs"] is None
    assert told["tokens"] == ["é"] or told["tokens"] == ["bytes:\\xc3", "bytes:\\xa9"]
    assert completion(Answer("é", (1, 2), "stop", 1, 2), pieces, 0) is None


@dataclass
class Vocabulary:
    tokens: dict[str, int]

    def vocabulary(self) -> dict[str, int]:
        return self.tokens


def bins(*rights: tuple[int, float | None]) -> list[dict[str, Any]]:
    return [{"n": n, "right": right, "right_low": 0.1, "right_high": 0.9} for n, right in rights]


def trust(score: str = "whole") -> dict[str, Any]:
    told = bins((40, 0.25), *[(0, None)] * 8, (3, 1.0))
    mine = {"subject": "q8_0", "test_set": "test", "n": 43, "bins": told}
    other = {"subject": "f16", "test_set": "test", "n": 43, "bins": bins(*[(50, 0.5)] * 10)}
    return {"score": score, "calibration": [other, mine]}


def test_the_probability_of_a_label_is_how_often_answers_as_sure_were_right(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    path.write_text(json.dumps(trust()), encoding="utf-8")
    found = Calibration.load(path, "q8_0")
    assert found is not None
    unsure, sure = (Answer("a", (1,), "stop", 1, 1, logprobs=(math.log(p),)) for p in (0.05, 0.999))
    assert found.of(unsure, 0.05) == Probability(0.25, True, 0.1, 0.9, 40)
    told = found.of(sure, 0.999)  # too few answers were as sure
    assert (told.calibrated, told.value) == (False, pytest.approx(0.999))
    assert found.of(Answer("a", (1,), "stop", 1, 1), None) == Probability(None)
    assert found.of(sure, 1.0).calibrated is False  # 1.0 is in the last bin
    assert Calibration.load(path, "q4_0") is None
    for broken in ("{", "[]", '{"score": "x", "calibration": []}', '{"score": "whole", "calibration": [{}]}'):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(Exception, match="cannot be understood"):
            Calibration.load(path, "q8_0")


def test_a_label_is_told_with_its_probability_and_withheld_when_too_unsure(model: Tiny, tmp_path: Path) -> None:
    place = finished.make(tmp_path / "triage", model, LABELS)
    body = {"model": "triage", "messages": [{"role": "user", "content": "chest pain"}]}

    def told() -> tuple[str, dict[str, Any]]:
        service = Service.open(Project.open(place).run_folder, "q8_0", threads=1, context=256)
        try:
            reply = posted(served(service), "/v1/chat/completions", body).json()
        finally:
            service.close()
        return reply["choices"][0]["message"]["content"], reply["helder"]

    text, helder = told()
    assert helder["answer"] == text == helder["label"]["label"]
    assert text in LABELS.labels
    assert 0 < helder["label"]["probability"] < 1 and helder["label"]["calibrated"] is False

    seal(place, record(0.0), more={"trust.json": trust()})
    text, helder = told()
    assert helder["label"] == {"label": text, "probability": 0.25, "calibrated": True, "low": 0.1, "high": 0.9, "n": 40}
    assert helder["abstained"] is False

    seal(place, record(1.0), more={"trust.json": trust()})
    text, helder = told()
    assert (text, helder["answer"], helder["abstained"]) == ("I do not know.", None, True)
    assert "label" not in helder


def test_roles_and_rates_hold_at_the_door(service: Service, tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "serve")
    asks, looks = tokens.make("ward", ["ask"], Allowance(1, "hour")), tokens.make("auditor", ["log"])
    opened = Served(service, Turns(), Access(TOKEN, tokens))

    async def talk(client: httpx.AsyncClient) -> list[httpx.Response]:
        ward, auditor = ({"Authorization": f"Bearer {token}"} for token in (asks, looks))
        replies = [await client.post("/v1/chat/completions", json=CHAT, headers=ward) for _ in range(2)]
        replies.append(await client.get("/v1/models", headers=ward))
        replies.append(await client.post("/v1/chat/completions", json=CHAT, headers=auditor))
        tokens.revoke("ward")
        replies.append(await client.get("/v1/models", headers=ward))
        tokens.file.chmod(0o644)
        Path(tokens.file).touch()
        replies.append(await client.get("/v1/models", headers=auditor))
        return replies

    replies = asked(opened, talk)
    assert [reply.status_code for reply in replies] == [200, 429, 200, 403, 401, 503]
    assert 3500 < int(replies[1].headers["retry-after"]) <= 3600
    assert replies[1].json()["error"]["code"] == "rate_limit_exceeded"
    assert "'log'" not in replies[3].text and "'ask'" in replies[3].json()["error"]["message"]
    assert replies[4].headers["www-authenticate"] == "Bearer"
    assert "Others can read" in replies[5].json()["error"]["message"]
