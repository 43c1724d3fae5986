import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import binom, chi2
from sklearn.metrics import balanced_accuracy_score

from seatrial.verdicts.bounds.averages import (
    _chi_square_quantile,
    fisher_upper_mean,
    mean_of_intervals,
    mean_of_proportions,
)
from seatrial.verdicts.bounds.differences import Count, proportion_differences
from seatrial.verdicts.bounds.interval import Interval, simultaneous_confidence
from seatrial.verdicts.bounds.proportions import clopper_pearson, proportion

RATES = [0.0, 0.1, 0.35, 0.6, 0.85, 0.97, 1.0]


def _counts(hits: Sequence[int], rows: Sequence[int]) -> list[Count]:
    return [Count(int(k), int(n)) for k, n in zip(hits, rows, strict=True)]


@pytest.mark.parametrize("confidence", [0.95, 0.975])
@pytest.mark.parametrize("rows", [(1, 1), (5, 9), (3, 3, 3)])
def test_with_few_rows_each_bound_covers_exactly_at_all_rates(rows: tuple[int, ...], confidence: float) -> None:
    tables = list(itertools.product(*(range(n + 1) for n in rows)))
    high = np.array(
        [fisher_upper_mean(np.array(k, float), np.array(rows, float), confidence=confidence) for k in tables]
    )
    for rates in itertools.product(RATES, repeat=len(rows)):
        mass = np.prod([binom.pmf(np.array(tables)[:, i], rows[i], rates[i]) for i in range(len(rows))], axis=0)
        assert mass[high >= np.mean(rates) - 1e-9].sum() >= confidence - 1e-9, rates


@pytest.mark.parametrize(("hits", "rows"), [((7, 40), (10, 60)), ((0, 3, 90), (12, 30, 100))])
def test_few_rows_have_the_largest_mean_that_fishers_combined_test_leaves(
    hits: tuple[int, ...], rows: tuple[int, ...]
) -> None:
    """Against SciPy's optimiser on the definition."""
    goal = chi2.ppf(0.975, 2 * len(rows))

    def room(rates: np.ndarray) -> float:
        return float(goal + 2 * np.sum(binom.logcdf(hits, rows, rates)))

    best = minimize(
        lambda rates: -np.mean(rates),
        (np.array(hits) + 1) / (np.array(rows) + 2),
        bounds=[(1e-6, 1 - 1e-6)] * len(rows),
        constraints={"type": "ineq", "fun": room},
    )
    found = fisher_upper_mean(np.array(hits, float), np.array(rows, float), confidence=0.975)
    assert found == pytest.approx(-best.fun, rel=2e-3)
    assert found >= -best.fun - 1e-6


def test_the_lower_bound_is_the_mirror_of_the_upper() -> None:
    found, mirrored = (mean_of_proportions(_counts(hits, (8, 15)), confidence=0.95) for hits in ((7, 4), (1, 11)))
    assert (found.low, found.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low))


def test_the_mean_of_two_is_half_the_difference_to_what_the_other_misses() -> None:
    found = mean_of_proportions([Count(70, 100), Count(90, 140)], confidence=0.95)
    difference = proportion_differences([(Count(70, 100), Count(50, 140))], confidence=0.95)[0]
    assert (2 * found.low - 1, 2 * found.high - 1) == pytest.approx((difference.low, difference.high), abs=0.005)


@pytest.mark.parametrize(("hits", "factor"), [((98,) * 10, 0.35), ((9, 90), 0.95)])
def test_it_is_tighter_than_bonferroni(hits: tuple[int, ...], factor: float) -> None:
    rows = [100 if k > 9 else 10 for k in hits]
    found = mean_of_proportions(_counts(hits, rows), confidence=0.975)
    assert found.method == "fisher-clopper-pearson"
    low, _ = clopper_pearson(hits, rows, confidence=simultaneous_confidence(0.975, len(hits)))
    assert found.estimate - found.low < factor * (found.estimate - low.mean())


def test_the_estimate_is_scikit_learns_balanced_accuracy() -> None:
    actual = np.random.default_rng(3).integers(0, 4, 500)
    answered = np.where(np.arange(500) % 3 == 0, (actual + 1) % 4, actual)
    seen = Counter(actual.tolist())
    right = Counter(actual[actual == answered].tolist())
    found = mean_of_proportions([Count(right[k], seen[k]) for k in range(4)], confidence=0.95)
    assert found.estimate == pytest.approx(balanced_accuracy_score(actual, answered), abs=1e-12)


def test_perfect_groups_have_a_lower_bound_and_the_edge_as_upper() -> None:
    found = mean_of_proportions([Count(30, 30), Count(10, 10)], confidence=0.975)
    assert (found.estimate, found.high) == (1, 1)
    assert 0.5 < found.low < 1


def test_one_group_is_a_proportion() -> None:
    found, alone = mean_of_proportions([Count(3, 40)], confidence=0.95), proportion(3, 40, confidence=0.95)
    assert (found.low, found.high, found.method) == pytest.approx((alone.low, alone.high, alone.method))


def test_ten_million_rows_take_no_longer() -> None:
    found = mean_of_proportions([Count(9_999_990, 10_000_000), Count(5_000_000, 10_000_000)], confidence=0.975)
    assert found.high - found.low < 1e-3


@pytest.mark.parametrize("pairs", [1, 2, 7, 40])
@pytest.mark.parametrize("confidence", [0.6, 0.95, 0.999])
def test_the_chi_square_quantile_is_scipys(pairs: int, confidence: float) -> None:
    assert _chi_square_quantile(pairs, confidence) == pytest.approx(chi2.ppf(confidence, 2 * pairs), rel=1e-9)


def test_a_mean_of_intervals_is_the_mean_of_their_limits() -> None:
    found = mean_of_intervals([Interval(0.5, 0.4, 0.7, "a"), Interval(0.7, 0.5, 0.8, "b")])
    assert (found.estimate, found.low, found.high) == pytest.approx((0.6, 0.45, 0.75))
    assert found.method == "a/b-bonferroni"


@pytest.mark.parametrize("empty", [[], [Count(0, 0)]])
def test_nothing_to_average_is_refused(empty: list[Count]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        mean_of_proportions(empty, confidence=0.95)
    with pytest.raises(ValueError, match="at least one"):
        mean_of_intervals([])
