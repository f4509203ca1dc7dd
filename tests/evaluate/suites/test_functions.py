"""`helder eval MODEL --suite humaneval` and `mbpp`: functions are drawn, judged from another room, scored, and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helder.errors import HelderError
from helder.evaluate import suites
from helder.evaluate.compare.services import from_word
from helder.evaluate.judge import function_tasks
from helder.evaluate.judge.function_tasks import Question
from helder.evaluate.judge.functions import Task
from helder.evaluate.suites import Options, Subject, functions
from helder.sealed import untrusted
from tests.evaluate.compare.mock import Does, Mock, Seen, question, running

PROMPT = 'import math\n\n\ndef half(n):\n    return n / 2\n\n\ndef root(n):\n    """The root of n."""\n'
ROOT = Task(
    "own/root", "root", "def check(candidate):\n    assert candidate(9) == 3 == root(9)", PROMPT + "    return 3"
)
TWICE = Task("own/twice", "twice", "assert twice(4) == 8\nassert twice('a') == 'aa'")
QUESTIONS = [
    Question(ROOT, PROMPT, PROMPT + "    return math.sqrt(n)", goes_on=True),
    Question(TWICE, "Twice as much.\nassert twice(4) == 8\n", "def twice(n): return n + n", goes_on=False),
]


@pytest.fixture(autouse=True)
def own_tasks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / "tasks.jsonl"
    place.write_text("{}\n", encoding="utf-8")
    monkeypatch.setattr(function_tasks, "humaneval", lambda: QUESTIONS)
    monkeypatch.setattr(function_tasks, "mbpp", lambda: QUESTIONS[1:])
    monkeypatch.setattr(function_tasks, "mbpp_left_out", lambda: ["MBPP/367"])
    monkeypatch.setattr(function_tasks, "place", lambda *package: place)


def answers(seen: Seen, count: int) -> Does:
    """Right each second time, and once nothing at all."""
    if "Twice" in question(seen):
        return Does(text="```python\ndef twice(n):\n    return n * 2\n```")
    return Does(text=["No.", "```python\ndef root(n):\n    return math.sqrt(half(2 * n))\n```"][count % 2])


def subject(mock: Mock) -> Subject:
    return Subject("m", "service", service=from_word(f"m@{mock.url}/v1"))


@pytest.fixture
def rooms() -> None:
    try:
        untrusted.proved()
    except HelderError as error:
        pytest.skip(f"no rooms on this machine: {error}")


def agreed(suite: str, mock: Mock, out: Path, samples: int) -> Options:
    """Options with which the service may be asked."""
    host = mock.url.removeprefix("http://")
    with pytest.raises(HelderError) as caught:
        suites.run(suite, subject(mock), Options(samples=samples, hosts=(host,), most_requests=100), out)
    consent = caught.value.fix.rpartition(" ")[2]
    return Options(samples=samples, hosts=(host,), most_requests=100, consent=consent)


def test_functions_are_judged_scored_and_kept(rooms: None, tmp_path: Path) -> None:
    with running(answers) as mock:
        options = agreed("humaneval", mock, tmp_path, 2)
        folder, found = suites.run("humaneval", subject(mock), options, tmp_path)
    [row] = found["rows"]
    lines = [json.loads(line) for line in (folder / "instances.jsonl").read_text(encoding="utf-8").splitlines()]
    verdicts = [line["verdict"] for line in lines]
    assert [line["id"] for line in lines] == ["own/root#0", "own/root#1", "own/twice#0", "own/twice#1"]
    assert sorted(verdicts[:2]) in (["AC", "none"], ["AC", "AC"], ["none", "none"]) and verdicts[2:] == ["AC", "AC"]
    assert row["metric"] == "pass@1" and row["n"] == 2 and row["value"] == verdicts.count("AC") / 4
    assert [line["score"] for line in lines] == [float(verdict == "AC") for verdict in verdicts]
    assert bool(found["warnings"]) == ("none" in verdicts)
    assert {path.name for path in folder.iterdir()} >= {"generations.jsonl", "result.json", "ledger", "record.jsonl"}


def test_mbpp_says_what_it_leaves_out(rooms: None, tmp_path: Path) -> None:
    with running(answers) as mock:
        _, found = suites.run("mbpp", subject(mock), agreed("mbpp", mock, tmp_path, 1), tmp_path)
    assert found["rows"][0]["value"] == 1.0 and "MBPP/367" in found["warnings"][0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no program", ""),
        (
            "```python\ndef root(n):\n    return 3\n```",
            PROMPT.partition("def root")[0] + "def root(n):\n    return 3\n",
        ),
        ("```python\n    return 3\n```", PROMPT + "    return 3\n"),
        ("```python\ndef root(n) return 3\n```", PROMPT.partition("def root")[0] + "def root(n) return 3\n"),
    ],
)
def test_a_block_begins_anew_or_goes_on_where_the_prompt_ends(text: str, code: str) -> None:
    assert functions.program(QUESTIONS[0], text) == code


def test_a_block_stands_alone_where_nothing_was_begun() -> None:
    assert functions.program(QUESTIONS[1], "```python\ndef twice(n): return n\n```") == "def twice(n): return n\n"


def test_what_is_asked_holds_the_task() -> None:
    goes_on, whole = map(functions.asked, QUESTIONS)
    assert PROMPT.rstrip() in goes_on and "assert twice(4) == 8" in whole
    assert all("```python" in one for one in (goes_on, whole))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (Options(samples=2, settings={"temperature": "0"}), "would all be the same"),
        (Options(settings={"temperature": "warm"}), "cannot be followed"),
        (Options(settings={"max_tokens": "0"}), "cannot be followed"),
        (Options(settings={"shots": "3"}), "no setting"),
        (Options(tasks=("own/other",)), "no task"),
    ],
)
def test_what_cannot_be_done_is_told(rooms: None, options: Options, told: str, tmp_path: Path) -> None:
    model = Subject("m", "service", service=from_word("m@http://127.0.0.1:9/v1"))
    with pytest.raises(HelderError, match=told):
        functions.humaneval(model, options, tmp_path, lambda event: None)


def test_a_limit_chooses_by_the_seed_and_keeps_the_order() -> None:
    chosen = {
        tuple(one.task.name for one in functions._chosen(QUESTIONS, Options(limit=1, seed=seed))) for seed in range(8)
    }
    assert chosen == {("own/root",), ("own/twice",)}
    assert functions._chosen(QUESTIONS, Options(limit=5)) == QUESTIONS
    assert functions._chosen(QUESTIONS, Options(tasks=("own/twice",))) == QUESTIONS[1:]
