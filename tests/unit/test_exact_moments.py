"""Sums without rounding: equal to the exact answer, whatever the order."""

from __future__ import annotations

import math
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.prepare.exact import Moments, moments

FINITE = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40)


@pytest.mark.simulation
@given(FINITE)
def test_the_sums_are_exact(values: list[float]) -> None:
    found = moments(np.array(values))
    exact = [Fraction(value) for value in values]
    assert (found.count, found.total, found.squares) == (len(values), sum(exact), sum(one * one for one in exact))


@given(FINITE, st.integers(0, 40))
def test_parts_add_up_to_the_whole(values: list[float], cut: int) -> None:
    parts = moments(np.array(values[cut:], dtype=float)) + moments(np.array(values[:cut], dtype=float))
    assert parts == moments(np.array(values))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_the_deviation_is_that_of_the_standard_library(values: list[float]) -> None:
    deviation = moments(np.array(values)).deviation
    assert deviation == pytest.approx(float(statistics.pstdev(map(Fraction, values))), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_the_deviation_survives_squares_that_no_float64_holds(scale: float) -> None:
    assert moments(np.array([-scale, scale])).deviation == pytest.approx(scale, rel=1e-15)


def test_what_is_not_finite_is_left_out() -> None:
    assert moments(np.array([1.0, math.nan, math.inf, -math.inf, 3.0])) == moments(np.array([1.0, 3.0]))


def test_nothing_has_neither_mean_nor_deviation() -> None:
    assert (Moments().mean, Moments().deviation) == (None, None)


def test_many_rows_do_not_overflow() -> None:
    assert moments(np.full(100_000, 1.7976931348623157e308)).total == Fraction(1.7976931348623157e308) * 100_000
