from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from seatrial.verdicts.bounds.bounded_mean import bounded_mean
from seatrial.verdicts.bounds.proportions import clopper_pearson
from seatrial.verdicts.bounds.weighted_mean import counted_assumption, weight_assumption, weighted_mean

Covers = Callable[[int, int, float], None]
Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]
TRIALS = 400


def _two_strata(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """A fifth of the rows stand for ten people each, and are right less often."""
    heavy = random.uniform(size=rows) < 0.2
    return (random.uniform(size=rows) < np.where(heavy, 0.6, 0.95)).astype(float), np.where(heavy, 10.0, 1.0)


def _losses(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights between 1/2 and 2, and a loss that grows with them."""
    weights = random.uniform(0.5, 2, rows)
    return random.beta(weights, 8), weights


# (draw, E[w x] / E[w])
DRAWS: dict[str, tuple[Draw, float]] = {
    "two strata": (_two_strata, (0.2 * 10 * 0.6 + 0.8 * 0.95) / 2.8),
    "losses": (_losses, float(np.mean((w := np.linspace(0.5, 2, 100_001)) * w / (w + 8)) / 1.25)),
    "always right": (lambda random, rows: (np.ones(rows), random.uniform(0.1, 1, rows)), 1.0),
}


@pytest.mark.simulation
@pytest.mark.parametrize("rows", [2, 30, 500])
@pytest.mark.parametrize("name", DRAWS)
def test_both_bounds_cover(name: str, rows: int, assert_covers: Covers) -> None:
    draw, mean = DRAWS[name]
    random, low, high = np.random.default_rng(11), 0, 0
    heaviest = 10.0 if name == "two strata" else 2.0
    for seed in range(TRIALS):
        found = weighted_mean(*draw(random, rows), low=0, high=1, confidence=0.95, seed=seed, heaviest=heaviest)
        low, high = low + (found.low <= mean + 1e-12), high + (found.high >= mean - 1e-12)
    assert_covers(low, TRIALS, 0.95)
    assert_covers(high, TRIALS, 0.95)


def test_with_the_largest_weight_taken_from_the_data_they_cover_too(assert_covers: Covers) -> None:
    random, high = np.random.default_rng(12), 0
    mean = DRAWS["two strata"][1]
    low = 0
    for seed in range(TRIALS):
        found = weighted_mean(*_two_strata(random, 40), low=0, high=1, confidence=0.95, seed=seed)
        low, high = low + (found.low <= mean), high + (found.high >= mean)
    assert_covers(low, TRIALS, 0.95)
    assert_covers(high, TRIALS, 0.95)


@pytest.mark.simulation
def test_clopper_pearson_on_people_would_not_cover() -> None:
    """Ten people behind one row are not ten independent ones."""
    random, mean, held = np.random.default_rng(13), DRAWS["two strata"][1], 0
    for _ in range(TRIALS):
        right, weights = _two_strata(random, 500)
        low, _ = clopper_pearson(right @ weights, weights.sum(), confidence=0.95)
        held += int(low <= mean)
    assert held < 0.9 * TRIALS


def test_the_estimate_is_scikit_learns() -> None:
    random = np.random.default_rng(14)
    actual, answered = random.integers(0, 2, (2, 300))
    weights = random.lognormal(size=300)
    found = weighted_mean(actual == answered, weights, low=0, high=1, confidence=0.95, seed=0)
    assert found.estimate == pytest.approx(accuracy_score(actual, answered, sample_weight=weights), abs=1e-12)


@pytest.mark.parametrize("weight", [1.0, 250.0])
def test_equal_weights_give_the_bounds_of_the_plain_mean(weight: float) -> None:
    values = np.random.default_rng(15).uniform(-1, 2, 300)
    found = weighted_mean(values, np.full(300, weight), low=-1, high=2, confidence=0.95, seed=3)
    plain = bounded_mean(values, floor=-1, ceiling=2, confidence=0.95, seed=3)
    assert (found.low, found.estimate, found.high) == pytest.approx((plain.low, plain.estimate, plain.high), abs=1e-9)


def test_the_unit_of_the_weights_and_the_order_of_the_rows_do_not_matter() -> None:
    random = np.random.default_rng(16)
    values, weights = random.uniform(size=200), random.lognormal(size=200)
    found = weighted_mean(values, weights, low=0, high=1, confidence=0.95, seed=3)
    turned = weighted_mean(values[::-1], 1_000 * weights[::-1], low=0, high=1, confidence=0.95, seed=3)
    assert (found.low, found.estimate, found.high) == pytest.approx(
        (turned.low, turned.estimate, turned.high), abs=1e-9
    )


def test_uneven_weights_cost_width() -> None:
    values = (np.arange(2_000) % 5 > 0).astype(float)
    even, uneven = np.ones(2_000), np.where(np.arange(2_000) % 2 == 0, 1.0, 9.0)
    narrow, wide = (weighted_mean(values, w, low=0, high=1, confidence=0.95, seed=0) for w in (even, uneven))
    kish = np.sqrt(2_000 / (uneven.sum() ** 2 / (uneven @ uneven)))
    assert wide.high - wide.low == pytest.approx(kish * (narrow.high - narrow.low), rel=0.1)


def test_one_row_leaves_almost_everything_open() -> None:
    found = weighted_mean([1.0], [7.0], low=0, high=1, confidence=0.95, seed=0)
    assert found.estimate == found.high == 1
    assert found.low < 0.6


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_a_weight_that_is_no_positive_number_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match=r"of row 1: a weight is a positive number"):
        weighted_mean([0.5, 0.5], [1.0, weight], low=0, high=1, confidence=0.95, seed=0)


@pytest.mark.parametrize(
    ("values", "weights", "heaviest", "words"),
    [
        ([], [], None, "at least one"),
        ([0.5], [1.0, 2.0], None, "equally many"),
        ([1.5], [1.0], None, "beyond"),
        ([0.5], [2.0], 1.0, "more than the heaviest"),
    ],
)
def test_what_cannot_be_averaged_is_refused(
    values: list[float], weights: list[float], heaviest: float | None, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        weighted_mean(values, weights, low=0, high=1, confidence=0.95, seed=0, heaviest=heaviest)


def _rare_heavy_rows(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """One in a hundred stands for a hundred people, and is wrong: of a hundred rows, a third of the draws has none."""
    heavy = random.uniform(size=rows) < 0.01
    return (~heavy & (random.uniform(size=rows) < 0.9)).astype(float), np.where(heavy, 100.0, 1.0)


@pytest.mark.simulation
def test_rare_heavy_rows_are_missed_only_where_the_weights_are_doubted_and_never_with_the_largest_stated(
    assert_covers: Covers,
) -> None:
    random, truth = np.random.default_rng(13), 0.99 * 0.9 / 1.99
    missed, undoubted, stated = 0, 0, 0
    for seed in range(TRIALS):
        values, weights = _rare_heavy_rows(random, 100)
        seen = weighted_mean(values, weights, low=0, high=1, confidence=0.95, seed=seed)
        told = weighted_mean(values, weights, low=0, high=1, confidence=0.95, seed=seed, heaviest=100)
        missed += seen.low > truth
        undoubted += seen.low > truth and weight_assumption(weights).doubt is None
        stated += told.low <= truth
    assert missed > TRIALS / 4  # of 5 %: whoever does not look at the weights is wrong so often
    assert undoubted == 0
    assert_covers(stated, TRIALS, 0.95)


def test_sums_of_weights_raise_only_doubts_that_the_rows_would_raise_too() -> None:
    random = np.random.default_rng(14)
    for _ in range(200):
        weights = np.exp(random.uniform(0, 3) * random.standard_normal(int(random.integers(1, 60))))
        weights = np.ones(weights.size) if random.uniform() < 0.1 else weights
        counted = counted_assumption(weights.max(), weights.size, (weights.sum(), (weights**2).sum()))
        assert counted.doubt is None or weight_assumption(weights).doubt is not None
    assert counted_assumption(3.0, 20, (60.0, 180.0)).doubt == "all 20 rows weigh 3"
    assert counted_assumption(3.0, 20, (60.0, 180.0), 4.0).doubt is None
