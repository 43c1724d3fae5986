from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from scipy.special import betaincinv, stdtrit
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from seatrial.verdicts.bounds import auc
from seatrial.verdicts.bounds.auc import roc_auc

TRIALS = 1_000
Covers = Callable[[int, int, float], None]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """SciPy's quantiles, which equal ours (see their own tests) and are quicker one at a time."""

    def exact(successes: float, rows: float, *, confidence: float) -> tuple[float, float]:
        missed = rows - successes
        return betaincinv(successes, missed + 1, 1 - confidence), betaincinv(successes + 1, missed, confidence)

    monkeypatch.setattr(auc, "clopper_pearson", exact)
    monkeypatch.setattr(auc, "student_quantile", stdtrit_of)


def stdtrit_of(p: float, degrees: float) -> float:
    return float(stdtrit(degrees, p))


def _normal_scores(random: np.random.Generator, truth: np.ndarray, area: float) -> np.ndarray:
    """Two normal distributions whose overlap gives this AUC."""
    return random.normal(size=truth.size) + truth * NormalDist().inv_cdf(area) * 2**0.5


def _trials(
    truth: np.ndarray, draw: Callable[[np.random.Generator], np.ndarray], area: float, confidence: float
) -> tuple[int, int, set[str]]:
    random, low, high, methods = np.random.default_rng(8), 0, 0, set()
    for _ in range(TRIALS):
        found = roc_auc(truth, draw(random), confidence=confidence)
        low, high = low + (found.low <= area), high + (found.high >= area)
        methods.add(found.method)
    return low, high, methods


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("area", [0.5, 0.85, 0.97])
@pytest.mark.parametrize(("positives", "negatives"), [(8, 8), (40, 160), (200, 200)])
def test_both_bounds_cover_for_normal_scores(
    positives: int, negatives: int, area: float, assert_covers: Covers
) -> None:
    truth = np.arange(positives + negatives) < positives
    low, high, _ = _trials(truth, lambda random: _normal_scores(random, truth, area), area, 0.95)
    assert_covers(low, TRIALS, 0.95)
    assert_covers(high, TRIALS, 0.95)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("positives", "share"), [(60, 0.1), (200, 0.1), (1_000, 0.02)])
def test_both_bounds_cover_where_a_few_positives_carry_the_variance(
    positives: int, share: float, assert_covers: Covers
) -> None:
    truth = np.arange(positives + 1_000) < positives

    def draw(random: np.random.Generator) -> np.ndarray:
        missed = random.uniform(size=truth.size) < share
        return random.normal(size=truth.size) + truth * np.where(missed, -20, 20)

    low, high, _ = _trials(truth, draw, 1 - share, 0.95)
    assert_covers(low, TRIALS, 0.95)
    assert_covers(high, TRIALS, 0.95)


@pytest.mark.usefixtures("quick")
def test_both_bounds_cover_for_three_levels_of_score(assert_covers: Covers) -> None:
    truth, positive, negative = np.arange(400) < 100, [0.2, 0.3, 0.5], [0.5, 0.3, 0.2]
    area = sum(
        p * q * (1.0 if i > j else 0.5 if i == j else 0.0)
        for i, p in enumerate(positive)
        for j, q in enumerate(negative)
    )

    def draw(random: np.random.Generator) -> np.ndarray:
        return np.where(truth, random.choice(3, 400, p=positive), random.choice(3, 400, p=negative)).astype(float)

    low, high, methods = _trials(truth, draw, area, 0.95)
    assert methods == {"delong-logit"}
    assert_covers(low, TRIALS, 0.95)
    assert_covers(high, TRIALS, 0.95)


def test_the_estimate_is_scikit_learns_with_ties() -> None:
    random = np.random.default_rng(0)
    truth, scores = random.uniform(size=500) < 0.3, random.integers(0, 9, 500).astype(float)
    assert roc_auc(truth, scores, confidence=0.95).estimate == pytest.approx(roc_auc_score(truth, scores))


