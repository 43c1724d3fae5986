"""Test sets drawn from populations of known truth, for the bounds whose misses can only be counted.

A search draws populations at random (rates, numbers of rows, patterns of ties, tails), because a chosen one shows what
its chooser thought of. Scores have few distinct values, so that ties, and rows of a kind that is rare, come up often.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.verdicts.bounds.asymptotic import average_precision, weighted_roc_auc
from seatrial.verdicts.bounds.auc import roc_auc
from seatrial.verdicts.bounds.bounded_mean import bounded_mean
from seatrial.verdicts.bounds.calibration_error import calibration_error
from seatrial.verdicts.bounds.interval import Interval, NoInterval
from seatrial.verdicts.bounds.matthews import matthews_correlation
from seatrial.verdicts.bounds.mean_from_sums import weighted_share
from seatrial.verdicts.bounds.paired import paired_auc
from seatrial.verdicts.bounds.paired_statistics import paired_average_precision, paired_ratio
from seatrial.verdicts.bounds.weighted_mean import weighted_mean
from seatrial.verdicts.contingency import ConfusionTable

Floats = NDArray[np.float64]
Random = np.random.Generator
Bound = Callable[[float], Interval | NoInterval]
PEOPLE = 200_000  # of a finite population


@dataclass(frozen=True, slots=True)
class Population:
    """What test sets are drawn from: `draw` gives one, as the bound that a confidence makes of it."""

    about: str
    truth: float
    draw: Callable[[Random], Bound]


def _shares(random: Random, cells: int) -> Floats:
    """Random shares of so many kinds of rows: even, or with some kinds rare, or most of them empty."""
    shares: Floats = random.dirichlet(np.full(cells, random.choice([0.1, 0.3, 1.0])))
    if random.random() < 0.4:  # one kind in a hundred or so rows
        shares = (1 - 0.02) * shares + 0.02 * random.dirichlet(np.full(cells, 0.1))
    return shares


def _listed(shares: Floats) -> str:
    return "/".join(f"{share:.2g}" for share in shares)


def _area(up: Floats, down: Floats) -> float:
    """The AUC of scores 0, 1, 2, … with these shares among positives and among negatives."""
    return float(up @ (np.cumsum(down) - down / 2))


def _precision(up: Floats, down: Floats, share: float) -> float:
    """The average precision of the same, with this share of positives."""
    hits, others = (np.cumsum(each[::-1])[::-1] for each in (share * up, (1 - share) * down))
    with np.errstate(invalid="ignore"):
        return float(np.nansum(up * hits / (hits + others)))


def _ranked(random: Random, up: Floats, down: Floats, sizes: tuple[int, int]) -> tuple[NDArray[np.bool_], Floats]:
    positive = np.arange(sum(sizes)) < sizes[0]
    scores = np.concatenate([random.choice(up.size, sizes[0], p=up), random.choice(down.size, sizes[1], p=down)])
    return positive, scores.astype(np.float64)


def areas(random: Random) -> Population:
    levels = int(random.integers(2, 6))
    up, down = _shares(random, levels), _shares(random, levels)
    sizes = (int(random.choice([12, 30, 35, 60, 200])), int(random.choice([30, 100, 400])))
    about = f"{sizes[0]} positives with scores {_listed(up)}, {sizes[1]} negatives with {_listed(down)}"

    def draw(drawn: Random) -> Bound:
        rows = _ranked(drawn, up, down, sizes)
        return lambda confidence: roc_auc(*rows, confidence=confidence)

    return Population(about, _area(up, down), draw)


def weighted_areas(random: Random) -> Population:
    levels = int(random.integers(2, 6))
    up, down = _shares(random, levels), _shares(random, levels)
    sizes = (int(random.choice([35, 60, 200])), int(random.choice([60, 400])))
    heavy = float(random.choice([2.0, 5.0]))
    scores = f"{sizes[0]} positives with scores {_listed(up)}, {sizes[1]} negatives with {_listed(down)}"
    about = f"{scores}, weights 1 and {heavy:g}"

    def draw(drawn: Random) -> Bound:
        truth, scores = _ranked(drawn, up, down, sizes)
        weights = drawn.choice([1.0, heavy], truth.size)
        return lambda confidence: weighted_roc_auc(truth, scores, weights, confidence=confidence)

    return Population(about, _area(up, down), draw)


def clustered_areas(random: Random) -> Population:
    levels, clusters, size = int(random.integers(2, 6)), int(random.choice([35, 60, 150])), int(random.choice([2, 5]))
    up, down = _shares(random, levels), _shares(random, levels)
    about = f"{clusters} clusters of {size} alike of each class, scores {_listed(up)} and {_listed(down)}"

    def draw(drawn: Random) -> Bound:
        truth, scores = _ranked(drawn, up, down, (clusters, clusters))
        rows = np.repeat(truth, size), np.repeat(scores, size)
        names = np.repeat(np.arange(truth.size), size)
        return lambda confidence: roc_auc(*rows, confidence=confidence, clusters=names)

    return Population(about, _area(up, down), draw)


def paired_areas(random: Random) -> Population:
    """Two models with three scores each; most rows are scored alike."""
    same = float(random.choice([0.0, 0.7, 0.95]))
    alike = np.eye(3) / 3
    up, down = (same * alike + (1 - same) * _shares(random, 9).reshape(3, 3) for _ in range(2))
    sizes = (int(random.choice([30, 40, 100, 300])), int(random.choice([60, 300])))
    truth = _area(up.sum(axis=1), down.sum(axis=1)) - _area(up.sum(axis=0), down.sum(axis=0))
    kinds = f"{_listed(up.ravel())} and {_listed(down.ravel())}"
    about = f"{sizes[0]} positives, {sizes[1]} negatives, {same:.0%} alike, with the others {kinds}"

    def draw(drawn: Random) -> Bound:
        truths, cells = _ranked(drawn, up.ravel(), down.ravel(), sizes)
        return lambda confidence: paired_auc(truths, cells // 3, cells % 3, confidence=confidence)

    return Population(about, truth, draw)


def _classes(random: Random, share: float, rows: int) -> tuple[int, int]:
    positives = int(np.clip(random.binomial(rows, share), 1, rows - 1))
    return positives, rows - positives


def precisions(random: Random) -> Population:
    levels, rows = int(random.integers(2, 7)), int(random.choice([100, 300, 1_000]))
    up, down, share = _shares(random, levels), _shares(random, levels), float(random.choice([0.05, 0.1, 0.3, 0.5]))
    about = f"{rows} rows, {share:.0%} positive, scores {_listed(up)} and {_listed(down)}"

    def draw(drawn: Random) -> Bound:
        drawn_rows = _ranked(drawn, up, down, _classes(drawn, share, rows))
        return lambda confidence: average_precision(*drawn_rows, confidence=confidence)

    return Population(about, _precision(up, down, share), draw)


def paired_precisions(random: Random) -> Population:
    rows, share, same = int(random.choice([100, 300, 1_000])), float(random.choice([0.1, 0.3, 0.5])), 0.9
    up, down = (same * np.eye(3) / 3 + (1 - same) * _shares(random, 9).reshape(3, 3) for _ in range(2))
    one, other = (_precision(up.sum(axis=axis), down.sum(axis=axis), share) for axis in (1, 0))
    about = f"{rows} rows, {share:.0%} positive, scores {_listed(up.ravel())} and {_listed(down.ravel())}"

    def draw(drawn: Random) -> Bound:
        truths, cells = _ranked(drawn, up.ravel(), down.ravel(), _classes(drawn, share, rows))
        return lambda confidence: paired_average_precision(truths, cells // 3, cells % 3, confidence=confidence)

    return Population(about, one - other, draw)


def paired_ratios(random: Random) -> Population:
    """Precision or F1 of two models: rows by label, answer of one, answer of the other."""
    shares, rows, f1 = _shares(random, 8), int(random.choice([60, 100, 300, 1_000])), bool(random.integers(2))
    cells = np.arange(8)
    truth, mine, other = cells // 4, cells // 2 % 2, cells % 2

    def terms(answer: NDArray[np.int64]) -> tuple[Floats, Floats]:
        top, bottom = truth * answer, answer
        return (2.0 * top, 1.0 * (truth + answer)) if f1 else (1.0 * top, 1.0 * bottom)

    (top, bottom), (other_top, other_bottom) = terms(mine), terms(other)
    if min(shares @ bottom, shares @ other_bottom) <= 0:
        return paired_ratios(random)
    value = float(shares @ top / (shares @ bottom) - shares @ other_top / (shares @ other_bottom))
    about = f"{'F1' if f1 else 'precision'}, {rows} rows, cells {_listed(shares)}"

    def draw(drawn: Random) -> Bound:
        row = drawn.choice(8, rows, p=shares)
        parts = [each[row] for each in (top, bottom, other_top, other_bottom)]
        return lambda confidence: paired_ratio(*parts, confidence=confidence)

    return Population(about, value, draw)


# Errors: how they are drawn, their mean, and their name. Shapes are drawn by the search.
Errors = tuple[Callable[[Random, int], Floats], float, str]


def light_errors(random: Random) -> Errors:
    """With all moments: gamma, absolute normal, uniform."""
    kind, shape = int(random.integers(3)), float(random.choice([0.2, 0.5, 1.0, 3.0]))
    if kind == 0:
        return lambda drawn, n: drawn.gamma(shape, size=n), shape, f"gamma of shape {shape:g}"
    if kind == 1:
        return lambda drawn, n: np.abs(drawn.normal(size=n)), float(np.sqrt(2 / np.pi)), "absolute normal"
    return lambda drawn, n: drawn.random(n), 0.5, "uniform"


def heavy_errors(random: Random) -> Errors:
    """Squared Student, lognormal, squared Laplace."""
    kind, degrees = int(random.integers(3)), float(random.choice([3.0, 4.0, 5.0, 7.0]))
    if kind == 0:
        mean = degrees / (degrees - 2)
        return lambda drawn, n: drawn.standard_t(degrees, n) ** 2, mean, f"squared Student-{degrees:g}"
    if kind == 1:
        sigma = float(random.choice([1.0, 1.5]))
        return (
            lambda drawn, n: drawn.lognormal(sigma=sigma, size=n),
            float(np.exp(sigma**2 / 2)),
            f"lognormal({sigma:g})",
        )
    return lambda drawn, n: drawn.laplace(size=n) ** 2, 2.0, "squared Laplace"


def rare_errors(random: Random) -> Errors:
    """Ordinary errors, and a large one once in many rows."""
    size, share = float(random.choice([10.0, 30.0, 100.0])), float(random.choice([0.001, 0.003, 0.01]))

    def draw(drawn: Random, n: int) -> Floats:
        return np.where(drawn.random(n) < share, size, np.abs(drawn.normal(size=n)))

    mean = share * size + (1 - share) * float(np.sqrt(2 / np.pi))
    return draw, mean, f"absolute normal, and {size:g} in {share:.1%} of rows"


def clipped_means(errors: Callable[[Random], Errors]) -> Callable[[Random], Population]:
    """Means of errors that count as at most a clip, of a finite population: its mean is known."""

    def population(random: Random) -> Population:
        drawn_from, _, name = errors(random)
        rows, clip = int(random.choice([30, 100, 300, 1_000])), float(random.choice([1.0, 5.0, 30.0]))
        values = np.clip(drawn_from(random, PEOPLE), -clip, clip)
        floor = -clip if values.min() < 0 else 0.0

        def draw(drawn: Random) -> Bound:
            sample = values[drawn.integers(0, PEOPLE, rows)]
            return lambda confidence: bounded_mean(sample, floor=floor, ceiling=clip, confidence=confidence, seed=1)

        return Population(f"{rows:,} rows, {name}, clip {clip:g}", float(values.mean()), draw)

    return population


def bounded_means(random: Random) -> Population:
    share, rows = float(random.choice([0.01, 0.05, 0.3, 0.5, 0.95])), int(random.choice([10, 50, 200]))

    def draw(drawn: Random) -> Bound:
        values = (drawn.random(rows) < share).astype(np.float64)
        return lambda confidence: bounded_mean(values, confidence=confidence, seed=1)

    return Population(f"{rows} rows, 1 in {share:.0%} of them, else 0", share, draw)


def weighted_means(*, stated: bool) -> Callable[[Random], Population]:
    """Light rows of weight 1, and heavy ones; heavy rows have the value 1 at their own rate.

    `stated`: the largest weight is stated; otherwise it is that of the heaviest row that was drawn.
    """

    def population(random: Random) -> Population:
        rows, heavy = int(random.choice([50, 200])), float(random.choice([10.0, 100.0]))
        share, rate, other = float(random.choice([0.005, 0.02, 0.3])), float(random.random()), float(random.random())
        truth = (share * heavy * rate + (1 - share) * other) / (share * heavy + 1 - share)

        def draw(drawn: Random) -> Bound:
            is_heavy = drawn.random(rows) < share
            weights = np.where(is_heavy, heavy, 1.0)
            values = (drawn.random(rows) < np.where(is_heavy, rate, other)).astype(np.float64)
            heaviest = heavy if stated else None
            return lambda confidence: weighted_mean(
                values, weights, low=0, high=1, confidence=confidence, seed=1, heaviest=heaviest
            )

        about = f"{rows} rows, weight {heavy:g} in {share:.1%}, 1 in {rate:.0%} of those and {other:.0%} of the others"
        return Population(about, truth, draw)

    return population


def weighted_shares(random: Random) -> Population:
    rows, heavy = int(random.choice([50, 200, 1_000])), float(random.choice([3.0, 10.0]))
    share, rate, other = float(random.choice([0.02, 0.3])), float(random.random()), float(random.random())
    truth = (share * heavy * rate + (1 - share) * other) / (share * heavy + 1 - share)

    def draw(drawn: Random) -> Bound:
        is_heavy = drawn.random(rows) < share
        weights, hit = np.where(is_heavy, heavy, 1.0), drawn.random(rows) < np.where(is_heavy, rate, other)
        hits, misses = ((float(weights[each].sum()), float((weights[each] ** 2).sum())) for each in (hit, ~hit))
        return lambda confidence: weighted_share(rows, hits, misses, heaviest=heavy, confidence=confidence)

    about = f"{rows} rows, weight {heavy:g} in {share:.0%}, 1 in {rate:.0%} of those and {other:.0%} of the others"
    return Population(about, truth, draw)


def calibration_errors(*, weighted: bool) -> Callable[[Random], Population]:
    """Ten confidences, one a bin; each right as often as it says, or off by a gap up or down. Weights 1, or 1 and 3."""

    def population(random: Random) -> Population:
        rows, gap = int(random.choice([50, 300])), float(random.choice([0.0, 0.05, 0.3]))
        confidences = np.linspace(0.05, 0.95, 10)
        right = np.clip(confidences + gap * random.choice([-1, 1], 10), 0, 1)
        edges = (confidences[1:] + confidences[:-1]) / 2

        def draw(drawn: Random) -> Bound:
            bins = drawn.integers(0, 10, rows)
            hits = drawn.random(rows) < right[bins]
            weights = drawn.choice([1.0, 3.0], rows) if weighted else None
            return lambda confidence: calibration_error(
                confidences[bins], hits, edges, confidence=confidence, seed=1, weights=weights
            )

        return Population(f"{rows} rows, gap {gap:g}", float(np.abs(right - confidences).mean()), draw)

    return population


def matthews(classes: int, *, weighted: bool = False) -> Callable[[Random], Population]:
    def population(random: Random) -> Population:
        rows = int(random.choice([100, 200, 500, 1_000]))
        prior = random.dirichlet(np.full(classes, random.choice([1.0, 5.0])))
        right = random.uniform(0.1, 0.98, classes)
        shares = np.outer(prior * (1 - right), np.full(classes, 1 / max(classes - 1, 1)))
        shares[np.diag_indices(classes)] = prior * right
        shares /= shares.sum()
        actual, answered = (each.ravel() for each in np.indices((classes, classes)))
        cells, sides = shares.ravel(), (shares.sum(axis=1), shares.sum(axis=0))
        spread = np.sqrt((1 - sides[0] @ sides[0]) * (1 - sides[1] @ sides[1]))
        truth = float((np.trace(shares) - sides[0] @ sides[1]) / spread)

        def draw(drawn: Random) -> Bound:
            counts = drawn.multinomial(rows, cells).astype(np.float64)
            table = ConfusionTable(classes, actual, answered, counts, counts, counts)
            if weighted:
                row = np.repeat(np.arange(cells.size), counts.astype(np.int64))
                weights = drawn.choice([1.0, 3.0], rows)
                table = ConfusionTable(classes, actual[row], answered[row], np.ones(rows), weights, weights**2)
            return lambda confidence: matthews_correlation(table, confidence=confidence)

        return Population(f"{rows} rows, {classes} classes, cells {_listed(cells)}", truth, draw)

    return population


def searched(make: Callable[[Random], Population], count: int) -> Iterator[Population]:
    random = np.random.default_rng(17)
    for _ in range(count):
        yield make(random)
