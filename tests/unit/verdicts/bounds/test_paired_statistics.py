from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import stdtrit
from scipy.stats import norm
from sklearn.metrics import average_precision_score, f1_score, precision_score

from seatrial.verdicts.bounds import influence
from seatrial.verdicts.bounds.asymptotic import average_precision
from seatrial.verdicts.bounds.differences import interval_difference
from seatrial.verdicts.bounds.f_score import f1
from seatrial.verdicts.bounds.interval import Interval, NoInterval, half_alpha
from seatrial.verdicts.bounds.paired_statistics import paired_average_precision, paired_ratio

Covers = Callable[[int, int, float], None]
Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]
TRIALS, NOMINAL = 500, 0.975


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """SciPy's quantile, which equals ours (see its own test) and is quicker."""
    monkeypatch.setattr(influence, "student_quantile", lambda p, degrees: float(stdtrit(degrees, p)))


def _f1_terms(actual: Bools, called: Bools) -> tuple[np.ndarray, np.ndarray]:
    return 2.0 * (actual & called), actual.astype(float) + called


def _precision_terms(actual: Bools, called: Bools) -> tuple[np.ndarray, np.ndarray]:
    return (actual & called).astype(float), called.astype(float)


def _called(random: np.random.Generator, rows: int) -> tuple[Bools, Bools, Bools]:
    """30 % positives, of which the model calls 80 %, and 10 % of the rest; the reference tries 15 % of rows anew."""
    actual = random.uniform(size=rows) < 0.3
    mine = random.uniform(size=rows) < np.where(actual, 0.8, 0.1)
    other = np.where(random.uniform(size=rows) < 0.15, random.uniform(size=rows) < np.where(actual, 0.6, 0.2), mine)
    return actual, mine, other


def _truth(found: float, wrong: float, name: str) -> float:
    """F1 or precision with 30 % positives, of which `found` are called, and `wrong` of the others."""
    hits, called = 0.3 * found, 0.3 * found + 0.7 * wrong
    return 2 * hits / (called + 0.3) if name == "f1" else hits / called


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["f1", "precision"])
def test_differences_of_f1_and_precision_are_covered(name: str, weighted: bool, assert_covers: Covers) -> None:
    random, terms = np.random.default_rng(61), _f1_terms if name == "f1" else _precision_terms
    truth = _truth(0.8, 0.1, name) - _truth(0.85 * 0.8 + 0.15 * 0.6, 0.85 * 0.1 + 0.15 * 0.2, name)
    low = high = stated = 0
    for _ in range(TRIALS):
        actual, mine, other = _called(random, 600)
        weights = random.uniform(0.3, 2, 600) if weighted else None
        found = paired_ratio(*terms(actual, mine), *terms(actual, other), confidence=NOMINAL, weights=weights)
        if isinstance(found, Interval):
            stated += 1
            low, high = low + (found.low <= truth), high + (found.high >= truth)
    assert stated > 0.9 * TRIALS
    assert_covers(low, stated, NOMINAL)
    assert_covers(high, stated, NOMINAL)


@pytest.mark.parametrize("weights", [None, np.random.default_rng(62).lognormal(sigma=0.5, size=2_000)])
def test_the_estimates_are_differences_of_scikit_learns(weights: np.ndarray | None) -> None:
    actual, mine, other = _called(np.random.default_rng(63), 2_000)
    for terms, score in ((_f1_terms, f1_score), (_precision_terms, precision_score)):
        found = paired_ratio(*terms(actual, mine), *terms(actual, other), confidence=NOMINAL, weights=weights)
        expected = score(actual, mine, sample_weight=weights) - score(actual, other, sample_weight=weights)
        assert isinstance(found, Interval)
        assert found.estimate == pytest.approx(expected, abs=1e-12)
    noise = np.random.default_rng(64).normal(size=(3, 2_000))
    ranked = paired_average_precision(actual, noise[1] + actual, noise[2], confidence=NOMINAL, weights=weights)
    expected = np.subtract(
        *(average_precision_score(actual, item, sample_weight=weights) for item in (noise[1] + actual, noise[2]))
    )
    assert isinstance(ranked, Interval)
    assert ranked.estimate == pytest.approx(expected, abs=1e-12)


