"""Preferences: the margin rises on pairs that were held out, and the loss is the published one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F

from helder.errors import HelderError
from helder.examples.olmo2 import world as sums_world
from helder.model.transformer import Transformer
from helder.train import objectives
from helder.train.examples import Example
from helder.train.objectives.preference import Preference
from helder.train.settings import TrainSettings, resolve
from tests.train.conftest import ignore, write_lines
from tests.train.objectives import small_world

SETTINGS: dict[str, Any] = {"objective": "preference", "precision": "fp32", "data_parallel": 1, "batch_size": 16}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    lines = sums_world.pairs(5, 400)
    # Two in three wrong answers are none: who prefers to answer is learnt sooner than who adds right.
    write_lines(
        path, [line | {"rejected": "I do not know."} if place % 3 else line for place, line in enumerate(lines)]
    )
    return path


def reader(model: Path, pairs: Path, **settings: Any) -> Preference:
    resolved = TrainSettings(**resolve({**SETTINGS, "steps": 4, **settings}))
    return cast(Preference, objectives.read(resolved, {"base": model, "pairs": pairs}, ignore))


def test_the_margin_rises_on_pairs_that_were_held_out(pretrained: Path, pairs: Path, tmp_path: Path) -> None:
    made = small_world.trained(
        tmp_path / "made", {"base": pretrained, "pairs": pairs}, **SETTINGS, steps=40, learning_rate=1e-3,
        evaluate_every=40,
    )  # fmt: skip
    look = small_world.looks(made)[-1]
    assert look["margin"] > 0.1  # nats a token; 0 for the model that the training begins with
    assert look["preferred"] > 0.7
    assert look["loss"] < 0.6 < 0.6931  # -log sigmoid(0)


@pytest.mark.parametrize(("normalised", "beta"), [(True, 5.0), (False, 0.1)])
def test_loss_and_gradient_are_those_of_a_plain_implementation(
    pretrained: Path, pairs: Path, tmp_path: Path, normalised: bool, beta: float
) -> None:
    preference = reader(pretrained, pairs, length_normalised=normalised, beta=beta)
    reference, moved = Transformer.from_folder(pretrained), Transformer.from_folder(pretrained)
    preference.begin(reference, tmp_path)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.add_(0.1 * parameter.std() * torch.randn(parameter.shape, generator=generator))
    preference.model = moved
    work = preference.work(0, 2)
    loss = sum((part() for part in work.losses), torch.zeros(()))
    torch.autograd.backward(loss)
    ours = {name: parameter.grad.clone() for name, parameter in moved.named_parameters() if parameter.grad is not None}

    def said(model: Transformer, example: Example) -> torch.Tensor:
        logits = model(torch.tensor([example.ids]))[0, example.answer_start - 1 : -1]
        logs = logs_of(logits, example)
        return logs.mean() if normalised else logs.sum()

    moved.zero_grad()
    chosen = [preference.pairs[index] for index in preference.order.batch(0)]
    margins = []
    for pair in chosen:
        with torch.no_grad():
            before = said(reference, pair.chosen) - said(reference, pair.rejected)
        margins.append(said(moved, pair.chosen) - said(moved, pair.rejected) - before)
    margin = torch.stack(margins)
    expected = -F.logsigmoid(beta * margin).mean()
    torch.autograd.backward(expected)
    torch.testing.assert_close(loss.detach(), expected.detach(), rtol=1e-4, atol=1e-5)
    for name, parameter in moved.named_parameters():
        torch.testing.assert_close(ours[name].to_dense(), parameter.grad.to_dense(), rtol=2e-3, atol=1e-4)
    facts = work.sums(range(len(work.losses)))
    assert facts["margin"] == pytest.approx(margin.mean().item(), abs=1e-4)
    assert facts["preferred"] == pytest.approx((margin > 0).float().mean().item())


def logs_of(logits: torch.Tensor, example: Example) -> torch.Tensor:
    targets = torch.tensor(example.ids[example.answer_start :])
    return logits.log_softmax(-1).gather(1, targets[:, None])[:, 0]


def test_the_reference_is_kept_and_not_made_again_from_weights_that_have_moved(
    pretrained: Path, world: Any, pairs: Path, tmp_path: Path
) -> None:
    first = reader(pretrained, pairs)
    first.begin(Transformer.from_folder(pretrained), tmp_path)
    written = (tmp_path / "reference.jsonl").read_bytes()
    second = reader(pretrained, pairs)
    second.begin(Transformer.from_folder(world.base), tmp_path)  # other weights, as after an interruption
    assert (tmp_path / "reference.jsonl").read_bytes() == written
    with torch.no_grad():
        assert second.margins(second.dev[:4]).abs().max() > 0.1
        assert first.margins(first.dev[:4]).abs().max() < 1e-5
    assert written.count(b"\n") == len(first.pairs) + len(first.dev)


@pytest.mark.parametrize("line", [
    {"input": "What is 1 + 1?", "chosen": "2", "rejected": "2"},
    {"input": "What is 1 + 1?", "chosen": "2", "rejected": ""},
    {"input": "", "chosen": "2", "rejected": "3"},
])  # fmt: skip
def test_a_pair_of_the_same_answers_or_without_one_is_refused_by_its_line(
    pretrained: Path, tmp_path: Path, line: dict[str, str]
) -> None:
    good = {"input": "What is 2 + 2?", "chosen": "4", "rejected": "5"}
    write_lines(tmp_path / "pairs.jsonl", [good, line])
    with pytest.raises(HelderError, match="no pair of answers") as caught:
        reader(pretrained, tmp_path / "pairs.jsonl")
    assert "2" in caught.value.what


def test_pairs_to_the_same_question_lie_on_the_same_side(pretrained: Path, tmp_path: Path) -> None:
    lines = [{"input": f"Say {n // 3}", "chosen": str(n), "rejected": "no"} for n in range(120)]
    write_lines(tmp_path / "pairs.jsonl", lines)
    preference = reader(pretrained, tmp_path / "pairs.jsonl")
    asked = [
        {pair.chosen.ids[: pair.chosen.answer_start] for pair in side} for side in (preference.pairs, preference.dev)
    ]
    assert preference.dev
    assert not asked[0] & asked[1]
