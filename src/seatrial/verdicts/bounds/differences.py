"""Bounds on differences between groups: of two proportions, of any two bounded quantities, over all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.bounds.combined_tests import largest
from seatrial.verdicts.bounds.interval import Interval, simultaneous_confidence
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


@dataclass(frozen=True, slots=True)
class PairDifference:
    """The difference of group `first` minus group `second` (indices into the groups given)."""

    first: int
    second: int
    interval: Interval


def difference_bounds(
    successes: tuple[ArrayLike, ArrayLike], rows: tuple[ArrayLike, ArrayLike], *, confidence: float
) -> tuple[Floats, Floats]:
    """Bounds on first minus second proportion of two independent groups, each one-sided at `confidence`; broadcast.

    Both exact binomial tests, combined (see `combined_tests.py`): the bounds miss at most as often as they say at all
    rates and all sizes. Against MOVER (Zou & Donner 2008) on the same limits, which misses up to 1.6 times as often as
    it says, they are 1.01 to 1.15 times as wide at 0.975.
    """
    k1, k2 = (np.asarray(item, np.float64) for item in successes)
    n1, n2 = (np.asarray(item, np.float64) for item in rows)
    high = largest((k1, k2), (n1, n2), np.subtract, confidence=confidence)
    low = -largest((k2, k1), (n2, n1), np.subtract, confidence=confidence)
    estimate = k1 / n1 - k2 / n2
    return np.minimum(low, estimate), np.maximum(high, estimate)


def proportion_difference(first: Count, second: Count, *, confidence: float) -> Interval:
    """First minus second proportion with the bounds of `difference_bounds`."""
    if min(first.rows, second.rows) < 1:
        raise ValueError("a proportion needs at least one row")
    low, high = difference_bounds((first.successes, second.successes), (first.rows, second.rows), confidence=confidence)
    estimate = first.successes / first.rows - second.successes / second.rows
    return Interval(estimate, float(low), float(high), METHOD)


def proportion_differences(pairs: Sequence[tuple[Count, Count]], *, confidence: float) -> tuple[Interval, ...]:
    """`proportion_difference` of each pair, computed together: fifty groups make 1,225 pairs."""
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


def pairwise_differences(groups: Sequence[Count], *, confidence: float) -> tuple[PairDifference, ...]:
    """Every difference between two of the groups; all lows hold together at `confidence`, and so do all highs.

    Bonferroni over the k (k − 1) / 2 pairs. A bootstrap of the largest gap does not do: where all groups are equal
    its interval lies above the true gap of 0.
    """
    pairs = tuple(combinations(range(len(groups)), 2))
    if not pairs:
        return ()
    each = simultaneous_confidence(confidence, len(pairs))
    intervals = proportion_differences([(groups[i], groups[j]) for i, j in pairs], confidence=each)
    return tuple(PairDifference(i, j, interval) for (i, j), interval in zip(pairs, intervals, strict=True))
