from collections.abc import Callable

import numpy as np
import pytest

from seatrial.verdicts.bounds.calibration_error import bin_edges, calibration_error
from seatrial.verdicts.bounds.special_functions import Floats

Covers = Callable[[int, int, float], None]
TRIALS = 300
TENTHS = np.linspace(0.1, 0.9, 9)


def _true_error(accuracy: Callable[[Floats], Floats]) -> float:
    """θ for scores uniform on [0, 1], bins of tenths."""
    grid = (np.arange(100_000) + 0.5) / 100_000
    return float(np.abs((accuracy(grid) - grid).reshape(10, -1).mean(axis=1)).mean())


ACCURACIES: dict[str, Callable[[Floats], Floats]] = {
    "perfect": lambda s: s,
    "overconfident": lambda s: 0.5 + 0.7 * (s - 0.5),
    "always right": lambda s: np.ones_like(s),
    "always wrong": lambda s: np.zeros_like(s),
    "off in one bin": lambda s: np.where(s < 0.1, s + 0.5, s),
}


@pytest.mark.simulation
@pytest.mark.parametrize("rows", [1, 20, 400])
@pytest.mark.parametrize("name", ACCURACIES)
def test_both_bounds_cover_also_at_perfect_calibration(name: str, rows: int, assert_covers: Covers) -> None:
    accuracy = ACCURACIES[name]
    truth, random, low, high = _true_error(accuracy), np.random.default_rng(9), 0, 0
    for seed in range(TRIALS):
        scores = random.uniform(size=rows)
        correct = random.uniform(size=rows) < accuracy(scores)
        found = calibration_error(scores, correct, TENTHS, confidence=0.95, seed=seed)
        low, high = low + (found.low <= truth + 1e-9), high + (found.high >= truth - 1e-9)
    assert_covers(low, TRIALS, 0.95)
    assert_covers(high, TRIALS, 0.95)


def test_the_plug_in_is_above_the_truth_at_perfect_calibration_and_the_low_bound_is_not() -> None:
    random = np.random.default_rng(1)
    scores = random.uniform(size=(50, 400))
    found = [calibration_error(row, random.uniform(size=400) < row, TENTHS, confidence=0.95, seed=0) for row in scores]
    assert min(item.estimate for item in found) > 0.02
    assert np.mean([item.low == 0 for item in found]) >= 0.9


def test_it_is_useful_at_ten_thousand_rows() -> None:
    random = np.random.default_rng(2)
    scores = random.uniform(size=10_000)
    edges = bin_edges(random.uniform(size=5_000))
    good = calibration_error(scores, random.uniform(size=10_000) < scores, edges, confidence=0.95, seed=0)
    assert good.high < 0.025
    off = calibration_error(scores, random.uniform(size=10_000) < scores**1.4, edges, confidence=0.95, seed=0)
    assert off.low > 0.05
    assert off.high - off.low < 0.04


def test_the_bound_does_not_depend_on_the_order_of_the_rows() -> None:
    random = np.random.default_rng(3)
    scores = np.round(random.uniform(size=300), 1)
    correct = random.uniform(size=300) < scores
    mixed = random.permutation(300)
    assert calibration_error(scores, correct, TENTHS, confidence=0.95, seed=5) == calibration_error(
        scores[mixed], correct[mixed], TENTHS, confidence=0.95, seed=5
    )


def test_edges_hold_equally_many_rows_and_ties_make_fewer_bins() -> None:
    scores = np.random.default_rng(4).uniform(size=1_000)
    assert np.bincount(np.searchsorted(bin_edges(scores), scores)).tolist() == [100] * 10
    assert bin_edges([0.5] * 100).tolist() == [0.5]


def test_scores_that_are_no_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        calibration_error([1.2], [1], TENTHS, confidence=0.95, seed=0)
    with pytest.raises(ValueError, match="equally many"):
        calibration_error([0.2], [1, 0], TENTHS, confidence=0.95, seed=0)


