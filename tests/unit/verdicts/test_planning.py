import pytest

from seatrial.verdicts.evidence import Evidence
from seatrial.verdicts.planning import rows_needed
from seatrial.verdicts.policy import Requirement
from seatrial.verdicts.proportions import proportion

ACCURATE = Requirement("accuracy", at_least=0.8)
BY_SEX = Requirement("accuracy", at_least=0.8, by="sex")
GAP = Requirement("true_positive_rate", at_most=0.1, gap_between="sex")


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
