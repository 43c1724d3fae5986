"""Bounds on the calibration error over fixed bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.verdicts.bounds.bounded_mean import LARGEST_BET, bets, largest_variance, last_rejected, shuffled
from seatrial.verdicts.bounds.interval import Interval
from seatrial.verdicts.bounds.special_functions import Floats
from seatrial.verdicts.bounds.weighted_mean import positive_weights

Bins = NDArray[np.int64]


def bin_edges(confidences: ArrayLike, *, count: int = 10) -> Floats:
    """Inner edges of `count` bins with about equally many rows; from validation, never from the rows measured later."""
    if count < 1:
        raise ValueError(f"count {count}: at least one bin is needed")
    inner = np.quantile(np.asarray(confidences, dtype=np.float64), np.linspace(0, 1, count + 1)[1:-1])
    return np.unique(inner)


def calibration_error(
    confidences: ArrayLike,
    correct: ArrayLike,
    edges: ArrayLike,
    *,
    confidence: float,
    seed: int,
    weights: ArrayLike | None = None,
    heaviest: float | None = None,
) -> Interval:
    """The expected calibration error over bins fixed beforehand, each bound one-sided at `confidence`.

    The quantity is of the population: θ = Σ_b |E[(Y − S) 1{S in bin b}]| = Σ_b P(b) |accuracy_b − confidence_b|, where
    S is the model's confidence, Y whether it was right, and the bins are cut at `edges` (inner edges, left-closed),
    chosen without these rows. The estimate is the plug-in, which is biased upwards: it is above 0 at perfect
    calibration, where θ is 0.

    With Z = Y − S in [−1, 1], θ = E[s_b Z] for one unknown sign a bin. High: for each choice of signs the betting
    capital of `bounded_mean.py` tests "E[s_b Z] ≥ m"; m is ruled out when every choice rules it out, so no correction
    for their number is needed (intersection–union, Berger 1982). The bets use Z² only, the capital then splits into
    bins, and the worst choice is found bin by bin. Low: bets with signs guessed from the rows before, whose mean is
    never above θ. Both are tests by betting in the sense of Waudby-Smith & Ramdas (2024), section 4.

    With `weights`, each row standing for so many people, θ = Σ_b |E[w Z 1{S in bin b}]| / E[w], and the bets are on
    w (s_b Z − m), as in `weighted_mean.py`, which says what is supposed of the weights.
    """
    scores, hits = np.asarray(confidences, dtype=np.float64).ravel(), np.asarray(correct, dtype=np.float64).ravel()
    if scores.size == 0 or scores.size != hits.size:
        raise ValueError(f"{scores.size} confidences and {hits.size} outcomes: need equally many, at least one")
    if scores.min() < 0 or scores.max() > 1 or hits.min() < 0 or hits.max() > 1:
        raise ValueError("confidences and outcomes must lie in [0, 1]")
    inner = np.asarray(edges, dtype=np.float64)
    count = inner.size + 1
    people = np.ones(scores.size) if weights is None else positive_weights(weights)
    if people.size != scores.size:
        raise ValueError(f"{scores.size} confidences and {people.size} weights: need equally many")
    most = float(people.max()) if heaviest is None else heaviest
    if most < people.max():
        raise ValueError(f"a row weighs {people.max()}, more than the heaviest, {most}")
    people = people / most
    order = np.lexsort((people, hits, scores))  # the result must not depend on the order of the rows
    orders = order[shuffled(np.arange(order.size, dtype=np.float64), seed).astype(np.int64)]
    gaps, share, bins = (hits - scores)[orders], people[orders], np.searchsorted(inner, scores, side="right")[orders]
    estimate = float(np.abs(np.bincount(bins[0], (share * gaps)[0], count)).sum() / people.sum())
    stakes = bets((share * gaps / 2) ** 2, confidence, largest_variance(share))
    low = _lower_bound(gaps, share, stakes, bins, count, confidence)
    high = _upper_bound(gaps, share, stakes, bins, count, confidence)
    method = "betting-signed-bins" if weights is None else "betting-signed-bins-weighted"
    return Interval(estimate, min(low, estimate), max(high, estimate), method)


def _upper_bound(gaps: Floats, share: Floats, stakes: Floats, bins: Bins, count: int, conf: float) -> float:
    cells = (bins + count * np.arange(bins.shape[0])[:, None]).ravel()
    shape = (bins.shape[0], count)

    def log_capital(error: float) -> Floats:
        mean = (1 + error) / 2  # of (1 ± Z) / 2, which lies in [0, 1]
        stake = np.minimum(stakes, LARGEST_BET / max(1 - mean, 1e-12))
        by_sign = [
            np.bincount(cells, np.log1p(stake * share * (mean - (1 + sign * gaps) / 2)).ravel(), shape[0] * shape[1])
            for sign in (1, -1)
        ]
        worst: Floats = np.minimum(*by_sign).reshape(shape).sum(axis=1)
        return worst

    return last_rejected(log_capital, 1.0, 0.0, conf)


def _lower_bound(gaps: Floats, share: Floats, stakes: Floats, bins: Bins, count: int, conf: float) -> float:
    signs = np.zeros(gaps.shape)
    for index in range(count):
        here = np.where(bins == index, share * gaps, 0.0)
        before = np.cumsum(here, axis=1) - here
        signs = np.where(bins == index, np.sign(before), signs)
    unit = (1 + signs * gaps) / 2

    def log_capital(error: float) -> Floats:
        mean = (1 + error) / 2
        total: Floats = np.log1p(np.minimum(stakes, LARGEST_BET / mean) * share * (unit - mean)).sum(axis=1)
        return total

    return last_rejected(log_capital, 0.0, 1.0, conf)
