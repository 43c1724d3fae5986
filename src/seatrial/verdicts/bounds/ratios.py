"""Bounds on ratios between groups: of two proportions, of any two nonnegative quantities."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.bounds.combined_tests import largest
from seatrial.verdicts.bounds.differences import Count
from seatrial.verdicts.bounds.interval import Interval, NoInterval
from seatrial.verdicts.bounds.special_functions import Floats

METHOD = "fisher-clopper-pearson-ratio"


def proportion_ratio(first: Count, second: Count, *, confidence: float) -> Interval | NoInterval:
    """First by second proportion of two independent groups, each bound one-sided at `confidence`.

    Valid at any size (see `ratio_bounds`). Swapping the groups gives the reciprocal interval, so a caller may put the
    smaller proportion first: then only two groups without any success are left without an interval.
    """
    if min(first.rows, second.rows) < 1:
        raise ValueError("a proportion needs at least one row")
    if second.successes == 0:
        return NoInterval("the denominator is estimated as 0")
    low, high = ratio_bounds((first.successes, second.successes), (first.rows, second.rows), confidence=confidence)
    estimate = first.successes / first.rows / (second.successes / second.rows)
    return Interval(estimate, float(low), float(high), METHOD)


def ratio_bounds(
    successes: tuple[ArrayLike, ArrayLike], rows: tuple[ArrayLike, ArrayLike], *, confidence: float
) -> tuple[Floats, Floats]:
    """Bounds on first by second proportion, from at least one success of the second; broadcast.

    Both exact binomial tests, combined (see `combined_tests.py`). A ratio whose denominator may be 0 by the test on
    it alone is unbounded; by these it is so only without a success.
    """
    k1, k2 = (np.asarray(item, np.float64) for item in successes)
    n1, n2 = (np.asarray(item, np.float64) for item in rows)
    high = largest((k1, k2), (n1, n2), _log_ratio, confidence=confidence)
    low = -largest((k2, k1), (n2, n1), _log_ratio, confidence=confidence)
    estimate = k1 / n1 / (k2 / n2)
    return np.minimum(np.exp(low), estimate), np.maximum(np.exp(high), estimate)


def _log_ratio(first: Floats, second: Floats) -> Floats:
    with np.errstate(divide="ignore"):  # by 0 it is infinite, and so is the bound
        difference: Floats = np.log(first) - np.log(np.maximum(second, 0.0))
    return difference


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
