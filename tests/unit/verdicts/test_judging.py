import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import Refused
from seatrial.stores.documents import from_json, to_json
from seatrial.verdicts.evidence import Claim, Evidence, Family, Flag, NotMeasured
from seatrial.verdicts.judge import Outcome, Verdict, check_confidence, judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.spending import confidence_for_use
from seatrial.verdicts.trial import TestUse, Trial

ACCURATE = Requirement("accuracy", at_least=0.8)
CHEAP = Requirement("log_loss", at_most=0.5)
BY_SEX = Requirement("accuracy", at_least=0.8, by="sex")
GAP = Requirement("true_positive_rate", at_most=0.1, gap_between="sex")


def _evidence(
    requirement: Requirement, low: float, high: float, *, piece: str = "all", flags: tuple[Flag, ...] = ()
) -> Evidence:
    return Evidence(requirement.claim, piece, (low + high) / 2, low, high, 0.975, 1_000, "stated", flags=flags)


def _trial(*items: Evidence | NotMeasured, use: int | None = 1) -> Trial:
    return Trial(
        model="m",
        policy="p",
        data="test",
        confidence=0.975,
        seed=0,
        evidence=tuple(item for item in items if isinstance(item, Evidence)),
        not_measured=tuple(item for item in items if isinstance(item, NotMeasured)),
        test_use=None if use is None else TestUse("d", 2_000, use),
    )


def _judge(requirement: Requirement, *items: Evidence | NotMeasured) -> Verdict:
    return judge(Policy(0.95, (requirement,)), _trial(*items))


@pytest.mark.parametrize(
    ("requirement", "low", "high", "outcome"),
    [
        (ACCURATE, 0.80, 0.90, Outcome.PASS),
        (ACCURATE, 0.79, 0.90, Outcome.INCONCLUSIVE),
        (ACCURATE, 0.70, 0.80, Outcome.INCONCLUSIVE),
        (ACCURATE, 0.70, 0.79, Outcome.FAIL),
        (CHEAP, 0.40, 0.50, Outcome.PASS),
        (CHEAP, 0.40, 0.51, Outcome.INCONCLUSIVE),
        (CHEAP, 0.51, 0.60, Outcome.FAIL),
        (GAP, -0.10, 0.10, Outcome.PASS),
        (GAP, -0.11, 0.10, Outcome.INCONCLUSIVE),
        (GAP, -0.05, 0.11, Outcome.INCONCLUSIVE),
        (GAP, 0.11, 0.20, Outcome.FAIL),
        (GAP, -0.20, -0.11, Outcome.FAIL),
        (GAP, -0.50, 0.50, Outcome.INCONCLUSIVE),
    ],
)
def test_the_bounds_decide(requirement: Requirement, low: float, high: float, outcome: Outcome) -> None:
    assert _judge(requirement, _evidence(requirement, low, high)).outcome is outcome


@pytest.mark.parametrize(("low", "high"), [(math.nan, 0.9), (0.85, math.nan), (0.95, 0.85)])
def test_bounds_that_are_no_interval_decide_nothing(low: float, high: float) -> None:
    assert _judge(ACCURATE, _evidence(ACCURATE, low, high)).outcome is Outcome.INCONCLUSIVE


def test_an_empty_policy_gives_no_verdict() -> None:
    verdict = judge(Policy(), _trial())
    assert verdict.outcome is None
    assert not verdict.passed


def test_no_evidence_is_inconclusive_and_says_so() -> None:
    (finding,) = _judge(ACCURATE).findings
    assert (finding.outcome, finding.reason, finding.margin) == (
        Outcome.INCONCLUSIVE,
        "there is no evidence for it",
        None,
    )


def test_evidence_for_another_claim_does_not_count() -> None:
    assert _judge(ACCURATE, _evidence(BY_SEX, 0.9, 0.95)).outcome is Outcome.INCONCLUSIVE


def test_what_could_not_be_measured_is_inconclusive_with_its_reason() -> None:
    missing = NotMeasured(BY_SEX.claim, "sex=X", "3 rows")
    (finding,) = _judge(BY_SEX, _evidence(BY_SEX, 0.9, 0.95, piece="sex=F"), missing).findings
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.reason == "sex=X: not measured: 3 rows"


def test_a_flag_makes_even_good_evidence_inconclusive() -> None:
    doubted = _evidence(ACCURATE, 0.9, 0.95, flags=(Flag("duplicates", "5 rows are in train too"),))
    (finding,) = _judge(ACCURATE, doubted).findings
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "5 rows are in train too" in finding.reason
    assert finding.rows_needed is None


