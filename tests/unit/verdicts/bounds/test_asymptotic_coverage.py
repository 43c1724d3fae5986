"""Asymptotic bounds on named families: where they hold as promised, and where they are known to fall short."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import stdtrit
from sklearn.metrics import mean_squared_error, r2_score

from seatrial.verdicts.bounds import influence
from seatrial.verdicts.bounds.asymptotic import asymptotic_mean, r_squared
from seatrial.verdicts.bounds.influence import FEWEST_ROWS
from seatrial.verdicts.bounds.interval import Interval, NoInterval, root
from seatrial.verdicts.bounds.special_functions import student_quantile

Covers = Callable[[int, int, float], None]
Draw = Callable[[np.random.Generator, int], np.ndarray]
TRIALS, NOMINAL = 800, 0.975

FAMILIES: dict[str, tuple[Draw, float]] = {
    "normal": (lambda random, n: random.normal(size=n), 0.0),
    "Laplace": (lambda random, n: random.laplace(size=n), 0.0),
    "Student 5": (lambda random, n: random.standard_t(5, n), 0.0),
    "absolute normal": (lambda random, n: np.abs(random.normal(size=n)), np.sqrt(2 / np.pi)),
    "exponential": (lambda random, n: random.exponential(size=n), 1.0),
    "squared normal": (lambda random, n: random.normal(size=n) ** 2, 1.0),
    "squared Laplace": (lambda random, n: random.laplace(size=n) ** 2, 2.0),
    "squared Student 5": (lambda random, n: random.standard_t(5, n) ** 2, 5 / 3),
    "lognormal": (lambda random, n: random.lognormal(size=n), np.exp(0.5)),
}
HEAVY = ("squared Laplace", "squared Student 5", "lognormal")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """SciPy's quantile, which equals ours (see its own test) and is quicker."""
    monkeypatch.setattr(influence, "student_quantile", lambda p, degrees: float(stdtrit(degrees, p)))


def _mean_coverage(name: str, rows: int, *, weighted: bool = False, trials: int = TRIALS) -> tuple[int, int, int]:
    draw, mean = FAMILIES[name]
    random, low, high, stated = np.random.default_rng(21), 0, 0, 0
    for _ in range(trials):
        weights = random.uniform(0.2, 2, rows) if weighted else None
        found = asymptotic_mean(draw(random, rows), confidence=NOMINAL, weights=weights)
        if isinstance(found, Interval):
            stated += 1
            low, high = low + (found.low <= mean), high + (found.high >= mean)
    return low, high, stated


@pytest.mark.parametrize("name", ["normal", "Laplace", "Student 5", "absolute normal"])
@pytest.mark.parametrize("rows", [FEWEST_ROWS, 200])
def test_means_of_symmetric_errors_are_covered(name: str, rows: int, assert_covers: Covers) -> None:
    low, high, stated = _mean_coverage(name, rows)
    assert stated > 0.8 * TRIALS
    assert_covers(low, stated, NOMINAL)
    assert_covers(high, stated, NOMINAL)


@pytest.mark.parametrize("name", ["exponential", "squared normal"])
@pytest.mark.parametrize("weighted", [False, True])
def test_means_of_skewed_losses_are_covered_from_some_hundred_rows(
    name: str, weighted: bool, assert_covers: Covers
) -> None:
    low, high, stated = _mean_coverage(name, 300, weighted=weighted)
    assert stated > 0.9 * TRIALS
    assert_covers(low, stated, NOMINAL)
    assert_covers(high, stated, NOMINAL)


@pytest.mark.parametrize("name", HEAVY)
def test_the_upper_bound_on_heavy_tailed_losses_is_known_to_fall_short(name: str, assert_covers: Covers) -> None:
    low, high, stated = _mean_coverage(name, 100)
    assert_covers(low, stated, NOMINAL)
    assert 0.8 < high / stated < 0.965  # 0.90, 0.87, 0.94
    assert stated - high < 0.04 * TRIALS  # … of all test sets, most of which get no bound


