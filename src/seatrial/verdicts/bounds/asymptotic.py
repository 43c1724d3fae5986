"""Quantities without limits: an estimate, and why no bound on it is stated.

No bound on the mean of an unbounded loss holds for all distributions at any number of rows (Bahadur & Savage 1956):
who mistakes one row in a thousand by any amount is not seen in 300 rows. Student's t with corrections for skewness, and
with heavy tails refused, missed up to 3,500 times as often as it promised where rare large errors were searched for
(docs/decisions/0080). Errors that count as at most a clip have limits, and bounds (`bounded_mean.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.bounds.interval import NoInterval
from seatrial.verdicts.bounds.ranking import average_precision, weighted_roc_auc
from seatrial.verdicts.bounds.special_functions import Floats
from seatrial.verdicts.bounds.weighted_mean import positive_weights

__all__ = ["asymptotic_mean", "average_precision", "r_squared", "weighted_roc_auc"]

UNLIMITED = "no bound holds: an error too rare to be drawn may be of any size"


def asymptotic_mean(
    values: ArrayLike,
    *,
    confidence: float,  # noqa: ARG001 - as of every bound; none holds at any
    weights: ArrayLike | None = None,
) -> NoInterval:
    """The mean Σ w x / Σ w of values without limits: bounds on it would be asymptotic, so none is stated."""
    data = np.asarray(values, dtype=np.float64).ravel()
    return NoInterval(UNLIMITED, float(_shares(weights, data) @ data))


def r_squared(
    actual: ArrayLike,
    predicted: ArrayLike,
    *,
    confidence: float,  # noqa: ARG001 - as of every bound; none holds at any
    weights: ArrayLike | None = None,
) -> NoInterval:
    """R² = 1 − Σ w (y − ŷ)² / Σ w (y − ȳ)², scikit-learn's `r2_score`: a ratio of two means without limits."""
    truth, guess = np.asarray(actual, dtype=np.float64).ravel(), np.asarray(predicted, dtype=np.float64).ravel()
    if truth.size != guess.size:
        raise ValueError(f"{truth.size} labels and {guess.size} predictions: need equally many")
    shares = _shares(weights, truth)
    whole = float(shares @ (truth - float(shares @ truth)) ** 2)
    if whole <= 0:
        return NoInterval("all labels are equal, so there is no variance to explain")
    return NoInterval(UNLIMITED, 1 - float(shares @ (truth - guess) ** 2) / whole)


def _shares(weights: ArrayLike | None, rows: Floats) -> Floats:
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
