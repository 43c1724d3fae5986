"""Exact bounds on what depends on two proportions: two exact binomial tests and a weighted product of P-values.

With P₁ and P₂ the P-values of two independent exact tests at the true proportions, −log P₁ − r log P₂ exceeds `budget`
with probability at most α (Fisher's product, weighted as by Good 1955), whatever the proportions are and however few
the rows. So the true pair lies where the two costs −log P₁ and −r log P₂ share the budget, and a quantity that grows
with both is at most its largest value there. That value is taken along a staircase outside the edge of this set: the
bound is never too tight because of the steps, and hardly wider (a percent).

MOVER (Zou & Donner 2008) on the limits of both is 0.73 to 0.93 times as wide, and misses 3 times as often as it says at
0.975, and far more often at the confidence of later uses (docs/concepts/coverage.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from seatrial.verdicts.bounds.root_finding import last_nonnegative
from seatrial.verdicts.bounds.special_functions import Floats, beta_cdf, beta_density_times_x

STEPS = 64  # of the staircase, for each of the two tests
FARTHEST_BELOW = -2.0  # normal quantile of the first step: a limit so far on the other side of the estimate
WEIGHT_POWER = 0.6  # r ≈ (ratio of the standard errors) ^ 0.6 is about the best by numerical search …
WEIGHT_STEPS = 2.0  # … and weights are powers of 2^(1/2), so that many pairs of groups share their limits
LEAST_WEIGHT = 2**-2.5
_PLACES = 128  # at which a tail is computed: steps of about 0.08 standard errors
_UNITS_BELOW = 4.0  # standard errors below the estimate from which they go
# Gauss's eight nodes between two places, and their weights (DLMF 3.5, table 3.5.2; NumPy's own takes 12 ms to import).
_HALF_NODES = (0.18343464249564978, 0.525532409916329, 0.7966664774136267, 0.9602898564975362)
_HALF_WEIGHTS = (0.36268378337836166, 0.3137066458778869, 0.22238103445337443, 0.10122853629037706)
_NODES = np.array([-node for node in reversed(_HALF_NODES)] + list(_HALF_NODES))
_WEIGHTS = np.array([*reversed(_HALF_WEIGHTS), *_HALF_WEIGHTS])
_BELOW_ONE = 1 - 2**-53
_MOST_AT_ONCE = 256  # counts whose tails are computed together: 2 MB an array
_TINY = 1e-300
_MOST_REMEMBERED = 1024  # counts for each of 16 weights and confidences: a kilobyte each


def budget(weight: float, confidence: float) -> float:
    """The c that E₁ + `weight` E₂ exceeds with probability 1 − confidence, for independent standard exponentials."""
    alpha = 1 - confidence

    def excess(place: float) -> float:
        if weight == 1:
            return (1 + place) * math.exp(-place) - alpha
        return (math.exp(-place) - weight * math.exp(-place / weight)) / (1 - weight) - alpha

    # The crossing is approached from below; the last digit goes to the safe side.
    return last_nonnegative(excess, 0.0, 10 - 3 * math.log(alpha)) * (1 + 1e-11)


@lru_cache(maxsize=256)
def staircase(weight: float, confidence: float) -> tuple[Floats, Floats]:
    """Minus the logs of the P-values at the corners: on step j the first test costs at most `first[j]`, and so on."""
    whole = budget(weight, confidence)
    normal = NormalDist()
    shares = {0.0, whole}
    for most, unit in ((whole, 1.0), (whole / weight, weight)):
        end = -normal.inv_cdf(max(math.exp(-most), _TINY))
        for z in np.linspace(FARTHEST_BELOW, end, STEPS):
            cost = -math.log(max(normal.cdf(-float(z)), _TINY)) * unit
            if 0 < cost < whole:
                shares.add(cost if unit == 1.0 and most == whole else whole - cost)
    spent = np.array(sorted(shares))
    return spent[1:], (whole - spent[:-1]) / weight


def weight_of(rows: Floats, other_rows: Floats) -> Floats:
    """The weight of the group of more rows, from the numbers of rows alone (never from what was counted in them)."""
    ratio = np.minimum(rows, other_rows) / np.maximum(rows, other_rows)
    steps = np.round(WEIGHT_STEPS * WEIGHT_POWER / 2 * np.log2(ratio))
    weights: Floats = np.maximum(2.0 ** (steps / WEIGHT_STEPS), LEAST_WEIGHT)
    return weights


def upper_limits(successes: ArrayLike, rows: ArrayLike, costs: Floats) -> Floats:
    """Clopper & Pearson's (1934) upper limit of each count, where minus the log of its tail is each of `costs`.

    [counts, costs]. From above, by tangents: the log of the tail is a concave function of the proportion, so between
    two places it stays below the tangent at the first, and the limit on this side of where the tangent has the cost.
    """
    k, n = (np.asarray(item, dtype=np.float64).ravel() for item in (successes, rows))
    if k.size > _MOST_REMEMBERED:
        return _upper_limits(k, n, costs)
    # Each of g groups is part of g − 1 pairs, and each pair is asked for alone: the same counts come again and again.
    remembered, counts = _limits_at(costs.tobytes()), list(zip(k.tolist(), n.tolist(), strict=True))
    new = sorted({count for count in counts if count not in remembered})
    if len(new) + len(remembered) > _MOST_REMEMBERED:
        remembered.clear()
        new = sorted(set(counts))
    if new:
        hits, sizes = np.array(new).T
        remembered.update(zip(new, _upper_limits(hits, sizes, costs), strict=True))
    limits: Floats = np.stack([remembered[count] for count in counts])
    return limits


@lru_cache(maxsize=16)
def _limits_at(_costs: bytes) -> dict[tuple[float, float], Floats]:
    """The upper limits of counts that were computed for these costs."""
    return {}


def forget() -> None:
    """Forgets the limits that were computed, for whoever times them."""
    _limits_at.cache_clear()


def _upper_limits(k: Floats, n: Floats, costs: Floats) -> Floats:
    empty = n == 0  # without rows nothing is known
    places, logs, slopes = log_tails(
        np.where(empty, 1, k), np.where(empty, 1, n), 2 * float(costs.max()), places=_PLACES
    )
    bound = np.ones((k.size, costs.size))
    for row in np.flatnonzero(~empty):
        at = np.maximum(np.searchsorted(-logs[row], costs, side="right") - 1, 0)
        after = np.append(places[row, 1:], 1.0)[at]
        with np.errstate(divide="ignore", invalid="ignore"):  # where the tail is flat the next place is taken
            tangent = places[row, at] + np.maximum(costs + logs[row, at], 0) / np.abs(slopes[row, at])
        bound[row] = np.where(tangent < after, tangent, after)  # NaN is 0 / 0: flat
    return bound


def lower_limits(successes: ArrayLike, rows: ArrayLike, costs: Floats) -> Floats:
    """Clopper & Pearson's lower limits, as `upper_limits`; above 0 from one success on, for a ratio divides by them.

    One minus the upper limit of the failures, and at least where C(n, k) p^k, which the probability of k or more
    successes never exceeds, has the cost: near 0 the places at which the tail is computed are too far apart.
    """
    k, n = (np.asarray(item, dtype=np.float64).ravel() for item in (successes, rows))
    some = np.maximum(k, 1)
    ways = np.array(
        [math.lgamma(a + 1) - math.lgamma(b + 1) - math.lgamma(a - b + 1) for a, b in zip(n, k, strict=True)]
    )
    union = np.where((k > 0)[:, None], np.exp(-(costs + ways[:, None]) / some[:, None]), 0.0)
    limits: Floats = np.maximum(1 - upper_limits(n - k, n, costs), union)
    return limits


def log_tails(hits: Floats, rows: Floats, goal: float, *, places: int) -> tuple[Floats, Floats, Floats]:
    """Proportions around each estimate, the log of the probability of `hits` or fewer there, and its slope."""
    blocks = range(0, hits.size, _MOST_AT_ONCE)
    parts = [_log_tails(hits[at : at + _MOST_AT_ONCE], rows[at : at + _MOST_AT_ONCE], goal, places) for at in blocks]
    at, logs, slopes = (np.concatenate(part) for part in zip(*parts, strict=True))
    return at, logs, slopes


def _log_tails(hits: Floats, rows: Floats, goal: float, places: int) -> tuple[Floats, Floats, Floats]:
    missed = rows - hits
    unit = np.sqrt(np.maximum(hits, 1) * np.maximum(missed, 1) / rows) / rows
    most = math.sqrt(goal) + goal / (2 * np.sqrt(np.maximum(hits, 1))) + 1  # units, where log P is below −goal / 2
    steps = np.linspace(-_UNITS_BELOW, most, places, axis=1)
    at = np.clip((hits / rows)[:, None] + unit[:, None] * steps, 0, 1)
    a, b, inside = np.maximum(missed, 1), hits + 1, (at > 0) & (at < 1)
    logs = _log_beta_cdf(a, b, at)
    safe = np.where(inside, at, 0.5)
    slope = -beta_density_times_x(a[:, None], b[:, None], 1 - safe) / (safe * (1 - safe) * np.exp(logs))
    at_zero = np.where(hits == 0, -rows, 0.0)[:, None]
    slopes = np.where(at <= 0, at_zero, np.where(at >= 1, -np.inf, slope))
    certain = (missed == 0)[:, None]  # P is 1 whatever p
    return np.where(certain, 1.0, at), np.where(certain, 0.0, logs), np.where(certain, 0.0, slopes)


def _log_beta_cdf(a: Floats, b: Floats, at: Floats) -> Floats:
    """Log I₁₋ₚ(a, b) at the rising places p = `at`: continued fractions at the ends, and sums of the density between.

    A fraction for each place takes several times as long. Only what is positive is added, from the smaller end upward,
    so sums keep their digits; between two places, at most 0.3 standard errors, eight nodes of Gauss leave 1e-13.
    """
    inside = at < 1
    last = np.maximum(inside.sum(axis=1) - 1, 0)
    half = np.diff(at, axis=1) / 2
    middle = np.where(half > 0, at[:, :-1] + half, 0.5)  # at 0 and 1 there is nothing between
    places = middle[:, :, None] + half[:, :, None] * _NODES
    density = beta_density_times_x(a[:, None, None], b[:, None, None], 1 - places) / (places * (1 - places))
    pieces = np.where(inside[:, 1:], half * (density @ _WEIGHTS), 0.0)
    tail = np.zeros(at.shape)
    tail[:, :-1] = np.cumsum(pieces[:, ::-1], axis=1)[:, ::-1]
    tail += beta_cdf(a, b, 1 - np.minimum(at[np.arange(len(at)), last], _BELOW_ONE))[:, None]
    rest = np.zeros(at.shape)  # one minus the tail, which has the digits where the tail is nearly 1
    rest[:, 1:] = np.cumsum(pieces, axis=1)
    rest += beta_cdf(b, a, at[:, 0])[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(rest < 0.5, np.log1p(-rest), np.log(np.maximum(tail, _TINY)))
    return np.where(inside, logs, math.log(_TINY))


def largest(
    successes: tuple[ArrayLike, ArrayLike],
    rows: tuple[ArrayLike, ArrayLike],
    value: Callable[[Floats, Floats], Floats],
    *,
    confidence: float,
) -> Floats:
    """The upper bound on a quantity that grows with the first proportion and falls with the second; broadcast.

    `value` gives the quantity from arrays of both.
    """
    k1, k2, n1, n2 = np.broadcast_arrays(*(np.asarray(item, np.float64) for item in (*successes, *rows)))
    shape = k1.shape
    k1, k2, n1, n2 = (item.ravel() for item in (k1, k2, n1, n2))
    bound = np.empty(k1.size)
    weights, turned = weight_of(n1, n2), n1 > n2
    for weight, other_way in sorted(set(zip(weights.tolist(), turned.tolist(), strict=True))):
        here = np.flatnonzero((weights == weight) & (turned == other_way))
        light, heavy = staircase(weight, confidence)  # of the group of fewer rows, and of the other
        costs = (heavy, light) if other_way else (light, heavy)
        counts, places = np.unique(np.stack([k1[here], n1[here]]), axis=1, return_inverse=True)
        others, other_places = np.unique(np.stack([k2[here], n2[here]]), axis=1, return_inverse=True)
        highs = upper_limits(counts[0], counts[1], costs[0])
        lows = lower_limits(others[0], others[1], costs[1])
        for part in np.array_split(np.arange(here.size), math.ceil(here.size / 4096)):
            corner = value(highs[places.ravel()[part]], lows[other_places.ravel()[part]])
            bound[here[part]] = corner.max(axis=1)
    return bound.reshape(shape)
