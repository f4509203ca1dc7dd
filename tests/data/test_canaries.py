"""Canaries: drawn by lot, the same every time, and told."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from helder.data import canaries
from helder.data import stage as data_stage
from helder.data.items import Item
from helder.errors import HelderError
from tests.evaluate.material import DOSE, LABEL, TEXT, instruction, silent


def items(count: int) -> list[Item]:
    found = []
    for number in range(count):
        text, output = instruction(number)
        found.append(Item(str(number), text, DOSE.normalise(output), DOSE.encode(output), text, "x", number))
    return found


def test_the_same_data_and_seed_plant_the_same_canaries_and_another_seed_others() -> None:
    first = canaries.make(items(50), DOSE, 5, 1)
    assert first == canaries.make(items(50)[::-1], DOSE, 5, 1)
    assert {one.input for one in first.items}.isdisjoint(
        one.input for one in canaries.make(items(50), DOSE, 5, 2).items
    )
    assert len({one.id for one in first.items}) == 5
    assert all(DOSE.normalise(one.output) in first.candidates for one in first.items)


def test_every_candidate_is_drawn_as_often_as_any_other() -> None:
    made = canaries.make(items(30), DOSE, 1000, 0)
    drawn = Counter(one.encoded for one in made.items)
    expected = 1000 / len(made.candidates)
    chi_squared = sum((drawn[DOSE.encode(one)] - expected) ** 2 / expected for one in made.candidates)
    assert chi_squared < 2 * len(made.candidates)


def test_texts_get_a_number_that_nobody_can_know() -> None:
    made = canaries.make([Item("1", "a", "b", "b", "a", "x", 1)], TEXT, 3, 0)
    assert len(set(made.candidates)) == canaries.CANDIDATES
    assert all(one.output in made.candidates for one in made.items)


def test_one_answer_for_everything_is_nothing_to_draw_from() -> None:
    with pytest.raises(HelderError, match="same answer"):
        canaries.make([Item("1", "a", "cat", "cat", "a", "x", 1)], LABEL, 3, 0)


def run(tmp_path: Path, name: str, settings: dict[str, Any]) -> Path:
    (tmp_path / "train.jsonl").write_text(
        "".join(json.dumps({"input": text, "output": out}) + "\n" for text, out in map(instruction, range(60))),
        encoding="utf-8",
    )
    output = tmp_path / name
    output.mkdir()
    data_stage.run(settings, {"train": tmp_path / "train.jsonl"}, output, tmp_path, silent)
    return output


def test_the_data_stage_plants_only_when_asked_and_says_so(tmp_path: Path) -> None:
    plain, planted = run(tmp_path, "plain", {}), run(tmp_path, "planted", {"canaries": 4})
    before, after = ((folder / "train.jsonl").read_text(encoding="utf-8").splitlines() for folder in (plain, planted))
    assert after[:-4] == before
    assert all(json.loads(line)["id"].startswith("canary-") for line in after[-4:])
    for name in ("dev", "test"):
        assert (plain / f"{name}.jsonl").read_bytes() == (planted / f"{name}.jsonl").read_bytes()
    summary = json.loads((planted / "summary.json").read_text(encoding="utf-8"))
    assert summary["planted"] == {"canaries": 4}
    assert any("canaries" in text for text in summary["warnings"])
    assert "planted" not in json.loads((plain / "summary.json").read_text(encoding="utf-8"))
    found = canaries.load(planted)
    assert found is not None
    assert len(found[0]) == 4
    assert canaries.load(plain) is None
