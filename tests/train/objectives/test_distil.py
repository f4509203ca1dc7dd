"""Distillation: a student with a teacher knows more than the same student without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helder.errors import HelderError
from helder.model.transformer import Transformer
from helder.tokens.shards import Shard
from helder.train import objectives, teach
from helder.train.objectives.answers import cross_entropy
from helder.train.objectives.text import measure
from helder.train.settings import TrainSettings, resolve
from tests.train.conftest import ignore, write_lines
from tests.train.objectives import small_world
from tests.train.objectives.conftest import Sums, World


def test_a_student_with_a_teacher_has_a_lower_held_out_loss_than_without(
    pretrained: Path, world: World, tmp_path: Path
) -> None:
    """Few texts, many times: what they do not say, the teacher has read elsewhere."""
    text = small_world.texts(tmp_path / "few.jsonl", 1, 40)
    held_out = small_world.texts(tmp_path / "held-out.jsonl", 9, 60)
    few = small_world.shards(tmp_path / "few", world.base, text, held_out)
    loss = {}
    for objective, more in (("text", {}), ("distil", {"teacher": pretrained})):
        made = small_world.trained(
            tmp_path / objective, {"base": world.base, "text": few, **more}, objective=objective, steps=80,
            batch_tokens=768, teacher_share=0.9, context=128, optimizer="muon", learning_rate=8e-3,
            muon_learning_rate=0.04, weight_decay=0.1, schedule="linear", floor=0.0, z_loss=0.0,
            warmup=0.05, data_parallel=1,
        )  # fmt: skip
        loss[objective] = small_world.looks(made)[-1]["loss"]
        by_hand = measure(cross_entropy, Transformer.from_folder(made), Shard.load(few, "dev"), 128)["loss"]
        assert loss[objective] == pytest.approx(by_hand, rel=1e-4)  # of the right tokens, for both
    assert loss["distil"] < 0.9 * loss["text"]


def test_a_teacher_with_another_vocabulary_is_refused_with_the_first_difference(
    world: World, sums: Sums, tmp_path: Path
) -> None:
    text = tmp_path / "other.jsonl"
    write_lines(text, [{"text": "completely other words, other words, completely"}] * 20)
    other = small_world.base(tmp_path / "other", text)
    settings = TrainSettings(**resolve({"objective": "distil", "steps": 1}))
    with pytest.raises(HelderError, match="other tokens") as caught:
        objectives.read(settings, {"base": world.base, "teacher": other, "data": sums.right}, ignore)
    ours, theirs = (
        json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
        for folder in (world.base, other)
    )
    first = min(token for token in ours.keys() | theirs.keys() if ours.get(token) != theirs.get(token))
    assert repr(first) in caught.value.why
    assert str(ours.get(first)) in caught.value.why


def test_no_teacher_is_an_error(world: World, sums: Sums) -> None:
    settings = TrainSettings(**resolve({"objective": "distil", "steps": 1}))
    with pytest.raises(HelderError, match="no teacher"):
        objectives.read(settings, {"base": world.base, "data": sums.right}, ignore)


def test_a_teacher_writes_the_answers_that_a_student_learns_from(careless: Path, sums: Sums, tmp_path: Path) -> None:
    lines = (sums.right / "train.jsonl").read_text(encoding="utf-8").splitlines()[:24]
    few = small_world.data(tmp_path / "few", [json.loads(line) for line in lines], [])
    facts: dict[str, Any] = {}

    def run(*given: Any) -> None:
        facts.update(teach.run(*given))

    taught = small_world.made(run, tmp_path / "taught", {}, {"data": few, "teacher": careless})
    written = [json.loads(line) for line in (taught / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert facts["taught"] + facts["left_out"] == 24
    assert facts["taught"] == len(written)
    right = {json.loads(line)["id"]: json.loads(line)["output"] for line in lines}
    assert facts["as_in_the_data"] == sum(line["output"] == right[line["id"]] for line in written) < len(written)
    assert (taught / "task.json").read_bytes() == (few / "task.json").read_bytes()
