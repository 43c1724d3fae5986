"""Bounds on one proportion."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.interval import Interval
from seatrial.verdicts.special import Floats, beta_quantile


def clopper_pearson(successes: ArrayLike, rows: ArrayLike, *, confidence: ArrayLike) -> tuple[Floats, Floats]:
    """Exact bounds on a binomial proportion (Clopper & Pearson 1934), each one-sided at `confidence`; broadcast.

    In the beta form of Brown, Cai & DasGupta (2001), section 4.2.1. Without rows the bounds are 0 and 1.
    """
    k, n, alpha = np.asarray(successes, np.float64), np.asarray(rows, np.float64), 1 - np.asarray(confidence)
    k, n, alpha = np.broadcast_arrays(k, n, alpha)
    if np.any(k < 0) or np.any(k > n):
        raise ValueError("successes must lie between 0 and rows")
    low = np.where(k == 0, 0.0, beta_quantile(np.where(k == 0, 1.0, k), n - k + 1, alpha))
    high = np.where(k == n, 1.0, beta_quantile(k + 1, np.where(k == n, 1.0, n - k), 1 - alpha))
    return low, high


def proportion(successes: int, rows: int, *, confidence: float) -> Interval:
    """The share of successes in `rows` independent rows with its Clopper–Pearson bounds.

    >>> proportion(10, 10, confidence=0.975).low.__round__(4)
    0.6915
    """
    if rows < 1:
        raise ValueError("a proportion needs at least one row")
    low, high = clopper_pearson(successes, rows, confidence=confidence)
    return Interval(successes / rows, float(low), float(high), "clopper-pearson")