def test_it_is_far_tighter_than_two_intervals() -> None:
    random, each = np.random.default_rng(65), half_alpha(NOMINAL)
    actual, mine, other = _called(random, 5_000)
    found = paired_ratio(*_f1_terms(actual, mine), *_f1_terms(actual, other), confidence=NOMINAL)
    counts = [(int((actual & c).sum()), int((~actual & c).sum()), int((actual & ~c).sum())) for c in (mine, other)]
    _assert_tighter(found, *(f1(*item, confidence=each) for item in counts), factor=2.5)

    shared = random.normal(size=5_000)
    scores = [shared + 0.3 * random.normal(size=5_000) + actual for _ in range(2)]
    ranked = paired_average_precision(actual, *scores, confidence=NOMINAL)
    _assert_tighter(ranked, *(average_precision(actual, item, confidence=each) for item in scores), factor=2.5)


def _assert_tighter(
    found: Interval | NoInterval, mine: Interval | NoInterval, other: Interval | NoInterval, *, factor: float
) -> None:
    assert isinstance(found, Interval)
    assert isinstance(mine, Interval)
    assert isinstance(other, Interval)
    apart = interval_difference(mine, other)
    assert found.estimate == pytest.approx(apart.estimate, abs=1e-12)
    assert apart.high - apart.low > factor * (found.high - found.low)


def _precision_of(distance: float) -> float:
    """The average precision of normal scores whose classes lie `distance` apart, with 20 % of positives."""

    def at(score: float) -> float:
        right = 0.2 * norm.sf(score - distance)
        return float(norm.pdf(score - distance) * right / (right + 0.8 * norm.sf(score)))

    return float(quad(at, -8, distance + 9)[0])


@pytest.mark.parametrize(("distances", "shared"), [((1.0, 1.0), 0.8), ((1.5, 1.0), 0.8), ((1.5, 0.5), 0.0)])
def test_differences_of_average_precision_are_covered_for_normal_scores(
    distances: tuple[float, float], shared: float, assert_covers: Covers
) -> None:
    random, truth = np.random.default_rng(67), _precision_of(distances[0]) - _precision_of(distances[1])
    low = high = stated = 0
    for _ in range(TRIALS):
        actual = random.uniform(size=600) < 0.2
        both = shared**0.5 * random.normal(size=600)
        scores = [both + (1 - shared) ** 0.5 * random.normal(size=600) + d * actual for d in distances]
        found = paired_average_precision(actual, *scores, confidence=NOMINAL)
        if isinstance(found, Interval):
            stated += 1
            low, high = low + (found.low <= truth), high + (found.high >= truth)
    assert stated > 0.9 * TRIALS
    assert_covers(low, stated, NOMINAL)
    assert_covers(high, stated, NOMINAL)


def test_swapping_the_models_mirrors_the_interval() -> None:
    actual, mine, other = _called(np.random.default_rng(70), 500)
    scores = np.random.default_rng(71).normal(size=(2, 500)) + np.array([2.0, 0.5])[:, None] * actual
    for one, swapped in (
        (
            paired_ratio(*_f1_terms(actual, mine), *_f1_terms(actual, other), confidence=NOMINAL),
            paired_ratio(*_f1_terms(actual, other), *_f1_terms(actual, mine), confidence=NOMINAL),
        ),
        (
            paired_average_precision(actual, *scores, confidence=NOMINAL),
            paired_average_precision(actual, *scores[::-1], confidence=NOMINAL),
        ),
    ):
        assert isinstance(one, Interval)
        assert isinstance(swapped, Interval)
        assert (one.low, one.high) == pytest.approx((-swapped.high, -swapped.low))


def test_a_model_that_calls_no_row_positive_has_no_precision_to_compare() -> None:
    actual, mine, _ = _called(np.random.default_rng(68), 200)
    nobody = np.zeros(200, dtype=bool)
    terms = (*_precision_terms(actual, mine), *_precision_terms(actual, nobody))
    found = paired_ratio(*terms, confidence=NOMINAL)
    assert isinstance(found, NoInterval)
    assert "denominator is 0" in found.reason


def test_models_that_agree_everywhere_leave_room_for_rows_too_rare_to_be_seen() -> None:
    actual, mine, _ = _called(np.random.default_rng(69), 200)
    found = paired_ratio(*_f1_terms(actual, mine), *_f1_terms(actual, mine), confidence=NOMINAL)
    assert isinstance(found, Interval)
    assert found.low == -found.high < -0.1


def test_other_rows_for_the_reference_are_refused() -> None:
    with pytest.raises(ValueError, match="same rows"):
        paired_ratio([1.0], [1.0], [1.0, 0.0], [1.0, 1.0], confidence=NOMINAL)
