"""Sums of float64 without rounding: no order of rows or partitions can change a statistic by a bit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

MANTISSA_BITS = 53
HALF_BITS = 27  # a mantissa is cut in two, so that the products of the halves fit an int64
WORD_BITS = 32  # sums are kept in two words, each of which 2**31 rows cannot overflow


@dataclass(frozen=True, slots=True)
class Moments:
    """How many finite values, their exact sum and the exact sum of their squares."""

    count: int = 0
    total: Fraction = Fraction(0)
    squares: Fraction = Fraction(0)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.count + other.count, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float | None:
        """The mean, correctly rounded; None of nothing."""
        return float(self.total / self.count) if self.count else None

    @property
    def deviation(self) -> float | None:
        """The population standard deviation; None of nothing.

        >>> (moments(np.array([1.0, 3.0, math.nan])).mean, moments(np.array([1.0, 3.0])).deviation)
        (2.0, 1.0)
        """
        if not self.count:
            return None
        return _root(self.squares / self.count - (self.total / self.count) ** 2)


def moments(values: NDArray[np.float64]) -> Moments:
    """The moments of the finite ones among `values`, float64[n]."""
    finite = values[np.isfinite(values)]
    fractions, exponents = np.frexp(finite)
    mantissas = np.ldexp(fractions, MANTISSA_BITS).astype(np.int64)
    total = squares = Fraction(0)
    for exponent in np.unique(exponents):
        whole = mantissas[exponents == exponent]
        high, low = whole >> HALF_BITS, whole & (2**HALF_BITS - 1)
        square = (_sum(high * high) << 2 * HALF_BITS) + (_sum(high * low) << HALF_BITS + 1) + _sum(low * low)
        unit = Fraction(2) ** (int(exponent) - MANTISSA_BITS)
        total += _sum(whole) * unit
        squares += square * unit * unit
    return Moments(len(finite), total, squares)


def _sum(values: NDArray[np.int64]) -> int:
    return (int((values >> WORD_BITS).sum()) << WORD_BITS) + int((values & (2**WORD_BITS - 1)).sum())


def _root(variance: Fraction) -> float:
    """The square root by whole numbers: a variance of float64 values need not fit a float64."""
    if variance == 0:
        return 0.0
    # Scaled so that the integer root has more bits than a float64 keeps.
    bits = variance.numerator.bit_length() - variance.denominator.bit_length()
    shift = 2 * MANTISSA_BITS - bits
    shift += shift % 2
    scaled = variance * Fraction(2) ** shift
    return float(Fraction(math.isqrt(scaled.numerator // scaled.denominator)) / Fraction(2) ** (shift // 2))
