"""Bounds on ratios between groups: of two proportions, of any two nonnegative quantities."""

from __future__ import annotations

from seatrial.verdicts.differences import Count
from seatrial.verdicts.interval import Interval, NoInterval, half_alpha
from seatrial.verdicts.proportions import proportion


def proportion_ratio(first: Count, second: Count, *, confidence: float) -> Interval | NoInterval:
    """First by second proportion of two independent groups, each bound one-sided at `confidence`.

    Swapping the groups gives the reciprocal interval, so a caller may put the smaller proportion first: then nothing
    but a group pair without any success is left without an interval.
    """
    if min(first.rows, second.rows) < 1:
        raise ValueError("a proportion needs at least one row")
    each = half_alpha(confidence)
    return interval_ratio(
        proportion(first.successes, first.rows, confidence=each),
        proportion(second.successes, second.rows, confidence=each),
    )


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
