"""When states are saved and which are kept: enough to check a training in parts, never too much disk or time."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from helder.train.saving import ADAM_BYTES, KEPT_BYTES, MOST_KEPT, plan, spread
from helder.train.settings import TrainSettings, resolve

Method = Literal["full", "upper", "lora"]

PARAMETERS = 135e6
WHOLE, UPPER, LORA = ADAM_BYTES * 135e6, ADAM_BYTES * 71e6, ADAM_BYTES * 4.9e6


def kept(steps: int, state_bytes: float, **settings: object) -> tuple[int, ...]:
    resolved = TrainSettings(**resolve({"device": "cpu", **settings}))
    return plan(resolved, steps, state_bytes=state_bytes, parameters=PARAMETERS, step_tokens=512).kept


def test_a_small_state_is_kept_more_often_than_a_large_one() -> None:
    assert [len(kept(1000, size)) for size in (WHOLE, UPPER)] == [2, 4]
    assert len(kept(1000, LORA, method="lora")) == 32
    assert kept(1000, 8e9) == (), "one alone would need more disk than all may"


def test_short_trainings_save_nothing_that_would_cost_more_than_its_steps() -> None:
    assert kept(30, WHOLE) == ()


def test_a_recipe_may_say_how_many() -> None:
    assert kept(1000, WHOLE, states=0) == ()
    assert len(kept(1000, WHOLE, states=9)) == 9
    assert len(kept(1000, WHOLE, states=2, checkpoint_every=10)) == 2


def test_states_lie_where_new_answers_are_drawn() -> None:
    found = kept(1000, LORA, objective="reward", batch_tokens=512, method="lora", reuse=7)
    assert found
    assert all(step % 7 == 0 for step in found)


@given(
    steps=st.integers(1, 10_000),
    part=st.floats(0.001, 1),
    method=st.sampled_from(["full", "upper", "lora"]),
    states=st.integers(-1, 40),
    every=st.integers(0, 500),
)
def test_what_is_kept_was_saved_and_is_never_too_much(
    steps: int, part: float, method: Method, states: int, every: int
) -> None:
    settings = TrainSettings(method=method, states=states, checkpoint_every=every)
    found = plan(settings, steps, state_bytes=part * WHOLE, parameters=PARAMETERS, step_tokens=512)
    assert set(found.kept) <= set(found.steps)
    assert all(0 < step < steps for step in found.steps)
    assert len(found.kept) <= (states if states >= 0 else MOST_KEPT[method])
    if states < 0:
        assert len(found.kept) * part * WHOLE <= KEPT_BYTES


@given(count=st.integers(0, 200), most=st.integers(0, 40))
def test_slices_are_about_as_long_as_each_other(count: int, most: int) -> None:
    items = range(1, count + 1)
    found = spread(items, most)
    assert len(found) == len(set(found)) == min(count, most)
    if found and most < count:
        lengths = [last - first for first, last in pairwise([0, *found, count + 1])]
        assert max(lengths) <= min(lengths) + 1
