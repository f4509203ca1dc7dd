"""Random numbers with the same bits on every machine: what a model made from nothing begins with.

`torch.nn.init.normal_` and numpy's generators take logarithms and cosines of their random bits, and those differ in the
last place between instruction sets and libraries. Here random bits come from Philox (Salmon et al. 2011), which knows
integers only, under a key that is the SHA-256 of seed and name; from them to a number leads integer arithmetic and one
multiplication, which IEEE 754 fixes. Each tensor has a name, so tensors can be drawn in any order, or again alone.

A normal number is looked up: knots of the inverse distribution function, rounded so coarsely that the logarithm of no
library can make another table, and straight lines between them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from math import prod
from statistics import NormalDist
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float32]]
Integers = np.ndarray[Any, np.dtype[np.int64]]

KNOT_BITS, FRACTION_BITS = 14, 17  # of 32 random bits; one more is the sign
UNIT = 1 << 20  # knots are multiples of 1 / UNIT deviations; the nearest to a half is 4.5e-11 from it (cut = 3)
LARGEST_CUT = 4.0
PIECE = 1 << 15  # numbers made at a time: what a processor's cache holds; even


def truncated_normal(shape: tuple[int, ...], deviation: float, seed: int, name: str, cut: float = 3.0) -> Floats:
    """Values of a normal distribution around 0, of which those beyond `cut` deviations are never drawn.

    Against the true distribution, for cut = 3: no value is more than 2e-5 deviations from where it should be (in the
    outermost of the 2 * 16,384 segments; within 2 deviations less than 6e-7), and the distribution function is off by
    less than 2e-7 everywhere. There are 2^32 different values before rounding to fp32.

    Args:
        deviation: of the normal distribution before it is cut; that of the values is 0.9866 times as much at cut = 3.
        seed, name: decide the values, together with the kind of draw.

    Raises:
        ValueError: `cut` is not above 0 and at most 4.
    """
    knots, steps = _knots(cut)
    scale = deviation / (UNIT << (FRACTION_BITS + 1))
    values = np.empty(prod(shape), dtype=np.float32)
    for part, words in _pieces(values, seed, "truncated normal", name):
        knot = (words >> FRACTION_BITS) & ((1 << KNOT_BITS) - 1)
        fraction = 2 * (words & ((1 << FRACTION_BITS) - 1)) + 1  # the middle of its interval, so never 0 or the cut
        whole = (knots[knot] << (FRACTION_BITS + 1)) + steps[knot] * fraction
        sign = 1 - ((words >> 31) << 1)
        part[:] = (whole * sign) * scale  # fp64, rounded to fp32
    return values.reshape(shape)


def uniform(shape: tuple[int, ...], bound: float, seed: int | str, name: str) -> Floats:
    """Values spread evenly over (-bound, bound): the middles of 2^32 intervals, rounded to fp32.

    Args:
        seed, name: decide the values, together with the kind of draw.
    """
    scale = bound / (1 << 32)
    values = np.empty(prod(shape), dtype=np.float32)
    for part, words in _pieces(values, seed, "uniform", name):
        part[:] = (2 * words + (1 - (1 << 32))) * scale
    return values.reshape(shape)


@lru_cache
def _knots(cut: float) -> tuple[Integers, Integers]:
    """Where the upper half of the cut distribution reaches k / 2^14 of its mass, and how far it is to the next.

    In multiples of 1 / UNIT deviations; the last is the cut.
    """
    if not 0 < cut <= LARGEST_CUT:
        raise ValueError(f"cut ({cut}) must be above 0 and at most {LARGEST_CUT}")
    normal, segments = NormalDist(), 1 << KNOT_BITS
    half = normal.cdf(cut) - 0.5
    places = [round(normal.inv_cdf(0.5 + half * (k / segments)) * UNIT) for k in range(segments)]
    knots = np.array([*places, int(cut * UNIT)], dtype=np.int64)
    return knots[:-1], np.diff(knots)


def _pieces(values: Floats, seed: int | str, kind: str, name: str) -> Iterator[tuple[Floats, Integers]]:
    """Pieces of an array, and for each of its numbers 32 random bits as an integer."""
    key = np.frombuffer(hashlib.sha256(f"{seed}/{kind}/{name}".encode()).digest()[:16], dtype="<u8")
    philox = np.random.Philox(key=key.astype(np.uint64))
    for first in range(0, len(values), PIECE):
        part = values[first : first + PIECE]
        words = philox.random_raw((len(part) + 1) // 2).astype("<u8", copy=False).view("<u4")
        yield part, words[: len(part)].astype(np.int64)
