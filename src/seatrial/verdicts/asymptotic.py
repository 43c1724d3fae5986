"""Bounds that hold as the rows become many: for losses without a ceiling, where no other bound exists."""

from __future__ import annotations

from numpy.typing import ArrayLike

from seatrial.verdicts.interval import Interval, NoInterval


def asymptotic_mean(values: ArrayLike, *, confidence: float, weights: ArrayLike | None = None) -> Interval | NoInterval:
    """The (weighted) mean with Student's t bounds, each one-sided at about `confidence`."""
    raise NotImplementedError


def r_squared(
    actual: ArrayLike, predicted: ArrayLike, *, confidence: float, weights: ArrayLike | None = None
) -> Interval | NoInterval:
    """The share of variance explained, 1 − Σ w e² / Σ w (y − ȳ)², with delta-method bounds."""
    raise NotImplementedError


def average_precision(
    positive: ArrayLike, scores: ArrayLike, *, confidence: float, weights: ArrayLike | None = None
) -> Interval | NoInterval:
    """Average precision, Σ (R_n − R_n₋₁) P_n, with influence-function bounds on the logit scale."""
    raise NotImplementedError


def weighted_roc_auc(
    positive: ArrayLike, scores: ArrayLike, weights: ArrayLike, *, confidence: float
) -> Interval | NoInterval:
    """The weighted area under the ROC curve."""
    raise NotImplementedError
