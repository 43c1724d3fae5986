"""Bounds on the plain mean of several quantities: balanced accuracy, macro averages."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from seatrial.verdicts.crossing import last_nonnegative
from seatrial.verdicts.differences import MOVER_COUNT, Count
from seatrial.verdicts.interval import Interval, simultaneous_confidence
from seatrial.verdicts.proportions import clopper_pearson
from seatrial.verdicts.special import Floats, beta_cdf, beta_density_times_x

_PRICES = 16  # tried at once for the price of evidence, over a range of …
_CHEAPEST, _DEAREST = 1 / 50, 4.0  # … times the one that Bonferroni's limits suggest; then again around the best
_BISECTIONS = 40


def mean_of_proportions(counts: Sequence[Count], *, confidence: float) -> Interval:
    """The mean of the proportions of independent groups of rows, each bound one-sided at `confidence`.

    Balanced accuracy is one over the classes of the label, macro precision one over the predicted classes (given how
    many rows are predicted as each, the rows that are right are independent). With at least `MOVER_COUNT` successes and
    failures in every group MOVER (Zou & Donner 2008) on Clopper–Pearson limits, as for a difference of two. Else the
    exact tests of all groups combined by Fisher's product of P-values, at the worst proportions that have the mean in
    question: valid for any rows (so Ottoboni, Stark, Lindeman & McBurnett 2018 audit elections by strata). Of ten equal
    groups its interval is a third as wide as Bonferroni's, and half again as wide as MOVER's.
    """
    if not counts or min(count.rows for count in counts) < 1:
        raise ValueError("a mean of proportions needs at least one, and at least one row for each")
    hits, rows = np.array([(count.successes, count.rows) for count in counts], dtype=np.float64).T
    estimate = float((hits / rows).mean())
    if min(count.smaller for count in counts) >= MOVER_COUNT or len(counts) == 1:
        low, high = clopper_pearson(hits, rows, confidence=confidence)
        below, above = (float(np.hypot.reduce(hits / rows - limit)) / len(counts) for limit in (low, high))
        method = "mover-clopper-pearson" if len(counts) > 1 else "clopper-pearson"
        return Interval(estimate, estimate - below, estimate + above, method)
    most, fewest = (fisher_upper_mean(item, rows, confidence=confidence) for item in (hits, rows - hits))
    return Interval(estimate, 1 - fewest, most, "fisher-clopper-pearson")


def fisher_upper_mean(hits: Floats, rows: Floats, *, confidence: float) -> float:
    """The largest mean of proportions that Fisher's combination of exact binomial tests does not reject.

    The mean of p is largest where −2 Σ log P_k(p_k) ≤ c, with P_k(p) the probability of `hits` or fewer and c the χ²
    quantile at 2K degrees. Each −log P_k is convex (the survival function of a beta distribution is log-concave), so
    the largest mean is the least over prices λ of λ c + Σ max (p_k + 2 λ log P_k(p_k)), and each price gives at least
    that (weak duality): a price a little off leaves the bound valid and hardly wider.
    """
    goal = _chi_square_quantile(hits.size, confidence)
    limits = clopper_pearson(hits, rows, confidence=simultaneous_confidence(confidence, hits.size))[1]
    price = float((limits - hits / rows).sum()) / (2 * goal)
    if price <= 0:  # nothing but successes
        return 1.0
    lowest, highest = price * _CHEAPEST, price * _DEAREST
    best = 1.0
    for _ in range(2):
        prices = np.geomspace(lowest, highest, _PRICES)
        bounds = (prices * goal + _dearest(hits, rows, prices)) / hits.size
        at = int(bounds.argmin())
        best = min(best, float(bounds[at]))
        lowest, highest = prices[max(at - 1, 0)], prices[min(at + 1, _PRICES - 1)]
    return best


def _dearest(hits: Floats, rows: Floats, prices: Floats) -> Floats:
    """Σ_k max_p (p + 2 λ log P_k(p)) for each price λ, by bisection on the derivative, which falls."""
    price, missed = prices[:, None], np.broadcast_to(rows - hits, (prices.size, hits.size))
    certain = missed == 0  # P is 1 whatever p
    low, high = np.where(certain, 0.0, hits / rows), np.ones(missed.shape)
    a, b = np.where(certain, 1.0, missed), hits + 1
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        tail = beta_cdf(a, b, 1 - middle)
        density = beta_density_times_x(a, b, 1 - middle) / (middle * (1 - middle))
        rises = tail > 2 * price * density
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    with np.errstate(divide="ignore"):
        inside = low + 2 * price * np.log(beta_cdf(a, b, 1 - low))
    total: Floats = np.where(certain, 1.0, inside).sum(axis=1)
    return total


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
