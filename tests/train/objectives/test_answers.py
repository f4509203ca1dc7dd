"""Questions and answers: the loss is on the answers, packed or not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from helder.model.transformer import Transformer
from helder.train import objectives
from helder.train.examples import collate, pack
from helder.train.objectives.answers import Answers, cross_entropy
from helder.train.settings import TrainSettings, resolve
from tests.train.conftest import ignore
from tests.train.objectives import small_world
from tests.train.objectives.conftest import Sums


@pytest.fixture(scope="module")
def settings() -> TrainSettings:
    return TrainSettings(**resolve({"batch_size": 12, "context": 96, "steps": 1, "precision": "fp32"}))


@pytest.fixture(scope="module")
def answers(careless: Path, sums: Sums, settings: TrainSettings) -> Answers:
    return cast(Answers, objectives.read(settings, {"base": careless, "data": sums.right}, ignore))


def test_packed_answers_have_the_loss_and_the_gradient_of_answers_in_rows_of_their_own(
    careless: Path, answers: Answers, settings: TrainSettings
) -> None:
    found = []
    for packing in (False, True):
        other = Answers(replace(settings, packing=packing), answers.examples, criterion=answers.criterion)
        other.model = Transformer.from_folder(careless)
        work = other.work(0, 2)
        loss = sum((part() for part in work.losses), torch.zeros(()))
        torch.autograd.backward(loss)
        gradient = other.model.model.layers[0].mlp.up_proj.weight.grad
        assert gradient is not None
        found.append((loss.detach(), gradient, work))
    (plain, gradient, apart), (packed, other_gradient, together) = found
    torch.testing.assert_close(plain, packed, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradient, other_gradient, rtol=1e-3, atol=1e-5)
    assert apart.batch_sha256 == together.batch_sha256
    assert together.tokens == apart.tokens


def test_the_loss_is_that_of_the_answer_tokens_alone(careless: Path, answers: Answers) -> None:
    model, chosen = Transformer.from_folder(careless), answers.examples[:5]
    with torch.no_grad():
        found = cross_entropy(model, collate(chosen)).item()
        by_hand = sum(
            F.cross_entropy(
                model(torch.tensor([one.ids]))[0, one.answer_start - 1 : -1],
                torch.tensor(one.ids[one.answer_start :]),
                reduction="sum",
            ).item()
            for one in chosen
        )
    assert found == pytest.approx(by_hand, rel=1e-5)


@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=30), room=st.integers(1, 50))
def test_every_sequence_is_packed_once_and_a_row_holds_what_fits(lengths: list[int], room: int) -> None:
    rows = pack(lengths, room)
    assert sorted(index for row in rows for index in row) == list(range(len(lengths)))
    assert all(sum(lengths[index] for index in row) <= room or len(row) == 1 for row in rows)


def test_training_on_answers_lowers_the_loss_on_unseen_questions(pretrained: Path, sums: Sums, tmp_path: Path) -> None:
    made = small_world.trained(
        tmp_path / "made", {"base": pretrained, "data": sums.right}, steps=60, batch_size=32, learning_rate=3e-3,
        optimizer="muon", data_parallel=1, evaluate_every=10,
    )  # fmt: skip
    looks = [look["loss"] for look in small_world.looks(made)]
    assert looks[-1] < 0.5 * looks[0]
