"""The limits under which two exact tests share a budget: SciPy's, and never on the wrong side of them."""

import numpy as np
from scipy import special, stats

from seatrial.verdicts.bounds import combined_tests
from seatrial.verdicts.bounds.special_functions import Floats, beta_cdf_of_one, beta_quantile_of_one


def counts_of_every_size() -> tuple[Floats, Floats]:
    random = np.random.default_rng(4)
    rows = np.concatenate([np.repeat(np.arange(1.0, 30), np.arange(2, 31)), random.integers(100, 10**6, 200) * 1.0])
    shares = np.concatenate([np.arange(n + 1) / n for n in range(1, 30)] + [random.random(200) ** 4])
    return np.round(rows * shares), rows


def test_the_logs_of_the_tails_are_scipys() -> None:
    hits, rows = counts_of_every_size()
    places, logs, _ = combined_tests.log_tails(hits, rows, 20.0, places=128)
    expected = stats.binom.logcdf(hits[:, None], rows[:, None], places)
    likely = (expected > -20) & (places < 1) & (hits < rows)[:, None]
    np.testing.assert_allclose(logs[likely], expected[likely], rtol=1e-8, atol=1e-9)


def test_an_upper_limit_is_never_below_the_exact_one_and_hardly_above() -> None:
    hits, rows = counts_of_every_size()
    for weight, confidence in ((1.0, 0.95), (0.5, 0.9975)):
        for costs in combined_tests.staircase(weight, confidence):
            limits = combined_tests.upper_limits(hits, rows, costs)
            some = hits < rows
            a, b = (hits + 1)[some, None], (rows - hits)[some, None]
            likely = np.where(costs < 0.5, special.betaincinv(a, b, -np.expm1(-costs)), 0.0)
            exact = np.maximum(likely, np.where(costs < 0.5, 0.0, 1 - special.betaincinv(b, a, np.exp(-costs))))
            assert (limits[some] >= exact * (1 - 1e-8)).all()
            assert np.median(limits[some] / exact) < 1.0002
            assert (limits[~some] == 1).all()


def test_the_beta_function_of_one_number_holds_at_the_edges_of_what_floats_hold() -> None:
    for a, b in ((1.0, 1e9), (1e9, 1.0), (3.0, 0.5), (40.0, 1e6)):
        for x in (1e-300, 1e-17, 1e-9, 0.5, 1 - 1e-9, 1 - 2**-53):
            np.testing.assert_allclose(beta_cdf_of_one(a, b, x), special.betainc(a, b, x), atol=1e-10)
        for p in (1e-12, 0.025, 0.5, 0.975):
            np.testing.assert_allclose(beta_quantile_of_one(a, b, p), special.betaincinv(a, b, p), atol=1e-10)
    assert (beta_cdf_of_one(2, 3, 0.0), beta_cdf_of_one(2, 3, 1.0)) == (0, 1)
    assert (beta_quantile_of_one(2, 3, 0.0), beta_quantile_of_one(2, 3, 1.0)) == (0, 1)
