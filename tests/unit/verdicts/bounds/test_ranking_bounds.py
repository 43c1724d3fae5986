from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import betaincinv, stdtrit
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from seatrial.verdicts.bounds import influence, ranking
from seatrial.verdicts.bounds.asymptotic import average_precision, weighted_roc_auc
from seatrial.verdicts.bounds.auc import roc_auc
from seatrial.verdicts.bounds.interval import Interval, NoInterval
from seatrial.verdicts.bounds.ranking import average_precision_parts

Covers = Callable[[int, int, float], None]
TRIALS, NOMINAL = 500, 0.975


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """SciPy's quantiles, which equal ours (see their own tests) and are quicker."""

    def exact(successes: float, rows: float, *, confidence: float) -> tuple[float, float]:
        missed = rows - successes
        return betaincinv(successes, missed + 1, 1 - confidence), betaincinv(successes + 1, missed, confidence)

    monkeypatch.setattr(ranking, "clopper_pearson", exact)
    monkeypatch.setattr(influence, "student_quantile", lambda p, degrees: float(stdtrit(degrees, p)))


def _precision(distance: float, share: float) -> float:
    """The average precision of normal scores whose classes lie `distance` apart, with this share of positives."""

    def at(score: float) -> float:
        right = share * norm.sf(score - distance)
        return float(norm.pdf(score - distance) * right / (right + (1 - share) * norm.sf(score)))

    return float(quad(at, -8, distance + 9)[0])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("rows", "share", "distance"), [(200, 0.3, 1.0), (1_000, 0.1, 1.0), (1_000, 0.05, 2.0), (1_000, 0.3, 0.0)]
)
def test_average_precision_is_covered_for_normal_scores(
    rows: int, share: float, distance: float, weighted: bool, assert_covers: Covers
) -> None:
    random, low, high, stated = np.random.default_rng(31), 0, 0, 0
    truth = _precision(distance, share)
    for _ in range(TRIALS):
        positive = random.uniform(size=rows) < share
        weights = random.lognormal(sigma=0.4, size=rows) if weighted else None
        found = average_precision(
            positive, random.normal(size=rows) + distance * positive, confidence=NOMINAL, weights=weights
        )
        if isinstance(found, Interval):
            stated += 1
            low, high = low + (found.low <= truth), high + (found.high >= truth)
    assert stated > 0.9 * TRIALS
    assert_covers(low, stated, NOMINAL)
    assert_covers(high, stated, NOMINAL)


@pytest.mark.simulation
def test_the_lower_bound_needs_what_average_precision_flatters_itself_by(assert_covers: Covers) -> None:
    random, rows, share, trials = np.random.default_rng(36), 1_000, 0.1, 3_000
    truth, low, plain = _precision(1.0, share), 0, 0
    flattery, estimates = [], []
    for _ in range(trials):
        positive = random.uniform(size=rows) < share
        scores = random.normal(size=rows) + positive
        estimate, optimism, parts = average_precision_parts(positive, scores, np.ones(rows))
        flattery.append(optimism)
        estimates.append(estimate)
        found = average_precision(positive, scores, confidence=NOMINAL)
        unmoved = ranking._on_logit_scale(estimate, 0.0, parts, NOMINAL, "", None, (0.0, 0.0))
        assert isinstance(found, Interval)
        assert isinstance(unmoved, Interval)
        low, plain = low + (found.low <= truth), plain + (unmoved.low <= truth)
    assert np.mean(flattery) == pytest.approx(np.mean(estimates) - truth, abs=0.003)
    assert_covers(low, trials, NOMINAL)
    with pytest.raises(AssertionError, match="nominal"):
        assert_covers(plain, trials, NOMINAL)


@pytest.mark.parametrize(("positives", "negatives", "distance"), [(60, 240, 1.0), (400, 400, 1.5)])
def test_the_weighted_auc_is_covered_where_weights_and_scores_depend(
    positives: int, negatives: int, distance: float, assert_covers: Covers
) -> None:
    """Heavy rows are ranked as in a coin flip, light ones well: the weighted AUC is far from the plain one."""
    positive = np.arange(positives + negatives) < positives
    random, low, high, stated = np.random.default_rng(32), 0, 0, 0
    heavy_share, weight = 0.3, 4.0
    people = heavy_share * weight / (heavy_share * weight + 1 - heavy_share)
    truth = people * 0.5 + (1 - people) * norm.cdf(distance / 2**0.5)  # negatives are alike, whatever they weigh
    for _ in range(TRIALS):
        heavy = random.uniform(size=positive.size) < heavy_share
        scores = random.normal(size=positive.size) + distance * (positive & ~heavy)
        found = weighted_roc_auc(positive, scores, np.where(heavy, weight, 1.0), confidence=NOMINAL)
        if isinstance(found, Interval):
            stated += 1
            low, high = low + (found.low <= truth), high + (found.high >= truth)
    assert stated > 0.9 * TRIALS
    assert_covers(low, stated, NOMINAL)
    assert_covers(high, stated, NOMINAL)


