"""For counts the coverage needs no simulation: it is the probability of the counts whose bounds hold the truth."""

import numpy as np
import pytest
from scipy.stats import binom

from seatrial.verdicts.bounds.proportions import clopper_pearson, proportion

RATES = np.concatenate([[0.0, 1e-4, 0.001], np.linspace(0.01, 0.99, 99), [0.999, 0.9999, 1.0]])


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.975, 0.99])
@pytest.mark.parametrize("rows", [1, 2, 3, 10, 30, 200])
def test_each_clopper_pearson_bound_covers_at_least_as_promised_at_every_rate(rows: int, confidence: float) -> None:
    counts = np.arange(rows + 1)
    low, high = clopper_pearson(counts, rows, confidence=confidence)
    mass = binom.pmf(counts[:, None], rows, RATES)
    assert (mass * (low[:, None] <= RATES)).sum(axis=0).min() >= confidence - 1e-9
    assert (mass * (high[:, None] >= RATES)).sum(axis=0).min() >= confidence - 1e-9


@pytest.mark.parametrize("confidence", [0.95, 0.975])
def test_the_test_of_coverage_catches_a_bound_that_is_too_tight(confidence: float) -> None:
    counts = np.arange(11)
    low, _ = clopper_pearson(counts, 10, confidence=confidence - 0.02)
    mass = binom.pmf(counts[:, None], 10, RATES)
    assert (mass * (low[:, None] <= RATES)).sum(axis=0).min() < confidence


def test_simulated_trials_agree_with_the_promise(assert_covers) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(5)
    counts = random.binomial(40, 0.9, 20_000)
    low, high = (bound[counts] for bound in clopper_pearson(np.arange(41), 40, confidence=0.95))
    assert_covers(int((low <= 0.9).sum()), 20_000, 0.95)
    assert_covers(int((high >= 0.9).sum()), 20_000, 0.95)


def test_at_the_edges_one_bound_is_the_edge_and_the_other_has_its_closed_form() -> None:
    none, every = proportion(0, 20, confidence=0.95), proportion(20, 20, confidence=0.95)
    assert (none.low, every.high) == (0, 1)
    assert none.high == pytest.approx(1 - 0.05 ** (1 / 20))
    assert every.low == pytest.approx(0.05 ** (1 / 20))


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and rows"):
        clopper_pearson(3, 2, confidence=0.95)
    with pytest.raises(ValueError, match="at least one row"):
        proportion(0, 0, confidence=0.95)
