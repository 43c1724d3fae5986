"""Bounds on the difference between two models on the same rows: model minus reference.

Where the models agree nothing is unsure, so these are far tighter than the difference of two intervals. A share of a
fixed set of rows (accuracy, a true or false positive rate) has `paired_proportions`; a mean of losses `paired_mean`
where their difference has limits, else no bound; weighted rows `weighted_mean` on the differences. Metrics
that are not means over the same rows (precision, F1, average precision) have asymptotic bounds in
`paired_statistics.py`; where those state nothing, two intervals at `half_alpha` and `interval_difference` hold at their
full width.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.bounds.auc import DELONG_COUNT, DELONG_EVENTS, FEWEST_CLUSTERS, hoeffding
from seatrial.verdicts.bounds.bounded_mean import bounded_mean
from seatrial.verdicts.bounds.combined_tests import staircase, upper_limits
from seatrial.verdicts.bounds.influence import Reach, reach
from seatrial.verdicts.bounds.interval import Interval, NoInterval
from seatrial.verdicts.bounds.ranking import Rows, ranked_rows, roc_auc_parts
from seatrial.verdicts.bounds.special_functions import Floats

_DIFFERING_WEIGHT = 0.5  # of the test on how many rows differ: 1.14 times McNemar's width at equal counts


def paired_bounds(better: ArrayLike, worse: ArrayLike, rows: ArrayLike, *, confidence: float) -> tuple[Floats, Floats]:
    """Bounds on the difference of two shares of the same rows, each one-sided at `confidence`; broadcast.

    The difference is δ (2π − 1), with δ the share of rows where the models differ and π that of `better` among those.
    Given how many differ the count of better ones is binomial, so its exact test is independent of the one of δ; both
    are combined as in `combined_tests.py`. Where π > ½ the test of δ is against large values, else against small ones:
    which it is depends on the parameters alone, so the bounds hold at all rates and sizes.
    """
    k1, k2, n = np.broadcast_arrays(*(np.asarray(item, np.float64) for item in (better, worse, rows)))
    shape = n.shape
    k1, k2, n = k1.ravel(), k2.ravel(), n.ravel()
    high, low = _most_better(k1, k2, n, confidence), -_most_better(k2, k1, n, confidence)
    estimate = (k1 - k2) / n
    return np.minimum(low, estimate).reshape(shape), np.maximum(high, estimate).reshape(shape)


def _most_better(better: Floats, worse: Floats, rows: Floats, confidence: float) -> Floats:
    shares, totals = staircase(_DIFFERING_WEIGHT, confidence)
    differing, places = np.unique(np.stack([better + worse, rows]), axis=1, return_inverse=True)
    most = upper_limits(differing[0], differing[1], totals)[places.ravel()]
    fewest = 1 - upper_limits(differing[1] - differing[0], differing[1], totals)[places.ravel()]
    lead = 2 * upper_limits(better, better + worse, shares) - 1
    largest: Floats = np.where(lead > 0, lead * most, lead * fewest).max(axis=1)
    return largest


def paired_proportions(better: int, worse: int, rows: int, *, confidence: float) -> Interval:
    """(better − worse) / rows with the bounds of `paired_bounds`: the difference of accuracies, from where they differ.

    `better` rows have the event with the model alone, `worse` rows with the reference alone; with both or neither the
    others. On 10,000 rows of which 500 differ each way the half-width is 1.10 times McNemar's (1947) asymptotic one.
    """
    if min(better, worse) < 0 or better + worse > rows or rows < 1:
        raise ValueError(
            f"{better} better and {worse} worse of {rows} rows: need at least one row, and no more of them"
        )
    low, high = paired_bounds(better, worse, rows, confidence=confidence)
    return Interval((better - worse) / rows, float(low), float(high), "fisher-clopper-pearson-paired")


def paired_mean(differences: ArrayLike, *, low: float, high: float, confidence: float, seed: int) -> Interval:
    """The mean of row-by-row differences within [low, high], by betting (see `bounded_mean`): valid for any rows."""
    return bounded_mean(differences, floor=low, ceiling=high, confidence=confidence, seed=seed)


def paired_auc(
    positive: ArrayLike,
    scores: ArrayLike,
    reference_scores: ArrayLike,
    *,
    confidence: float,
    clusters: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Interval | NoInterval:
    """The AUC of `scores` minus that of `reference_scores` on the same rows, each bound one-sided at `confidence`.

    The paired test of DeLong, DeLong & Clarke-Pearson (1988): the variance is that of the difference of a row's two
    placements, which hardly differ where the models rank alike; with Student's t and a correction for skewness (see
    `influence.reach`). With few rows of a class, few misranked ones with either model, or where few rows carry the
    difference, Hoeffding's bound for U-statistics (1963, section 5a), which holds for every distribution and is far
    wider. Placements are added up over `clusters` (Obuchowski 1997). Clustered or weighted rows have no bound where
    DeLong's does not apply.
    """
    truth, values, people = ranked_rows(positive, scores, weights)
    mine, parts = roc_auc_parts(truth, values, people)
    theirs, reference_parts = roc_auc_parts(*ranked_rows(positive, reference_scores, weights))
    difference, together = mine - theirs, parts - reference_parts
    rarer, fewest = int(min(truth.sum(), (~truth).sum())), DELONG_COUNT
    if clusters is not None:
        _, index = np.unique(np.asarray(clusters).ravel(), return_inverse=True)
        together = np.bincount(index, together).astype(np.float64)
        rarer, fewest = min(np.unique(index[truth]).size, np.unique(index[~truth]).size), FEWEST_CLUSTERS
    # A row of the rarer class, or all of one cluster's, may be first with one model and last with the other.
    row = _largest_share(truth, people, clusters)
    most = (row * (1 + difference), row * (1 - difference))
    misranked = max(min(area, 1 - area) for area in (mine, theirs))
    span = _delong_reach(together, rarer, fewest, misranked, confidence, most)
    if isinstance(span, NoInterval):
        if clusters is not None or weights is not None:
            return span
        low, high = hoeffding((1 + difference) / 2, rarer, confidence)
        return Interval(difference, 2 * low - 1, 2 * high - 1, "hoeffding-auc-paired")
    low, high = max(difference - span.below, -1.0), min(difference + span.above, 1.0)
    method = "delong-paired" if clusters is None else "obuchowski-paired"
    return Interval(difference, low, high, method if weights is None else f"{method}-weighted")


def _largest_share(truth: Rows, people: Floats, clusters: ArrayLike | None) -> float:
    """The largest share that one row, or one cluster, has in the weight of its class."""
    shares = np.where(truth, people / people[truth].sum(), people / people[~truth].sum())
    if clusters is None:
        return float(shares.max())
    _, index = np.unique(np.asarray(clusters).ravel(), return_inverse=True)
    return float(np.bincount(index, shares).max())


def _delong_reach(
    parts: Floats, rarer: int, fewest: int, misranked: float, confidence: float, most: tuple[float, float]
) -> Reach | NoInterval:
    """What DeLong's variance gives, with the guards of `auc.py`; `misranked` is the larger share of the two models."""
    if rarer < fewest:
        return NoInterval(f"{rarer} rows or clusters with the rarer class; an asymptotic bound needs {fewest}")
    if rarer * misranked < DELONG_EVENTS:
        return NoInterval(f"so few of {rarer} with the rarer class are misranked that an asymptotic bound is too tight")
    return reach(parts, 1 / parts.size, confidence, most=most)
