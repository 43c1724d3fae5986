"""What holds for every method on whatever rows: finite, around the estimate, within the range, wider when surer."""

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.verdicts.bounds.asymptotic import average_precision, weighted_roc_auc
from seatrial.verdicts.bounds.auc import roc_auc
from seatrial.verdicts.bounds.averages import mean_of_proportions
from seatrial.verdicts.bounds.bounded_mean import bounded_mean
from seatrial.verdicts.bounds.calibration_error import calibration_error
from seatrial.verdicts.bounds.differences import Count
from seatrial.verdicts.bounds.f_score import f1
from seatrial.verdicts.bounds.interval import Interval, NoInterval
from seatrial.verdicts.bounds.paired import paired_auc, paired_mean, paired_proportions
from seatrial.verdicts.bounds.paired_statistics import paired_average_precision, paired_ratio
from seatrial.verdicts.bounds.ratios import proportion_ratio
from seatrial.verdicts.bounds.weighted_mean import weighted_mean

Method = Callable[[np.random.Generator, int, float], Interval | NoInterval]


def _labels(random: np.random.Generator, rows: int) -> np.ndarray:
    """Both classes, at least one row each."""
    share = random.choice([0.02, 0.5, 0.9])
    labels: np.ndarray = random.uniform(size=rows + 2) < share
    labels[0], labels[1] = True, False
    return labels


def _values(random: np.random.Generator, rows: int) -> np.ndarray:
    """In [0, 1]: spread out, few and far between, all equal, or at the edges."""
    draws = (random.uniform(size=rows), random.uniform(size=rows) < 0.05, np.full(rows, 0.3), np.ones(rows))
    return np.asarray(draws[random.integers(4)], dtype=float)


def _scores(random: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    return np.asarray(np.round(random.normal(size=labels.size) + random.choice([0, 1, 9]) * labels, 1))


def _weights(random: np.random.Generator, rows: int) -> np.ndarray:
    return random.lognormal(sigma=float(random.choice([0.0, 0.5, 2.0])), size=rows)


def _count(random: np.random.Generator, rows: int) -> Count:
    return Count(int(random.binomial(rows, random.choice([0.0, 0.05, 0.5, 1.0]))), rows)


def _three(random: np.random.Generator, rows: int) -> tuple[int, int, int]:
    one, two, three, _ = random.multinomial(rows, random.dirichlet(np.full(4, 0.4)))
    return int(one), int(two), int(three)


def _ranking(method: Callable[..., Interval | NoInterval], *, scored: int = 1, weighted: bool = False) -> Method:
    def call(random: np.random.Generator, rows: int, confidence: float) -> Interval | NoInterval:
        labels = _labels(random, rows)
        scores = [_scores(random, labels) for _ in range(scored)]
        weights = {"weights": _weights(random, labels.size)} if weighted else {}
        return method(labels, *scores, confidence=confidence, **weights)

    return call


def _shares(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The terms of a precision: each top is at most its bottom."""
    called = random.uniform(size=rows) < 0.5
    return (called & (random.uniform(size=rows) < 0.7)).astype(float), called.astype(float)


# name: (how it is called on random rows, the range of what it measures)
METHODS: dict[str, tuple[Method, tuple[float, float]]] = {
    "f1": (lambda random, n, c: f1(*_three(random, n), confidence=c), (0, 1)),
    "mean of proportions": (
        lambda random, n, c: mean_of_proportions(
            [_count(random, n), _count(random, 3), _count(random, n)], confidence=c
        ),
        (0, 1),
    ),
    "ratio": (
        lambda random, n, c: proportion_ratio(_count(random, n), _count(random, n), confidence=c),
        (0, math.inf),
    ),
    "bounded": (lambda random, n, c: bounded_mean(_values(random, n), confidence=c, seed=1), (0, 1)),
    "weighted": (
        lambda random, n, c: weighted_mean(
            _values(random, n), _weights(random, n), low=0, high=1, confidence=c, seed=1
        ),
        (0, 1),
    ),
    "calibration": (
        lambda random, n, c: calibration_error(
            _values(random, n), random.uniform(size=n) < 0.7, [0.3, 0.6], confidence=c, seed=1
        ),
        (0, 1),
    ),
    "AUC": (_ranking(roc_auc), (0, 1)),
    "AUC, weighted": (
        _ranking(
            lambda labels, scores, *, confidence, weights: weighted_roc_auc(
                labels, scores, weights, confidence=confidence
            ),
            weighted=True,
        ),
        (0, 1),
    ),
    "average precision": (_ranking(average_precision), (0, 1)),
    "average precision, weighted": (_ranking(average_precision, weighted=True), (0, 1)),
    "paired AUC": (_ranking(paired_auc, scored=2), (-1, 1)),
    "paired average precision": (_ranking(paired_average_precision, scored=2), (-math.inf, math.inf)),
    "paired proportions": (
        lambda random, n, c: paired_proportions(*_three(random, n)[:2], n, confidence=c),
        (-1, 1),
    ),
    "paired mean": (
        lambda random, n, c: paired_mean(_values(random, n) - _values(random, n), low=-1, high=1, confidence=c, seed=1),
        (-1, 1),
    ),
    "paired ratio": (
        lambda random, n, c: paired_ratio(*_shares(random, n), *_shares(random, n), confidence=c),
        (-math.inf, math.inf),
    ),
}
ROUNDING = 1e-9
STAIRCASE = 0.01  # of a width: how much `combined_tests` may be too wide, at one confidence and not at the next


@pytest.mark.simulation
@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=50, deadline=None)  # a slow machine is no failure
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 5, 29, 30, 120]), st.sampled_from([0.9, 0.975, 0.9999]))
def test_it_is_a_finite_interval_around_the_estimate_within_the_range(
    name: str, seed: int, rows: int, confidence: float
) -> None:
    method, (least, most) = METHODS[name]
    found = method(np.random.default_rng(seed), rows, confidence)
    if isinstance(found, NoInterval):
        assert found.reason
        return
    assert all(math.isfinite(value) and isinstance(value, float) for value in (found.low, found.estimate, found.high))
    assert least - ROUNDING <= found.low <= found.estimate + ROUNDING
    assert found.estimate - ROUNDING <= found.high <= most + ROUNDING
    assert found.method
    surer = method(np.random.default_rng(seed), rows, 1 - (1 - confidence) / 10)
    if isinstance(surer, Interval):
        assert surer.estimate == found.estimate
        allowed = 1e-6 + STAIRCASE * (found.high - found.low)
        assert surer.low <= found.low + allowed
        assert surer.high >= found.high - allowed


def test_a_warning_would_be_an_error_here() -> None:
    """What the tests above also say: no method divides by 0 or overflows on its way."""
    with warnings.catch_warnings(), pytest.raises(RuntimeWarning):
        np.float64(1) / np.float64(0)
