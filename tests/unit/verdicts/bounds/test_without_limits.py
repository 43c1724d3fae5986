"""Quantities without limits: the number of these rows, and no bound, whatever the rows look like."""

import numpy as np
import pytest
from sklearn.metrics import mean_squared_error, r2_score

from seatrial.verdicts.bounds.asymptotic import asymptotic_mean, r_squared
from seatrial.verdicts.bounds.interval import NoInterval


@pytest.mark.parametrize("weights", [None, np.random.default_rng(23).lognormal(sigma=0.5, size=400)])
def test_the_estimates_are_scikit_learns(weights: np.ndarray | None) -> None:
    random = np.random.default_rng(24)
    actual = random.normal(5, 2, 400)
    predicted = actual + random.normal(size=400)
    fit = r_squared(actual, predicted, confidence=0.95, weights=weights)
    loss = asymptotic_mean((actual - predicted) ** 2, confidence=0.95, weights=weights)
    assert fit.estimate == pytest.approx(r2_score(actual, predicted, sample_weight=weights), abs=1e-12)
    assert loss.estimate == pytest.approx(mean_squared_error(actual, predicted, sample_weight=weights), abs=1e-12)


@pytest.mark.parametrize(
    "draw",
    [
        lambda random: random.normal(size=1_000),
        lambda random: random.standard_t(3, 1_000),
        lambda random: np.full(1_000, 0.1),
    ],
)
def test_no_rows_look_well_enough_for_a_bound(draw: object) -> None:
    """A million once in 10,000 rows makes a mean of 100, and 1,000 rows show none of it with probability 0.90."""
    assert callable(draw)
    errors, actual = draw(np.random.default_rng(28)), np.random.default_rng(29).normal(size=1_000)
    for found in (
        asymptotic_mean(errors, confidence=0.9),
        asymptotic_mean(np.abs(errors), confidence=0.9),
        r_squared(actual, actual + errors, confidence=0.9),
    ):
        assert isinstance(found, NoInterval)
        assert "too rare to be drawn" in found.reason
        assert found.estimate is not None


def test_equal_labels_have_no_r_squared_at_all() -> None:
    found = r_squared(np.ones(50), np.arange(50.0), confidence=0.95)
    assert "no variance" in found.reason
    assert found.estimate is None


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [1.0, float("inf")]])
def test_no_values_or_values_that_are_no_numbers_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"at least one value|not a number"):
        asymptotic_mean(values, confidence=0.95)
