import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import Refused
from seatrial.stores.documents import from_json, to_json
from seatrial.verdicts.alpha_spending import confidence_for_use
from seatrial.verdicts.evidence import Claim, Evidence, Family, Flag, NotMeasured
from seatrial.verdicts.judge import Outcome, Verdict, check_confidence, judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse, Trial

ACCURATE = Requirement("accuracy", at_least=0.8)
CHEAP = Requirement("log_loss", at_most=0.5)
BY_SEX = Requirement("accuracy", at_least=0.8, by="sex")
GAP = Requirement("true_positive_rate", at_most=0.1, gap_between="sex")
RATIO = Requirement("selection_rate", at_least=0.8, ratio_between="sex")
OF_CAT = Requirement("f1", at_least=0.6, of_class="cat")
NO_WORSE = Requirement("accuracy", no_worse_than="newest_passed", margin=0.01)
STRICT = Requirement("accuracy", no_worse_than="newest_passed")
CHEAPER = Requirement("log_loss", no_worse_than="newest_passed", margin=0.02)


def _evidence(
    requirement: Requirement, low: float, high: float, *, piece: str = "all", flags: tuple[Flag, ...] = ()
) -> Evidence:
    return Evidence(requirement.claim, piece, (low + high) / 2, low, high, 0.975, 1_000, "stated", flags=flags)


REFERENCES: Mapping[str, str | None] = {"newest_passed": "r"}


