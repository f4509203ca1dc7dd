"""pass@k of several problems."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.evaluate.judge.passk import pass_at, pass_at_k
from helder.evaluate.statistics import wilson


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_it_is_the_share_of_choices_that_hold_a_right_one(numbers: tuple[int, int, int]) -> None:
    n, right, k = numbers
    choices = [any(one < right for one in choice) for choice in combinations(range(n), k)]
    assert pass_at(n, right, k) == pytest.approx(sum(choices) / len(choices), abs=1e-12)


def test_it_stays_exact_where_factorials_are_large() -> None:
    assert pass_at(1000, 1, 500) == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize("numbers", [(3, 1, 4), (3, 4, 1), (3, -1, 1), (3, 1, 0)])
def test_numbers_that_fit_no_problem_are_an_error(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="says nothing"):
        pass_at(*numbers)


def test_with_fewer_programs_than_k_nothing_is_said() -> None:
    assert pass_at_k([(10, 3), (4, 4)], 5).value is None
    assert pass_at_k([], 1).value is None


def test_programs_for_one_problem_are_not_independent() -> None:
    apart = pass_at_k([(10, 10), (10, 0)] * 10, 1)
    alike = pass_at_k([(10, 5)] * 20, 1)
    assert apart.value == alike.value == 0.5
    assert apart.low is not None and alike.low is not None
    assert 0.5 - apart.low > 2 * (0.5 - alike.low)  # ten problems of twenty, against a hundred programs of two hundred


def test_none_right_is_not_known_better_than_from_so_many_problems() -> None:
    found, of_items = pass_at_k([(50, 0)] * 12, 1), wilson(0, 12)
    assert found.low == 0 and found.high is not None and of_items.high is not None
    assert found.high > of_items.high > 0.2
