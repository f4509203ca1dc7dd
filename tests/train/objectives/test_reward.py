"""Rewards: they teach sums that were never asked, and the loss is the published one."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from helder.data.task import Task
from helder.errors import HelderError
from helder.evaluate import verifiers
from helder.evaluate.records import load_examples
from helder.model.transformer import Transformer
from helder.train import objectives
from helder.train.objectives.reward import Reward
from helder.train.settings import TrainSettings, resolve
from tests.train.conftest import ignore
from tests.train.objectives import small_world
from tests.train.objectives.conftest import Sums

SETTINGS: dict[str, Any] = {
    "objective": "reward", "verifier": "number", "answer_tokens": 5, "group": 8, "kl": 0.0, "precision": "fp32",
    "data_parallel": 1,
}  # fmt: skip


@pytest.fixture(scope="session")
def rewarded(careless: Path, sums: Sums, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_world.trained(
        tmp_path_factory.mktemp("rewarded") / "model",
        {"base": careless, "data": sums.right},
        **SETTINGS,
        steps=40,
        reuse=2,
        batch_size=24,
        optimizer="muon",
        muon_learning_rate=0.004,
        learning_rate=4e-4,
        evaluate_every=40,
    )


def reader(model: Path, sums: Sums, **settings: Any) -> Reward:
    resolved = TrainSettings(**resolve({**SETTINGS, "steps": 4, "batch_size": 3, **settings}))
    return cast(Reward, objectives.read(resolved, {"base": model, "data": sums.right}, ignore))


def test_rewards_raise_the_pass_rate_on_sums_that_were_never_asked(careless: Path, rewarded: Path, sums: Sums) -> None:
    before = reader(careless, sums)
    before.model = Transformer.from_folder(careless)
    assert before.look()["reward"] < 0.3
    assert small_world.looks(rewarded)[-1]["reward"] > 0.8
    asked = {json.loads(line)["question"] for line in rollouts(rewarded)}
    assert not asked & {question.item.id for question in before.dev}


def rollouts(model: Path) -> list[str]:
    return (model / "rollouts.jsonl").read_text(encoding="utf-8").splitlines()


def test_every_answer_that_was_drawn_is_kept_with_the_reward_that_the_verifier_gives_it(
    rewarded: Path, sums: Sums
) -> None:
    lines = [json.loads(line) for line in rollouts(rewarded)]
    assert len(lines) == 20 * 24 * 8
    items = {item.id: item for item in load_examples(sums.right / "train.jsonl")}
    task, judge = Task.load(sums.right / "task.json"), verifiers.find("number").judge
    assert all(line["reward"] == judge(task, items[line["question"]], line["answer"]) for line in lines)
    groups: dict[tuple[int, str], int] = defaultdict(int)
    for line in lines:
        groups[line["rollout"], line["question"]] += 1
    assert set(groups.values()) == {8}
    log = [json.loads(line) for line in (rewarded / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    for rollout in (0, 19):
        of_rollout = [line["reward"] for line in lines if line["rollout"] == rollout]
        assert log[2 * rollout]["reward"] == log[2 * rollout + 1]["reward"] == pytest.approx(sum(of_rollout) / 192)


def test_the_facts_name_the_verifier_and_its_version(careless: Path, sums: Sums) -> None:
    assert reader(careless, sums).facts(4)["verifier"] == "number@1"


@pytest.mark.parametrize(("kl", "temperature", "clip"), [(0.0, 1.0, 0.2), (0.3, 1.0, 0.2), (0.1, 0.7, 0.01)])
def test_loss_and_gradient_are_those_of_a_plain_implementation(
    careless: Path, sums: Sums, tmp_path: Path, kl: float, temperature: float, clip: float
) -> None:
    """On the second step of a rollout, when the weights have moved: ratios are not 1 and some are clipped."""
    reward = reader(careless, sums, kl=kl, temperature=temperature, clip=clip, reuse=2)
    reward.begin(Transformer.from_folder(careless), tmp_path)
    reward.work(0, 1)
    moved = Transformer.from_folder(careless)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.add_(0.1 * parameter.std() * torch.randn(parameter.shape, generator=generator))
    reward.model = moved
    work = reward.work(1, 2)
    loss = sum((part() for part in work.losses), torch.zeros(()))
    torch.autograd.backward(loss)
    ours = {name: parameter.grad.clone() for name, parameter in moved.named_parameters() if parameter.grad is not None}

    moved.zero_grad()
    start = Transformer.from_folder(careless)
    assert reward._rollout is not None
    judged = reward._rollout[1]
    rewards = [json.loads(line)["reward"] for line in (tmp_path / "rollouts.jsonl").read_text().splitlines()]
    total, divergence, clipped = torch.zeros(()), 0.0, 0
    for place, one in enumerate(judged):
        group = torch.tensor(rewards[place // 8 * 8 : place // 8 * 8 + 8], dtype=torch.float64)
        advantage = float((rewards[place] - group.mean()) / (group.std(correction=0) + 1e-4))
        now, before = (log_probabilities(model, one.example, temperature) for model in (moved, start))
        before = before.detach()
        ratio = (now - before).exp()
        kept = ratio.clamp(1 - clip, 1 + clip)
        clipped += int((ratio != kept).sum())
        apart = before - now  # the model that the training begins with is the one that drew
        k3 = apart.exp() - apart - 1
        divergence += k3.mean().item()
        total = total + (-torch.minimum(ratio * advantage, kept * advantage) + kl * k3).mean()
    total = total / len(judged)
    torch.autograd.backward(total)
    assert clipped > 0
    torch.testing.assert_close(loss.detach(), total.detach(), rtol=1e-4, atol=1e-6)
    for name, parameter in moved.named_parameters():
        torch.testing.assert_close(ours[name].to_dense(), parameter.grad.to_dense(), rtol=1e-3, atol=1e-5)
    assert work.sums(range(len(work.losses)))["kl"] == pytest.approx(divergence / len(judged) if kl else 0.0, rel=1e-3)


def log_probabilities(model: Transformer, example: Any, temperature: float) -> torch.Tensor:
    logits = model(torch.tensor([example.ids]))[0, example.answer_start - 1 : -1] / temperature
    targets = torch.tensor(example.ids[example.answer_start :])
    return logits.log_softmax(-1).gather(1, targets[:, None])[:, 0]


def test_a_rollout_serves_as_many_steps_as_it_is_reused(careless: Path, sums: Sums, tmp_path: Path) -> None:
    reward = reader(careless, sums, reuse=3)
    reward.begin(Transformer.from_folder(careless), tmp_path)
    digests = [reward.work(step, 1).batch_sha256 for step in range(6)]
    assert len(set(digests[:3])) == len(set(digests[3:])) == 1
    assert digests[0] != digests[3]
    assert len((tmp_path / "rollouts.jsonl").read_text(encoding="utf-8").splitlines()) == 2 * 3 * 8
    again = reader(careless, sums, reuse=3)
    again.begin(Transformer.from_folder(careless), tmp_path)
    again.work(0, 1)  # as after a kill: what was drawn later is replaced
    assert len((tmp_path / "rollouts.jsonl").read_text(encoding="utf-8").splitlines()) == 3 * 8


def test_answers_that_all_have_the_same_reward_teach_nothing(careless: Path, sums: Sums, tmp_path: Path) -> None:
    reward = reader(careless, sums)
    reward.verifier = replace(reward.verifier, judge=lambda task, item, text: 0.1)
    reward.begin(Transformer.from_folder(careless), tmp_path)
    loss = sum((part() for part in reward.work(0, 1).losses), torch.zeros(()))
    assert loss.item() == 0.0


def test_a_question_that_leaves_no_room_for_an_answer_is_an_error(careless: Path, sums: Sums) -> None:
    with pytest.raises(HelderError, match="leaves room") as caught:
        reader(careless, sums, context=8)
    assert "answer_tokens" in caught.value.fix


def test_a_verifier_that_is_not_known_is_an_error(careless: Path, sums: Sums) -> None:
    with pytest.raises(HelderError, match="no verifier 'numbr'"):
        reader(careless, sums, verifier="numbr")