def _trial(
    *items: Evidence | NotMeasured, use: int | None = 1, references: Mapping[str, str | None] = REFERENCES
) -> Trial:
    return Trial(
        model="m",
        policy="p",
        data="test",
        confidence=0.975,
        seed=0,
        evidence=tuple(item for item in items if isinstance(item, Evidence)),
        not_measured=tuple(item for item in items if isinstance(item, NotMeasured)),
        test_use=None if use is None else TestUse("d", 2_000, use),
        references=references,
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
        (RATIO, 0.80, 1.25, Outcome.PASS),
        (RATIO, 0.79, 1.10, Outcome.INCONCLUSIVE),
        (RATIO, 0.90, 1.26, Outcome.INCONCLUSIVE),
        (RATIO, 0.50, 0.79, Outcome.FAIL),
        (RATIO, 1.26, 1.90, Outcome.FAIL),
        (RATIO, 0.50, 1.90, Outcome.INCONCLUSIVE),
        (OF_CAT, 0.60, 0.70, Outcome.PASS),
        (OF_CAT, 0.50, 0.59, Outcome.FAIL),
        (NO_WORSE, -0.01, 0.03, Outcome.PASS),
        (NO_WORSE, -0.02, 0.03, Outcome.INCONCLUSIVE),
        (NO_WORSE, -0.05, -0.02, Outcome.FAIL),
        (STRICT, 0.00, 0.03, Outcome.PASS),
        (STRICT, -0.01, 0.03, Outcome.INCONCLUSIVE),
        (STRICT, -0.03, -0.01, Outcome.FAIL),
        (CHEAPER, -0.30, 0.02, Outcome.PASS),
        (CHEAPER, -0.30, 0.03, Outcome.INCONCLUSIVE),
        (CHEAPER, 0.03, 0.30, Outcome.FAIL),
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


@pytest.mark.parametrize("evidence", [(), (_evidence(NO_WORSE, -0.5, -0.4),)])
def test_a_comparison_with_a_model_that_there_is_none_of_does_not_apply(evidence: tuple[Evidence, ...]) -> None:
    trial = _trial(*evidence, references={"newest_passed": None})
    (finding,) = judge(Policy(0.95, (NO_WORSE,)), trial).findings
    assert (finding.outcome, finding.deciding, finding.rows_needed) == (Outcome.NOT_APPLICABLE, (), None)
    assert finding.reason == "newest_passed does not exist, so nothing can be compared with it"


def test_what_does_not_apply_leaves_the_outcome_to_the_rest() -> None:
    policy, none = Policy(0.95, (NO_WORSE, ACCURATE)), {"newest_passed": None}
    good, bad = _evidence(ACCURATE, 0.9, 0.95), _evidence(ACCURATE, 0.6, 0.7)
    assert judge(policy, _trial(good, references=none)).passed
    assert judge(policy, _trial(bad, references=none)).outcome is Outcome.FAIL
    assert judge(policy, _trial(references=none)).outcome is Outcome.INCONCLUSIVE


def test_where_nothing_applies_there_is_no_verdict() -> None:
    verdict = judge(Policy(0.95, (NO_WORSE, CHEAPER)), _trial(references={"newest_passed": None}))
    assert verdict.outcome is None
    assert not verdict.passed
    assert from_json(Verdict, to_json(verdict), path="verdict.json") == verdict


def test_a_reference_that_the_trial_does_not_know_of_is_no_reason_to_skip_the_comparison() -> None:
    """Else evidence that leaves the reference out would turn a requirement off."""
    assert judge(Policy(0.95, (NO_WORSE,)), _trial(references={})).outcome is Outcome.INCONCLUSIVE


def test_evidence_against_another_model_of_another_class_or_family_does_not_count() -> None:
    absolute = _evidence(Requirement("accuracy", at_least=0.0), 0.9, 0.95)
    other_model = _evidence(Requirement("accuracy", no_worse_than="baseline"), 0.1, 0.2)
    assert _judge(NO_WORSE, absolute, other_model).outcome is Outcome.INCONCLUSIVE
    other_class = _evidence(Requirement("f1", at_least=0.6, of_class="dog"), 0.9, 0.95)
    assert _judge(OF_CAT, other_class, _evidence(Requirement("f1", at_least=0.6), 0.9, 0.95)).outcome is (
        Outcome.INCONCLUSIVE
    )
    gap = _evidence(Requirement("selection_rate", at_most=0.1, gap_between="sex"), 0.9, 1.1)
    assert _judge(RATIO, gap).outcome is Outcome.INCONCLUSIVE


def test_a_ratio_without_an_upper_bound_is_inconclusive_with_its_reason() -> None:
    missing = NotMeasured(RATIO.claim, "sex: F ÷ X", "the denominator may be 0, so the ratio has no upper bound")
    (finding,) = _judge(RATIO, _evidence(RATIO, 0.9, 1.1, piece="sex: F ÷ M"), missing).findings
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "no upper bound" in finding.reason


def test_a_comparison_says_by_how_much_it_holds() -> None:
    (finding,) = _judge(NO_WORSE, _evidence(NO_WORSE, -0.004, 0.03)).findings
    assert finding.margin == pytest.approx(0.006)


@pytest.mark.parametrize(
    ("requirement", "words"),
    [
        (RATIO, "selection_rate ratio between sex ≥ 0.8"),
        (OF_CAT, "f1 of cat ≥ 0.6"),
        (NO_WORSE, "accuracy no worse than newest_passed by 0.01"),
        (STRICT, "accuracy no worse than newest_passed"),
    ],
)
def test_a_requirement_reads_as_a_sentence(requirement: Requirement, words: str) -> None:
    assert str(requirement) == words


numbers = st.floats(-1, 1)


@given(st.floats(0.05, 20), st.floats(1, 3), st.floats(1, 3), st.floats(0.05, 0.95))
def test_a_ratio_is_judged_alike_whichever_group_is_named_first(
    ratio: float, below: float, above: float, threshold: float
) -> None:
    rule = Requirement("selection_rate", at_least=threshold, ratio_between="sex")
    low, high = ratio / below, ratio * above
    near = any(abs(limit / edge - 1) < 1e-9 for limit in (low, high) for edge in (threshold, 1 / threshold))
    one, other = (
        _judge(rule, Evidence(rule.claim, "r", *measured, 0.975, 9, "stated")).outcome
        for measured in ((ratio, low, high), (1 / ratio, 1 / high, 1 / low))
    )
    assert near or one is other


@given(numbers, st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 0.3))
def test_no_worse_is_judged_alike_for_a_gain_and_for_a_loss_turned_round(
    difference: float, below: float, above: float, margin: float
) -> None:
    gain = Requirement("accuracy", no_worse_than="newest_passed", margin=margin)
    loss = Requirement("log_loss", no_worse_than="newest_passed", margin=margin)
    low, high = difference - below, difference + above
    assert (
        _judge(gain, Evidence(gain.claim, "all", difference, low, high, 0.975, 9, "stated")).outcome
        is _judge(loss, Evidence(loss.claim, "all", -difference, -high, -low, 0.975, 9, "stated")).outcome
    )


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
    with pytest.raises(ValueError, match="between 1 and"):
        confidence_for_use(0.95, 0)
