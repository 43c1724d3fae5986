"""Asymptotic bounds on the difference between two models' statistics that are no means over the same rows.

Precision and F1 are ratios of sums; average precision is a mean of such. Each row contributes to both models'
statistics, and what it contributes to their difference is the difference of its two influences: where the models agree,
nothing. Where hardly a row tells them apart nothing is stated; the difference of two intervals then is what holds.
`paired.py` has what holds for any number of rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.bounds.influence import reach
from seatrial.verdicts.bounds.interval import Interval, NoInterval
from seatrial.verdicts.bounds.ranking import (
    FEWEST_POSITIVES,
    average_precision_parts,
    few_positives,
    largest_influences,
    positive_rows,
    ranked_rows,
)
from seatrial.verdicts.bounds.special_functions import Floats
from seatrial.verdicts.bounds.weighted_mean import positive_weights

FEWEST_COUNTED = 30  # rows in either denominator below which nothing asymptotic is claimed


def paired_ratio(
    top: ArrayLike,
    bottom: ArrayLike,
    reference_top: ArrayLike,
    reference_bottom: ArrayLike,
    *,
    confidence: float,
    weights: ArrayLike | None = None,
) -> Interval | NoInterval:
    """Σ w t / Σ w b of the model minus that of the reference, each bound one-sided at about `confidence`.

    A row's two terms of precision are (1 where it is rightly called positive, 1 where it is called so); of F1 (2 where
    rightly, 1 for each of being positive and being called so): a top lies between 0 and its bottom. The delta method: a
    row's influence on a ratio R is w (t − R b) / Σ w b (Cochran 1977, chapter 6), with the quantiles of
    `influence.reach`.
    """
    terms = [np.asarray(item, dtype=np.float64).ravel() for item in (top, bottom, reference_top, reference_bottom)]
    rows = terms[0].size
    people = np.ones(rows) if weights is None else positive_weights(weights)
    if rows == 0 or any(item.size != rows for item in (*terms, people)):
        raise ValueError("a paired ratio needs the same rows four times, at least one, and a weight for each")
    if not all((terms[i] >= 0).all() and (terms[i] <= terms[i + 1]).all() for i in (0, 2)):
        raise ValueError("a paired ratio is of shares: each top must be between 0 and its bottom")
    if min(float(people @ terms[1]), float(people @ terms[3])) <= 0:
        return NoInterval("a denominator is 0: no row counts for one of the models")
    (mine, parts), (theirs, reference_parts) = (_ratio_parts(terms[i], terms[i + 1], people) for i in (0, 2))
    for bottom_terms in (terms[1], terms[3]):
        counted = float((people * bottom_terms).sum() ** 2 / ((people * bottom_terms) ** 2).sum())
        if counted < FEWEST_COUNTED:
            return NoInterval(f"{counted:.0f} rows count for one of the models; an asymptotic bound needs more")
    # One row can be wrong with one model and right with the other: what it is at most in either denominator.
    steps = [float(people.max() * terms[i].max() / (people @ terms[i])) for i in (1, 3)]
    one_row = sum(steps) if max(terms[1].max(), terms[3].max()) > 1 else max(steps)
    most = (one_row, one_row)
    return _difference(mine - theirs, parts - reference_parts, confidence, "asymptotic-ratio-paired", weights, most)


def paired_average_precision(
    positive: ArrayLike,
    scores: ArrayLike,
    reference_scores: ArrayLike,
    *,
    confidence: float,
    weights: ArrayLike | None = None,
) -> Interval | NoInterval:
    """Average precision of `scores` minus that of `reference_scores` on the same rows (see `average_precision`).

    By how much each estimate flatters itself is known only roughly; each bound is moved outwards by the difference.
    """
    truth, values, people = ranked_rows(positive, scores, weights)
    mine, flattery, parts = average_precision_parts(truth, values, people)
    theirs, reference_flattery, reference_parts = average_precision_parts(
        *ranked_rows(positive, reference_scores, weights)
    )
    if positive_rows(truth, people) < FEWEST_POSITIVES:
        return NoInterval(few_positives(truth, people))
    (down, up), (other_down, other_up) = (
        largest_influences(truth, each, people)
        for each in (values, ranked_rows(positive, reference_scores, weights)[1])
    )
    most = (down + other_up, up + other_down)
    interval = _difference(
        mine - theirs, parts - reference_parts, confidence, "asymptotic-influence-paired", weights, most
    )
    if isinstance(interval, NoInterval):
        return interval
    more = flattery - reference_flattery
    return Interval(interval.estimate, interval.low - max(more, 0.0), interval.high + max(-more, 0.0), interval.method)


def _ratio_parts(top: Floats, bottom: Floats, people: Floats) -> tuple[float, Floats]:
    whole = float(people @ bottom)
    ratio = float(people @ top) / whole
    return ratio, people * (top - ratio * bottom) / whole


def _difference(
    estimate: float,
    parts: Floats,
    confidence: float,
    method: str,
    weights: ArrayLike | None,
    most: tuple[float, float],
) -> Interval | NoInterval:
    span = reach(parts, 1 / parts.size, confidence, most=most)
    if isinstance(span, NoInterval):
        return span
    name = method if weights is None else f"{method}-weighted"
    return Interval(estimate, estimate - span.below, estimate + span.above, name)
