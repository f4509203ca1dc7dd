"""Draws: the same bits on every machine, and the distributions that they claim to be."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import count, islice
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy._core import _multiarray_umath as machine

from helder.model import draws

GOLDEN = {
    "truncated_normal": "b3aa587d0d21719296303385d340ee70044c3dee47438749d46fb4a5a8fe05e4",
    "uniform": "92ea353c784da6e9f5a7bd98a98dde52fb37beceff2a3ea36bb7bee239e7fd04",
}
DIGEST = """\
import hashlib
from helder.model import draws
for made in (draws.truncated_normal((64, 48), 0.02, 7, "a.weight"), draws.uniform((64, 48), 0.02, 7, "a.weight")):
    print(hashlib.sha256(made.astype("<f4").tobytes()).hexdigest())
"""
MASK = (1 << 64) - 1


def philox(seed: int, kind: str, name: str) -> Iterator[int]:
    """32-bit words of Philox4x64 with ten rounds, written down from the paper in Python's integers."""
    digest = hashlib.sha256(f"{seed}/{kind}/{name}".encode()).digest()
    for number in count(1):
        low, high = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:16], "little")
        a, b, c, d = number, 0, 0, 0
        for _ in range(10):
            left, right = a * 0xD2E7470EE14C6C93, c * 0xCA5A826395121157
            a, b, c, d = (right >> 64) ^ b ^ low, right & MASK, (left >> 64) ^ d ^ high, left & MASK
            low, high = (low + 0x9E3779B97F4A7C15) & MASK, (high + 0xBB67AE8584CAA73B) & MASK
        for word in (a, b, c, d):
            yield from (word & 0xFFFFFFFF, word >> 32)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**64), name=st.text(max_size=9), size=st.integers(1, 40))
def test_uniform_values_are_philox_and_one_multiplication(seed: int, name: str, size: int) -> None:
    words = islice(philox(seed, "uniform", name), size)
    expected = [np.float32((2 * word + 1 - 2**32) * (0.25 / 2**32)) for word in words]
    assert draws.uniform((size,), 0.25, seed, name).tolist() == expected


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**64), name=st.text(max_size=9), size=st.integers(1, 40))
def test_normal_values_are_philox_and_straight_lines_between_knots(seed: int, name: str, size: int) -> None:
    knots, steps = draws._knots(3.0)
    expected = []
    for word in islice(philox(seed, "truncated normal", name), size):
        knot, fraction = (word >> 17) & 0x3FFF, 2 * (word & 0x1FFFF) + 1
        whole = (int(knots[knot]) << 18) + int(steps[knot]) * fraction
        expected.append(np.float32((-whole if word >> 31 else whole) * (0.02 / 2**38)))
    assert draws.truncated_normal((size,), 0.02, seed, name).tolist() == expected


def in_a_child(**environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", DIGEST], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_the_bits_are_those_of_the_first_day_in_another_process_and_without_vector_instructions() -> None:
    found = [name for name in machine.__cpu_dispatch__ if machine.__cpu_features__.get(name)]
    assert in_a_child(PYTHONHASHSEED="1") == list(GOLDEN.values())
    assert in_a_child(NPY_DISABLE_CPU_FEATURES=" ".join(found), PYTHONHASHSEED="2") == list(GOLDEN.values())


@pytest.mark.parametrize("piece", [2, 6, 1 << 20])
def test_how_many_are_made_at_a_time_does_not_matter(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    expected = draws.truncated_normal((7, 13), 1.0, 0, "a")
    monkeypatch.setattr(draws, "PIECE", piece)
    assert np.array_equal(draws.truncated_normal((7, 13), 1.0, 0, "a"), expected)


def test_other_seeds_names_and_kinds_give_other_values() -> None:
    made = [
        draws.truncated_normal((64,), 1.0, 0, "a"),
        draws.truncated_normal((64,), 1.0, 1, "a"),
        draws.truncated_normal((64,), 1.0, 0, "b"),
        draws.uniform((64,), 1.0, 0, "a"),
    ]
    for one in range(4):
        for other in range(one):
            assert abs(np.corrcoef(made[one], made[other])[0, 1]) < 0.5


def test_normal_values_have_the_mean_the_deviation_and_the_cut_that_they_claim() -> None:
    size, deviation = 1_000_000, 0.02
    values = draws.truncated_normal((1000, 1000), deviation, 0, "a").astype(np.float64).ravel() / deviation
    assert abs(values.mean()) < 5 / size**0.5
    normal = NormalDist()
    inside = normal.cdf(3.0) - normal.cdf(-3.0)
    cut = (1 - 2 * 3.0 * normal.pdf(3.0) / inside) ** 0.5  # the deviation of a normal distribution cut at 3
    assert cut == pytest.approx(0.9866, abs=5e-5)
    assert values.std() == pytest.approx(cut, abs=5 / size**0.5)
    assert 2.99 < np.abs(values).max() <= 3.0
    # Kolmogorov and Smirnov: the largest distance to the distribution function; 1.95 / sqrt(n) once in 1,000 times.
    values.sort()
    places = range(0, size, 500)
    distances = [abs((normal.cdf(values[at]) - normal.cdf(-3.0)) / inside - (at + 0.5) / size) for at in places]
    assert max(distances) < 1.95 / size**0.5


def test_straight_lines_between_knots_are_as_near_to_the_distribution_as_the_docstring_says() -> None:
    normal = NormalDist()
    knots, steps = draws._knots(3.0)
    half = normal.cdf(3.0) - 0.5
    for knot in [*range(0, len(knots), 61), *range(len(knots) - 20, len(knots))]:
        for fraction in (0.0, 0.25, 0.5, 0.75):
            found = float(knots[knot] + steps[knot] * fraction) / draws.UNIT
            share = 0.5 + half * (knot + fraction) / len(knots)
            assert abs(found - normal.inv_cdf(share)) < (2e-5 if found > 2 else 6e-7)
            assert abs(normal.cdf(found) - share) / (2 * half) < 2e-7


def test_no_knot_is_so_near_to_a_half_that_another_logarithm_could_round_it_otherwise() -> None:
    normal, segments = NormalDist(), len(draws._knots(3.0)[0])
    half = normal.cdf(3.0) - 0.5
    exact = np.array([normal.inv_cdf(0.5 + half * k / segments) * draws.UNIT for k in range(segments)])
    assert np.abs(exact % 1 - 0.5).min() / draws.UNIT > 1e-11  # a logarithm is wrong by 1e-15


def test_uniform_values_fill_their_range_evenly() -> None:
    values = draws.uniform((1000, 200), 0.5, 3, "a")
    assert values.dtype == np.float32
    assert np.abs(values).max() < 0.5
    counted, _ = np.histogram(values, bins=100, range=(-0.5, 0.5))
    assert abs(counted - 2000).max() < 6 * 2000**0.5


@pytest.mark.parametrize("cut", [0.0, -1.0, 4.5])
def test_a_cut_for_which_the_table_was_not_made_is_refused(cut: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 4"):
        draws.truncated_normal((2,), 1.0, 0, "a", cut)
