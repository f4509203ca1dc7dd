"""Several texts for each prompt."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from helder.errors import ExitCode, HelderError
from helder.evaluate import predict
from helder.evaluate.compare.services import from_word
from helder.evaluate.suites import Options, Subject, sampling
from helder.evaluate.suites.sampling import GENERATIONS, Drawn, Prompt, sample
from helder.ledger.artifact import Artifact
from helder.tokens.tokenizer import Tokenizer
from tests.evaluate.compare.mock import Does, running
from tests.serve import tiny
from tests.train.objectives import small_world

DRAWN = Drawn(samples=3, temperature=1.0, top_p=0.9, max_tokens=8, seed=5)
PROMPTS = [Prompt(f"p{number}", ({"role": "user", "content": f"wort {number}"},)) for number in range(2)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """A model with drawn weights, as a folder."""
    place = tmp_path_factory.mktemp("model")
    made = small_world.base(place, small_world.texts(place / "text.jsonl", 0, 50), width=16, layers=1)
    return Subject("tiny", "folder", Artifact.of(made, "tiny"))


@pytest.fixture
def source(tmp_path: Path) -> Artifact:
    path = tmp_path / "problems.txt"
    path.write_text("p", encoding="utf-8")
    return Artifact.of(path, "problems")


def test_texts_of_a_folder_are_the_same_each_time_and_differ_from_each_other(
    folder: Subject, source: Artifact, tmp_path: Path
) -> None:
    found = [
        sample(folder, PROMPTS, drawn, Options(), tmp_path / name, source)
        for name, drawn in (("a", DRAWN), ("b", DRAWN), ("c", replace(DRAWN, seed=6)))
    ]
    assert found[0] == found[1]
    assert [one.text for one in found[0]] != [one.text for one in found[2]]
    assert [(one.prompt, one.number) for one in found[0]] == [(f"p{p}", n) for p in range(2) for n in range(3)]
    assert len({one.text for one in found[0]}) > 2


def test_what_a_killed_attempt_drew_in_part_is_drawn_anew_to_the_same_texts(
    folder: Subject, source: Artifact, tmp_path: Path
) -> None:
    whole = sample(folder, PROMPTS, DRAWN, Options(), tmp_path, source)
    path = tmp_path / GENERATIONS
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\n", len(data) // 2) + 20])
    assert sample(folder, PROMPTS, DRAWN, Options(), tmp_path, source) == whole
    assert path.read_bytes() == data


def test_texts_of_a_file_are_the_same_each_time(
    source: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tiny.make(tmp_path)
    # The tiny file carries no chat format: the tokenizer and the format that its project would have.
    words = (Tokenizer.load(tmp_path), "chatml")
    monkeypatch.setattr(predict, "words_of_file", lambda path, scratch: words)
    subject = Subject("tiny", "file", Artifact.of(made.gguf, "tiny"))
    first, second = (
        sample(subject, PROMPTS, DRAWN, Options(), tmp_path / name, source) for name in ("first", "second")
    )
    assert first == second
    assert len({one.text for one in first}) > 2 and len({one.seed for one in first}) == 6


def test_nothing_leaves_before_host_list_and_budget_are_agreed_to(source: Artifact, tmp_path: Path) -> None:
    with running(lambda seen, count: Does(text=f"text {count}")) as mock:
        service = from_word(f"m@{mock.url}/v1")
        subject = Subject("m", "service", service=service)
        host = mock.url.removeprefix("http://")

        def ask(**options: object) -> list[sampling.Generation]:
            return sample(subject, PROMPTS, DRAWN, Options(**options), tmp_path / "out", source)  # type: ignore[arg-type]

        for options, why in (({}, "nothing may be sent there"), ({"hosts": (host,)}, "were not agreed to")):
            with pytest.raises(HelderError, match=why) as caught:
                ask(**options)
            assert caught.value.code == ExitCode.REFUSED
        consent = caught.value.fix.rpartition(" ")[2]
        with pytest.raises(HelderError, match="no budget"):
            ask(hosts=(host,), consent=consent)
        assert not mock.seen
        found = ask(hosts=(host,), consent=consent, most_requests=6)
        assert sorted(one.text for one in found) == [f"text {number}" for number in range(6)]
        assert {seen.body["temperature"] for seen in mock.seen} == {1.0}
        assert {seen.body["max_tokens"] for seen in mock.seen} == {8}
        assert ask(hosts=(host,)) == found and len(mock.seen) == 6  # what was answered is not asked again
    lines = (tmp_path / "out" / "leaving.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["item"] for line in lines] == [f"p{p}#{n}" for p in range(2) for n in range(3)]
