"""Asymptotic bounds on average precision, and on the ROC AUC where rows have weights."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.verdicts.bounds.influence import rare_rows, reach
from seatrial.verdicts.bounds.interval import Interval, NoInterval
from seatrial.verdicts.bounds.proportions import clopper_pearson
from seatrial.verdicts.bounds.special_functions import Floats
from seatrial.verdicts.bounds.weighted_mean import positive_weights

Rows = NDArray[np.bool_]

FEWEST_POSITIVES = 30  # below that the estimate is too coarse for any asymptotic bound (see the table of coverage)
_ROUNDING = 1e-12  # weights that sum to 1 leave last digits


def average_precision(
    positive: ArrayLike, scores: ArrayLike, *, confidence: float, weights: ArrayLike | None = None
) -> Interval | NoInterval:
    """Σ (R_n − R_n₋₁) P_n over the distinct scores, scikit-learn's `average_precision_score`, with asymptotic bounds.

    It is the mean over positives of the precision among rows that score at least as high. A row j contributes by being
    one of the positives, and by raising or lowering the precision at each lower one: with T and N the weight of the
    positives and of all rows from a score up, P = T / N and W the weight of the positives,
    w_j / W · [ y_j (P_j − AP) + Σ_i w_i (y_j − P_i) / N_i ] over the positives i that score no higher than j (the
    influence function). The bounds are those of the delta method on the logit scale, as Boyd, Eng & Page (2013) advise
    for this quantity. A positive counts itself into its own precision, which raises the estimate by about
    Σ y w² (1 − P) / N / W (0.009 of 0.293 for 100 positives in 1,000 normal scores; so in simulation): the lower bound
    starts that much lower, or it would cover 0.96 at a nominal 0.975.
    """
    truth, values, people = ranked_rows(positive, scores, weights)
    if positive_rows(truth, people) < FEWEST_POSITIVES:
        return NoInterval(few_positives(truth, people))
    estimate, optimism, parts = average_precision_parts(truth, values, people)
    most = largest_influences(truth, values, people)
    return _on_logit_scale(estimate, optimism, parts, confidence, "asymptotic-logit", weights, most)


def positive_rows(truth: Rows, people: Floats) -> float:
    """The positive rows, or as many unweighted ones as tell as much (Kish 1965)."""
    weights = people[truth]
    return float(weights.sum() ** 2 / (weights @ weights))


def few_positives(truth: Rows, people: Floats) -> str:
    """Why there is no bound on average precision."""
    return f"{positive_rows(truth, people):.0f} positive rows; a bound on average precision needs {FEWEST_POSITIVES}"


def largest_influences(truth: Rows, values: Floats, people: Floats) -> tuple[float, float]:
    """How much one row of either class and any score can lower or raise the average precision, to first order."""
    _, level = np.unique(-values, return_inverse=True)
    hits, rows = (np.bincount(level, item) for item in (people * truth, people))
    above_hits, above = np.cumsum(hits), np.cumsum(rows)
    precision, whole = above_hits / above, above_hits[-1]
    estimate = float(hits @ precision / whole)
    gains, losses = _from_below(hits / above), _from_below(hits * precision / above)
    of_positives, of_negatives = precision - estimate + gains - losses, -losses
    row = float(people.max()) / whole
    lowest = min(float(of_positives.min()), float(of_negatives.min()), -estimate)
    return -row * lowest, row * max(float(of_positives.max()), 1 - estimate)


def average_precision_parts(truth: Rows, values: Floats, people: Floats) -> tuple[float, float, Floats]:
    """The weighted average precision, how far it flatters itself, and what each row contributes to its error."""
    _, level = np.unique(-values, return_inverse=True)  # 0 is the highest score
    hits, rows = (np.bincount(level, item) for item in (people * truth, people))
    above_hits, above = np.cumsum(hits), np.cumsum(rows)
    precision, whole = above_hits / above, above_hits[-1]
    estimate = float(hits @ precision / whole)
    gains = _from_below(hits / above)[level]
    losses = _from_below(hits * precision / above)[level]
    parts = people / whole * (truth * (precision[level] - estimate) + truth * gains - losses)
    optimism = float((truth * people**2) @ ((1 - precision) / above)[level] / whole)
    return estimate, optimism, parts


def weighted_roc_auc(
    positive: ArrayLike, scores: ArrayLike, weights: ArrayLike, *, confidence: float
) -> Interval | NoInterval:
    """The AUC in which a pair of rows counts by the product of its weights, with asymptotic bounds.

    Scikit-learn's `roc_auc_score` with `sample_weight`. DeLong, DeLong & Clarke-Pearson's (1988) variance with weighted
    placements, on the logit scale; without weights use `auc.roc_auc`, which has bounds for few rows too.
    """
    truth, values, people = ranked_rows(positive, scores, weights)
    estimate, parts = roc_auc_parts(truth, values, people)
    row = float(max((people * each).max() / people[each].sum() for each in (truth, ~truth)))
    most = (row * estimate, row * (1 - estimate))
    return _on_logit_scale(estimate, 0.0, parts, confidence, "asymptotic-delong-logit", weights, most)


def roc_auc_parts(truth: Rows, values: Floats, people: Floats) -> tuple[float, Floats]:
    """The weighted AUC, and what each row contributes to its distance from the truth: its centred placement."""
    _, level = np.unique(values, return_inverse=True)
    parts = np.empty(values.size)
    below = _share_below(level, people * ~truth)[truth]
    share = people[truth] / people[truth].sum()
    estimate = float(share @ below)
    parts[truth] = share * (below - estimate) * _unbiased(share)
    above = 1 - _share_below(level, people * truth)[~truth]
    share = people[~truth] / people[~truth].sum()
    parts[~truth] = share * (above - estimate) * _unbiased(share)
    return estimate, parts


def _share_below(level: NDArray[np.int64], people: Floats) -> Floats:
    """Of each row's score the share of `people` that score lower; ties count half."""
    there = np.bincount(level, people)
    share: Floats = ((np.cumsum(there) - there / 2) / there.sum())[level]
    return share


