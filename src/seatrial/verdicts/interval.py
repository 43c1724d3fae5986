"""What every interval method returns."""

from __future__ import annotations

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


def half_alpha(confidence: float) -> float:
    """The confidence that leaves half the error: 1 − (1 − confidence) / 2."""
    return 1 - (1 - confidence) / 2


def simultaneous_confidence(confidence: float, count: int) -> float:
    """The confidence for each of `count` bounds so that all hold together at `confidence` (Bonferroni 1936)."""
    if count < 1:
        raise ValueError(f"count {count}: at least one bound is needed")
    return 1 - (1 - confidence) / count
