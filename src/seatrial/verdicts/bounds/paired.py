"""Bounds on the difference between two models on the same rows: model minus reference.

Where the models agree nothing is unsure, so these are far tighter than the difference of two intervals. A share of a
fixed set of rows (accuracy, a true or false positive rate) has `paired_proportions`; a mean of losses `paired_mean`
where their difference has limits, else `paired_asymptotic`; weighted rows `weighted_mean` on the differences. Metrics
that are not means over the same rows (precision, F1, average precision, R²) have asymptotic bounds in
`paired_statistics.py`; where those state nothing, two intervals at `half_alpha` and `interval_difference` hold at their
full width.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.bounds.asymptotic import asymptotic_mean
from seatrial.verdicts.bounds.auc import DELONG_COUNT, DELONG_EVENTS, FEWEST_CLUSTERS, hoeffding
from seatrial.verdicts.bounds.bounded_mean import bounded_mean
from seatrial.verdicts.bounds.differences import MOVER_COUNT
from seatrial.verdicts.bounds.influence import Reach, reach
from seatrial.verdicts.bounds.interval import Interval, NoInterval, half_alpha
from seatrial.verdicts.bounds.proportions import clopper_pearson
from seatrial.verdicts.bounds.ranking import ranked_rows, roc_auc_parts
from seatrial.verdicts.bounds.special_functions import Floats


def paired_bounds(better: ArrayLike, worse: ArrayLike, rows: ArrayLike, *, confidence: float) -> tuple[Floats, Floats]:
    """Bounds on the difference of two shares of the same rows, each one-sided at `confidence`; broadcast.

    The shares differ by p₁₀ − p₀₁, the shares of `better` and `worse` rows. Where both counts are at least
    `MOVER_COUNT`: MOVER for two correlated estimates (Zou & Donner 2008) on their Clopper–Pearson limits,
    with the correlation of two cells of a multinomial, −√(p₁₀ p₀₁ / ((1 − p₁₀) (1 − p₀₁))). Else L₁₀ − U₀₁ and
    U₁₀ − L₀₁ from limits at half α each, which Bonferroni makes valid at any size.
    """
    k, n = [np.asarray(item, np.float64) for item in (better, worse)], np.asarray(rows, np.float64)
    few = np.minimum(*k) < MOVER_COUNT
    each = np.where(few, half_alpha(confidence), confidence)
    (low_1, high_1), (low_2, high_2) = (clopper_pearson(item, n, confidence=each) for item in k)
    p_1, p_2 = k[0] / n, k[1] / n
    both = np.sqrt(p_1 * p_2 / np.maximum((1 - p_1) * (1 - p_2), 1 / n**2))  # minus the correlation; 0 of 0 at an edge
    below = _mover(p_1 - low_1, high_2 - p_2, both)
    above = _mover(high_1 - p_1, p_2 - low_2, both)
    return np.where(few, low_1 - high_2, p_1 - p_2 - below), np.where(few, high_1 - low_2, p_1 - p_2 + above)


def _mover(one: Floats, two: Floats, both: Floats) -> Floats:
    reach: Floats = np.sqrt(one**2 + two**2 + 2 * both * one * two)
    return reach


def paired_proportions(better: int, worse: int, rows: int, *, confidence: float) -> Interval:
    """(better − worse) / rows with the bounds of `paired_bounds`: the difference of accuracies, from where they differ.

    `better` rows have the event with the model alone, `worse` rows with the reference alone; with both or neither the
    others. On 10,000 rows of which 500 differ each way the half-width is 1.01 times McNemar's (1947) asymptotic one;
    betting on the three outcomes has 1.39, and the exact conditional test with limits on the share that differs (Berger
    & Boos 1994) from 1.1 at equal counts to 1.8 at 1,700 against 300, more than two separate intervals have.
    """
    if min(better, worse) < 0 or better + worse > rows or rows < 1:
        raise ValueError(
            f"{better} better and {worse} worse of {rows} rows: need at least one row, and no more of them"
        )
    low, high = paired_bounds(better, worse, rows, confidence=confidence)
    enough = min(better, worse) >= MOVER_COUNT
    method = "mover-clopper-pearson-paired" if enough else "clopper-pearson-half-alpha-paired"
    return Interval((better - worse) / rows, float(low), float(high), method)


def paired_mean(differences: ArrayLike, *, low: float, high: float, confidence: float, seed: int) -> Interval:
    """The mean of row-by-row differences within [low, high], by betting (see `bounded_mean`): valid for any rows."""
    return bounded_mean(differences, floor=low, ceiling=high, confidence=confidence, seed=seed)


def paired_asymptotic(
    differences: ArrayLike, *, confidence: float, weights: ArrayLike | None = None
) -> Interval | NoInterval:
    """The mean of row-by-row differences without known limits (see `asymptotic_mean`)."""
    return asymptotic_mean(differences, confidence=confidence, weights=weights)


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
    other, reference_parts = roc_auc_parts(*ranked_rows(positive, reference_scores, weights))
    difference, together = mine - other, parts - reference_parts
    rarer, fewest = int(min(truth.sum(), (~truth).sum())), DELONG_COUNT
    if clusters is not None:
        _, index = np.unique(np.asarray(clusters).ravel(), return_inverse=True)
        together = np.bincount(index, together).astype(np.float64)
        rarer, fewest = min(np.unique(index[truth]).size, np.unique(index[~truth]).size), FEWEST_CLUSTERS
    found = _delong_reach(together, rarer, fewest, max(min(area, 1 - area) for area in (mine, other)), confidence)
    if isinstance(found, NoInterval):
        if clusters is not None or weights is not None:
            return found
        low, high = hoeffding((1 + difference) / 2, rarer, confidence)
        return Interval(difference, 2 * low - 1, 2 * high - 1, "hoeffding-auc-paired")
    low, high = max(difference - found.below, -1.0), min(difference + found.above, 1.0)
    method = "delong-paired" if clusters is None else "obuchowski-paired"
    return Interval(difference, low, high, method if weights is None else f"{method}-weighted")


def _delong_reach(parts: Floats, rarer: int, fewest: int, misranked: float, confidence: float) -> Reach | NoInterval:
    """What DeLong's variance gives, with the guards of `auc.py`; `misranked` is the larger share of the two models."""
    if rarer < fewest:
        return NoInterval(f"{rarer} rows or clusters with the rarer class; an asymptotic bound needs {fewest}")
    if rarer * misranked < DELONG_EVENTS:
        return NoInterval(f"so few of {rarer} with the rarer class are misranked that an asymptotic bound is too tight")
    return reach(parts, 1 / parts.size, confidence)
