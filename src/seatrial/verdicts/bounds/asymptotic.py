"""Bounds that hold as the rows become many: for losses without a ceiling, where no other bound exists.

No bound on the mean of an unbounded loss holds for all distributions at any number of rows (Bahadur & Savage 1956), so
these have "asymptotic-" in their method, and state nothing for few rows, where few rows carry the spread or where the
tail looks heavy. How often they miss is in docs/concepts/coverage.md: where a rare large error was not drawn, or a
heavy tail happens to look light, more often than they say.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.bounds.influence import HEAVY_TAIL, errors_heavy_tailed, reach
from seatrial.verdicts.bounds.interval import Interval, NoInterval
from seatrial.verdicts.bounds.ranking import average_precision, weighted_roc_auc
from seatrial.verdicts.bounds.special_functions import Floats
from seatrial.verdicts.bounds.weighted_mean import positive_weights

__all__ = ["asymptotic_mean", "average_precision", "r_squared", "weighted_roc_auc"]


def asymptotic_mean(values: ArrayLike, *, confidence: float, weights: ArrayLike | None = None) -> Interval | NoInterval:
    """The mean Σ w x / Σ w with bounds that are each one-sided at about `confidence`.

    Student's t with Hall's (1992) correction for skewness (see `influence.reach`); with weights on the linearised ratio
    of sums (Cochran 1977, chapter 6).
    """
    data = np.asarray(values, dtype=np.float64).ravel()
    people = _people(weights, data)
    mean = float(people @ data)
    found = reach(people * (data - mean), float(np.abs(people * data).max()), confidence)
    if isinstance(found, NoInterval):
        return found
    return Interval(mean, mean - found.below, mean + found.above, _method("asymptotic-mean", weights))


def r_squared(
    actual: ArrayLike, predicted: ArrayLike, *, confidence: float, weights: ArrayLike | None = None
) -> Interval | NoInterval:
    """R² = 1 − Σ w (y − ŷ)² / Σ w (y − ȳ)², scikit-learn's `r2_score`, with bounds that hold for many rows.

    The delta method for log (1 − R²), whose influence function is e² / E e² − (y − μ)² / var y (the mean of y adds
    nothing to first order); on this scale the upper bound stays below 1. Squared errors with a heavy tail are refused
    by themselves: among the largest influences the squared distances of y would hide it.
    """
    truth, guess = np.asarray(actual, dtype=np.float64).ravel(), np.asarray(predicted, dtype=np.float64).ravel()
    if truth.size != guess.size:
        raise ValueError(f"{truth.size} labels and {guess.size} predictions: need equally many")
    people = _people(weights, truth)
    errors, spread = (truth - guess) ** 2, (truth - float(people @ truth)) ** 2
    left, whole = float(people @ errors), float(people @ spread)
    if whole <= 0:
        return NoInterval("all labels are equal, so there is no variance to explain")
    if left <= 0:
        return NoInterval("no prediction errs, which says nothing of the rows not seen")
    if errors_heavy_tailed(errors):
        return NoInterval(HEAVY_TAIL)
    found = reach(people * (errors / left - spread / whole), float(people.max()), confidence)
    if isinstance(found, NoInterval):
        return found
    ratio = left / whole
    low, high = 1 - ratio * math.exp(found.above), 1 - ratio * math.exp(-found.below)
    return Interval(1 - ratio, low, high, _method("asymptotic-log-ratio", weights))


def _people(weights: ArrayLike | None, rows: Floats) -> Floats:
    """Each row's share of the weight; sums to 1."""
    if rows.size == 0:
        raise ValueError("a mean needs at least one value")
    if not np.isfinite(rows).all():
        raise ValueError("a value is not a number")
    if weights is None:
        return np.full(rows.size, 1 / rows.size)
    people = positive_weights(weights)
    if people.size != rows.size:
        raise ValueError(f"{rows.size} values and {people.size} weights: need equally many")
    share: Floats = people / people.sum()
    return share


def _method(name: str, weights: ArrayLike | None) -> str:
    return name if weights is None else f"{name}-weighted"