@pytest.mark.parametrize("decimals", [0, 8])
@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_the_estimates_are_scikit_learns_with_ties_and_weights(decimals: int, sigma: float) -> None:
    random = np.random.default_rng(33)
    positive = random.uniform(size=500) < 0.3
    scores = np.round(random.normal(size=500) + positive, decimals)
    weights = random.lognormal(sigma=sigma, size=500)
    precision = average_precision(positive, scores, confidence=0.95, weights=weights)
    area = weighted_roc_auc(positive, scores, weights, confidence=0.95)
    assert isinstance(precision, Interval)
    assert isinstance(area, Interval)
    expected = average_precision_score(positive, scores, sample_weight=weights)
    assert precision.estimate == pytest.approx(expected, abs=1e-12)
    assert area.estimate == pytest.approx(roc_auc_score(positive, scores, sample_weight=weights), abs=1e-12)


def test_with_equal_weights_the_auc_has_delongs_bounds() -> None:
    random = np.random.default_rng(34)
    positive = np.arange(2_000) < 700
    scores = np.round(random.normal(size=2_000) + positive, 1)
    weighted = weighted_roc_auc(positive, scores, np.full(2_000, 3.0), confidence=0.975)
    plain = roc_auc(positive, scores, confidence=0.975)
    assert isinstance(weighted, Interval)
    assert (weighted.low, weighted.high) == pytest.approx(
        (plain.low, plain.high), abs=5e-4
    )  # a correction for skewness


def test_the_contributions_are_the_derivative_by_each_rows_weight() -> None:
    """The influence function, against the estimate computed with a row weighing a little more."""
    random = np.random.default_rng(35)
    positive = random.uniform(size=60) < 0.4
    scores, step = np.round(random.normal(size=60) + positive, 1), 1e-6
    estimate, _, parts = average_precision_parts(positive, scores, np.ones(60))
    for row in range(60):
        more = np.ones(60)
        more[row] += step
        slope = (average_precision_score(positive, scores, sample_weight=more) - estimate) / step
        assert parts[row] == pytest.approx(slope, abs=1e-5)


@pytest.mark.parametrize("weights", [np.ones(100), np.linspace(1, 2, 100)])
def test_where_all_scores_are_tied_only_rows_too_rare_to_be_seen_are_allowed_for(weights: np.ndarray) -> None:
    """With 6 % of positives at another score, below all others, 50 positives hold none of them once in 20 times."""
    found = weighted_roc_auc(np.arange(100) >= 50, np.zeros(100), weights, confidence=0.95)
    assert isinstance(found, Interval)
    assert found.estimate == pytest.approx(0.5)
    assert found.low < 0.5 - 0.06 / 2
    assert found.high > 0.5 + 0.06 / 2


@pytest.mark.parametrize("scores", [np.arange(100.0), -np.arange(100.0)])
def test_a_ranking_without_a_mistake_or_with_nothing_else_has_no_bound(scores: np.ndarray) -> None:
    positive = np.arange(100) >= 50
    found = weighted_roc_auc(positive, scores, np.linspace(1, 2, 100), confidence=0.95)
    assert isinstance(found, NoInterval)
    if scores[-1] > 0:
        assert isinstance(average_precision(positive, scores, confidence=0.95), NoInterval)


def test_bounds_stay_in_zero_to_one_where_few_rows_are_almost_all_ranked_right() -> None:
    positive = np.arange(200) >= 100
    scores = np.arange(200.0) + np.where(np.arange(200) % 9 == 0, 90, 0)
    found = average_precision(positive, scores, confidence=0.999)
    assert isinstance(found, Interval)
    assert 0 < found.low < found.estimate < found.high <= 1  # rare rows may all be ranked right


@pytest.mark.parametrize("unit", [2.0**-600, 2.0**600])
def test_the_unit_of_the_weights_is_all_one(unit: float) -> None:
    random = np.random.default_rng(11)
    truth, scores, weights = random.random(60) < 0.5, random.normal(size=60), random.uniform(0.5, 2, 60)
    for bounds_of in (average_precision, weighted_roc_auc):
        expected = bounds_of(truth, scores, weights=weights, confidence=0.95)
        assert bounds_of(truth, scores, weights=weights * unit, confidence=0.95) == expected


def test_one_class_alone_or_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="both classes"):
        average_precision([True, True], [0.1, 0.2], confidence=0.95)
    with pytest.raises(ValueError, match="NaN"):
        weighted_roc_auc([True, False], [0.1, float("nan")], [1, 1], confidence=0.95)
