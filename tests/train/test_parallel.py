"""Parts of a batch: the same gradients as the whole, in the same bits whoever is first."""

from __future__ import annotations

import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helder.train.parallel import Parts, deal


@given(items=st.lists(st.integers()), count=st.integers(1, 9))
def test_every_item_is_dealt_once_and_no_part_is_empty(items: list[int], count: int) -> None:
    parts = deal(items, count)
    assert sorted(item for part in parts for item in part) == sorted(items)
    assert all(parts)
    assert len(parts) == min(count, len(items))


def test_neighbours_come_into_different_parts() -> None:
    assert deal([1, 2, 3, 4, 5], 2) == [[1, 3, 5], [2, 4]]


def test_the_gradients_of_the_parts_add_up() -> None:
    weight = torch.tensor([2.0, 3.0], requires_grad=True)
    other = torch.tensor(5.0, requires_grad=True)
    loss = Parts(2, [weight, other], [weight, other]).backward(
        [lambda: weight[0] * other, lambda: weight[1] ** 2 + other]
    )
    assert loss.item() == 2 * 5 + 9 + 5
    assert weight.grad is not None and weight.grad.tolist() == [5.0, 6.0]
    assert other.grad is not None and other.grad.item() == 3.0


def test_gradients_of_before_are_replaced() -> None:
    weight = torch.tensor(2.0, requires_grad=True)
    parts = Parts(2, [weight], [weight])
    parts.backward([lambda: 3 * weight])
    parts.backward([lambda: 4 * weight])
    assert weight.grad is not None and weight.grad.item() == 4.0


def test_the_sum_does_not_depend_on_who_is_first() -> None:
    """In fp32 a sum of three depends on its order: 1e8 + 1 is 1e8, so that the order shows."""
    terms = [1e8, 1.0, -1e8]

    def ended_in(order: list[int]) -> float:
        weight = torch.tensor(1.0, requires_grad=True)
        done = [threading.Event() for _ in terms]

        def loss(place: int) -> torch.Tensor:
            before = order.index(place) - 1
            if before >= 0:
                assert done[order[before]].wait(60)
            done[place].set()
            return terms[place] * weight

        return Parts(3, [weight], [weight]).backward([lambda place=place: loss(place) for place in range(3)]).item()

    assert ended_in([0, 1, 2]) == ended_in([2, 1, 0]) == ended_in([1, 2, 0]) == 0.0


def test_an_error_in_a_part_is_raised() -> None:
    weight = torch.tensor(1.0, requires_grad=True)

    def broken() -> torch.Tensor:
        raise MemoryError("too much")

    with pytest.raises(MemoryError, match="too much"):
        Parts(2, [weight], [weight]).backward([lambda: 2 * weight, broken])


def test_the_threads_of_the_caller_stay_as_they_are() -> None:
    before = torch.get_num_threads()
    weight = torch.ones(4, requires_grad=True)
    seen: list[int] = []

    def loss() -> torch.Tensor:
        seen.append(torch.get_num_threads())
        return weight.sum()

    Parts(2, [weight], [weight]).backward([loss, loss])
    assert torch.get_num_threads() == before
    assert seen == [max(1, before // 2)] * 2


def test_more_losses_than_parts_are_refused() -> None:
    weight = torch.tensor(1.0, requires_grad=True)
    with pytest.raises(ValueError, match="2 losses for 1 parts"):
        Parts(1, [weight], [weight]).backward([lambda: 2 * weight, lambda: 3 * weight])


def test_a_gradient_taken_elsewhere_is_left_alone() -> None:
    weight = torch.tensor(1.0, requires_grad=True)
    Parts(1, [weight], [weight]).backward([lambda: 2 * weight])
    (elsewhere,) = torch.autograd.grad(5 * weight, [weight])
    assert elsewhere.item() == 5.0
    assert weight.grad is not None and weight.grad.item() == 2.0


def test_the_sum_of_gradients_does_not_depend_on_who_is_first() -> None:
    terms = [1e8, 1.0, -1e8]

    def ended_in(order: list[int]) -> float:
        weight = torch.tensor(1.0, requires_grad=True)
        done = [threading.Event() for _ in terms]

        def loss(place: int) -> torch.Tensor:
            before = order.index(place) - 1
            if before >= 0:
                assert done[order[before]].wait(60)
            done[place].set()
            return terms[place] * weight

        Parts(3, [weight], [weight]).backward([lambda place=place: loss(place) for place in range(3)])
        assert weight.grad is not None
        return weight.grad.item()

    assert ended_in([0, 1, 2]) == ended_in([2, 1, 0]) == ended_in([1, 2, 0]) == 0.0


def test_where_autograd_goes_back_in_threads_of_its_own_gradients_arrive_all_the_same() -> None:
    """As for a GPU; "meta" is another device than the processor that every machine has."""
    weight = torch.ones(2, device="meta", requires_grad=True)
    Parts(2, [weight], [weight]).backward([lambda: weight.sum(), lambda: (2 * weight).sum()])
    assert weight.grad is not None and weight.grad.shape == (2,)
    assert not weight._backward_hooks
