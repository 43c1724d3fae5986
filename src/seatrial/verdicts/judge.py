"""Judging: a policy and a trial in, a verdict out. Pure, so that whoever verifies a release can judge it again."""

from __future__ import annotations

from seatrial.errors import Refused
from seatrial.verdicts.alpha_spending import confidence_for_use
from seatrial.verdicts.evidence import Evidence, NotMeasured
from seatrial.verdicts.planning import rows_needed
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.thresholds import margin, outcome
from seatrial.verdicts.trial import Trial
from seatrial.verdicts.verdict import Finding, Outcome, Verdict

__all__ = ["Finding", "Outcome", "Verdict", "check_confidence", "demanded_confidence", "judge"]

_ROUNDING = 1e-12  # of 1 − α / (k (k + 1)) computed elsewhere


def judge(policy: Policy, trial: Trial) -> Verdict:
    """The verdict of `policy` on what `trial` measured.

    A pass needs every requirement to hold: an intersection–union test (Berger 1982), so each requirement judged at
    level α bounds a false pass of the whole by α without a correction between them. Raises `Refused` where the
    evidence has less confidence than the policy and the use of the test data demand.
    """
    check_confidence(policy, trial)
    findings = tuple(_find(requirement, trial) for requirement in policy.require)
    outcomes = {finding.outcome for finding in findings}
    whole = next((item for item in (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS) if item in outcomes), None)
    return Verdict(whole, demanded_confidence(policy, trial), findings)


def demanded_confidence(policy: Policy, trial: Trial) -> float:
    """The confidence that each bound must have: the policy's, stricter with every use of the test data."""
    if trial.test_use is None:
        return policy.confidence
    return confidence_for_use(policy.confidence, trial.test_use.use)


def check_confidence(policy: Policy, trial: Trial) -> None:
    """Raises `Refused`, naming it, when the trial or a piece of its evidence has less confidence than is demanded."""
    demanded = demanded_confidence(policy, trial)
    claims = {requirement.claim for requirement in policy.require}
    weak = [(str(e.claim), e.slice, e.confidence) for e in trial.evidence if e.claim in claims]
    use = "a rehearsal" if trial.test_use is None else f"use {trial.test_use.use} of the test data"
    for claim, piece, confidence in [("the trial", "all", trial.confidence), *weak]:
        if not confidence >= demanded - _ROUNDING:
            raise Refused(
                f"{claim} ({piece}) was measured at confidence {confidence:.6g}, "
                f"but {use} under this policy demands {demanded:.6g}.",
                path="evidence",
                hint="Run the trial again: `seatrial run`.",
            )


def _find(requirement: Requirement, trial: Trial) -> Finding:
    reference = requirement.no_worse_than
    if reference is not None and trial.references.get(reference, "") is None:
        return Finding(
            requirement, Outcome.NOT_APPLICABLE, f"{reference} does not exist, so nothing can be compared with it"
        )
    evidence = tuple(item for item in trial.evidence if item.claim == requirement.claim)
    missing = tuple(item for item in trial.not_measured if item.claim == requirement.claim)
    outcomes = [(item, outcome(requirement, item)) for item in evidence]
    failed = tuple(item for item, result in outcomes if result is Outcome.FAIL)
    if failed:
        return _finding(requirement, Outcome.FAIL, _names(failed, "beyond the threshold"), failed)
    undecided = tuple(item for item, result in outcomes if result is Outcome.INCONCLUSIVE)
    if undecided or missing or not evidence:
        needed = None if missing or not evidence else rows_needed(requirement, evidence, _test_rows(trial))
        return _finding(requirement, Outcome.INCONCLUSIVE, _why(undecided, missing), undecided, needed)
    closest = min(evidence, key=lambda item: margin(requirement, item))
    return _finding(requirement, Outcome.PASS, _names((closest,), "within the threshold, the closest"), (closest,))


def _finding(
    requirement: Requirement, result: Outcome, reason: str, deciding: tuple[Evidence, ...], needed: int | None = None
) -> Finding:
    distances = [margin(requirement, item) for item in deciding]
    return Finding(requirement, result, reason, deciding, min(distances, default=None), needed)


def _why(undecided: tuple[Evidence, ...], missing: tuple[NotMeasured, ...]) -> str:
    if missing:
        return "; ".join(f"{item.slice}: not measured: {item.reason}" for item in missing)
    flags = [f"{item.slice}: {flag.code}: {flag.detail}" for item in undecided for flag in item.flags]
    if flags:
        return "; ".join(flags)
    return _names(undecided, "the interval holds the threshold") if undecided else "there is no evidence for it"


def _names(evidence: tuple[Evidence, ...], what: str) -> str:
    return f"{', '.join(item.slice for item in evidence)}: {what}"


def _test_rows(trial: Trial) -> int:
    if trial.test_use is not None:
        return trial.test_use.rows
    return max((item.rows for item in trial.evidence), default=0)
