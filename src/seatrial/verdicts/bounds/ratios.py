"""Bounds on ratios between groups: of two proportions, of any two nonnegative quantities."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.bounds.differences import MOVER_COUNT, Count
from seatrial.verdicts.bounds.interval import Interval, NoInterval, half_alpha
from seatrial.verdicts.bounds.proportions import clopper_pearson, proportion
from seatrial.verdicts.bounds.special_functions import Floats


def proportion_ratio(first: Count, second: Count, *, confidence: float) -> Interval | NoInterval:
    """First by second proportion of two independent groups, each bound one-sided at `confidence`.

    With at least `MOVER_COUNT` successes and failures in both, `mover_ratio`; else `interval_ratio` of Clopper–Pearson
    limits at half α each, valid at any size. Swapping the groups gives the reciprocal interval, so a caller may put
    the smaller proportion first: then only two groups without any success are left without an interval.
    """
    if min(first.rows, second.rows) < 1:
        raise ValueError("a proportion needs at least one row")
    if min(first.smaller, second.smaller) < MOVER_COUNT:
        each = half_alpha(confidence)
        return interval_ratio(*(proportion(group.successes, group.rows, confidence=each) for group in (first, second)))
    low, high = mover_ratio((first.successes, second.successes), (first.rows, second.rows), confidence=confidence)
    estimate = first.successes / first.rows / (second.successes / second.rows)
    return Interval(estimate, float(low), float(high), "mover-log-clopper-pearson-ratio")


def mover_ratio(
    successes: tuple[ArrayLike, ArrayLike], rows: tuple[ArrayLike, ArrayLike], *, confidence: float
) -> tuple[Floats, Floats]:
    """Bounds on first by second proportion, from at least one success each; broadcast.

    MOVER (Zou & Donner 2008, equations 3 and 4) for the difference of the logarithms, on Clopper–Pearson limits.
    """
    k = [np.asarray(item, np.float64) for item in successes]
    n = [np.asarray(item, np.float64) for item in rows]
    (low_1, high_1), (low_2, high_2) = (clopper_pearson(k[i], n[i], confidence=confidence) for i in (0, 1))
    p_1, p_2 = k[0] / n[0], k[1] / n[1]
    below = np.hypot(np.log(p_1 / low_1), np.log(high_2 / p_2))
    above = np.hypot(np.log(high_1 / p_1), np.log(p_2 / low_2))
    return p_1 / p_2 * np.exp(-below), p_1 / p_2 * np.exp(above)


def interval_ratio(first: Interval, second: Interval) -> Interval | NoInterval:
    """First by second of any nonnegative quantities from their own intervals, each made at `half_alpha`.

    Low = L₁ / U₂ and high = U₁ / L₂, each wrong only if one of its two limits is (Bonferroni). Where the second may be
    0 the ratio has no upper bound, and there is no interval. Swapping the two gives the reciprocal interval.
    """
    if min(first.low, second.low) < 0:
        raise ValueError("a ratio is of quantities that cannot be negative")
    if second.estimate <= 0:
        return NoInterval("the denominator is estimated as 0")
    if second.low <= 0:
        return NoInterval("the denominator may be 0, so the ratio has no upper bound")
    method = first.method if first.method == second.method else f"{first.method}/{second.method}"
    return Interval(
        first.estimate / second.estimate,
        first.low / second.high,
        first.high / second.low,
        f"{method}-half-alpha-ratio",
    )
