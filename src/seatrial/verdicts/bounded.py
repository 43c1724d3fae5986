"""Bounds on the mean of values with known limits, for instance a clipped log loss.

Betting intervals (Waudby-Smith & Ramdas 2024): valid at every sample size for independent rows, adaptive to the
variance, and about half as wide as the empirical Bernstein bound of Maurer & Pontil (2009): half-widths 0.0092 and
0.0171 for 10,000 exponential losses of mean 0.35 in [0, 6.91] at 0.975, where the normal approximation has 0.0066.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.interval import Interval
from seatrial.verdicts.special import Floats

ORDERS = 4  # random orders whose capital is averaged, so that the bound hardly depends on the seed
LARGEST_BET = 0.75  # share of the capital that may be lost in one round (the paper's c)
_ROUNDING = 1e-12  # of the range: a value at the ceiling may be computed a last digit above it
_BISECTIONS = 40  # resolves 1e-12 of the range


def bounded_mean(
    values: ArrayLike, *, floor: float = 0.0, ceiling: float = 1.0, confidence: float, seed: int
) -> Interval:
    """The mean of independent `values` within [floor, ceiling], each bound one-sided at `confidence`.

    Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024): capital process
    and bets of their section 4 for a fixed sample size, one side each. The betting order must not depend on the values:
    they are sorted, then shuffled by `seed`, so the result is the same in whatever order the rows come. The capital is
    averaged over `ORDERS` orders; an average of e-values is an e-value.
    """
    data = np.sort(np.asarray(values, dtype=np.float64).ravel())
    if data.size == 0:
        raise ValueError("a mean needs at least one value")
    if not floor < ceiling:
        raise ValueError(f"floor {floor} must be below ceiling {ceiling}")
    slack = _ROUNDING * (ceiling - floor)
    if not (data[0] >= floor - slack and data[-1] <= ceiling + slack):
        raise ValueError(f"values reach from {data[0]} to {data[-1]}, beyond [{floor}, {ceiling}]")
    width = ceiling - floor
    unit = shuffled(np.clip((data - floor) / width, 0, 1), seed)
    low = _lower_bound(unit, confidence)
    high = 1 - _lower_bound(1 - unit, confidence)
    estimate = float(np.mean(data))
    return Interval(estimate, min(estimate, floor + width * low), max(estimate, floor + width * high), "betting")


def shuffled(values: Floats, seed: int) -> Floats:
    """`ORDERS` random orders of the values, one a row."""
    random = np.random.default_rng(seed)
    return np.stack([values[random.permutation(values.size)] for _ in range(ORDERS)])


def bets(spread: Floats, confidence: float) -> Floats:
    """How much to stake in each round, from the variance seen before it; `spread` holds squared deviations.

    The predictable plug-in of Waudby-Smith & Ramdas for a fixed sample size, starting from the largest variance, 1/4.
    """
    rows = spread.shape[-1]
    before = np.cumsum(spread, axis=-1) - spread
    variance = (0.25 + before) / np.arange(1, rows + 1)
    stakes: Floats = np.sqrt(2 * np.log(1 / (1 - confidence)) / (rows * variance))
    return stakes


def last_rejected(log_capital: Callable[[float], Floats], start: float, end: float, confidence: float) -> float:
    """The value nearest to `end` up to which the averaged capital, falling from `start` to `end`, reaches 1 / α."""
    goal = np.log(1 / (1 - confidence))

    def rejected(mean: float) -> bool:
        each = log_capital(mean)
        top = each.max()
        return bool(top + np.log(np.mean(np.exp(each - top))) >= goal)

    if not rejected(start):
        return start
    for _ in range(_BISECTIONS):
        middle = (start + end) / 2
        start, end = (middle, end) if rejected(middle) else (start, middle)
    return start


def _lower_bound(unit: Floats, confidence: float) -> float:
    """The largest mean that the bets against "the mean is this or less" have ruled out; `unit` in [0, 1]."""
    seen = np.arange(1, unit.shape[1] + 1)
    running = (0.5 + np.cumsum(unit, axis=1)) / (seen + 1)
    stakes = bets((unit - running) ** 2, confidence)

    def log_capital(mean: float) -> Floats:
        total: Floats = np.log1p(np.minimum(stakes, LARGEST_BET / max(mean, 1e-12)) * (unit - mean)).sum(axis=1)
        return total

    return last_rejected(log_capital, 0.0, 1.0, confidence)
