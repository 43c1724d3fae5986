"""Bounds on differences between groups: of two proportions, of any two bounded quantities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.bounds.combined_tests import largest
from seatrial.verdicts.bounds.interval import Interval
from seatrial.verdicts.bounds.special_functions import Floats

METHOD = "fisher-clopper-pearson-difference"


@dataclass(frozen=True, slots=True)
class Count:
    """`successes` of `rows` independent rows."""

    successes: int
    rows: int

    @property
    def smaller(self) -> int:
        """The smaller of successes and failures: how far this count is from an edge."""
        return min(self.successes, self.rows - self.successes)


def difference_bounds(
    successes: tuple[ArrayLike, ArrayLike], rows: tuple[ArrayLike, ArrayLike], *, confidence: float
) -> tuple[Floats, Floats]:
    """Bounds on first minus second proportion of two independent groups, each one-sided at `confidence`; broadcast.

    Both exact binomial tests, combined (see `combined_tests.py`): the bounds miss at most as often as they say at all
    rates and all sizes. MOVER (Zou & Donner 2008) on the same limits misses 3 times as often as it says at 0.975, and
    40 times at 0.9983 (12 and 12 rows). Against that they are 1.08 to 1.24 times as wide at 0.975 in expectation, 1.36
    times where 30 and 30 rows have rates of 0.02 and 0.05, and 1.06 to 1.26 times at 0.9983 (see
    docs/concepts/coverage.md).
    """
    k1, k2 = (np.asarray(item, np.float64) for item in successes)
    n1, n2 = (np.asarray(item, np.float64) for item in rows)
    high = largest((k1, k2), (n1, n2), np.subtract, confidence=confidence)
    low = -largest((k2, k1), (n2, n1), np.subtract, confidence=confidence)
    estimate = k1 / n1 - k2 / n2
    return np.minimum(low, estimate), np.maximum(high, estimate)


def proportion_differences(pairs: Sequence[tuple[Count, Count]], *, confidence: float) -> tuple[Interval, ...]:
    """First minus second proportion of each pair, by `difference_bounds`, all computed together.

    Fifty groups make 1,225 pairs.
    """
    if not pairs:
        return ()
    hits = np.array([[group.successes for group in pair] for pair in pairs]).T
    rows = np.array([[group.rows for group in pair] for pair in pairs]).T
    if rows.min() < 1:
        raise ValueError("a proportion needs at least one row")
    lows, highs = difference_bounds((hits[0], hits[1]), (rows[0], rows[1]), confidence=confidence)
    shares = hits / rows
    return tuple(
        Interval(float(estimate), float(low), float(high), METHOD)
        for pair, estimate, low, high in zip(pairs, shares[0] - shares[1], lows, highs, strict=True)
    )


def interval_difference(first: Interval, second: Interval) -> Interval:
    """First minus second from their own intervals, each made at `half_alpha` of the confidence that is wanted.

    Low = L₁ − U₂ and high = U₁ − L₂, each wrong only if one of its two limits is (Bonferroni); for any quantities.
    """
    return Interval(
        first.estimate - second.estimate,
        first.low - second.high,
        first.high - second.low,
        f"{first.method}-half-alpha" if first.method == second.method else f"{first.method}/{second.method}-half-alpha",
    )
