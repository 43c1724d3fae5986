import itertools

import numpy as np
import pytest
from scipy.stats import binom, norm

from seatrial.verdicts.bounds.differences import (
    Count,
    difference_bounds,
    interval_difference,
    proportion_differences,
)
from seatrial.verdicts.bounds.interval import half_alpha, simultaneous_confidence
from seatrial.verdicts.bounds.proportions import proportion
from seatrial.verdicts.bounds.special_functions import Floats

RATES = [0.0, 0.01, 0.05, 0.1, 0.3, 0.5, 0.8, 0.95, 0.99, 1.0]


def _coverage(low: Floats, high: Floats, sizes: tuple[int, int], rates: tuple[float, float]) -> tuple[float, float]:
    """The exact coverage of two tables of bounds, by (count of the first, count of the second)."""
    mass = np.outer(*(binom.pmf(np.arange(n + 1), n, p) for n, p in zip(sizes, rates, strict=True)))
    truth = rates[0] - rates[1]
    return float(mass[low <= truth + 1e-12].sum()), float(mass[high >= truth - 1e-12].sum())


def _table(sizes: tuple[int, int], confidence: float) -> tuple[Floats, Floats]:
    counts = np.arange(sizes[0] + 1)[:, None], np.arange(sizes[1] + 1)[None, :]
    return difference_bounds(counts, sizes, confidence=confidence)


@pytest.mark.parametrize("confidence", [0.95, 0.975, 0.99])
@pytest.mark.parametrize("sizes", [(1, 1), (5, 40), (10, 10), (30, 30), (60, 45), (100, 100), (60, 250)])
def test_each_bound_covers_at_least_as_promised_at_all_pairs_of_rates(
    sizes: tuple[int, int], confidence: float
) -> None:
    low, high = _table(sizes, confidence)
    for rates in itertools.product(RATES, RATES):
        covered = _coverage(low, high, sizes, rates)
        assert min(covered) >= confidence - 1e-9, (rates, covered)


@pytest.mark.simulation
def test_mover_on_wilson_limits_would_not_cover_at_ten_of_ten() -> None:
    def wilson(count: Floats, rows: int, sign: int) -> Floats:
        z = norm.ppf(0.975)
        share = count / rows
        middle, reach = share + z**2 / (2 * rows), z * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
        limit: Floats = (middle + sign * reach) / (1 + z**2 / rows)
        return limit

    counts = np.arange(11.0)
    share, low, high = counts / 10, wilson(counts, 10, -1), wilson(counts, 10, 1)
    difference = share[:, None] - share[None, :]
    lower = difference - np.hypot((share - low)[:, None], (high - share)[None, :])
    upper = difference + np.hypot((high - share)[:, None], (share - low)[None, :])
    rates = np.linspace(0.01, 0.99, 50)
    worst = min(min(_coverage(lower, upper, (10, 10), pair)) for pair in itertools.product(rates, rates))
    assert worst < 0.90, worst  # of a nominal 0.975
    ours = _table((10, 10), 0.975)
    assert min(min(_coverage(*ours, (10, 10), pair)) for pair in itertools.product(rates, rates)) >= 0.975


@pytest.mark.parametrize("confidence", [0.975, 1 - 0.025 / 6, 1 - 0.025 / 20, 1 - 0.025 / 30, 1 - 0.05 / 90])
@pytest.mark.parametrize("sizes", [(12, 12), (25, 200), (100, 100)])
def test_the_worst_rates_that_a_search_finds_are_covered(sizes: tuple[int, int], confidence: float) -> None:
    """At the confidence of later uses and of ten pairs: a grid of rates, then finer around its worst pair."""
    low, _ = _table(sizes, confidence)
    assert worst_miss(low, sizes) <= 1 - confidence