def test_without_the_correction_for_skewness_squared_normal_errors_would_not_be_covered(
    assert_covers: Covers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would miss 0.040 of the time; the room for rows not seen makes up for a part only."""
    monkeypatch.setattr(influence, "_unskewed", lambda quantile, _: quantile)
    _, high, stated = _mean_coverage("squared normal", 100, trials=4_000)
    with pytest.raises(AssertionError, match="nominal"):
        assert_covers(high, stated, NOMINAL)


@pytest.mark.parametrize("noise", ["normal", "Laplace", "Student 5"])
@pytest.mark.parametrize("weighted", [False, True])
def test_r_squared_is_covered_from_some_hundred_rows(noise: str, weighted: bool, assert_covers: Covers) -> None:
    """y = ŷ + e with ŷ standard normal: R² = 1 / (1 + var e)."""
    random, low, high, stated = np.random.default_rng(22), 0, 0, 0
    draw, rows = FAMILIES[noise][0], 500
    truth = 1 / (1 + {"normal": 1.0, "Laplace": 2.0, "Student 5": 5 / 3}[noise])
    for _ in range(TRIALS):
        predicted = random.normal(size=rows)
        weights = random.uniform(0.2, 2, rows) if weighted else None
        found = r_squared(predicted + draw(random, rows), predicted, confidence=NOMINAL, weights=weights)
        if isinstance(found, Interval):
            stated += 1
            low, high = low + (found.low <= truth), high + (found.high >= truth)
    assert stated > {"normal": 0.9, "Laplace": 0.75, "Student 5": 0.5}[noise] * TRIALS
    assert_covers(low, stated, 0.965 if noise == "Student 5" else NOMINAL)  # its fourth moment is near infinite
    assert_covers(high, stated, NOMINAL)


@pytest.mark.parametrize("noise", ["normal", "Laplace"])
def test_ordinary_regressions_of_a_thousand_rows_have_bounds(noise: str) -> None:
    random, refused = np.random.default_rng(28), 0
    for _ in range(100):
        predicted, errors = random.normal(size=1000), FAMILIES[noise][0](random, 1000)
        bounds = [asymptotic_mean(values, confidence=NOMINAL) for values in (errors, np.abs(errors), errors**2)]
        bounds.append(r_squared(predicted + errors, predicted, confidence=NOMINAL))
        refused += any(isinstance(each, NoInterval) for each in bounds)
    assert refused <= (0 if noise == "normal" else 10)


@pytest.mark.parametrize("weights", [None, np.random.default_rng(23).lognormal(sigma=0.5, size=400)])
def test_the_estimates_are_scikit_learns(weights: np.ndarray | None) -> None:
    random = np.random.default_rng(24)
    actual = random.normal(5, 2, 400)
    predicted = actual + random.normal(size=400)
    fit = r_squared(actual, predicted, confidence=0.95, weights=weights)
    loss = asymptotic_mean((actual - predicted) ** 2, confidence=0.95, weights=weights)
    assert isinstance(fit, Interval)
    assert isinstance(loss, Interval)
    assert fit.estimate == pytest.approx(r2_score(actual, predicted, sample_weight=weights), abs=1e-12)
    mse = mean_squared_error(actual, predicted, sample_weight=weights)
    assert loss.estimate == pytest.approx(mse, abs=1e-12)
    assert root(loss).estimate == pytest.approx(mse**0.5, abs=1e-12)
    assert fit.method.startswith("asymptotic-")
    assert loss.method.startswith("asymptotic-")


def test_equal_weights_change_nothing() -> None:
    values = np.random.default_rng(25).normal(size=100)
    plain = asymptotic_mean(values, confidence=0.95)
    weighted = asymptotic_mean(values, confidence=0.95, weights=np.full(100, 7.0))
    assert isinstance(plain, Interval)
    assert isinstance(weighted, Interval)
    assert (weighted.low, weighted.high) == pytest.approx((plain.low, plain.high))


def test_a_symmetric_sample_has_students_bounds_and_room_for_two_rows_as_large_as_the_largest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(influence, "student_quantile", student_quantile)
    half = np.linspace(0.1, 1, 50)
    found = asymptotic_mean(np.concatenate([-half, half]), confidence=0.975)
    assert isinstance(found, Interval)
    error = np.concatenate([-half, half]).std(ddof=1) / 10
    assert found.high == pytest.approx(np.hypot(student_quantile(0.975, 99) * error, 2 * 1 / 100))
    assert found.low == pytest.approx(-found.high)


def test_r_squared_of_errors_without_a_variance_of_their_squares_is_mostly_refused() -> None:
    """Student-3 noise: among the largest influences the squares of the labels would hide its tail."""
    random, stated, missed = np.random.default_rng(29), 0, 0
    for _ in range(200):
        predicted = random.normal(size=1_000)
        found = r_squared(predicted + 0.3 * random.standard_t(3, 1_000), predicted, confidence=NOMINAL)
        if isinstance(found, Interval):
            stated, missed = stated + 1, missed + (found.low > 1 / (1 + 0.09 * 3))
    assert missed <= stated < 0.3 * 200  # 0.55 were stated, and 0.10 of all missed, by the influences alone


def test_errors_that_are_all_alike_have_no_heavy_tail() -> None:
    actual = np.random.default_rng(30).normal(size=100)
    assert isinstance(r_squared(actual, actual + np.where(np.arange(100) % 2, 0.5, -0.5), confidence=0.9), Interval)


def test_skewed_errors_leave_more_room_for_a_smaller_r_squared() -> None:
    actual = np.tile([-1.0, 1.0], 200)
    found = r_squared(actual, actual + np.random.default_rng(27).normal(size=400), confidence=0.975)
    assert isinstance(found, Interval)
    below = np.log((1 - found.low) / (1 - found.estimate))
    above = np.log((1 - found.estimate) / (1 - found.high))
    assert below > 1.05 * above > 0.05


def test_the_upper_bound_of_r_squared_stays_below_one() -> None:
    random = np.random.default_rng(26)
    actual = random.normal(size=400)
    found = r_squared(actual, actual + 1e-6 * random.normal(size=400), confidence=0.999)
    assert isinstance(found, Interval)
    assert 0.999 < found.low < found.estimate < found.high < 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.arange(FEWEST_ROWS - 1.0), f"{FEWEST_ROWS - 1} rows"),
        (np.full(100, 0.1), "all rows contribute the same"),
        (np.r_[np.zeros(99), 5.0], "a few rows carry"),
    ],
)
def test_rows_that_say_too_little_of_their_spread_have_no_bound(values: np.ndarray, words: str) -> None:
    found = asymptotic_mean(values, confidence=0.95)
    assert isinstance(found, NoInterval)
    assert words in found.reason


def test_r_squared_of_equal_labels_or_of_no_error_has_no_bound() -> None:
    line = np.arange(50.0)
    for actual, predicted, words in ((np.ones(50), line, "no variance"), (line, line, "no prediction errs")):
        found = r_squared(actual, predicted, confidence=0.95)
        assert isinstance(found, NoInterval)
        assert words in found.reason


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [1.0, float("inf")]])
def test_no_values_or_values_that_are_no_numbers_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"at least one value|not a number"):
        asymptotic_mean(values, confidence=0.95)
