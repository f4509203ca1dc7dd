"""Parts of a batch: the same gradients as the whole, in the same bits whoever is first."""

from __future__ import annotations

import threading

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from helder.model.kernels import linear_cross_entropy, look_up
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
    parts = Parts(2, [weight, other], [weight, other])
    loss = parts.backward([lambda: weight[0] * other, lambda: weight[1] ** 2 + other])
    assert loss.item() == 2 * 5 + 9 + 5
    assert parts.norm().item() == pytest.approx((5**2 + 6**2 + 3**2) ** 0.5)
    assert parts.take(0).tolist() == [5.0, 6.0]
    assert parts.take(1, 0.5).item() == 1.5


def test_gradients_of_before_are_replaced() -> None:
    weight = torch.tensor(2.0, requires_grad=True)
    parts = Parts(2, [weight], [weight])
    parts.backward([lambda: 3 * weight])
    parts.backward([lambda: 4 * weight])
    assert parts.take(0).item() == 4.0


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
    parts = Parts(1, [weight], [weight])
    parts.backward([lambda: 2 * weight])
    (elsewhere,) = torch.autograd.grad(5 * weight, [weight])
    assert elsewhere.item() == 5.0
    assert parts.take(0).item() == 2.0


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

        parts = Parts(3, [weight], [weight])
        parts.backward([lambda place=place: loss(place) for place in range(3)])
        return parts.take(0).item()

    assert ended_in([0, 1, 2]) == ended_in([2, 1, 0]) == ended_in([1, 2, 0]) == 0.0


def test_where_autograd_goes_back_in_threads_of_its_own_gradients_arrive_all_the_same() -> None:
    """As for a GPU; "meta" is another device than the processor that every machine has."""
    weight = torch.ones(2, device="meta", requires_grad=True)
    parts = Parts(2, [weight], [weight])
    parts.backward([lambda: weight.sum(), lambda: (2 * weight).sum()])
    assert not weight._backward_hooks
    assert parts.take(0).shape == (2,)


def test_gradients_that_no_hook_takes_are_those_that_hooks_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a GPU, with numbers."""

    def found(hooks: bool) -> tuple[float, list[float]]:
        weight = torch.tensor([2.0, 3.0], requires_grad=True)
        with monkeypatch.context() as patch:
            if not hooks:
                patch.setattr(torch.Tensor, "register_hook", lambda tensor, hook: None)
            parts = Parts(3, [weight], [weight])
        parts._on_the_way = hooks
        parts.backward([lambda: (weight**2).sum(), lambda: (weight**3).sum(), lambda: weight.sum()])
        return parts.norm().item(), parts.take(0, 0.5).tolist()

    assert found(True) == found(False)
    assert found(False)[1] == [(4 + 12 + 1) / 2, (6 + 27 + 1) / 2]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_gradients_in_bf16_are_summed_in_fp32(count: int) -> None:
    """1 + 1/256 has no bf16 of its own."""
    master = torch.zeros(2)
    working = master.bfloat16().requires_grad_()
    parts = Parts(4, [working], [master])
    terms = [1.0, 1 / 256, 1 / 256, 1 / 512][:count]
    parts.backward([lambda term=term: term * working.sum() for term in terms])
    taken = parts.take(0)
    assert taken.dtype == torch.float32
    assert taken.tolist() == [sum(terms)] * 2


@pytest.mark.parametrize("count", [1, 2, 3])
def test_weights_that_autograd_gives_the_same_tensor_are_changed_by_themselves(count: int) -> None:
    first, second = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    parts = Parts(count, [first, second], [first, second])
    for _ in range(30):  # who is first differs
        parts.backward([lambda: ((first + second) * 2).sum()] * count)
        assert parts.norm().item() == pytest.approx((6 * (2 * count) ** 2) ** 0.5)
    assert parts.take(0, 0.5).tolist() == [count] * 3
    assert parts.take(1, 0.25).tolist() == [count / 2] * 3


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_embedding_that_is_looked_up_has_the_gradient_of_a_dense_one(tied: bool, count: int) -> None:
    torch.manual_seed(0)
    table, head = torch.randn(11, 6, requires_grad=True), torch.randn(11, 6, requires_grad=True)
    ids = torch.tensor([[3, 3, 0, 7], [10, 3, 0, 0], [5, 5, 5, 5]])[:count]
    out = table if tied else head

    def loss(place: int) -> torch.Tensor:
        hidden = look_up(ids[place], table).tanh()
        return linear_cross_entropy(hidden, out, ids[place].roll(1)) / 7

    parts = Parts(count, [table, head], [table, head])
    if tied:
        parts = Parts(count, [table], [table])
    parts.backward([lambda place=place: loss(place) for place in range(count)])
    hidden = F.embedding(ids, table).tanh()
    plain = F.cross_entropy((hidden @ out.T).flatten(0, 1), ids.roll(1, 1).flatten(), reduction="sum") / 7
    for place, gradient in enumerate(torch.autograd.grad(plain, [table] if tied else [table, head])):
        torch.testing.assert_close(parts.take(place), gradient)
