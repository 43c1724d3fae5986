import math
from collections.abc import Callable

import numpy as np
import pytest

from seatrial.verdicts.bounded import bounded_mean
from seatrial.verdicts.metrics import LOG_LOSS_CEILING, LOG_LOSS_CLIP

Covers = Callable[[int, int, float], None]
TRIALS = 400

# (name, draw, mean): a small mean with a long tail is what a good model's log loss looks like
DRAWS: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], float]] = {
    "coin near 0": (lambda random, n: (random.uniform(size=n) < 0.02).astype(float), 0.02),
    "fair coin": (lambda random, n: (random.uniform(size=n) < 0.5).astype(float), 0.5),
    "coin near 1": (lambda random, n: (random.uniform(size=n) < 0.97).astype(float), 0.97),
    "skewed": (lambda random, n: random.beta(0.2, 3.8, n), 0.05),
    "flat": (lambda random, n: random.uniform(size=n), 0.5),
    "constant": (lambda random, n: np.full(n, 0.3), 0.3),
}


@pytest.mark.parametrize("rows", [2, 20, 500])
@pytest.mark.parametrize("name", DRAWS)
def test_both_bounds_cover(name: str, rows: int, assert_covers: Covers) -> None:
    draw, mean = DRAWS[name]
    random, low, high = np.random.default_rng(6), 0, 0
    for seed in range(TRIALS):
        found = bounded_mean(draw(random, rows), confidence=0.95, seed=seed)
        low, high = low + (found.low <= mean + 1e-12), high + (found.high >= mean - 1e-12)
    assert_covers(low, TRIALS, 0.95)
    assert_covers(high, TRIALS, 0.95)


@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_at_the_edges_the_truth_is_inside(mean: float) -> None:
    found = bounded_mean([mean] * 30, confidence=0.95, seed=0)
    assert found.low <= mean <= found.high
    assert found.high - found.low < 0.2


def test_it_covers_with_one_seed_for_all_trials(assert_covers: Covers) -> None:
    """A trial's seed is fixed in practice: rows in random order must not need a new one each time."""
    random = np.random.default_rng(7)
    held = sum(bounded_mean(random.beta(0.2, 3.8, 100), confidence=0.9, seed=1).high >= 0.05 for _ in range(TRIALS))
    assert_covers(held, TRIALS, 0.9)


def test_the_order_of_the_rows_does_not_matter() -> None:
    values = np.random.default_rng(1).uniform(size=200)
    assert bounded_mean(np.sort(values), confidence=0.95, seed=3) == bounded_mean(values[::-1], confidence=0.95, seed=3)


def test_at_ten_thousand_rows_it_is_much_tighter_than_empirical_bernstein() -> None:
    random = np.random.default_rng(2)
    losses = np.minimum(random.exponential(0.35, 10_000), LOG_LOSS_CEILING)
    found = bounded_mean(losses, ceiling=LOG_LOSS_CEILING, confidence=0.975, seed=0)
    goal = math.log(2 / 0.025)
    bernstein = math.sqrt(2 * losses.var(ddof=1) * goal / 10_000) + 7 * LOG_LOSS_CEILING * goal / (3 * 9_999)
    normal = 1.96 * losses.std() / 100
    assert normal < found.high - found.estimate < 0.75 * bernstein
    assert normal < found.estimate - found.low < 0.75 * bernstein


def test_the_ceiling_of_the_log_loss_is_the_loss_at_its_clip() -> None:
    assert math.exp(-LOG_LOSS_CEILING) == pytest.approx(LOG_LOSS_CLIP)


def test_a_value_a_last_digit_above_the_ceiling_is_taken_as_the_ceiling() -> None:
    found = bounded_mean([np.nextafter(LOG_LOSS_CEILING, 9)] * 3, ceiling=LOG_LOSS_CEILING, confidence=0.95, seed=0)
    assert found.estimate == pytest.approx(LOG_LOSS_CEILING)


@pytest.mark.parametrize("values", [[], [1.5], [-0.1, 0.5], [math.nan]])
def test_no_values_or_values_out_of_range_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"at least one value|beyond"):
        bounded_mean(values, confidence=0.95, seed=0)
