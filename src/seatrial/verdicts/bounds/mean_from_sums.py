"""Bounds on means from sums alone: what is left of a billion rows when an engine has added them up.

They need no row a second time, and pay for that: they are wider than the bounds of `weighted_mean.py` and
`bounded_mean.py`, which bet row by row.
"""

from __future__ import annotations

import math

from seatrial.verdicts.bounds.interval import Interval

_ROUNDING = 1e-12  # of the range, or of a sum of squares: sums of rows leave last digits


def summed_mean(
    rows: int, total: float, squares: float, *, floor: float, ceiling: float, confidence: float
) -> Interval:
    """The mean of independent values within [floor, ceiling] from Σ x and Σ x², each bound one-sided at `confidence`.

    The empirical Bernstein bound (Maurer & Pontil 2009, theorem 4): valid at every number of rows. Of one row nothing
    is known but the limits.
    """
    if rows < 1:
        raise ValueError("a mean needs at least one row")
    if rows == 1:
        return Interval(total, floor, ceiling, "empirical-bernstein")
    mean, width = total / rows, ceiling - floor
    variance = max(0.0, (squares - rows * mean**2) / (rows - 1))
    root, least = _bernstein(rows, confidence)
    reach = root * math.sqrt(variance) + least * width
    return Interval(mean, max(floor, mean - reach), min(ceiling, mean + reach), "empirical-bernstein")


def weighted_share(
    rows: int,
    hits: tuple[float, float],
    misses: tuple[float, float],
    *,
    heaviest: float,
    confidence: float,
) -> Interval:
    """Σ w over the hits by Σ w, from (Σ w, Σ w²) of hits and of misses, each bound one-sided at `confidence`.

    The true share θ is where E[w (x − θ)] = 0 (x = 1 for a hit, else 0), and w (x − θ) / `heaviest` lies within a range
    of 1: the bounds are the smallest and the largest θ that the empirical Bernstein bound (Maurer & Pontil 2009,
    theorem 4) does not refute. Valid at every number of rows, for rows that are independent draws, with their weights,
    from a population in which nobody weighs more than `heaviest`.
    """
    if rows < 1:
        raise ValueError("a share needs at least one row")
    if rows == 1:
        return Interval(hits[0] / (hits[0] + misses[0]), 0.0, 1.0, "empirical-bernstein-weighted")
    hit_mean, miss_mean = (each[0] / heaviest / rows for each in (hits, misses))
    hit_square, miss_square = (each[1] / heaviest**2 / rows for each in (hits, misses))
    low = _least_share(rows, (hit_mean, hit_square), (miss_mean, miss_square), confidence)
    high = 1 - _least_share(rows, (miss_mean, miss_square), (hit_mean, hit_square), confidence)
    estimate = hits[0] / (hits[0] + misses[0])
    return Interval(estimate, min(low, estimate), max(high, estimate), "empirical-bernstein-weighted")


def _least_share(rows: int, hits: tuple[float, float], misses: tuple[float, float], confidence: float) -> float:
    """The smallest θ in [0, 1] with m − r √v ≤ b, for mean m and variance v of w (x − θ).

    m = h₁ − θ s₁ falls in θ; at the root of (m − b)² = r² v, a quadratic in θ, the refuting ends for the first time.
    """
    root, least = _bernstein(rows, confidence)
    whole = hits[0] + misses[0]
    if hits[0] <= least:
        return 0.0
    # v = n / (n − 1) ((1 − θ)² h₂ + θ² m₂ − m²)
    scale = root**2 * rows / (rows - 1)
    a = whole**2 - scale * (hits[1] + misses[1] - whole**2)
    b = -2 * whole * (hits[0] - least) - scale * (2 * hits[0] * whole - 2 * hits[1])
    c = (hits[0] - least) ** 2 - scale * (hits[1] - hits[0] ** 2)
    if c <= _ROUNDING:  # not refuted at 0
        return 0.0
    # c > 0 at θ = 0, and at θ = (h₁ − b) / s₁ the left side is 0: between them is the first root.
    inside = math.sqrt(max(0.0, b**2 - 4 * a * c))
    return min(1.0, 2 * c / (-b + inside))


def _bernstein(rows: int, confidence: float) -> tuple[float, float]:
    """What the standard deviation, and what the range, is multiplied by."""
    logarithm = math.log(2 / (1 - confidence))
    return math.sqrt(2 * logarithm / rows), 7 * logarithm / (3 * (rows - 1))
