"""Estimates: what must hold of any training on any machines, and how near they come to runs that were published."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import fleet as bench
from helder.fleet.estimate import SLOWEST, Estimate, estimate, generation
from helder.fleet.machines import Fleet, machines, parse
from helder.fleet.memory import LEVELS, memory
from helder.fleet.work import Architecture, Work
from helder.model import sizes as named

SMALL = Architecture(576, 30, 9, 3, 64, 1536, 49152, tied=True)  # SmolLM2-135M
EIGHT = Architecture(4096, 32, 32, 8, 128, 14336, 128256)  # Llama 3.1 8B
LARGE = Architecture(8192, 80, 64, 8, 128, 28672, 128256)  # Llama 3 70B
REWARD: dict[str, Any] = {
    "prompts_per_step": 48,
    "group_size": 16,
    "prompt_tokens": 150.0,
    "generated_tokens": 400.0,
    "longest_answer": 2048,
}


def work(**changed: Any) -> Work:
    base: dict[str, Any] = {"name": "train", "architecture": SMALL, "tokens": 1e9}
    if changed.get("objective") == "reward":
        base |= REWARD
        answer = REWARD["prompt_tokens"] + REWARD["generated_tokens"]
        prompts = max(1, round(changed.pop("tokens_per_step", 422400) / (REWARD["group_size"] * answer)))
        base |= {"prompts_per_step": prompts, "tokens_per_step": prompts * REWARD["group_size"] * answer}
    if changed.get("objective") == "distil":
        base["teacher_parameters"] = 8e9
    return Work(**(base | changed))


works = st.builds(
    work,
    architecture=st.sampled_from([SMALL, EIGHT]),
    objective=st.sampled_from(["text", "answers", "preference", "reward", "distil"]),
    method=st.sampled_from(["full", "upper", "lora"]),
    optimizer=st.sampled_from(["adamw", "muon"]),
    precision=st.sampled_from(["bf16", "fp32"]),
    sequence_length=st.sampled_from([512, 2048, 8192]),
    tokens_per_step=st.sampled_from([8192.0, 131072.0, 2097152.0]),
    fused_loss=st.booleans(),
)
fleets = st.builds(
    lambda name, devices: parse(f"{devices}x{name}"),
    st.sampled_from(sorted(machines())),
    st.sampled_from([1, 2, 8, 24, 64]),
)


# -- counts that others have published ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "parameters"),
    [(SMALL, 134_515_008), (EIGHT, 8_030_261_248), (LARGE, 70_553_706_496)],
    ids=["SmolLM2-135M", "Llama-3.1-8B", "Llama-3-70B"],
)
def test_parameters_are_those_of_the_real_models(sizes: Architecture, parameters: int) -> None:
    assert sizes.parameters == parameters


def test_flops_of_a_token_are_those_that_nanochat_prints() -> None:
    # run1000.sh: 1.207960e+10 for depth 32, attention counted whole: twice what is counted here.
    sizes = Architecture(2048, 32, 16, 16, 128, 5461, 65536)
    one = work(architecture=sizes, sequence_length=2048)
    assert one.token_flops + 3 * sizes.attention_flops(2048) == pytest.approx(1.207960e10, rel=1e-3)


def test_what_is_counted_is_taken_from_the_settings_of_a_model() -> None:
    assert Architecture.of(named.find("smollm2-135m").config(49152)) == SMALL


# -- what must hold of all ----------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(works, fleets)
def test_every_figure_is_above_zero_and_belongs_to_the_others(one: Work, fleet: Fleet) -> None:
    made = estimate(one, fleet)
    assert made.seconds > 0
    assert made.joules > 0
    assert made.disk > one.model_bytes
    assert made.tokens == 1e9
    assert made.steps * one.tokens_per_step == pytest.approx(made.tokens)
    assert made.seconds == pytest.approx(made.steps * sum(made.parts.values()))
    reached = made.flops / made.seconds / fleet.devices
    assert reached <= fleet.machine.flops(one.precision) * 1.001, "no device does more than it is said to reach"
    assert bool(made.advice) >= (not made.fits), "what does not fit comes with advice"
    assert made.limit in ("compute", "interconnect", "memory bandwidth", "kernel launches")


@settings(max_examples=60, deadline=None)
@given(works, st.sampled_from(LEVELS), st.integers(1, 32), st.sampled_from([2, 8, 64]))
def test_more_devices_never_need_more_memory_each(one: Work, level: Any, sequences: int, devices: int) -> None:
    assert memory(one, 2 * devices, sequences, level).total <= memory(one, devices, sequences, level).total


@settings(max_examples=60, deadline=None)
@given(works, st.integers(1, 32), st.sampled_from([1, 2, 8, 64]))
def test_what_is_not_kept_needs_no_memory(one: Work, sequences: int, devices: int) -> None:
    kept, half, again = (memory(one, devices, sequences, level).total for level in LEVELS)
    assert kept > half > again


@settings(max_examples=40, deadline=None)
@given(works, fleets)
def test_twice_the_tokens_take_twice_the_hours_and_the_energy(one: Work, fleet: Fleet) -> None:
    once, twice = estimate(one, fleet), estimate(dataclasses.replace(one, tokens=2e9), fleet)
    assert twice.seconds == pytest.approx(2 * once.seconds)
    assert twice.joules == pytest.approx(2 * once.joules)
    again = estimate(dataclasses.replace(one, repeats=2), fleet)
    assert again.seconds == pytest.approx(2 * once.seconds)
    assert again.tokens == once.tokens


@settings(max_examples=40, deadline=None)
@given(works, fleets)
def test_a_time_has_the_tokens_that_take_that_time(one: Work, fleet: Fleet) -> None:
    made = estimate(one, fleet)
    timed = estimate(dataclasses.replace(one, tokens=None, seconds=made.seconds), fleet)
    assert timed.tokens == pytest.approx(made.tokens)
    assert timed.seconds == pytest.approx(made.seconds)
    assert timed.seconds_slowest == timed.seconds


@pytest.mark.parametrize("sizes", [SMALL, EIGHT, LARGE], ids=["135M", "8B", "70B"])
@pytest.mark.parametrize("devices", [1, 8])
def test_lora_needs_less_memory_and_less_time_than_upper_and_upper_than_full(sizes: Architecture, devices: int) -> None:
    full, upper, lora = (
        work(architecture=sizes, method=method, checkpointing="full") for method in ("full", "upper", "lora")
    )
    sums = [memory(one, devices, 1, "full").total for one in (full, upper, lora)]
    assert sums[0] > sums[1] > sums[2]
    assert full.token_flops > upper.token_flops
    assert full.token_flops > lora.token_flops
    assert full.checkpoint_bytes > upper.checkpoint_bytes > lora.checkpoint_bytes


def test_muon_keeps_one_moment_of_the_matrices_and_two_of_the_rest() -> None:
    adamw, muon = work(), work(optimizer="muon")
    matrices = SMALL.layers * SMALL.block_parameters
    assert adamw.state_bytes - muon.state_bytes == 4 * matrices


def test_other_models_cost_what_they_read() -> None:
    plain = work()
    pairs = work(objective="preference")
    assert pairs.token_flops == plain.token_flops + plain.forward_flops
    assert work(objective="preference", epochs=4).token_flops == plain.token_flops + plain.forward_flops / 4
    assert work(objective="distil").token_flops == plain.token_flops + 16e9
    on = parse("8xh100")
    rewarded = estimate(work(objective="reward"), on)
    assert rewarded.seconds > estimate(plain, on).seconds * 1.5
    spoken = generation(work(objective="reward"), on)
    longer = generation(work(objective="reward", longest_answer=4096), on)
    assert longer["kernel launches"] == 2 * spoken["kernel launches"], "a step waits for its longest answer"


# -- advice -------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_says_by_how_much_and_what_helps() -> None:
    made = estimate(work(architecture=LARGE, sequence_length=8192), parse("8xa100"))
    assert not made.fits
    over = (made.memory.total - made.room) / 1e9
    assert f"{over:.1f} GB too much" in made.advice[0]
    assert "2x8xa100" in made.advice[0] or "4x8xa100" in made.advice[0]
    assert 'method = "lora"' in made.advice[0]
    for fleet in ("2x8xa100", "4x8xa100"):
        if fleet in made.advice[0]:
            assert estimate(made.work, parse(fleet)).fits, "what is said to help was tried"
    assert estimate(dataclasses.replace(made.work, method="lora"), parse("8xa100")).fits


def test_a_shorter_context_is_advised_where_it_helps() -> None:
    made = estimate(work(architecture=EIGHT, sequence_length=131072), parse("8xa100-40gb"))
    assert not made.fits
    shorter = int(made.advice[0].partition("context = ")[2].partition(".")[0])
    assert estimate(dataclasses.replace(made.work, sequence_length=shorter), parse("8xa100-40gb")).fits
    assert not estimate(dataclasses.replace(made.work, sequence_length=2 * shorter), parse("8xa100-40gb")).fits


def test_devices_without_work_are_named() -> None:
    made = estimate(work(tokens_per_step=1024, sequence_length=512), parse("8xh100"))
    assert made.busy == 2
    assert "work for 2 of 8 devices" in made.advice[0]


def test_activations_are_made_again_only_where_they_do_not_fit() -> None:
    roomy = estimate(work(tokens_per_step=65536, sequence_length=8192, architecture=EIGHT), parse("8xmi300x"))
    tight = estimate(work(tokens_per_step=65536, sequence_length=8192, architecture=EIGHT), parse("8xa100-40gb"))
    assert roomy.checkpointing == "none"
    assert tight.checkpointing != "none"
    assert tight.fits


@pytest.mark.parametrize(
    "wrong",
    [{"seconds": 5.0}, {"tokens": None}, {"objective": "reward", "group_size": 0}, {"teacher_parameters": 0}],
    ids=str,
)
def test_work_that_says_too_little_or_too_much_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="train: "):
        work(**({"objective": "distil"} | wrong if "teacher_parameters" in wrong else wrong))


# -- published runs -----------------------------------------------------------------------------------------------

CASES = bench.cases()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_published_runs_are_met_within_their_factor(case: bench.Case) -> None:
    for figure, estimated in case.estimated().items():
        assert case.error(figure, estimated) <= case.within, (figure, case.published[figure], estimated)


def test_most_full_devices_that_nobody_looked_at_are_met_within_a_third() -> None:
    errors = [
        case.error(figure, estimated)
        for case in CASES
        if not case.seen and case.work.objective == "text"
        for figure, estimated in case.estimated().items()
        if figure != "fits"
    ]
    assert len(errors) >= 12
    assert sorted(errors)[len(errors) // 2] < 1.2
    assert sum(error < 1.35 for error in errors) >= 0.8 * len(errors)


@pytest.mark.parametrize("objective", ["text", "answers", "preference", "reward"])
def test_as_slow_as_others_is_the_slowest_published_run(objective: Any) -> None:
    def ratio(made: Estimate, case: bench.Case) -> float:
        figures = {"hours", "device_hours", "energy"} & set(case.published)
        return max((case.published[name] / bench.value_of(made, name) for name in figures), default=0.0)

    slowest = max(
        ratio(estimate(case.work, case.fleet), case)
        for case in CASES
        if case.work.objective == objective and not case.fleet.machine.is_cpu
    )
    assert slowest <= SLOWEST[objective] <= 1.1 * slowest


def test_the_table_of_the_documentation_is_what_is_estimated() -> None:
    documented = (bench.CASES.parents[1] / "docs" / "fleet.md").read_text(encoding="utf-8")
    for row in bench.rows():
        line = f"{bench.shown(row['published'])} | {bench.shown(row['estimated'])} | {bench.error(row)} |"
        assert f"| {row['case']} | {row['machines']} | {row['figure']} | {line}" in documented
