"""An answer of the log, given once more by the same model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from helder.commands.group import call
from helder.errors import ExitCode
from helder.project import Project
from helder.serve.access import Access
from helder.serve.app import create_app
from helder.serve.audit import Keep, Record
from helder.serve.served import Served
from helder.serve.service import Service
from helder.serve.turns import Turns
from tests.serve.audit.logs import opened

TOKEN = "a" * 24


@pytest.fixture(scope="module")
def answered(finished_home: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A log with three answers of a real server: (its folder, the id of the answer that was drawn)."""
    folder = tmp_path_factory.mktemp("replay") / "log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELDER_HOME", str(finished_home[1]))
        patch.setenv("OMP_NUM_THREADS", "1")
        service = Service.open(Project.open(finished_home[0]).run_folder, "q8_0", threads=1, context=256)
        with opened(folder) as log:
            drawn = asyncio.run(_ask(Served(service, Turns(), Access(TOKEN), log=log)))
        service.close()
    yield folder, drawn


async def _ask(served: Served) -> str:
    transport = httpx.ASGITransport(app=create_app(served))
    head = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=head, timeout=60) as client:
        body: dict[str, Any] = {"model": "doses", "messages": [{"role": "user", "content": "2 tabs tds pc"}]}
        for more in ({}, {"stop": ["puff"]}, {"temperature": 1.5, "seed": 7, "max_tokens": 20}):
            answer = (await client.post("/v1/chat/completions", json=body | more)).json()
    return str(answer["id"])


def replayed(log: Path, id: str, project: Project, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    try:
        arguments = ["--log", str(log), "--project", str(project.folder), "--threads", "1", "--context", "256"]
        code = call(["audit", "replay", id, *arguments, "--json"])
    except SystemExit as error:
        code = int(error.code or 0)
    out = capsys.readouterr()
    return code, json.loads(out.out or out.err)


def changed(answered: Path, target: Path, **facts: Any) -> tuple[Path, str]:
    """A log with one answer, that of `answered` but for some facts of its record."""
    with opened(answered) as log:
        entry = log.entries(0)[0]["record"]
        line = log.texts(entry["id"]) or {}
    given = {
        "id": entry["id"], "who": entry["who"], "model": entry["model"]["name"], "format": entry["model"]["format"],
        "model_sha256": entry["model"]["sha256"], "engine": entry["engine"]["name"], "settings": entry["settings"],
        "prompt": line["prompt"], "answer": line["answer"], "prompt_ids": tuple(line["prompt_ids"]),
        "answer_ids": tuple(line["answer_ids"]), "finish_reason": entry["finish_reason"],
    } | facts  # fmt: skip
    keep = given.pop("keep", Keep("texts"))
    with opened(target, keep) as log:
        log.append(Record(**given))
    return target, str(entry["id"])


def test_every_answer_comes_out_the_same_greedy_and_drawn(
    answered: tuple[Path, str], project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, drawn = answered
    with opened(folder) as log:
        ids = [one["record"]["id"] for one in log.entries()]
    assert len(ids) == 3
    assert drawn == ids[2]
    for id in ids:
        code, found = replayed(folder, id, project, capsys)
        assert code == ExitCode.DONE, found
        assert found["again"] == found["logged"]


@pytest.mark.parametrize(
    ("facts", "code", "told"),
    [
        ({"answer": "[]", "answer_ids": (1,)}, ExitCode.FAILED, "Another text."),
        ({"answer": "[]", "answer_ids": (1,), "mode": "fast"}, ExitCode.UNCHECKED, "fast mode"),
        ({"answer": "[]", "answer_ids": (1,), "engine": "llama.cpp 0"}, ExitCode.UNCHECKED, "given by llama.cpp 0"),
        ({"model_sha256": "0" * 64}, ExitCode.UNCHECKED, "is not the q8_0 file"),
        ({"answer": "", "answer_ids": None, "finish_reason": "cancelled"}, ExitCode.DONE, "as far as it went"),
        ({"answer": None, "answer_ids": None, "finish_reason": "error"}, ExitCode.UNCHECKED, "engine failed"),
        ({"keep": Keep("digests")}, ExitCode.UNCHECKED, "only digests are kept"),
        ({"keep": Keep("nothing")}, ExitCode.UNCHECKED, "nothing is kept"),
    ],
)
def test_what_differs_and_what_cannot_be_compared_are_told_apart(
    answered: tuple[Path, str], project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    facts: dict[str, Any], code: ExitCode, told: str,
) -> None:  # fmt: skip
    folder, id = changed(answered[0], tmp_path / "log", **facts)
    found = replayed(folder, id, project, capsys)
    assert found[0] == code, found
    assert told in found[1]["what"]


def test_an_erased_answer_cannot_be_replayed_and_a_changed_text_is_not_asked(
    answered: tuple[Path, str], project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, id = changed(answered[0], tmp_path / "log")
    path = folder / "texts/000.jsonl"
    path.write_bytes(path.read_bytes().replace(b"2 tabs", b"9 tabs"))
    code, found = replayed(folder, id, project, capsys)
    assert (code, found["again"]) == (ExitCode.FAILED, None)
    assert "not the one that was logged" in found["what"]
    with opened(folder) as log:
        log.erase(id=id, by="admin")
    code, found = replayed(folder, id, project, capsys)
    assert code == ExitCode.UNCHECKED
    assert "erased on" in found["what"]
    assert replayed(folder, "nobody", project, capsys)[0] == ExitCode.USER
