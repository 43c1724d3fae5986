import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from seatrial.verdicts.bounds.differences import Count
from seatrial.verdicts.bounds.interval import Interval, NoInterval, half_alpha
from seatrial.verdicts.bounds.proportions import proportion
from seatrial.verdicts.bounds.ratios import interval_ratio, proportion_ratio, ratio_bounds
from seatrial.verdicts.bounds.special_functions import Floats

RATES = [0.02, 0.1, 0.3, 0.5, 0.8, 0.9, 0.95, 0.99, 1.0]


def _table(sizes: tuple[int, int], confidence: float) -> tuple[Floats, Floats]:
    """The bounds of `proportion_ratio` for all counts at once; infinite where it has none."""
    k = np.arange(sizes[0] + 1.0)[:, None], np.arange(sizes[1] + 1.0)[None, :]
    inner = np.clip(k[1], 1, None)
    low, high = ratio_bounds((k[0], inner), sizes, confidence=confidence)
    return np.where(k[1] == 0, 0.0, low), np.where(k[1] == 0, np.inf, high)


@pytest.mark.simulation
@pytest.mark.parametrize("confidence", [0.95, 0.975, 0.99])
@pytest.mark.parametrize("sizes", [(5, 40), (30, 30), (60, 45), (100, 100), (60, 250), (400, 100)])
def test_each_bound_covers_at_least_as_promised_at_all_pairs_of_rates(
    sizes: tuple[int, int], confidence: float
) -> None:
    low, high = _table(sizes, confidence)
    for rates in itertools.product(RATES, RATES):
        mass = np.outer(*(binom.pmf(np.arange(n + 1), n, p) for n, p in zip(sizes, rates, strict=True)))
        truth = rates[0] / rates[1]
        covered = mass[low <= truth * (1 + 1e-12)].sum(), mass[high >= truth * (1 - 1e-12)].sum()
        assert min(covered) >= confidence - 1e-9, (rates, covered)


def test_the_table_that_is_checked_is_what_is_called() -> None:
    low, high = _table((60, 45), 0.95)
    for first, second in ((3, 30), (25, 22), (40, 25), (60, 45)):
        found = proportion_ratio(Count(first, 60), Count(second, 45), confidence=0.95)
        assert isinstance(found, Interval)
        assert (found.low, found.high) == pytest.approx((low[first, second], high[first, second]))


def test_with_many_rows_it_is_much_tighter_than_two_limits() -> None:
    first, second = Count(600, 1_000), Count(700, 1_000)
    found = proportion_ratio(first, second, confidence=0.975)
    each = half_alpha(0.975)
    parts = interval_ratio(*(proportion(item.successes, item.rows, confidence=each) for item in (first, second)))
    assert isinstance(found, Interval)
    assert isinstance(parts, Interval)
    assert found.high - found.low < 0.74 * (parts.high - parts.low)


counts = st.tuples(st.integers(1, 60), st.integers(0, 60)).map(lambda pair: Count(pair[0], sum(pair)))


@settings(deadline=None, max_examples=30)
@given(counts, counts)
def test_swapping_the_groups_gives_the_reciprocal_interval(first: Count, second: Count) -> None:
    one, other = (proportion_ratio(*pair, confidence=0.95) for pair in ((first, second), (second, first)))
    assert isinstance(one, Interval)
    assert isinstance(other, Interval)
    for bound, reciprocal in ((one.high, other.low), (one.estimate, other.estimate), (one.low, other.high)):
        assert math.isinf(reciprocal) if bound == 0 else reciprocal == pytest.approx(1 / bound)
    assert one.low <= one.estimate <= one.high


@pytest.mark.parametrize("second", [Count(0, 30), Count(0, 1)])
def test_a_denominator_without_success_has_no_ratio_and_says_so(second: Count) -> None:
    found = proportion_ratio(Count(5, 30), second, confidence=0.95)
    assert isinstance(found, NoInterval)
    assert "denominator is estimated as 0" in found.reason


def test_a_numerator_without_success_has_an_upper_bound() -> None:
    found = proportion_ratio(Count(0, 30), Count(15, 30), confidence=0.95)
    assert isinstance(found, Interval)
    assert (found.estimate, found.low) == (0, 0)
    assert 0 < found.high < 1


@pytest.mark.parametrize(("first", "second"), [(Count(1, 2), Count(1, 2)), (Count(5, 30), Count(1, 100_000))])
def test_one_success_of_the_denominator_is_enough_for_an_upper_bound(first: Count, second: Count) -> None:
    found = proportion_ratio(first, second, confidence=0.9999)
    assert isinstance(found, Interval)
    assert found.estimate < found.high < math.inf


def test_a_denominator_that_may_be_zero_leaves_no_upper_bound_and_says_so() -> None:
    loss = Interval(0.3, 0.2, 0.4, "betting")
    found = interval_ratio(loss, Interval(0.1, 0.0, 0.4, "betting"))
    assert isinstance(found, NoInterval)
    assert "no upper bound" in found.reason


def test_a_quantity_that_may_be_negative_has_no_ratio() -> None:
    with pytest.raises(ValueError, match="negative"):
        interval_ratio(Interval(0.1, -0.1, 0.2, "t"), Interval(0.1, 0.05, 0.2, "t"))


def test_two_losses_hold_their_ratio_where_each_holds_its_own() -> None:
    found = interval_ratio(Interval(0.3, 0.2, 0.4, "betting"), Interval(0.6, 0.5, 0.8, "betting"))
    assert isinstance(found, Interval)
    assert (found.low, found.estimate, found.high) == pytest.approx((0.25, 0.5, 0.8))
    assert found.method == "betting-half-alpha-ratio"
