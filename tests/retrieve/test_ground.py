"""Questions with their passages, within a room, in data as in a service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helder.errors import HelderError
from helder.retrieve import ground
from helder.retrieve.ground import Retriever, combined, digest
from helder.tokens.tokenizer import Tokenizer
from tests.retrieve.conftest import lines

QUESTION = "Wat kost de Kas per uur?"


def retriever(house: Path, model: Path, top: int = 3, room: int = 200) -> Retriever:
    return Retriever.open(house, model, {"top": top, "room": room})


def test_passages_stand_before_the_question_the_best_first(house: Path, model: Path) -> None:
    made = retriever(house, model).ground(QUESTION)
    assert made.text.endswith(f"\n\n{QUESTION}")
    assert made.text == made.context + QUESTION
    assert made.context.startswith("> De Kas kost 15 euro per uur! Vraag het aan Zoë van de balie.\n\n> # Zalen De")
    assert [one.score for one in made.passages] == sorted((one.score for one in made.passages), reverse=True)
    assert made.dropped == 0


def test_what_does_not_fit_the_room_is_dropped_by_rank_and_told(house: Path, model: Path) -> None:
    whole = retriever(house, model).ground(QUESTION)
    tokens = len(Tokenizer.load(model).encode(whole.context))
    less = retriever(house, model, room=tokens - 1).ground(QUESTION)
    assert less.passages == whole.passages[:-1]
    assert less.dropped == 1
    none = retriever(house, model).ground(QUESTION, room=3)
    assert (none.text, none.passages, none.dropped, none.share) == (QUESTION, (), len(whole.passages), 0.0)


def test_a_question_without_passages_stays_as_it_is(house: Path, model: Path) -> None:
    made = retriever(house, model).ground("olifant")
    assert (made.text, made.passages) == ("olifant", ())


def test_all_records_get_their_passages(house: Path, model: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "task.json").write_text("{}", encoding="utf-8")
    for name in ("train", "dev", "test", "test-more"):
        record = {"id": f"{name}-1", "input": QUESTION, "output": "15 euro", "tags": ["a"]}
        (data / f"{name}.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    made = tmp_path / "ground"
    made.mkdir()
    inputs = {"data": data, "passages": house, "base": model}
    told = ground.run({"top": 2, "room": 200}, inputs, made, tmp_path, lambda *a, **k: None)
    assert told["sets"]["test-more"] == {"records": 1, "without_passages": 0}
    expected = retriever(house, model, top=2).ground(QUESTION)
    for name in ("train", "dev", "test", "test-more"):
        (record,) = lines(made / f"{name}.jsonl")
        assert record == {"id": f"{name}-1", "input": expected.text, "output": "15 euro", "tags": ["a"]}
        about = ground.notes(made, name)[f"{name}-1"]
        assert expected.text[: about["before"]] == expected.context
        assert [one["sha256"] for one in about["passages"]] == [digest(one.text) for one in expected.passages]
    with pytest.raises(HelderError, match="says of no record"):
        ground.notes(data, "train")


def test_little_support_makes_less_sure() -> None:
    assert combined(0.8, 0.5, "> twaalf mensen", "twaalf", "text") == pytest.approx(0.4)
    assert combined(0.8, 0.5, "> twaalf mensen", "dertien", "text") == 0
    assert combined(0.8, 0.5, "> twaalf mensen", "rooms", "label") == pytest.approx(0.4)