def worst_miss(low: Floats, sizes: tuple[int, int]) -> float:
    """The largest probability, over all rates, that the low bound lies above the true difference."""
    counts = [np.arange(n + 1) for n in sizes]
    centre, width, worst = (0.5, 0.5), 0.4999, 0.0
    for _ in range(4):
        rates = [np.clip(np.linspace(c - width, c + width, 31), 1e-6, 1 - 1e-6) for c in centre]
        mass = [binom.pmf(count, n, rate[:, None]) for count, n, rate in zip(counts, sizes, rates, strict=True)]
        found = [
            (float(mass[0][i] @ (low > p - q + 1e-12) @ mass[1][j]), p, q)
            for i, p in enumerate(rates[0])
            for j, q in enumerate(rates[1])
        ]
        miss, *where = max(found)
        worst, centre, width = max(worst, miss), (where[0], where[1]), width / 8
    return worst


@pytest.mark.parametrize(
    ("first", "second", "widest"),
    [(Count(4_000, 10_000), Count(4_100, 10_000), 1.16), (Count(300, 1_000), Count(31_000, 100_000), 1.09)],
)
def test_it_is_hardly_wider_than_the_normal_approximation(first: Count, second: Count, widest: float) -> None:
    found = proportion_differences([(first, second)], confidence=0.975)[0]
    variance = sum(k.successes * (k.rows - k.successes) / k.rows**3 for k in (first, second))
    assert found.method == "fisher-clopper-pearson-difference"
    assert found.high - found.low < widest * 2 * 1.96 * variance**0.5


def test_it_is_tighter_than_two_limits_at_half_alpha() -> None:
    for first, second in ((Count(90, 120), Count(33, 120)), (Count(3, 12), Count(9, 10))):
        each = half_alpha(0.95)
        apart = interval_difference(*(proportion(k.successes, k.rows, confidence=each) for k in (first, second)))
        whole = proportion_differences([(first, second)], confidence=0.95)[0]
        assert whole.high - whole.low < apart.high - apart.low


def test_swapping_the_groups_mirrors_the_interval() -> None:
    one = proportion_differences([(Count(40, 90), Count(70, 100))], confidence=0.95)[0]
    other = proportion_differences([(Count(70, 100), Count(40, 90))], confidence=0.95)[0]
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_all_pairs_of_five_equal_census_size_groups_hold_together(assert_covers) -> None:  # type: ignore[no-untyped-def]
    """Positives by race in a census-size test split; 0.6 is a usual true positive rate."""
    sizes, rate, trials = np.array([3_500, 400, 120, 30, 13]), 0.6, 2_000
    counts = np.random.default_rng(3).binomial(sizes, rate, (trials, 5))
    pairs = list(itertools.combinations(range(5), 2))
    each = simultaneous_confidence(0.95, len(pairs))
    low_holds, high_holds = np.ones(trials, bool), np.ones(trials, bool)
    for i, j in pairs:
        low, high = difference_bounds((counts[:, i], counts[:, j]), (sizes[i], sizes[j]), confidence=each)
        low_holds &= low <= 0
        high_holds &= high >= 0
    assert_covers(int(low_holds.sum()), trials, 0.95)
    assert_covers(int(high_holds.sum()), trials, 0.95)


def test_a_bootstrap_of_the_largest_gap_misses_a_true_gap_of_zero() -> None:
    sizes, random = np.array([3_500, 400, 120, 30, 13]), np.random.default_rng(4)
    covered, plug_in = 0, []
    for _ in range(100):
        shares = random.binomial(sizes, 0.6) / sizes
        plug_in.append(np.ptp(shares))
        gaps = np.ptp(random.binomial(sizes, shares, (400, 5)) / sizes, axis=1)
        covered += np.quantile(gaps, 0.025) <= 0
    assert covered == 0
    assert np.mean(plug_in) > 0.1


def test_differences_computed_together_are_those_computed_alone() -> None:
    groups = [Count(50, 100), Count(5, 9), Count(30, 80)]
    pairs = [(groups[0], groups[1]), (groups[0], groups[2])]
    alone = tuple(proportion_differences([pair], confidence=0.95)[0] for pair in pairs)
    assert proportion_differences(pairs, confidence=0.95) == alone
    assert proportion_differences([], confidence=0.95) == ()