def test_the_variance_is_that_of_delong_computed_pair_by_pair() -> None:
    random = np.random.default_rng(1)
    truth = np.arange(4_000) < 1_600
    scores = np.round(_normal_scores(random, truth, 0.7), 1)
    x, y = scores[truth], scores[~truth]
    wins = (x[:, None] > y) + 0.5 * (x[:, None] == y)
    variance = wins.mean(axis=1).var(ddof=1) / x.size + wins.mean(axis=0).var(ddof=1) / y.size
    area = wins.mean()
    found = roc_auc(truth, scores, confidence=0.975)
    logit = np.log(found.high / (1 - found.high)) - np.log(area / (1 - area))
    assert logit / (np.sqrt(variance) / (area * (1 - area))) == pytest.approx(1.96, abs=0.06)
    assert area == pytest.approx(mannwhitneyu(x, y).statistic / wins.size)


def test_a_perfect_ranking_is_bounded_as_exactly_as_its_rarer_class_allows() -> None:
    found = roc_auc(np.arange(50) < 10, -np.arange(50.0), confidence=0.95)
    assert (found.estimate, found.high, found.method) == (1, 1, "hoeffding-auc")
    assert found.low == pytest.approx(0.05 ** (1 / 10))
    mirrored = roc_auc(np.arange(50) < 10, np.arange(50.0), confidence=0.95)
    assert (mirrored.low, mirrored.high) == pytest.approx((0, 1 - found.low))


@pytest.mark.simulation
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_clustered_bounds_cover_where_bounds_for_independent_rows_do_not(
    confidence: float, assert_covers: Covers
) -> None:
    random, area, count, size = np.random.default_rng(2), 0.85, 120, 8
    clusters = np.repeat(np.arange(count), size)
    truth = (np.arange(count) % 3 == 0)[clusters]  # one class a cluster: its AUC is then that of two normals
    low = high = naive = 0
    for _ in range(TRIALS):
        shared = random.normal(size=count)[clusters]
        scores = (shared + random.normal(size=truth.size)) / 2**0.5 + truth * NormalDist().inv_cdf(area) * 2**0.5
        found = roc_auc(truth, scores, confidence=confidence, clusters=clusters)
        assert found.method == "obuchowski-logit"
        low, high = low + (found.low <= area), high + (found.high >= area)
        naive += roc_auc(truth, scores, confidence=confidence).low <= area
    assert_covers(low, TRIALS, confidence)
    assert_covers(high, TRIALS, confidence)
    with pytest.raises(AssertionError, match="nominal"):
        assert_covers(naive, TRIALS, confidence)


def test_clusters_of_one_row_give_nearly_the_interval_of_independent_rows() -> None:
    random = np.random.default_rng(3)
    truth = np.arange(2_000) < 700
    scores = _normal_scores(random, truth, 0.8)
    alone = roc_auc(truth, scores, confidence=0.95)
    clustered = roc_auc(truth, scores, confidence=0.95, clusters=np.arange(2_000))
    assert (clustered.low, clustered.high) == pytest.approx((alone.low, alone.high), abs=1e-4)


def test_too_few_clusters_claim_nothing() -> None:
    truth = np.arange(400) < 200
    found = roc_auc(
        truth, _normal_scores(np.random.default_rng(4), truth, 0.8), confidence=0.95, clusters=np.arange(400) % 8
    )
    assert (found.low, found.high, found.method) == (0, 1, "no-bound-few-clusters")


def test_one_class_alone_or_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="both classes"):
        roc_auc([True, True], [0.1, 0.2], confidence=0.95)
    with pytest.raises(ValueError, match="NaN"):
        roc_auc([True, False], [0.1, float("nan")], confidence=0.95)


@pytest.mark.parametrize("clusters", [None, np.repeat(np.arange(200), 2)])
def test_one_score_for_everybody_says_one_half_with_finite_bounds_around_it(clusters: np.ndarray | None) -> None:
    found = roc_auc(np.tile([True, False], 200), np.full(400, 0.3), confidence=0.975, clusters=clusters)
    assert found.estimate == 0.5
    assert 0 <= found.low < 0.5 < found.high <= 1
