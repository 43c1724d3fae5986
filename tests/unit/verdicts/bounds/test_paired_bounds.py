import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit
from scipy.stats import binom, norm
from sklearn.metrics import accuracy_score, roc_auc_score

from seatrial.verdicts.bounds import influence
from seatrial.verdicts.bounds.auc import roc_auc
from seatrial.verdicts.bounds.bounded_mean import bounded_mean
from seatrial.verdicts.bounds.differences import interval_difference
from seatrial.verdicts.bounds.interval import Interval, NoInterval, half_alpha
from seatrial.verdicts.bounds.paired import (
    paired_auc,
    paired_bounds,
    paired_mean,
    paired_proportions,
)
from seatrial.verdicts.bounds.proportions import clopper_pearson, proportion
from seatrial.verdicts.bounds.weighted_mean import weighted_mean

Covers = Callable[[int, int, float], None]
TRIALS, NOMINAL = 500, 0.975
SHARES = [0.0, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """SciPy's quantile, which equals ours (see its own test) and is quicker."""
    monkeypatch.setattr(influence, "student_quantile", lambda p, degrees: float(stdtrit(degrees, p)))


@pytest.mark.simulation
@pytest.mark.parametrize("confidence", [0.95, 0.975, 0.99, 0.9992])
@pytest.mark.parametrize("rows", [1, 12, 60, 100])
def test_each_bound_covers_at_least_as_promised_at_all_pairs_of_shares(rows: int, confidence: float) -> None:
    better, worse = np.arange(rows + 1)[:, None], np.arange(rows + 1)[None, :]
    possible = better + worse <= rows
    low, high = paired_bounds(np.where(possible, better, 0), np.where(possible, worse, 0), rows, confidence=confidence)
    for p, q in itertools.product(SHARES, SHARES):
        if p + q > 1:
            continue
        mass = binom.pmf(better, rows, p) * binom.pmf(worse, np.maximum(rows - better, 0), min(q / (1 - p), 1.0))
        mass = np.where(possible, mass, 0)
        covered = mass[low <= p - q + 1e-12].sum(), mass[high >= p - q - 1e-12].sum()
        assert min(covered) >= confidence - 1e-9, (p, q, covered)


def test_the_promise_would_not_hold_as_for_independent_shares() -> None:
    """Clopper & Pearson's limits by MOVER (Zou & Donner 2008), with no correlation: too narrow where most differ."""
    better, worse, rows = np.arange(101)[:, None], np.arange(101)[None, :], 100
    possible = better + worse <= rows
    least, most = clopper_pearson(np.arange(101), rows, confidence=0.975)
    shares = np.arange(101) / rows
    low = shares[better] - shares[worse] - np.hypot(shares[better] - least[better], most[worse] - shares[worse])
    mass = np.where(possible, binom.pmf(better, rows, 0.5) * binom.pmf(worse, np.maximum(rows - better, 0), 1.0), 0)
    assert mass[low <= 1e-12].sum() < 0.95


def test_on_a_planted_pair_it_is_far_tighter_than_two_intervals() -> None:
    """10,000 rows, 85 % against 84 %, and 3 % of the rows on which they differ."""
    found = paired_proportions(200, 100, 10_000, confidence=NOMINAL)
    each = half_alpha(NOMINAL)
    apart = interval_difference(proportion(8_500, 10_000, confidence=each), proportion(8_400, 10_000, confidence=each))
    assert found.estimate == pytest.approx(apart.estimate)
    assert apart.high - apart.low > 4.0 * (found.high - found.low)
    assert found.low > 0 > apart.low  # the difference is seen, and with two intervals it is not


def test_it_is_about_as_tight_as_mcnemars_asymptotic_interval() -> None:
    found = paired_proportions(500, 500, 10_000, confidence=NOMINAL)
    assert found.high / (1.96 * np.sqrt(0.1 / 10_000)) == pytest.approx(1.11, abs=0.01)


def test_few_differing_rows_are_tighter_than_two_limits_at_half_alpha() -> None:
    each = half_alpha(0.95)
    parts = interval_difference(proportion(30, 500, confidence=each), proportion(3, 500, confidence=each))
    found = paired_proportions(30, 3, 500, confidence=0.95)
    assert found.method == "fisher-clopper-pearson-paired"
    assert found.high - found.low < parts.high - parts.low


@pytest.mark.simulation
@settings(deadline=None, max_examples=30)
@given(st.integers(0, 80), st.integers(0, 80), st.integers(1, 400))
def test_swapping_the_models_mirrors_the_interval(better: int, worse: int, same: int) -> None:
    rows = better + worse + same
    one = paired_proportions(better, worse, rows, confidence=0.95)
    other = paired_proportions(worse, better, rows, confidence=0.95)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert -1 <= one.low <= one.estimate <= one.high <= 1


def test_models_that_always_agree_differ_by_little() -> None:
    found = paired_proportions(0, 0, 1_000, confidence=NOMINAL)
    assert found.estimate == 0
    assert found.high == -found.low < 0.009  # log (1 / α) / rows is 0.0037: the price of combining two tests


def test_the_estimate_is_the_difference_of_scikit_learns_accuracies() -> None:
    actual, mine, other = np.random.default_rng(41).integers(0, 3, (3, 400))
    right, also = actual == mine, actual == other
    found = paired_proportions(int((right & ~also).sum()), int((also & ~right).sum()), 400, confidence=0.95)
    assert found.estimate == pytest.approx(accuracy_score(actual, mine) - accuracy_score(actual, other), abs=1e-12)


@pytest.mark.parametrize("counts", [(-1, 0, 5), (3, 3, 5), (0, 0, 0)])
def test_impossible_counts_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        paired_proportions(*counts, confidence=0.95)


def _losses(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Two losses in [0, 1] that share most of what they are; the first is worse by 0.02 in the mean."""
    shared = random.beta(1, 4, rows)
    return 0.9 * shared + 0.1 * random.beta(2, 3, rows), 0.9 * shared + 0.1 * random.beta(1, 4, rows)


@pytest.mark.simulation
@pytest.mark.parametrize("rows", [30, 500])
def test_a_paired_mean_is_covered_and_far_tighter_than_two(rows: int, assert_covers: Covers) -> None:
    random, low, high = np.random.default_rng(42), 0, 0
    for seed in range(TRIALS):
        mine, other = _losses(random, rows)
        found = paired_mean(mine - other, low=-1, high=1, confidence=NOMINAL, seed=seed)
        low, high = low + (found.low <= 0.02), high + (found.high >= 0.02)
    assert_covers(low, TRIALS, NOMINAL)
    assert_covers(high, TRIALS, NOMINAL)
    each = half_alpha(NOMINAL)
    apart = interval_difference(*(bounded_mean(item, confidence=each, seed=0) for item in (mine, other)))
    assert apart.high - apart.low > (1.4 if rows == 30 else 3.5) * (found.high - found.low)


def test_a_weighted_paired_mean_is_a_weighted_mean_of_differences() -> None:
    mine, other = _losses(np.random.default_rng(43), 300)
    even = weighted_mean(mine - other, np.ones(300), low=-1, high=1, confidence=NOMINAL, seed=1)
    plain = paired_mean(mine - other, low=-1, high=1, confidence=NOMINAL, seed=1)
    assert (even.low, even.high) == pytest.approx((plain.low, plain.high), abs=1e-9)


def _scores(
    random: np.random.Generator, positive: np.ndarray, distances: tuple[float, float], shared: float
) -> tuple[np.ndarray, np.ndarray]:
    """Two scores with this correlation within a class, whose classes lie these distances apart."""
    both = shared**0.5 * random.normal(size=positive.size)
    mine, other = (both + (1 - shared) ** 0.5 * random.normal(size=positive.size) + d * positive for d in distances)
    return mine, other


@pytest.mark.parametrize(
    ("distances", "shared"), [((1.0, 1.0), 0.9), ((1.5, 1.0), 0.7), ((2.5, 2.3), 0.95), ((1.0, 1.0), 0.0)]
)
@pytest.mark.parametrize(("positives", "negatives"), [(40, 200), (300, 300)])
def test_the_difference_of_two_aucs_is_covered(
    positives: int, negatives: int, distances: tuple[float, float], shared: float, assert_covers: Covers
) -> None:
    positive = np.arange(positives + negatives) < positives
    random, low, high = np.random.default_rng(45), 0, 0
    truth = norm.cdf(distances[0] / 2**0.5) - norm.cdf(distances[1] / 2**0.5)
    for _ in range(TRIALS):
        found = paired_auc(positive, *_scores(random, positive, distances, shared), confidence=NOMINAL)
        assert isinstance(found, Interval)
        low, high = low + (found.low <= truth), high + (found.high >= truth)
    assert_covers(low, TRIALS, NOMINAL)
    assert_covers(high, TRIALS, NOMINAL)


@pytest.mark.parametrize(("positives", "share"), [(200, 0.02), (200, 0.05), (1_000, 0.02)])
def test_it_is_covered_where_a_few_rows_carry_the_difference(
    positives: int, share: float, assert_covers: Covers
) -> None:
    """The reference ranks this share of the positives below everything, and all else as the model does."""
    positive = np.arange(positives + 1_000) < positives
    random, low, high = np.random.default_rng(46), 0, 0
    for _ in range(TRIALS):
        scores = random.normal(size=positive.size) + 20 * positive
        lost = (random.uniform(size=positive.size) < share) & positive
        found = paired_auc(positive, scores, np.where(lost, scores - 40, scores), confidence=NOMINAL)
        assert isinstance(found, Interval)
        low, high = low + (found.low <= share + 1e-12), high + (found.high >= share - 1e-12)
    assert_covers(low, TRIALS, NOMINAL)
    assert_covers(high, TRIALS, NOMINAL)


def test_two_models_that_rank_nearly_alike_are_told_apart_far_better_than_by_two_intervals() -> None:
    random, positive = np.random.default_rng(47), np.arange(4_000) < 1_000
    mine, other = _scores(random, positive, (1.5, 1.4), 0.95)
    found = paired_auc(positive, mine, other, confidence=NOMINAL)
    each = half_alpha(NOMINAL)
    apart = interval_difference(*(roc_auc(positive, item, confidence=each) for item in (mine, other)))
    assert isinstance(found, Interval)
    assert found.estimate == pytest.approx(roc_auc_score(positive, mine) - roc_auc_score(positive, other), abs=1e-12)
    assert apart.high - apart.low > 4 * (found.high - found.low)  # most of it is room for rows not seen


def test_the_variance_is_that_of_delong_computed_pair_by_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(influence, "_RARE", 0.0)  # what rows not seen may add is another matter
    random, positive = np.random.default_rng(48), np.arange(1_000) < 400
    scores = [np.round(item, 1) for item in _scores(random, positive, (1.0, 0.8), 0.5)]
    wins = [
        (item[positive][:, None] > item[~positive]) + 0.5 * (item[positive][:, None] == item[~positive])
        for item in scores
    ]
    kernel = wins[0] - wins[1]
    error = np.sqrt(kernel.mean(axis=1).var(ddof=1) / 400 + kernel.mean(axis=0).var(ddof=1) / 600)
    found = paired_auc(positive, *scores, confidence=NOMINAL)
    assert isinstance(found, Interval)
    assert found.estimate == pytest.approx(kernel.mean(), abs=1e-12)
    assert (found.high - found.low) / (2 * error) == pytest.approx(1.96, abs=0.02)


@pytest.mark.simulation
@pytest.mark.parametrize("weighted", [False, True])
def test_clustered_pairs_are_covered_where_bounds_for_independent_rows_are_not(
    weighted: bool, assert_covers: Covers
) -> None:
    """Eight rows a cluster, one class each; the models' difference is shared within a cluster."""
    clusters = np.repeat(np.arange(120), 8)
    positive = (np.arange(120) % 2 == 0)[clusters]
    random, low, naive, stated = np.random.default_rng(49), 0, 0, 0
    weights = np.full(positive.size, 2.0) if weighted else None
    for _ in range(TRIALS):
        mine, other = (
            (random.normal(size=120)[clusters] + random.normal(size=positive.size)) / 2**0.5 + positive
            for _ in range(2)
        )
        found = paired_auc(positive, mine, other, confidence=NOMINAL, clusters=clusters, weights=weights)
        alone = paired_auc(positive, mine, other, confidence=NOMINAL, weights=weights)
        if isinstance(found, Interval):
            stated, low = stated + 1, low + (found.low <= 0)
        naive += isinstance(alone, Interval) and alone.low <= 0
    assert stated > 0.95 * TRIALS
    assert_covers(low, stated, NOMINAL)
    assert naive < 0.9 * TRIALS


def test_where_both_models_hardly_misrank_a_row_delongs_variance_is_not_trusted() -> None:
    """40 positives and AUCs of 0.96 and 0.95: its upper bound would cover 0.96 at a nominal 0.975."""
    positive = np.arange(240) < 40
    scores = _scores(np.random.default_rng(52), positive, (2.5, 2.3), 0.95)
    found = paired_auc(positive, *scores, confidence=NOMINAL)
    assert isinstance(found, Interval)
    assert found.method == "hoeffding-auc-paired"
    weighted = paired_auc(positive, *scores, confidence=NOMINAL, weights=np.ones(240))
    assert isinstance(weighted, NoInterval)
    assert "misranked" in weighted.reason


def test_few_rows_of_a_class_have_hoeffdings_bound_and_few_clusters_none() -> None:
    positive = np.arange(100) < 10
    mine, other = _scores(np.random.default_rng(50), positive, (1.0, 1.0), 0.5)
    found = paired_auc(positive, mine, other, confidence=NOMINAL)
    assert isinstance(found, Interval)
    assert found.method == "hoeffding-auc-paired"
    assert -1 <= found.low < found.estimate < found.high <= 1
    clustered = paired_auc(positive, mine, other, confidence=NOMINAL, clusters=np.arange(100) // 4)
    assert isinstance(clustered, NoInterval)
    assert "clusters with the rarer class" in clustered.reason


def test_the_same_ranking_differs_by_nothing_and_has_finite_bounds() -> None:
    positive = np.arange(400) < 100
    scores = np.random.default_rng(51).normal(size=400)
    found = paired_auc(positive, scores, 2 * scores + 1, confidence=NOMINAL)
    assert isinstance(found, Interval)
    assert found.estimate == 0
    assert -1 < found.low < 0 < found.high < 1
