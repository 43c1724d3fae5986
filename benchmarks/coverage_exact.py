"""How often the exact bounds miss, summed over all possible counts, at the worst rates that a search finds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from seatrial.verdicts.bounds.averages import mean_of_proportions
from seatrial.verdicts.bounds.differences import Count, difference_bounds
from seatrial.verdicts.bounds.interval import half_alpha
from seatrial.verdicts.bounds.mean_from_sums import summed_mean
from seatrial.verdicts.bounds.paired import paired_bounds
from seatrial.verdicts.bounds.proportions import clopper_pearson
from seatrial.verdicts.bounds.ratios import ratio_bounds

Floats = NDArray[np.float64]
Value = Callable[[Floats, Floats], Floats]
EDGE = 1e-6
SIDE = 25  # rates tried for each group; four times, each finer around the worst pair
ZOOMS, NARROWER = 4, 6
SLACK = 1e-12


@dataclass(frozen=True, slots=True)
class Worst:
    """The largest probability that a bound misses, and at which rates."""

    missed: float
    rates: tuple[float, ...]


def of_one(low: Floats, rows: int) -> Worst:
    """Of a bound on one proportion. The miss jumps where a rate passes a limit: just below each is the worst."""
    rates = np.unique(np.clip(low - SLACK * 10, EDGE, 1 - EDGE))
    mass = binom.pmf(np.arange(rows + 1), rows, rates[:, None])
    missed = (mass * (low > rates[:, None])).sum(axis=1)
    at = int(missed.argmax())
    return Worst(float(missed[at]), (float(rates[at]),))


def of_two(low: Floats, sizes: tuple[int, int], value: Value) -> Worst:
    """Of a table of low bounds, by (count of the first group, count of the second), on a quantity of both rates."""
    counts = [np.arange(n + 1) for n in sizes]

    def missed(rates: list[Floats]) -> Floats:
        mass = [binom.pmf(count, n, rate[:, None]) for count, n, rate in zip(counts, sizes, rates, strict=True)]
        truth = value(rates[0][:, None], rates[1][None, :])
        truth = truth + SLACK * np.maximum(1, np.abs(truth))
        return np.array(
            [
                [mass[0][i] @ (low > truth[i, j]) @ mass[1][j] for j in range(rates[1].size)]
                for i in range(rates[0].size)
            ]
        )

    return _zoomed(missed)


def of_paired(low: Floats, rows: int) -> Worst:
    """Of a table of low bounds by (rows only the model gets right, rows only the reference does)."""
    better, worse = np.arange(rows + 1)[:, None], np.arange(rows + 1)[None, :]
    possible = better + worse <= rows

    def missed(rates: list[Floats]) -> Floats:
        """The first rate is the share of rows that differ, the second the model's share of them."""
        found = np.empty((rates[0].size, rates[1].size))
        for (i, differing), (j, share) in itertools.product(enumerate(rates[0]), enumerate(rates[1])):
            p, q = differing * share, differing * (1 - share)
            rest = binom.pmf(worse, np.maximum(rows - better, 0), min(q / (1 - p), 1.0))
            mass = np.where(possible, binom.pmf(better, rows, p) * rest, 0)
            found[i, j] = mass[low > p - q + SLACK].sum()
        return found

    return _zoomed(missed, side=9)


def _zoomed(missed: Callable[[list[Floats]], Floats], *, side: int = SIDE) -> Worst:
    centre, width, worst = [0.5, 0.5], 0.5, Worst(0.0, (0.5, 0.5))
    for _ in range(ZOOMS):
        rates = [np.clip(np.linspace(c - width, c + width, side), EDGE, 1 - EDGE) for c in centre]
        table = missed(rates)
        at = np.unravel_index(int(table.argmax()), table.shape)
        centre = [float(rate[place]) for rate, place in zip(rates, at, strict=True)]
        if table[at] > worst.missed:
            worst = Worst(float(table[at]), tuple(centre))
        width /= NARROWER
    return worst


def proportions(confidence: float) -> Iterator[tuple[str, Worst]]:
    for rows in (10, 30, 100, 1_000):
        low, _ = clopper_pearson(np.arange(rows + 1), rows, confidence=confidence)
        yield f"{rows:,} rows", of_one(low, rows)


def f1_scores(confidence: float) -> Iterator[tuple[str, Worst]]:
    """Given the rows that are positive or called so, F1 is a growing function of a proportion of them."""
    for rows in (10, 30, 100):
        low, _ = clopper_pearson(np.arange(rows + 1), rows, confidence=confidence)
        yield f"{rows} rows positive or called so", of_one(low, rows)