@pytest.mark.parametrize("sharpening", [1.0, 3.0])
def test_the_confidence_of_the_answer_among_several_classes_is_measured_as_it_is(
    sharpening: float, assert_covers: Covers
) -> None:
    """Five classes drawn from known probabilities; a model that states them sharpened is overconfident."""
    random, edges, trials = np.random.default_rng(7), np.array([0.3, 0.4, 0.5, 0.6, 0.75]), 200

    def stated_and_right(rows: int) -> tuple[Floats, Floats]:
        real = random.dirichlet(np.full(5, 0.8), rows)
        stated = real**sharpening / (real**sharpening).sum(axis=1, keepdims=True)
        return stated.max(axis=1), real[np.arange(rows), stated.argmax(axis=1)]

    confidences, chances = stated_and_right(400_000)
    bins = np.searchsorted(edges, confidences, side="right")
    truth = float(np.abs(np.bincount(bins, chances - confidences, 6)).sum() / 400_000)
    assert truth < 1e-9 if sharpening == 1 else truth > 0.2
    low = high = 0
    for seed in range(trials):
        confidences, chances = stated_and_right(300)
        found = calibration_error(confidences, random.uniform(size=300) < chances, edges, confidence=0.95, seed=seed)
        low, high = low + (found.low <= truth + 1e-9), high + (found.high >= truth)
    assert_covers(low, trials, 0.95)
    assert_covers(high, trials, 0.95)


def test_a_single_row_leaves_everything_open() -> None:
    found = calibration_error([0.9], [True], [0.5], confidence=0.95, seed=0)
    assert (found.low, found.estimate) == pytest.approx((0, 0.1))
    assert found.high > 0.9


def _weighted(random: np.random.Generator, rows: int) -> tuple[Floats, Floats, Floats]:
    """Half of the rows stand for four people each, and are right 0.3 more seldom than stated; the others as stated."""
    scores, heavy = random.uniform(0.3, 1, rows), random.uniform(size=rows) < 0.5
    right = (random.uniform(size=rows) < scores - 0.3 * heavy).astype(float)
    return scores, right, np.where(heavy, 4.0, 1.0)


@pytest.mark.simulation
@pytest.mark.parametrize("rows", [20, 400])
def test_weighted_bounds_cover_the_error_of_people_not_of_rows(rows: int, assert_covers: Covers) -> None:
    random, truth, low, high = np.random.default_rng(10), 0.3 * 4 / 5, 0, 0
    for seed in range(TRIALS):
        scores, right, weights = _weighted(random, rows)
        found = calibration_error(scores, right, TENTHS, confidence=0.95, seed=seed, weights=weights)
        low, high = low + (found.low <= truth), high + (found.high >= truth)
    assert_covers(low, TRIALS, 0.95)
    assert_covers(high, TRIALS, 0.95)


def test_weighted_bounds_are_useful_at_ten_thousand_rows() -> None:
    scores, right, weights = _weighted(np.random.default_rng(11), 10_000)
    found = calibration_error(scores, right, TENTHS, confidence=0.95, seed=0, weights=weights)
    assert found.estimate == pytest.approx(0.24, abs=0.02)
    assert found.high - found.low < 0.05
    assert calibration_error(scores, right, TENTHS, confidence=0.95, seed=0).high < found.low


def test_equal_weights_change_nothing_but_the_methods_name() -> None:
    random = np.random.default_rng(12)
    scores = random.uniform(size=300)
    right = random.uniform(size=300) < scores**1.3
    plain = calibration_error(scores, right, TENTHS, confidence=0.95, seed=4)
    found = calibration_error(scores, right, TENTHS, confidence=0.95, seed=4, weights=np.full(300, 9.0))
    assert (found.low, found.estimate, found.high) == pytest.approx((plain.low, plain.estimate, plain.high))


def test_weights_for_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="equally many"):
        calibration_error([0.5, 0.6], [1, 0], TENTHS, confidence=0.95, seed=0, weights=[1.0])
