"""Bounds on the plain mean of several quantities: balanced accuracy, macro averages."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from seatrial.verdicts.bounds.combined_tests import log_tails
from seatrial.verdicts.bounds.differences import Count
from seatrial.verdicts.bounds.interval import Interval, simultaneous_confidence
from seatrial.verdicts.bounds.proportions import clopper_pearson
from seatrial.verdicts.bounds.root_finding import last_nonnegative
from seatrial.verdicts.bounds.special_functions import Floats

_PRICES = 16  # tried at once for the price of evidence, over a range of …
_CHEAPEST, _DEAREST = 1 / 50, 4.0  # … times the one that Bonferroni's limits suggest; then again around the best
_PLACES = 300  # at which a proportion is tried: steps of about 0.05 standard errors
_TINY = 1e-300


def mean_of_proportions(counts: Sequence[Count], *, confidence: float) -> Interval:
    """The mean of the proportions of independent groups of rows, each bound one-sided at `confidence`.

    Balanced accuracy is one over the classes of the label, macro precision one over the predicted classes (given how
    many rows are predicted as each, the rows that are right are independent). The exact tests of all groups, combined
    by Fisher's product of P-values, at the worst proportions that have the mean in question: valid for any rows (so
    Ottoboni, Stark, Lindeman & McBurnett 2018 audit elections by strata). Of ten groups with 98 of 100 its interval is
    0.37 as wide as Bonferroni's.
    """
    if not counts or min(count.rows for count in counts) < 1:
        raise ValueError("a mean of proportions needs at least one, and at least one row for each")
    hits, rows = np.array([(count.successes, count.rows) for count in counts], dtype=np.float64).T
    estimate = float((hits / rows).mean())
    if len(counts) == 1:
        low, high = clopper_pearson(hits, rows, confidence=confidence)
        return Interval(estimate, float(low[0]), float(high[0]), "clopper-pearson")
    most, fewest = (fisher_upper_mean(item, rows, confidence=confidence) for item in (hits, rows - hits))
    return Interval(estimate, min(1 - fewest, estimate), max(most, estimate), "fisher-clopper-pearson")


def fisher_upper_mean(hits: Floats, rows: Floats, *, confidence: float) -> float:
    """The largest mean of proportions that Fisher's combination of exact binomial tests does not reject.

    The mean of p is largest where −2 Σ log P_k(p_k) ≤ c, with P_k(p) the probability of `hits` or fewer and c the χ²
    quantile at 2K degrees. Each log P_k is concave (the survival function of a beta distribution, whose density is
    log-concave), so the largest mean is the least over prices λ of λ c + Σ max (p_k + 2 λ log P_k(p_k)), and each price
    gives at least that (weak duality): a price a little off leaves the bound valid and hardly wider.
    """
    goal = _chi_square_quantile(hits.size, confidence)
    limits = clopper_pearson(hits, rows, confidence=simultaneous_confidence(confidence, hits.size))[1]
    price = float((limits - hits / rows).sum()) / (2 * goal)
    if price <= 0:  # nothing but successes
        return 1.0
    places, logs, slopes = log_tails(hits, rows, goal, places=_PLACES)
    lowest, highest, best = price * _CHEAPEST, price * _DEAREST, 1.0
    for _ in range(2):
        prices = np.geomspace(lowest, highest, _PRICES)
        bounds = [(candidate * goal + _dearest(places, logs, slopes, candidate)) / hits.size for candidate in prices]
        at = int(np.argmin(bounds))
        best = min(best, float(bounds[at]))
        lowest, highest = prices[max(at - 1, 0)], prices[min(at + 1, _PRICES - 1)]
    return best


def _dearest(places: Floats, logs: Floats, slopes: Floats, price: float) -> float:
    """Σ_k max_p (p + 2 λ log P_k(p)) from above: a concave function is below its tangents, so below where two cross."""
    value, slope = places + 2 * price * logs, 1 + 2 * price * slopes
    row, last = np.arange(places.shape[0]), places.shape[1] - 1
    at = np.maximum((slope >= 0).sum(axis=1) - 1, 0)  # the last place from which it does not fall
    after = np.minimum(at + 1, last)
    here, there, wide = value[row, at], value[row, after], places[row, after] - places[row, at]
    up, down = np.maximum(slope[row, at], 0), slope[row, after]
    with np.errstate(invalid="ignore"):  # −∞ beside 1, where the crossing is at the place itself
        along = np.where(np.isinf(down), wide, (there - here - down * wide) / np.maximum(up - down, _TINY))
    end = np.where(at == last, 1 - places[row, at], np.clip(along, 0, wide))
    return float((here + up * end).sum())


def _chi_square_quantile(pairs: int, confidence: float) -> float:
    """The χ² quantile at 2 × `pairs` degrees; its tail is the Poisson sum e^(−x/2) Σ (x/2)^j / j! (DLMF 8.4.10)."""
    powers = np.arange(pairs)
    factorials = np.array([math.lgamma(j + 1) for j in range(pairs)])

    def excess(half: float) -> float:
        return float(np.exp(powers * math.log(half) - factorials - half).sum()) - (1 - confidence)

    most = 2 * pairs - 2 * math.log(1 - confidence)  # Laurent & Massart (2000): half of 2K + 2 √(2K t) + 2t is less
    return 2 * last_nonnegative(excess, 1e-9, 2 * most)


def mean_of_intervals(intervals: Sequence[Interval]) -> Interval:
    """The mean of quantities from their own intervals, each made at `simultaneous_confidence(confidence, K)` of K.

    The mean of the limits is wrong only if one of them is (Bonferroni 1936), however the quantities depend on each
    other: one class against the rest shares its rows with the next.
    """
    if not intervals:
        raise ValueError("a mean needs at least one interval")
    size = len(intervals)
    methods = sorted({interval.method for interval in intervals})
    return Interval(
        sum(interval.estimate for interval in intervals) / size,
        sum(interval.low for interval in intervals) / size,
        sum(interval.high for interval in intervals) / size,
        f"{'/'.join(methods)}-bonferroni",
    )
