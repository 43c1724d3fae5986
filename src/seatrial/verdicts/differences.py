"""Bounds on differences between groups: of two proportions, of any two bounded quantities, over all pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from seatrial.verdicts.interval import Interval, half_alpha, simultaneous_confidence
from seatrial.verdicts.proportions import proportion

MOVER_COUNT = 20  # successes and failures of both groups from which on MOVER's coverage is nominal (see its test)


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


def proportion_difference(first: Count, second: Count, *, confidence: float) -> Interval:
    """First minus second proportion of two independent groups, each bound one-sided at `confidence`.

    MOVER (Zou & Donner 2008, equations 3 and 4) on Clopper–Pearson limits where all four counts are at least
    `MOVER_COUNT`; else L₁ − U₂ and U₁ − L₂ from limits at half α each, which Bonferroni makes valid at any size.
    MOVER on Wilson limits, as usually advised, covers 88 % at 10 of 10 against a nominal 97.5 %.
    """
    if min(first.smaller, second.smaller) < MOVER_COUNT:
        confidence = half_alpha(confidence)
        return interval_difference(
            proportion(first.successes, first.rows, confidence=confidence),
            proportion(second.successes, second.rows, confidence=confidence),
        )
    one = proportion(first.successes, first.rows, confidence=confidence)
    two = proportion(second.successes, second.rows, confidence=confidence)
    difference = one.estimate - two.estimate
    low = difference - math.hypot(one.estimate - one.low, two.high - two.estimate)
    high = difference + math.hypot(one.high - one.estimate, two.estimate - two.low)
    return Interval(difference, low, high, "mover-clopper-pearson")


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
    return tuple(PairDifference(i, j, proportion_difference(groups[i], groups[j], confidence=each)) for i, j in pairs)
