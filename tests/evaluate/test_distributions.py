"""Student's t and the binomial agree with scipy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helder.evaluate.distributions import (
    binomial,
    incomplete_beta,
    student_above,
    student_quantile,
    student_two_sided,
)

PARAMETERS = st.floats(0.1, 500)


@given(PARAMETERS, PARAMETERS, st.floats(0, 1))
def test_the_incomplete_beta_function_agrees_with_scipy(a: float, b: float, x: float) -> None:
    special = pytest.importorskip("scipy.special")
    assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), abs=1e-9)


@given(st.floats(-60, 60), st.integers(1, 5000))
def test_students_t_agrees_with_scipy(t: float, df: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert student_two_sided(t, df) == pytest.approx(2 * stats.t.sf(abs(t), df), abs=1e-9)
    assert student_above(t, df) == pytest.approx(stats.t.sf(t, df), abs=1e-9)


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.99, 0.999])
@pytest.mark.parametrize("df", [1, 2, 5, 19, 29, 99, 1000, 100_000])
def test_students_quantile_agrees_with_scipy(confidence: float, df: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert student_quantile(confidence, df) == pytest.approx(stats.t.ppf(0.5 + confidence / 2, df), rel=1e-9)


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0, 1))
def test_the_binomial_agrees_with_scipy(k: int, more: int, share: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert binomial(k, k + more, share) == pytest.approx(stats.binom.pmf(k, k + more, share), abs=1e-9)
