import itertools

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import f1_score

from seatrial.verdicts.bounds.f_score import f1
from seatrial.verdicts.bounds.interval import Interval, NoInterval
from seatrial.verdicts.bounds.proportions import clopper_pearson


def test_the_estimate_is_scikit_learns() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        actual, answered = random.uniform(size=(2, 300)) < random.uniform()
        hits, wrong, missed = (
            int((a & b).sum()) for a, b in ((actual, answered), (~actual, answered), (actual, ~answered))
        )
        found = f1(hits, wrong, missed, confidence=0.95)
        assert isinstance(found, Interval)
        assert found.estimate == pytest.approx(f1_score(actual, answered), abs=1e-12)


@pytest.mark.parametrize("confidence", [0.95, 0.975])
def test_each_bound_covers_exactly_at_every_f1_and_number_of_rows(confidence: float) -> None:
    """Given the rows that are positive or called so, true positives are binomial: the coverage is a sum."""
    for union, share in itertools.product((1, 5, 30, 200), (0.01, 0.2, 0.5, 0.8, 0.99)):
        truth = 2 * share / (1 + share)
        hits = np.arange(union + 1)
        found = [f1(int(k), union - int(k), 0, confidence=confidence) for k in hits]
        mass = binom.pmf(hits, union, share)
        bounds = [(item.low, item.high) for item in found if isinstance(item, Interval)]
        low, high = np.array(bounds).T
        assert mass[low <= truth].sum() >= confidence - 1e-9
        assert mass[high >= truth].sum() >= confidence - 1e-9


@pytest.mark.simulation
def test_simulated_confusions_are_covered(assert_covers) -> None:  # type: ignore[no-untyped-def]
    """The same without conditioning: how many rows count is itself drawn."""
    cells, trials = [0.25, 0.05, 0.1, 0.6], 2_000
    truth = 2 * cells[0] / (2 * cells[0] + cells[1] + cells[2])
    drawn, times = np.unique(
        np.random.default_rng(1).multinomial(120, cells, trials)[:, :3], axis=0, return_counts=True
    )
    low = high = 0
    for (hits, wrong, missed), count in zip(drawn, times, strict=True):
        found = f1(int(hits), int(wrong), int(missed), confidence=0.95)
        assert isinstance(found, Interval)
        low, high = low + count * (found.low <= truth), high + count * (found.high >= truth)
    assert_covers(int(low), trials, 0.95)
    assert_covers(int(high), trials, 0.95)


def test_a_binomial_bound_with_too_many_rows_would_not_cover() -> None:
    """2 TP of 2 TP + FP + FN looks like a proportion, and is none: a true positive counts twice."""
    hits, union, share, confidence = np.arange(2_001), 2_000, 0.5, 0.975
    low, _ = clopper_pearson(2 * hits, union + hits, confidence=confidence)
    assert binom.pmf(hits, union, share)[low <= 2 * share / (1 + share)].sum() < confidence


def test_without_a_positive_anywhere_there_is_no_f1() -> None:
    assert isinstance(f1(0, 0, 0, confidence=0.95), NoInterval)


def test_no_true_positive_is_an_f1_of_zero_with_an_upper_bound() -> None:
    found = f1(0, 3, 4, confidence=0.95)
    assert isinstance(found, Interval)
    assert (found.estimate, found.low) == (0, 0)
    assert 0 < found.high < 1
