import math

import pytest

from seatrial.verdicts.bounds.differences import Count
from seatrial.verdicts.bounds.interval import Interval
from seatrial.verdicts.bounds.proportions import proportion
from seatrial.verdicts.bounds.ratios import proportion_ratio
from seatrial.verdicts.evidence import Evidence
from seatrial.verdicts.planning import rows_needed
from seatrial.verdicts.policy import Requirement

ACCURATE = Requirement("accuracy", at_least=0.8)
BY_SEX = Requirement("accuracy", at_least=0.8, by="sex")
GAP = Requirement("true_positive_rate", at_most=0.1, gap_between="sex")
RATIO = Requirement("selection_rate", at_least=0.8, ratio_between="sex")
NO_WORSE = Requirement("accuracy", no_worse_than="newest_passed", margin=0.01)
STRICT = Requirement("accuracy", no_worse_than="newest_passed")
CHEAPER = Requirement("log_loss", no_worse_than="newest_passed", margin=0.02)


def _evidence(requirement: Requirement, low: float, estimate: float, high: float) -> Evidence:
    return Evidence(requirement.claim, "stated", estimate, low, high, 0.975, 50, "stated")


def test_half_the_width_takes_four_times_the_rows() -> None:
    assert rows_needed(ACCURATE, [_evidence(ACCURATE, 0.78, 0.82, 0.86)], 1_000) == 4_000


def test_an_estimate_that_breaks_the_requirement_needs_its_other_bound() -> None:
    assert rows_needed(ACCURATE, [_evidence(ACCURATE, 0.6, 0.78, 0.82)], 1_000) == 4_000


def test_a_gap_is_planned_for_its_tighter_side() -> None:
    assert rows_needed(GAP, [_evidence(GAP, 0.02, 0.08, 0.14)], 1_000) == 9_000
    assert rows_needed(GAP, [_evidence(GAP, -0.14, -0.08, -0.02)], 1_000) == 9_000
    assert rows_needed(GAP, [_evidence(GAP, 0.08, 0.12, 0.16)], 1_000) == 4_000


def test_the_last_slice_decides_a_pass_and_the_first_a_fail() -> None:
    slow, quick = _evidence(BY_SEX, 0.78, 0.82, 0.86), _evidence(BY_SEX, 0.79, 0.84, 0.89)
    assert rows_needed(BY_SEX, [slow, quick], 1_000) == 4_000
    broken, barely = _evidence(BY_SEX, 0.6, 0.7, 0.85), _evidence(BY_SEX, 0.7, 0.79, 0.9)
    assert rows_needed(BY_SEX, [slow, broken, barely], 1_000) == 2_250


def test_on_the_threshold_no_number_of_rows_helps() -> None:
    assert rows_needed(ACCURATE, [_evidence(ACCURATE, 0.7, 0.8, 0.9)], 1_000) is None


def test_a_hair_from_the_threshold_it_is_as_good_as_on_it() -> None:
    for hair in (1e-9, 1e-240):
        assert rows_needed(STRICT, [_evidence(STRICT, -0.5, hair, 0.5)], 1_000) is None


def test_what_is_decided_needs_none() -> None:
    assert rows_needed(ACCURATE, [_evidence(ACCURATE, 0.85, 0.9, 0.95)], 1_000) is None


@pytest.mark.parametrize("share", [0.77, 0.82, 0.9])
def test_at_the_planned_size_the_exact_interval_decides_or_nearly_does(share: float) -> None:
    now = proportion(round(share * 100), 100, confidence=0.975)
    planned = rows_needed(ACCURATE, [_evidence(ACCURATE, now.low, now.estimate, now.high)], 100)
    if planned is None:
        assert now.low >= 0.8  # decided already
        return
    later = proportion(round(share * planned), planned, confidence=0.975)
    missing = 0.8 - later.low if share > 0.8 else later.high - 0.8
    assert missing < 0.1 * abs(share - 0.8)


def test_a_ratio_is_planned_on_the_scale_of_its_logarithm() -> None:
    """From 0.9 down to 0.8 as from 1 / 0.9 up to 1 / 0.8: whichever group is named first."""
    ratio = _evidence(RATIO, 0.9 / 1.25, 0.9, 0.9 * 1.25)
    mirrored = _evidence(RATIO, 1 / (0.9 * 1.25), 1 / 0.9, 1.25 / 0.9)
    expected = math.ceil(1_000 * (math.log(1.25) / math.log(0.9 / 0.8)) ** 2)
    assert rows_needed(RATIO, [ratio], 1_000) == rows_needed(RATIO, [mirrored], 1_000) == expected


def test_a_ratio_that_breaks_the_rule_is_planned_for_its_upper_bound() -> None:
    assert rows_needed(RATIO, [_evidence(RATIO, 0.4, 0.5, 1.0)], 1_000) == math.ceil(
        1_000 * (math.log(2) / math.log(1.6)) ** 2
    )


def test_a_ratio_that_may_be_zero_is_planned_all_the_same() -> None:
    assert rows_needed(RATIO, [_evidence(RATIO, 0.0, 0.5, 1.0)], 1_000) == math.ceil(1_000 * (0.5 / 0.3) ** 2)


@pytest.mark.parametrize("second", [20, 55, 80])
def test_at_the_planned_size_the_ratio_decides_or_nearly_does(second: int) -> None:
    now = proportion_ratio(Count(60, 150), Count(second, 150), confidence=0.975)
    assert isinstance(now, Interval)
    planned = rows_needed(RATIO, [_evidence(RATIO, now.low, now.estimate, now.high)], 300)
    if planned is None:
        assert now.low > 1.25  # decided already
        return
    each = planned // 2
    later = proportion_ratio(Count(round(0.4 * each), each), Count(round(second / 150 * each), each), confidence=0.975)
    assert isinstance(later, Interval)
    holds = 0.8 <= now.estimate <= 1.25
    distance = min(later.low / 0.8, 1.25 / later.high) if holds else max(0.8 / later.high, later.low / 1.25)
    assert distance > 0.98


def test_a_comparison_is_planned_for_the_side_on_which_it_may_be_worse() -> None:
    assert rows_needed(NO_WORSE, [_evidence(NO_WORSE, -0.02, 0.0, 0.5)], 1_000) == 4_000
    assert rows_needed(NO_WORSE, [_evidence(NO_WORSE, -0.05, -0.02, 0.0)], 1_000) == 4_000
    assert rows_needed(CHEAPER, [_evidence(CHEAPER, -0.5, 0.01, 0.04)], 1_000) == 9_000


def test_two_models_as_good_as_each_other_are_never_told_apart_without_a_margin() -> None:
    assert rows_needed(STRICT, [_evidence(STRICT, -0.01, 0.0, 0.01)], 1_000) is None
