import math
from collections.abc import Callable

import numpy as np
import pytest

from seatrial.verdicts.bounds import bounded_mean as bounded
from seatrial.verdicts.bounds.bounded_mean import blocks, bounded_mean, shuffled
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


@pytest.mark.simulation
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


def test_a_floor_only_moves_and_stretches_the_bounds() -> None:
    values = np.random.default_rng(3).uniform(size=300)
    plain = bounded_mean(values, confidence=0.95, seed=2)
    moved = bounded_mean(4 * values - 3, floor=-3, ceiling=1, confidence=0.95, seed=2)
    assert (moved.low, moved.estimate, moved.high) == pytest.approx(
        (4 * plain.low - 3, 4 * plain.estimate - 3, 4 * plain.high - 3), abs=1e-9
    )


@pytest.mark.parametrize("rows", [130, 500])
@pytest.mark.parametrize("name", ["coin near 0", "skewed", "flat"])
def test_both_bounds_cover_where_rows_are_bet_on_in_blocks(
    name: str, rows: int, assert_covers: Covers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happens above a million rows, at a size that can be repeated."""
    monkeypatch.setattr(bounded, "MOST_ROUNDS", 64)
    draw, mean = DRAWS[name]
    random, low, high = np.random.default_rng(8), 0, 0
    for seed in range(TRIALS):
        found = bounded_mean(draw(random, rows), confidence=0.95, seed=seed)
        low, high = low + (found.low <= mean), high + (found.high >= mean)
    assert_covers(low, TRIALS, 0.95)
    assert_covers(high, TRIALS, 0.95)


def test_blocks_are_the_means_of_consecutive_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "MOST_ROUNDS", 3)
    means, size = blocks(np.arange(8.0)[None, :])
    assert size == 3
    assert means.tolist() == [[1, 4, 6.5]]


def test_many_rows_are_bet_on_in_one_order(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shuffled(np.arange(16.0), seed=0).shape == (4, 16)
    monkeypatch.setattr(bounded, "MOST_ROUNDS", 63)
    assert shuffled(np.arange(16.0), seed=0).shape == (1, 16)


def test_a_million_rows_have_the_width_that_theory_gives() -> None:
    """The bets' half-width is √(2 log 1/α) standard errors, where the normal's is 1.96."""
    values = np.random.default_rng(9).uniform(size=1_000_000)
    found = bounded_mean(values, confidence=0.975, seed=0)
    errors = math.sqrt(2 * math.log(1 / 0.025)) * values.std() / 1_000
    assert found.high - found.estimate == pytest.approx(errors, rel=0.02)
    assert found.estimate - found.low == pytest.approx(errors, rel=0.02)
