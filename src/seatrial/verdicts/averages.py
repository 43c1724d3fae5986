"""Bounds on the plain mean of several quantities: balanced accuracy, macro averages."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.verdicts.differences import Count
from seatrial.verdicts.interval import Interval, simultaneous_confidence
from seatrial.verdicts.proportions import clopper_pearson


def mean_of_proportions(counts: Sequence[Count], *, confidence: float) -> Interval:
    """The mean of the proportions of independent groups of rows, each bound one-sided at `confidence`."""
    if not counts or min(count.rows for count in counts) < 1:
        raise ValueError("a mean of proportions needs at least one, and at least one row for each")
    size = len(counts)
    hits, rows = [count.successes for count in counts], [count.rows for count in counts]
    low, high = clopper_pearson(hits, rows, confidence=simultaneous_confidence(confidence, size))
    estimate = sum(count.successes / count.rows for count in counts) / size
    return Interval(estimate, float(low.mean()), float(high.mean()), "clopper-pearson-bonferroni")


def mean_of_intervals(intervals: Sequence[Interval]) -> Interval:
    """The mean of quantities from their own intervals, each made at `simultaneous_confidence(confidence, K)` of K.

    The mean of the limits is wrong only if one of them is (Bonferroni 1936), however the quantities depend on each
    other: one class against the rest shares its rows with the next.
    """
    if not intervals:
        raise ValueError("a mean needs at least one interval")
    size = len(intervals)
    methods = sorted({interval.method for interval in intervals})
    return Interval(
        sum(interval.estimate for interval in intervals) / size,
        sum(interval.low for interval in intervals) / size,
        sum(interval.high for interval in intervals) / size,
        f"{'/'.join(methods)}-bonferroni",
    )
