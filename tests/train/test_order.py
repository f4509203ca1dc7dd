"""The order of a training is a pure function, and no example is lost or seen twice in an epoch."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helder.train.order import Order

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=200)


@settings(max_examples=60, deadline=None)
@given(lengths=LENGTHS, batch_tokens=st.integers(60, 300), seed=st.integers(0, 5))
def test_an_epoch_shows_every_example_once(lengths: list[int], batch_tokens: int, seed: int) -> None:
    order = Order(lengths, batch_size=0, batch_tokens=batch_tokens, seed=seed)
    seen = [index for step in range(order.steps_of(1)) for index in order.batch(step)]
    assert sorted(seen) == list(range(len(lengths)))


@settings(max_examples=60, deadline=None)
@given(lengths=LENGTHS, batch_tokens=st.integers(60, 300))
def test_no_batch_is_larger_than_asked_for(lengths: list[int], batch_tokens: int) -> None:
    order = Order(lengths, batch_size=0, batch_tokens=batch_tokens, seed=1)
    for step in range(order.steps_of(1)):
        batch = order.batch(step)
        assert len(batch) * max(lengths[index] for index in batch) <= batch_tokens


def test_any_step_can_be_asked_for_first() -> None:
    lengths = [7, 3, 9, 4, 4, 8, 2, 6] * 20
    walked = Order(lengths, batch_size=5, batch_tokens=0, seed=3)
    batches = [walked.batch(step) for step in range(100)]
    assert Order(lengths, batch_size=5, batch_tokens=0, seed=3).batch(77) == batches[77]


def test_another_seed_gives_another_order_and_epochs_differ() -> None:
    lengths = list(range(1, 101))
    first = Order(lengths, batch_size=10, batch_tokens=0, seed=0)
    assert first.batch(0) != Order(lengths, batch_size=10, batch_tokens=0, seed=1).batch(0)
    assert [first.batch(step) for step in range(10)] != [first.batch(step) for step in range(10, 20)]


def test_the_order_of_a_seed_never_changes() -> None:
    """A certificate says which examples a step saw; a new version must draw the same ones."""
    order = Order([5, 3, 8, 1, 9, 2, 7, 4], batch_size=3, batch_tokens=0, seed=42)
    assert [order.batch(step) for step in range(3)] == GOLDEN


GOLDEN = [[3, 5], [6, 2, 4], [1, 7, 0]]


def test_padding_is_small() -> None:
    lengths = [10 + (index * 37) % 50 for index in range(2000)]
    order = Order(lengths, batch_size=0, batch_tokens=768, seed=0)
    batches = [order.batch(step) for step in range(order.steps_of(1))]
    padded = sum(len(batch) * max(lengths[index] for index in batch) for batch in batches)
    assert padded < 1.06 * sum(lengths)


def test_tokens_become_steps_that_see_at_least_so_many() -> None:
    order = Order([10] * 100, batch_size=4, batch_tokens=0, seed=0)
    assert order.steps_for(400) == 10
    assert order.steps_for(401) == 11
    assert order.steps_of(2) == 50


def test_batch_size_and_batch_tokens_together_are_refused() -> None:
    with pytest.raises(ValueError, match="not both"):
        Order([1, 2], batch_size=1, batch_tokens=10, seed=0)
