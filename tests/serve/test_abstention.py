"""Answers that are too unsure are withheld: by the threshold that was sealed, everywhere, and visibly."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from helder.errors import ExitCode, HelderError
from helder.ledger.artifact import Artifact
from helder.ledger.run_folder import RunFolder
from helder.project import Project
from helder.serve import ask
from helder.serve.abstention import Abstention
from helder.serve.access import Access
from helder.serve.answer import Answer
from helder.serve.app import create_app
from helder.serve.locate import locate
from helder.serve.served import Served
from helder.serve.service import Service
from helder.serve.turns import Turns
from tests.serve import finished, tiny

QUESTIONS = ["2 tabs tds pc", "1 puff bd prn", "zo nodig 1 tablet", "half a tablet", "take one tablet at night"]
SAY = "I do not know."
TOKEN = "a" * 24


def record(threshold: float | None, abstain: bool = True) -> dict[str, Any]:
    about = {"threshold": threshold, "why": "At most 5.0% are wrong.", "n": 300, "given": 200, "wrong": 3}
    settings = {"abstain": abstain, "say": SAY, "score": "whole", "risk": 0.05, "confidence": 0.95}
    return {"format": 1, **settings, "thresholds": {"q8_0": about}}


def seal(project: Path, abstention: dict[str, Any], of: str = "files", more: dict[str, Any] | None = None) -> Path:
    """Let a trust stage over answers of the Q8_0 file have been; its artifact."""
    run = RunFolder(project / "run")
    said = {entry.statement.stage: entry.statement for entry in run.entries() if entry.statement}
    new = project / "new"
    for name, file, text in (
        ("predict-q8_0", "test.jsonl", json.dumps(abstention)),
        ("trust", "abstention.json", json.dumps(abstention)),
        *(("trust", file, json.dumps(value)) for file, value in (more or {}).items()),
    ):
        (new / name).mkdir(parents=True, exist_ok=True)
        (new / name / file).write_text(text + "\n", encoding="utf-8")
    files = Artifact(run.held(said[of]).path, said[of].digest, of)
    predicted = finished.seal(run, "predict-q8_0", new / "predict-q8_0", {"files": files})
    return finished.seal(run, "trust", new / "trust", {"predict-q8_0": predicted}).path


@pytest.fixture
def place(model: tiny.Tiny, tmp_path: Path) -> Path:
    return finished.make(tmp_path / "doses", model)


@pytest.fixture
def sure(place: Path) -> list[float]:
    """How sure the model is of its answer to each question."""
    seal(place, record(0.0))
    service = Service.open(Project.open(place).run_folder, "q8_0", threads=1, context=256)
    try:
        found = [service.ask(question).confidence for question in QUESTIONS]
        many = [reply.confidence for reply in service.ask_many(QUESTIONS)]
    finally:
        service.close()
    assert many == found
    assert all(value is not None for value in found)
    return [value for value in found if value is not None]


def opened(place: Path) -> Service:
    return Service.open(Project.open(place).run_folder, "q8_0", threads=1, context=256)


def test_answers_below_the_threshold_are_withheld_and_others_are_given(place: Path, sure: list[float]) -> None:
    middle = sorted(sure)[2]
    seal(place, record(middle))
    service = opened(place)
    try:
        replies = service.ask_many(QUESTIONS)
        alone = [service.ask(question) for question in QUESTIONS]
        streamed: list[str] = []
        service.ask(QUESTIONS[sure.index(min(sure))], stream=lambda text: streamed.append(text) is None)
    finally:
        service.close()
    assert alone == replies
    assert [reply.abstained for reply in replies] == [value < middle for value in sure]
    for reply in replies:
        assert reply.error is None
        assert reply.answer is not None
        assert (reply.output is None) == reply.abstained == (reply.answer.text == SAY)
    assert "".join(streamed) == SAY  # not one piece of what was withheld


def test_the_api_says_so_whole_and_streamed(place: Path, sure: list[float]) -> None:
    seal(place, record(sorted(sure)[2]))
    service = opened(place)

    async def asked() -> tuple[list[dict[str, Any]], list[str], dict[str, Any]]:
        transport = httpx.ASGITransport(app=create_app(Served(service, Turns(), Access(TOKEN))))
        head = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=head, timeout=60) as client:
            whole, parts = [], []
            for question in QUESTIONS:
                body = {"model": "doses", "messages": [{"role": "user", "content": question}]}
                whole.append((await client.post("/v1/chat/completions", json=body)).json())
                parts.append((await client.post("/v1/chat/completions", json={**body, "stream": True})).text)
            return whole, parts, (await client.get("/v1/models/doses")).json()

    try:
        whole, parts, about = asyncio.run(asked())
    finally:
        service.close()
    assert about["helder"]["abstention"]["say"] == SAY
    assert "5.0%" in about["helder"]["abstention"]["promise"]
    for answer, stream, value in zip(whole, parts, sure, strict=True):
        text, told = answer["choices"][0]["message"]["content"], answer["helder"]
        chunks = [json.loads(line[6:]) for line in stream.split("\n") if line.startswith("data: {")]
        said = [chunk["choices"][0]["delta"].get("content") for chunk in chunks if chunk["choices"]]
        assert "".join(one or "" for one in said) == text
        assert next(chunk["helder"] for chunk in chunks if "helder" in chunk) == told
        if value < sorted(sure)[2]:
            assert (text, told) == (SAY, {"answer": None, "abstained": True, "confidence": value})
        else:
            assert told["answer"] == finished.TASK.decode(text)
            assert (told["abstained"], told["confidence"], told["promised"]) == (False, value, True)


def test_a_drawn_or_cut_answer_is_given_without_the_promise(place: Path) -> None:
    seal(place, record(0.0))
    service = opened(place)
    try:
        assert service.ask(QUESTIONS[0]).promised is True
        assert service.ask(QUESTIONS[0], temperature=1.0, seed=3).promised is False
        assert service.ask(QUESTIONS[0], stop=["]"]).promised is False
    finally:
        service.close()


def test_ask_prints_that_it_does_not_know_and_that_is_no_error(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seal(place, record(1.0))
    project = Project.open(place)

    def asked(*questions: str, out: Path | None = None, human: bool = False) -> str:
        stdout = io.StringIO()
        ask.main(project, questions, None, "q8_0", out, human=human, threads=1, context=256, stdout=stdout)
        return stdout.getvalue()

    assert asked(QUESTIONS[0]) == "null\n"
    assert SAY in capsys.readouterr().err
    assert SAY in asked(QUESTIONS[0], human=True)
    assert asked(*QUESTIONS[:2], human=True).count(SAY) == 2
    lines = [json.loads(line) for line in asked(*QUESTIONS).splitlines()]
    assert [(line["answer"], line["abstained"]) for line in lines] == [(None, True)] * 5
    asked(*QUESTIONS, out=tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["input"] for row in rows] == QUESTIONS
    assert all(row["error"].startswith(SAY) and not row["form"] for row in rows)


def test_without_a_threshold_nothing_is_answered_and_the_reason_is_told(place: Path) -> None:
    seal(place, record(None))
    with pytest.raises(HelderError, match="may not answer") as caught:
        opened(place)
    assert caught.value.code == ExitCode.REFUSED
    assert caught.value.why == "At most 5.0% are wrong."


def test_a_recipe_that_withholds_is_not_answered_from_a_run_that_has_no_threshold_yet(place: Path) -> None:
    recipe = place / "recipe.toml"
    recipe.write_text(recipe.read_text(encoding="utf-8") + "[trust]\nabstain = true\n", encoding="utf-8")

    def asked() -> str:
        stdout = io.StringIO()
        ask.main(Project.open(place), QUESTIONS[:1], None, "q8_0", threads=1, context=256, stdout=stdout)
        return stdout.getvalue()

    for sealed in (None, record(0.0, abstain=False)):
        if sealed is not None:
            seal(place, sealed)
        with pytest.raises(HelderError, match="may not answer yet") as caught:
            asked()
        assert caught.value.code == ExitCode.REFUSED
    seal(place, record(0.0))
    assert finished.TASK.normalise(json.loads(asked()))


def test_where_it_was_not_asked_for_nothing_is_withheld(place: Path) -> None:
    seal(place, record(None, abstain=False))
    service = opened(place)
    try:
        reply = service.ask(QUESTIONS[0])
    finally:
        service.close()
    assert (reply.abstained, reply.confidence, reply.promised) == (False, None, False)


def test_a_threshold_of_other_files_does_not_count(place: Path) -> None:
    seal(place, record(1.0), of="train")
    assert locate(Project.open(place).run_folder, "q8_0").abstention is None


def test_a_threshold_that_was_changed_is_refused(place: Path) -> None:
    path = seal(place, record(1.0)) / "abstention.json"
    path.chmod(0o644)
    path.write_text(json.dumps(record(0.0)) + "\n", encoding="utf-8")
    with pytest.raises(HelderError, match="not what was sealed") as caught:
        opened(place)
    assert caught.value.code == ExitCode.FAILED


def test_an_answer_of_which_no_confidence_is_known_is_withheld() -> None:
    held = Abstention(0.0, "whole", SAY, "")
    assert held.withholds(Answer("[]", (1,), "stop", 3, 2))
    assert not held.withholds(Answer("[]", (1,), "stop", 3, 2, logprobs=(-9.0,)))


def test_confidences_are_the_whole_the_mean_and_the_least() -> None:
    answer = Answer("ab", (1, 2), "stop", 3, 3, logprobs=(-0.1, -0.5))
    assert [answer.confidence(score) for score in ("whole", "mean", "least")] == pytest.approx(
        [2.718281828459045**-0.6, 2.718281828459045**-0.3, 2.718281828459045**-0.5]
    )
    assert Answer("", (), "stop", 3, 1).confidence("whole") is None
