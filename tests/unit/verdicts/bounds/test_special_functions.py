import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special as reference
from scipy.stats import t as student

from seatrial.verdicts.bounds.special_functions import beta_cdf, beta_quantile, student_quantile

shapes = st.floats(0.5, 5_000)
# Nearer to 1 the tail 1 − p has too few digits left in p itself: at 1 − 1e-9 they give the quantile to 2e-10 only.
probabilities = st.floats(1e-9, 1 - 1e-7)


@settings(deadline=None)
@given(shapes, shapes, st.floats(0, 1))
def test_the_incomplete_beta_function_is_scipys(a: float, b: float, x: float) -> None:
    assert beta_cdf(a, b, x) == pytest.approx(reference.betainc(a, b, x), abs=1e-10)


@settings(deadline=None)
@given(shapes, shapes, probabilities)
def test_its_inverse_is_scipys(a: float, b: float, p: float) -> None:
    assert beta_quantile(a, b, p) == pytest.approx(reference.betaincinv(a, b, p), abs=1e-10)


def test_both_hold_for_counts_of_a_million() -> None:
    random = np.random.default_rng(0)
    a, b = 10 ** random.uniform(0, 6, 20), 10 ** random.uniform(0, 6, 20)
    x = np.clip(a / (a + b) * (1 + random.normal(size=20) / np.sqrt(a)), 0, 1)
    np.testing.assert_allclose(beta_cdf(a, b, x), reference.betainc(a, b, x), atol=1e-10)
    np.testing.assert_allclose(beta_quantile(a, b, 0.05), reference.betaincinv(a, b, 0.05), atol=1e-10)


def test_the_ends_are_exact_and_shapes_broadcast() -> None:
    assert beta_cdf([1, 2], 3, [[0.0], [1.0]]).tolist() == [[0, 0], [1, 1]]
    assert beta_quantile(2, [3, 4], [[0.0], [1.0]]).tolist() == [[0, 0], [1, 1]]


@settings(deadline=None)
@given(st.floats(0.75, 0.9999), st.floats(1, 5_000))
def test_students_quantile_is_scipys(p: float, degrees: float) -> None:
    assert student_quantile(p, degrees) == pytest.approx(student.ppf(p, degrees), rel=1e-8)


def test_one_number_has_the_quantile_that_it_has_among_others() -> None:
    random = np.random.default_rng(3)
    a, b, p = random.integers(1, 400, 60) * 1.0, random.integers(1, 40_000, 60) * 1.0, random.random(60)
    each = [float(beta_quantile(*one)) for one in zip(a, b, p, strict=True)]
    np.testing.assert_allclose(each, beta_quantile(a, b, p), rtol=1e-10)
