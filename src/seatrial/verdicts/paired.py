"""Bounds on the difference between two models on the same rows: model minus reference."""

from __future__ import annotations

from numpy.typing import ArrayLike

from seatrial.verdicts.bounded import bounded_mean
from seatrial.verdicts.interval import Interval, NoInterval


def paired_proportions(better: int, worse: int, rows: int, *, confidence: float) -> Interval:
    """(better − worse) / rows: the difference of two shares of the same rows, from where the two models differ.

    `better` rows have the event for the model alone, `worse` rows for the reference alone.
    """
    raise NotImplementedError


def paired_mean(differences: ArrayLike, *, low: float, high: float, confidence: float, seed: int) -> Interval:
    """The mean of row-by-row differences within [low, high]."""
    return bounded_mean(differences, floor=low, ceiling=high, confidence=confidence, seed=seed)


def paired_auc(
    positive: ArrayLike,
    scores: ArrayLike,
    reference_scores: ArrayLike,
    *,
    confidence: float,
    clusters: ArrayLike | None = None,
) -> Interval | NoInterval:
    """The AUC of `scores` minus that of `reference_scores` on the same rows."""
    raise NotImplementedError


def paired_asymptotic(
    differences: ArrayLike, *, confidence: float, weights: ArrayLike | None = None
) -> Interval | NoInterval:
    """The mean of row-by-row differences without known limits."""
    raise NotImplementedError