def _tables(sizes: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.arange(sizes[0] + 1)[:, None], np.arange(sizes[1] + 1)[None, :]


SIZES = ((12, 12), (25, 200), (100, 100), (200, 60))


def differences(confidence: float) -> Iterator[tuple[str, Worst]]:
    for sizes in SIZES:
        low, _ = difference_bounds(_tables(sizes), sizes, confidence=confidence)
        yield f"{sizes[0]} and {sizes[1]} rows", of_two(low, sizes, np.subtract)


def movers(confidence: float) -> Iterator[tuple[str, Worst]]:
    """Not used by Seatrial: for comparison."""
    for sizes in SIZES:
        low, _ = mover(sizes, confidence)
        yield f"{sizes[0]} and {sizes[1]} rows", of_two(low, sizes, np.subtract)


def mover(sizes: tuple[int, int], confidence: float) -> tuple[Floats, Floats]:
    """Zou & Donner (2008) on Clopper & Pearson's limits: bounds on the difference, for all counts."""
    (k1, k2), (n1, n2) = _tables(sizes), sizes
    (l1, u1), (l2, u2) = (clopper_pearson(k, n, confidence=confidence) for k, n in ((k1, n1), (k2, n2)))
    p1, p2 = k1 / n1, k2 / n2
    return p1 - p2 - np.hypot(p1 - l1, u2 - p2), p1 - p2 + np.hypot(u1 - p1, p2 - l2)


def two_limits(confidence: float) -> Iterator[tuple[str, Worst]]:
    each = half_alpha(confidence)
    for sizes in SIZES:
        (k1, k2), (n1, n2) = _tables(sizes), sizes
        low = clopper_pearson(k1, n1, confidence=each)[0] - clopper_pearson(k2, n2, confidence=each)[1]
        yield f"{sizes[0]} and {sizes[1]} rows", of_two(low, sizes, np.subtract)


def ratios(confidence: float) -> Iterator[tuple[str, Worst]]:
    for sizes in SIZES:
        k1, k2 = _tables(sizes)
        low, high = ratio_bounds((k1, np.maximum(k2, 1)), sizes, confidence=confidence)
        low, high = np.where(k2 == 0, 0.0, low), np.where(k2 == 0, np.inf, high)
        lows = of_two(low, sizes, np.divide)
        highs = of_two(-high, sizes, lambda one, two: -one / two)
        yield f"{sizes[0]} and {sizes[1]} rows", max(lows, highs, key=lambda worst: worst.missed)


def paired(confidence: float) -> Iterator[tuple[str, Worst]]:
    for rows in (12, 60, 100):
        better, worse = _tables((rows, rows))
        possible = better + worse <= rows
        low, _ = paired_bounds(np.where(possible, better, 0), np.where(possible, worse, 0), rows, confidence=confidence)
        yield f"{rows} rows", of_paired(low, rows)


def means_of_proportions(confidence: float) -> Iterator[tuple[str, Worst]]:
    for sizes in ((15, 15), (8, 40)):
        low = np.array(
            [
                [
                    mean_of_proportions([Count(k1, sizes[0]), Count(k2, sizes[1])], confidence=confidence).low
                    for k2 in range(sizes[1] + 1)
                ]
                for k1 in range(sizes[0] + 1)
            ]
        )
        yield f"two classes of {sizes[0]} and {sizes[1]} rows", of_two(low, sizes, lambda one, two: (one + two) / 2)


def summed_means(confidence: float) -> Iterator[tuple[str, Worst]]:
    """Of values that are 0 or 1: their sum and sum of squares are one count."""
    for rows in (10, 100, 1_000):
        bounds = [
            summed_mean(rows, float(k), float(k), floor=0, ceiling=1, confidence=confidence) for k in range(rows + 1)
        ]
        yield f"{rows:,} rows of 0 or 1", of_one(np.array([bound.low for bound in bounds]), rows)


def widths(confidence: float) -> Iterator[tuple[str, float]]:
    """The expected width of the combined tests' bounds on a difference over that of MOVER's."""
    for sizes, rates in itertools.product(
        ((30, 30), (200, 200), (60, 600), (2_000, 2_000)), ((0.5, 0.5), (0.9, 0.8), (0.02, 0.05))
    ):
        mass = np.outer(*(binom.pmf(np.arange(n + 1), n, p) for n, p in zip(sizes, rates, strict=True)))
        seen = [np.flatnonzero(side > EDGE) for side in (mass.sum(axis=1), mass.sum(axis=0))]
        here = np.ix_(*seen)
        counts = seen[0][:, None], seen[1][None, :]
        low, high = difference_bounds(counts, sizes, confidence=confidence)
        (l1, u1), (l2, u2) = (clopper_pearson(k, n, confidence=confidence) for k, n in zip(counts, sizes, strict=True))
        p1, p2 = counts[0] / sizes[0], counts[1] / sizes[1]
        mover_width = np.hypot(p1 - l1, u2 - p2) + np.hypot(u1 - p1, p2 - l2)
        ratio = float((mass[here] * (high - low)).sum() / (mass[here] * mover_width).sum())
        yield f"{sizes[0]:,} and {sizes[1]:,} rows, rates {rates[0]} and {rates[1]}", ratio
