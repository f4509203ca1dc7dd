"""`POST /v1/trace` of a server, over a real run."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from starlette.testclient import TestClient

from helder.project import Project
from helder.serve.access import Access
from helder.serve.app import create_app
from helder.serve.routes.trace import LONGEST_TEXT
from helder.serve.served import Served
from helder.serve.tracing import Tracing, Why, divided
from helder.serve.turns import Turns
from helder.trace.streams import indexed
from helder.trace.way_back import trace
from tests.trace.conftest import PLANTED

TOKEN = "a-token-of-the-owner-of-this-server"
SERVICE = MagicMock()  # of which tracing needs nothing


@pytest.fixture
def tracing(run: Project) -> Tracing:
    indexed(run)
    found = Tracing.of_project(run)
    assert isinstance(found, Tracing)
    return found


@pytest.fixture
def client(tracing: Tracing) -> TestClient:
    served = Served(SERVICE, Turns(), Access(TOKEN), tracing=tracing)
    return TestClient(create_app(served), headers={"Authorization": f"Bearer {TOKEN}"})


def check_divided(text: str, spans: list[dict[str, Any]]) -> None:
    """The parts follow each other without a gap, and each match stands where it is said to."""
    assert [one["start"] for one in spans] == [0, *(one["stop"] for one in spans[:-1])]
    assert spans[-1]["stop"] == len(text)
    for one in spans:
        assert one["kind"] in ("document", "prompt", "none")
        assert one["kind"] == "prompt" or bool(one["documents"]) == (one["kind"] == "document")
        for document in one["documents"]:
            assert text[one["start"] : one["stop"]].strip() in document["passage"]["match"]


def test_a_text_is_divided_into_documents_and_what_was_not_found(client: TestClient) -> None:
    text = f"I was told {PLANTED} Is it so?"
    answer = client.post("/v1/trace", json={"text": text})
    assert answer.status_code == 200
    body = answer.json()
    check_divided(text, body["spans"])
    before, found, behind = body["spans"]
    assert (before["kind"], found["kind"], behind["kind"]) == ("none", "document", "none")
    assert PLANTED in text[found["start"] : found["stop"]]
    documents = {one["name"]: one for one in found["documents"]}
    assert set(documents) == {"archive.txt", "text.jsonl"}
    note = documents["archive.txt"]
    assert note["passage"]["before"].endswith("About the archive.\n")
    assert (note["occurrences"], note["licence"], note["seen"][0]["log_agrees"]) == (2, "CC0-1.0", True)
    assert documents["text.jsonl"]["source"]["place"] == "page 2"
    assert sum(body["coverage"][kind] for kind in ("prompt", "own_documents", "not_found")) == pytest.approx(1)


def test_what_stands_in_the_prompt_is_of_the_prompt_and_names_its_documents(client: TestClient) -> None:
    text = f"The wizard said nothing at all about purple cats. {PLANTED}"
    body = client.post("/v1/trace", json={"text": text, "prompt": PLANTED}).json()
    check_divided(text, body["spans"])
    told = [one for one in body["spans"] if one["kind"] == "prompt" and one["documents"]]
    assert any(PLANTED[8:40] in text[one["start"] : one["stop"]] for one in told)
    assert body["coverage"]["prompt"] > 0.5


def test_places_are_counted_in_characters_and_not_in_bytes(client: TestClient) -> None:
    text = f"Één 😀 zei: {PLANTED}"
    body = client.post("/v1/trace", json={"text": text}).json()
    check_divided(text, body["spans"])
    assert "Zoë" in text[body["spans"][-1]["start"] :]
    assert body["spans"][-1]["kind"] == "document"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"text": ""}, "text"),
        ({"text": "   "}, "no text to trace"),
        ({"text": "a" * (LONGEST_TEXT + 1)}, "text"),
        ({"text": "a", "prompt": 3}, "prompt"),
        ({"text": "a", "documents": 99}, "documents"),
        ({}, "text"),
        ([], ""),
    ],
)
def test_what_is_no_request_is_refused_by_name(client: TestClient, body: Any, named: str) -> None:
    answer = client.post("/v1/trace", json=body)
    assert answer.status_code == 400
    assert named in answer.json()["error"]["message"]


@pytest.mark.parametrize("text", [r'"\ud800"', '"<|im_end|><|endoftext|>"', r'"a\u0000b"'])
def test_strange_characters_do_no_harm(client: TestClient, text: str) -> None:
    answer = client.post(
        "/v1/trace", content=f'{{"text": {text}}}'.encode(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (200, 400)


def test_without_a_token_or_its_role_nothing_is_traced(client: TestClient) -> None:
    assert client.post("/v1/trace", json={"text": "a"}, headers={"Authorization": ""}).status_code == 401


def test_without_an_index_it_says_how_to_make_one_and_there_is_no_route(
    run: Project, tracing: Tracing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("helder.trace.streams.looked_up", lambda project, steps: None)
    why = Tracing.of_project(run)
    assert isinstance(why, Why) and "helder trace" in why.text
    served = Served(SERVICE, Turns(), Access(TOKEN))
    client = TestClient(create_app(served), headers={"Authorization": f"Bearer {TOKEN}"})
    assert client.post("/v1/trace", json={"text": "a"}).status_code == 404


def test_a_project_that_learnt_nothing_is_not_traced(tmp_path: Path, run: Project) -> None:
    for name in ("recipe.toml", "train.jsonl", "dev.jsonl", "test.jsonl", "text.jsonl", "pairs.jsonl"):
        (tmp_path / name).write_bytes((run.folder / name).read_bytes())
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("a", encoding="utf-8")
    why = Tracing.of_project(Project.open(tmp_path))
    assert isinstance(why, Why) and "There is no training to trace back to." in why.text


def test_overlapping_spans_are_divided_too(run: Project) -> None:
    text = f"{PLANTED} {PLANTED}"
    check_divided(text, list(divided(trace(run, text))))
