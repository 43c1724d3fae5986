"""Bounds on one proportion."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.bounds.interval import Interval
from seatrial.verdicts.bounds.special_functions import Floats, beta_quantile

_ONE_BY_ONE = 50  # different counts that are computed, and remembered, one by one; more are quicker together
_REMEMBERED = 4096  # of these: those of a hundred claims about forty groups, in a megabyte


def clopper_pearson(successes: ArrayLike, rows: ArrayLike, *, confidence: ArrayLike) -> tuple[Floats, Floats]:
    """Exact bounds on a binomial proportion (Clopper & Pearson 1934), each one-sided at `confidence`; broadcast.

    In the beta form of Brown, Cai & DasGupta (2001), section 4.2.1. Without rows the bounds are 0 and 1.
    """
    k, n, alpha = np.asarray(successes, np.float64), np.asarray(rows, np.float64), 1 - np.asarray(confidence)
    k, n, alpha = np.broadcast_arrays(k, n, alpha)
    if np.any(k < 0) or np.any(k > n):
        raise ValueError("successes must lie between 0 and rows")
    # Each of g groups is part of g − 1 differences, and of as many ratios: the same counts come again and again.
    counts, places = np.unique(np.stack([k.ravel(), n.ravel(), alpha.ravel()]), axis=1, return_inverse=True)
    if counts.shape[1] <= _ONE_BY_ONE:
        limits = np.array([_limits_of_one(*map(float, each)) for each in counts.T], dtype=np.float64).reshape(-1, 2).T
    else:
        limits = np.stack(_limits(*counts))
    low, high = limits[:, places.ravel()].reshape(2, *k.shape)
    return low, high


def _limits(k: Floats, n: Floats, alpha: Floats) -> tuple[Floats, Floats]:
    low = np.where(k == 0, 0.0, beta_quantile(np.where(k == 0, 1.0, k), n - k + 1, alpha))
    high = np.where(k == n, 1.0, beta_quantile(k + 1, np.where(k == n, 1.0, n - k), 1 - alpha))
    return low, high


@lru_cache(maxsize=_REMEMBERED)
def _limits_of_one(k: float, n: float, alpha: float) -> tuple[float, float]:
    low, high = _limits(np.array(k), np.array(n), np.array(alpha))
    return float(low), float(high)


def forget() -> None:
    """Forgets the limits that were computed, for whoever times them."""
    _limits_of_one.cache_clear()


def proportion(successes: int, rows: int, *, confidence: float) -> Interval:
    """The share of successes in `rows` independent rows with its Clopper–Pearson bounds.

    >>> proportion(10, 10, confidence=0.975).low.__round__(4)
    0.6915
    """
    if rows < 1:
        raise ValueError("a proportion needs at least one row")
    low, high = clopper_pearson(successes, rows, confidence=confidence)
    return Interval(successes / rows, float(low), float(high), "clopper-pearson")
