"""Published ways of training: each is understood, resolved and planned, with the figures of its sources."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from helder.commands import group
from helder.errors import ExitCode, HelderError
from helder.fleet import published
from helder.fleet.estimate import estimate
from helder.fleet.machines import parse
from helder.fleet.works import filled_in, works_of
from helder.train.schedule import learning_rate

NAMES = ["olmo2-13b", "olmo2-1b", "olmo2-32b", "olmo2-7b", "olympiccoder-32b", "olympiccoder-7b"]
SIZES = {"1b": 1.48e9, "7b": 7.3e9, "13b": 13.7e9, "32b": 32.2e9}
# Parameters of the cosines as their files have them: highest rate, tokens seen, of warm-up, of the whole cosine.
COSINES = {
    "olmo2-1b": (4e-4, 4e12, 8_388_608_000, 5e12),
    "olmo2-7b": (3e-4, 928_646 * 1024 * 4096, 8_388_608_000, 5e12),
    "olmo2-13b": (9e-4, 596_057 * 2048 * 4096, 8_388_608_000, 5e12),
    "olmo2-32b": (6e-4, 721_901 * 2048 * 4096, 2000 * 2048 * 4096, 6.5e12),
}


def test_there_is_a_recipe_for_every_published_model() -> None:
    assert list(published.recipes()) == NAMES
    with pytest.raises(HelderError, match="Did you mean olmo2-7b?"):
        published.find("OLMo2-7b")


@pytest.mark.parametrize("name", NAMES)
def test_a_published_recipe_is_resolved_and_planned(name: str) -> None:
    project = published.find(name)
    planned, notes = works_of(project)
    assert len(planned) == len(project.recipe.train)
    assert [one.work.name for one in planned][-1] == "train"
    for one in planned:
        made = estimate(one.work, parse("1024xh100"))
        assert made.fits
        settings = filled_in(one, round(made.steps))
        assert all(value is not None for value in settings.values())
        assert settings["steps"] > 0
    size = name.removeprefix("olmo2-")
    if size in SIZES:
        assert planned[0].work.architecture.parameters == pytest.approx(SIZES[size], rel=0.01)
        objectives = [one.work.objective for one in planned]
        assert objectives[:5] == ["text", "text", "answers", "preference", "reward"]
    assert any("assumed" in note for note in notes), "lengths were not published, and it is said"
    differs = published.differences(project)
    assert len(differs) >= 2
    assert not any(sentence.startswith("#") or "  " in sentence for sentence in differs)


@pytest.mark.parametrize("name", sorted(COSINES))
def test_schedules_in_tokens_are_carried_over(name: str) -> None:
    peak, seen, rising, whole = COSINES[name]
    [pretrain, anneal, *_] = published.find(name).recipe.train
    assert pretrain.learning_rate == peak
    assert pretrain.tokens == seen
    assert pretrain.warmup == pytest.approx(rising / seen, rel=1e-5)

    def theirs(tokens: float) -> float:
        return 0.1 + 0.9 * (1 + math.cos(math.pi * (tokens - rising) / (whole - rising))) / 2

    assert pretrain.floor is not None
    assert pretrain.floor == pytest.approx(theirs(seen), abs=1e-4)
    # Mid-training begins about where this ends, as its own files say.
    assert anneal.learning_rate == pytest.approx(peak * pretrain.floor, rel=3e-3)
    assert pretrain.warmup is not None
    steps = 10_000
    below = [
        theirs(seen * step / steps) - learning_rate(step, steps, 1.0, pretrain.warmup, "cosine", pretrain.floor)
        for step in range(round(steps * pretrain.warmup) + 1, steps)
    ]
    said = {"olmo2-1b": 0.11, "olmo2-7b": 0.12, "olmo2-13b": 0.0, "olmo2-32b": 0.05}[name]
    assert max(below) == pytest.approx(said, abs=0.005)
    assert min(below) > -0.005
    told = " ".join(published.differences(published.find(name)))
    assert (f"up to {said:.0%}".replace("%", " %") in told) == (said > 0)


def test_rewards_have_the_answers_that_were_published() -> None:
    for name, answers in {
        "olmo2-1b": 2_000_000,
        "olmo2-7b": 2_000_000,
        "olmo2-13b": 2_000_000,
        "olmo2-32b": 573_440,
    }.items():
        last = published.find(name).recipe.final
        assert last.steps and last.batch_size and last.group
        assert answers - last.batch_size * last.group < last.steps * last.batch_size * last.group <= answers


def test_seeds_and_seen_tokens_are_those_of_the_soups() -> None:
    anneals = {name: published.find(name).recipe.train[1] for name in COSINES}
    assert {name: (one.tokens, one.seeds) for name, one in anneals.items()} == {
        "olmo2-1b": (50_000_000_000, None),
        "olmo2-7b": (50_000_000_000, [42, 42069, 666]),
        "olmo2-13b": (100_000_000_000, [1110, 2662, 6209]),
        "olmo2-32b": (100_000_000_000, [1110, 2662]),
    }


def test_the_32b_olympic_coder_fits_where_it_was_trained_and_the_7b_on_one_host() -> None:
    for name, machines in {"olympiccoder-7b": "8xh100", "olympiccoder-32b": "128xh100"}.items():
        [one], _ = works_of(published.find(name))
        made = estimate(one.work, parse(machines))
        assert made.fits
        assert made.busy == made.fleet.devices
        assert made.steps == pytest.approx(40_700 * 10 / 128, abs=1)


def test_the_command_plans_what_was_published(capsys: pytest.CaptureFixture[str]) -> None:
    assert group.call(["plan", "--published", "olmo2-7b", "--on", "64xh100"]) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert "train-pretrain" in shown
    assert "3,895,023,632,384 tokens" in shown
    assert "seed = [42, 42_069, 666]" in shown
    assert "learning_rate = 0.0003" in shown
    assert "Not as published: " in shown
    assert group.call(["plan", "--published", "olmo2-7b", "--on", "64xh100", "--json"]) == ExitCode.DONE
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    by_name = {stage["stage"]: stage for stage in found["stages"]}
    assert by_name["train-anneal"]["trainings"] == 3
    assert by_name["train-pretrain"]["settings"]["floor"] == 0.2045
    assert by_name["train-dpo"]["settings"]["length_normalised"] is True


def test_a_published_recipe_is_planned_on_paper_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert group.call(["plan", "--published", "olmo2-1b"]) == ExitCode.USER
    assert "helder plan --published olmo2-1b --on" in capsys.readouterr().err
    assert group.call(["plan", "--published", "gpt-5", "--on", "8xh100"]) == ExitCode.USER
    assert "olympiccoder-7b" in capsys.readouterr().err