def _unbiased(share: Floats) -> float:
    """The variance within a class has one degree of freedom less than rows."""
    return math.sqrt(share.size / max(share.size - 1, 1))


def ranked_rows(positive: ArrayLike, scores: ArrayLike, weights: ArrayLike | None) -> tuple[Rows, Floats, Floats]:
    """Labels, scores and weights as arrays of one entry a row, checked; the heaviest row weighs 1.

    Only shares of the weights count, and their squares would overflow from 1e154 on.
    """
    truth, values = np.asarray(positive, dtype=bool).ravel(), np.asarray(scores, dtype=np.float64).ravel()
    people = np.ones(values.size) if weights is None else positive_weights(weights)
    if not truth.size == values.size == people.size or not truth.any() or truth.all():
        raise ValueError("a ranking needs one score a row and rows of both classes")
    if np.isnan(values).any():
        raise ValueError("a score is NaN")
    return truth, values, people / people.max()


def _from_below(parts: Floats) -> Floats:
    """For each level the sum over it and all lower scores."""
    total: Floats = np.cumsum(parts[::-1])[::-1]
    return total


def _on_logit_scale(
    estimate: float,
    optimism: float,
    parts: Floats,
    confidence: float,
    method: str,
    weights: ArrayLike | None,
    most: tuple[float, float],
) -> Interval | NoInterval:
    """Logit-scale bounds, never narrower than Clopper–Pearson's with the same variance (see `auc.py`).

    Nor narrower than what rows too rare to be seen allow (`influence.rare_rows`), each of which moves it by `most`.
    """
    spread, cautious = estimate * (1 - estimate), estimate - optimism
    if spread <= _ROUNDING or cautious <= _ROUNDING:
        return NoInterval("the ranking has no mistake or nothing but mistakes, which says nothing of the rows not seen")
    span = reach(parts / spread, 1 / (parts.size * spread), confidence, most=(0.0, 0.0))
    if isinstance(span, NoInterval):
        return span
    variance = float(parts @ parts)
    rows = spread / variance if variance > 0 else math.inf  # where all scores are tied no row moves the estimate
    below, above = (
        math.hypot(side * spread, rare_rows(row, confidence))
        for side, row in zip((span.below, span.above), most, strict=True)
    )
    exact = (_exact(cautious, rows, confidence)[0], _exact(estimate, rows, confidence)[1])
    low = min(_expit(_logit(cautious) - span.below), exact[0], cautious - below)
    high = max(_expit(_logit(estimate) + span.above), exact[1], estimate + above)
    low, high = max(low, 0.0), min(high, 1.0)
    return Interval(estimate, low, high, method if weights is None else f"{method}-weighted")


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _expit(value: float) -> float:
    return (1 + math.tanh(value / 2)) / 2  # which does not overflow


def _exact(share: float, rows: float, confidence: float) -> tuple[float, float]:
    if math.isinf(rows):
        return share, share
    low, high = clopper_pearson(share * rows, rows, confidence=confidence)
    return float(low), float(high)