def test_several_matches_must_all_hold() -> None:
    good, bad = _evidence(BY_SEX, 0.85, 0.9, piece="sex=F"), _evidence(BY_SEX, 0.6, 0.7, piece="sex=M")
    assert _judge(BY_SEX, good, good).outcome is Outcome.PASS
    (finding,) = _judge(BY_SEX, good, bad).findings
    assert (finding.outcome, finding.deciding) == (Outcome.FAIL, (bad,))
    assert finding.margin == pytest.approx(-0.2)


def test_a_fail_outweighs_what_is_not_measured() -> None:
    bad = _evidence(BY_SEX, 0.6, 0.7, piece="sex=M")
    assert _judge(BY_SEX, bad, NotMeasured(BY_SEX.claim, "sex=X", "3 rows")).outcome is Outcome.FAIL


def test_a_pass_names_the_closest_slice_and_its_margin() -> None:
    near, far = _evidence(BY_SEX, 0.81, 0.9, piece="sex=F"), _evidence(BY_SEX, 0.88, 0.95, piece="sex=M")
    (finding,) = _judge(BY_SEX, far, near).findings
    assert finding.deciding == (near,)
    assert finding.margin == pytest.approx(0.01)


def test_the_worst_requirement_is_the_outcome_of_the_whole() -> None:
    policy = Policy(0.95, (ACCURATE, CHEAP))
    passed, failed = _evidence(ACCURATE, 0.9, 0.95), _evidence(CHEAP, 0.6, 0.7)
    assert judge(policy, _trial(passed, failed)).outcome is Outcome.FAIL
    assert judge(policy, _trial(passed)).outcome is Outcome.INCONCLUSIVE
    assert judge(policy, _trial(passed, _evidence(CHEAP, 0.1, 0.2))).outcome is Outcome.PASS


def test_evidence_of_less_confidence_than_the_use_demands_is_refused_by_name() -> None:
    second = _trial(_evidence(ACCURATE, 0.9, 0.95), use=2)
    with pytest.raises(Refused, match=r"0\.975.*use 2 .*0\.991667"):
        judge(Policy(0.95, (ACCURATE,)), second)


def test_one_weak_piece_of_evidence_in_a_strong_trial_is_refused() -> None:
    weak = Evidence(ACCURATE.claim, "all", 0.9, 0.85, 0.95, 0.9, 1_000, "stated")
    with pytest.raises(Refused, match=r"^evidence: accuracy \(all\) was measured at confidence 0\.9,"):
        check_confidence(Policy(0.95, (ACCURATE,)), _trial(weak))


def test_a_rehearsal_needs_only_the_policys_confidence() -> None:
    assert judge(Policy(0.975, (ACCURATE,)), _trial(_evidence(ACCURATE, 0.9, 0.95), use=None)).passed


def test_a_verdict_survives_its_file() -> None:
    missing = NotMeasured(GAP.claim, "sex: F − M", "too few")
    trial = _trial(_evidence(ACCURATE, 0.79, 0.85), missing, _evidence(CHEAP, 0.1, 0.2))
    verdict = judge(Policy(0.95, (ACCURATE, GAP, CHEAP)), trial)
    assert from_json(Verdict, to_json(verdict), path="verdict.json") == verdict
    empty = judge(Policy(), trial)
    assert from_json(Verdict, to_json(empty), path="verdict.json") == empty


numbers = st.floats(-1, 1)


@given(numbers, numbers, st.floats(0, 0.3), st.floats(0.01, 0.9))
def test_a_wider_interval_never_decides_the_other_way(a: float, b: float, more: float, threshold: float) -> None:
    low, high = min(a, b), max(a, b)
    gap = Requirement("accuracy", at_most=threshold, gap_between="sex")
    claim = Claim("accuracy", Family.PAIRS, "sex")
    narrow, wide = (
        judge(
            Policy(0.95, (gap,)),
            _trial(Evidence(claim, "F − M", (low + high) / 2, low - extra, high + extra, 0.975, 9, "stated")),
        ).outcome
        for extra in (0.0, more)
    )
    assert wide in (narrow, Outcome.INCONCLUSIVE)


@given(st.floats(0.51, 0.999), st.integers(1, 500))
def test_errors_of_all_uses_sum_to_no_more_than_the_policys(confidence: float, uses: int) -> None:
    spent = sum(1 - confidence_for_use(confidence, k) for k in range(1, uses + 1))
    assert spent == pytest.approx((1 - confidence) * (1 - 1 / (uses + 1)))


def test_uses_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        confidence_for_use(0.95, 0)
