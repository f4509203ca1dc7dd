"""Who can be compared: words for services, files on this machine, and what a project's run has answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder import pipeline
from helder.commands import group
from helder.data.task import Task
from helder.errors import ExitCode, HelderError
from helder.evaluate import predict
from helder.evaluate.compare import leaving, local
from helder.evaluate.compare.items import Asked, of_file, of_project
from helder.evaluate.compare.services import ANTHROPIC, OPENAI, Service, from_word
from helder.ledger.artifact import Artifact
from helder.ledger.statement import Statement
from helder.project import Project
from helder.tokens.tokenizer import Tokenizer
from tests import fake_project
from tests.evaluate.compare.mock import Does, running
from tests.serve import tiny

LABELS = Task(kind="label", name="colour", labels=("red", "blue"), instruction="Say which colour it is.")


@pytest.mark.parametrize(
    ("word", "protocol", "model", "url", "key", "thinks"),
    [
        (
            "claude-3-7-sonnet-20250219",
            "anthropic",
            "claude-3-7-sonnet-20250219",
            ANTHROPIC,
            "ANTHROPIC_API_KEY",
            False,
        ),
        ("o1-mini", "openai", "o1-mini", OPENAI, "OPENAI_API_KEY", True),
        ("gpt-4o", "openai", "gpt-4o", OPENAI, "OPENAI_API_KEY", False),
        ("olmo@http://127.0.0.1:8000/v1/", "openai", "olmo", "http://127.0.0.1:8000/v1", None, False),
        ("allenai/olmo@https://h.example/v1", "openai", "allenai/olmo", "https://h.example/v1", None, False),
        ("anthropic:x@https://h.example", "anthropic", "x", "https://h.example", None, False),
        ("openai:olmo-2", "openai", "olmo-2", OPENAI, "OPENAI_API_KEY", False),
    ],
)
def test_words_mean_services(word: str, protocol: str, model: str, url: str, key: str | None, thinks: bool) -> None:
    found = from_word(word)
    assert found is not None
    assert (found.protocol, found.model, found.url, found.key, found.thinks) == (protocol, model, url, key, thinks)


@pytest.mark.parametrize("word", ["weights", "q8_0", "nearest", "model.gguf", "olmo", "me@example", "./folder"])
def test_other_words_mean_none(word: str) -> None:
    assert from_word(word) is None


def project(folder: Path, monkeypatch: pytest.MonkeyPatch, compare: str = "") -> Project:
    """A project whose data are made and whose run has asked the most frequent answer."""
    root = fake_project.make(folder, fake_project.RECIPE + compare)
    data, asked = root / "made" / "data", root / "made" / "predict-trivial"
    data.mkdir(parents=True)
    asked.mkdir()
    LABELS.save(data / "task.json")
    for name, count in (("train", 4), ("test", 30)):
        rows = [{"id": f"{name}{n}", "input": f"{name} {n}", "output": ("red", "blue")[n % 2]} for n in range(count)]
        (data / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    rows = [{"id": f"test{n}", "raw": "", "output": "red", "error": None} for n in range(30)]
    (asked / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (asked / "about.json").write_text("{}", encoding="utf-8")
    made = {path.name: Artifact.of(path, path.name) for path in (data, asked)}
    timings = {"seconds": 6.0, "energy": {"joules": 60.0, "how": "estimated: a test"}, "peak_memory": 1000}
    said = Statement({"predicate": {"timings": timings}})
    monkeypatch.setattr(pipeline, "made", lambda project: made)
    monkeypatch.setattr(pipeline, "statements", lambda project: {"predict-trivial": said})
    return Project.open(root)


def test_what_a_run_has_answered_is_not_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = project(tmp_path / "doses", monkeypatch)
    asked = of_project(opened, 10, 0, 0)
    answers = local.ask(local.of_run(opened, "trivial"), asked, tmp_path)
    assert set(answers.texts.values()) == {"red"}
    assert len(answers.texts) == 10
    assert answers.taken.seconds == pytest.approx(2.0), "in proportion to what was asked of it"
    assert answers.taken.energy is not None
    assert answers.taken.energy["joules"] == pytest.approx(20.0)
    with pytest.raises(HelderError, match="Scored: trivial"):
        local.of_run(opened, "nobody")


def test_a_run_that_was_asked_fewer_items_says_how_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = project(tmp_path / "doses", monkeypatch)
    path = tmp_path / "doses" / "made" / "predict-trivial" / "test.jsonl"
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:7]), encoding="utf-8")
    with pytest.raises(HelderError, match="--limit 7"):
        local.ask(local.of_run(opened, "trivial"), of_project(opened, None, 0, 0), tmp_path)


SERVICE = Service(name="s", model="m", url="https://h.example")


@pytest.mark.parametrize(
    ("compare", "examples", "missing"),
    [
        ("", 0, "'test'"),
        ('[compare]\nleave = ["train"]\n', 0, "'test'"),
        ('[compare]\nleave = ["test"]\n', 2, "'train'"),
        ('[compare]\nleave = ["test"]\n', 0, None),
        ('[compare]\nleave = ["train", "test"]\n', 2, None),
    ],
)
def test_items_of_a_project_leave_only_where_its_recipe_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compare: str, examples: int, missing: str | None
) -> None:
    asked = of_project(project(tmp_path / "doses", monkeypatch, compare), None, examples, 0)
    going = leaving.leaving([SERVICE], asked)
    if missing is None:
        leaving.check(asked, going)
        assert all(b"Say which colour it is." in one.body for one in going.requests)
        assert going.shots == tuple(example.id for example in asked.shots)
        return
    with pytest.raises(HelderError, match=missing) as caught:
        leaving.check(asked, going)
    assert caught.value.code == ExitCode.REFUSED
    leaving.check(asked, leaving.leaving([], asked))


def test_a_project_is_compared_with_a_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project(tmp_path / "doses", monkeypatch, '[compare]\nleave = ["test"]\n')
    with running(lambda seen, count: Does(text="blue")) as mock:
        words = ["compare", "trivial", f"m@{mock.url}/v1", "--project", str(tmp_path / "doses")]
        words += ["--allow-network", "127.0.0.1", "--most-requests", "100", "--margin", "0.1"]
        assert group.call(words) == ExitCode.REFUSED
        consent = capsys.readouterr().err.rpartition("--consent ")[2].strip()
        assert not mock.seen
        assert group.call([*words, "--consent", consent, "--json"]) == ExitCode.DONE
        assert len(mock.seen) == 30
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["comparisons"][0]["verdict"] == "not shown"
    assert [one["kind"] for one in found["subjects"]] == ["run", "service"]
    assert any("Not everyone was asked in the same way" in warning for warning in found["warnings"])


def test_a_file_of_a_project_does_not_leave_by_another_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path / "doses", monkeypatch, '[compare]\nleave = ["test"]\n')
    asked = of_file(tmp_path / "doses" / "made" / "data" / "test.jsonl", None, None, 0)
    with pytest.raises(HelderError, match="lies in the project") as caught:
        leaving.check(asked, leaving.leaving([SERVICE], asked))
    assert caught.value.code == ExitCode.REFUSED


def file_items(folder: Path) -> Asked:
    rows = [{"id": str(n), "input": f"{n} tabs tds", "output": ("red", "blue")[n % 2]} for n in range(4)]
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    LABELS.save(folder / "task.json")
    return of_file(folder / "items.jsonl", folder / "task.json", None, 0)


def test_a_gguf_file_answers_the_same_conversation_and_says_what_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tiny.make(tmp_path)
    # The tiny file carries no chat format: the tokenizer and the format that its project would have.
    words = (Tokenizer.load(tmp_path), "chatml")
    monkeypatch.setattr(predict, "words_of_file", lambda path, scratch: words)
    asked = file_items(tmp_path)
    done: list[int] = []
    answers = local.ask(local.of_file(made.gguf, True, 16), asked, tmp_path, done.append)
    assert set(answers.texts) == {item.key for item in asked.items}
    assert set(answers.texts.values()) <= {"red", "blue"}, "held to the form"
    assert sum(done) == 4
    assert answers.taken.memory is not None
    assert answers.taken.memory > 1_000_000
    assert answers.taken.energy is not None
    assert answers.taken.energy["joules"] > 0
    assert answers.taken.cost is None
    again = local.ask(local.of_file(made.gguf, True, 16), asked, tmp_path)
    assert again.texts == answers.texts


def test_a_file_that_is_no_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"hello")
    with pytest.raises(HelderError):
        local.of_file(tmp_path / "x.gguf", False, 16)
