"""What every interval method returns."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A point estimate between two bounds.

    Each bound is ONE-SIDED at the confidence its method was given: `low` lies above the truth with probability at most
    1 − confidence, and so does `high` below it. A two-sided 95 % interval is asked for with confidence 0.975.
    """

    estimate: float
    low: float
    high: float
    method: str  # goes into Evidence.method


@dataclass(frozen=True, slots=True)
class NoInterval:
    """Why there is no interval to state: an estimate that does not exist, or a bound that would not hold.

    A caller turns it into `NotMeasured` with this reason. `estimate` is the number of these rows alone, where one is.
    """

    reason: str
    estimate: float | None = None


def root(interval: Interval) -> Interval:
    """The interval of the square root of a nonnegative quantity, for instance of the RMSE from the MSE's.

    A monotone map keeps the confidence of each bound. A lower bound below 0 counts as 0, which it cannot miss.
    """
    return Interval(
        math.sqrt(interval.estimate), math.sqrt(max(interval.low, 0.0)), math.sqrt(interval.high), interval.method
    )


def half_alpha(confidence: float) -> float:
    """The confidence that leaves half the error: 1 − (1 − confidence) / 2."""
    return 1 - (1 - confidence) / 2


def simultaneous_confidence(confidence: float, count: int) -> float:
    """The confidence for each of `count` bounds so that all hold together at `confidence` (Bonferroni 1936)."""
    if count < 1:
        raise ValueError(f"count {count}: at least one bound is needed")
    return 1 - (1 - confidence) / count
