"""Rows without a label, or without an answer, are rows that nobody measured: whether they could turn a pass."""

from __future__ import annotations

from dataclasses import replace

from seatrial.verdicts.evidence import Evidence, Family, Flag
from seatrial.verdicts.metrics import METRICS, Scope
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import Trial

TOLERATED = 0.01  # of the rows, where no count tells how far the missing labels could move the metric
FLAG, UNANSWERED = "unlabelled-rows", "unanswered-rows"
_MEANS_OF_ROWS = frozenset(
    {
        *("accuracy", "robust_accuracy", "counterfactual_flip_rate", "selection_rate", "true_positive_rate"),
        *("false_positive_rate", "precision", "log_loss", "brier_score", "interval_coverage"),
    }
)


def flag_unlabelled(trial: Trial, policy: Policy, *, unlabelled: int, labelled: int) -> Trial:
    """The trial, in which evidence that the missing labels could turn carries a flag: nothing passes by it."""
    return _flagged(trial, policy, missing=unlabelled, measured=labelled, code=FLAG, what="label")


def flag_unanswered(trial: Trial, policy: Policy, *, unanswered: int, answered: int) -> Trial:
    """The same for rows that the model did not answer: each counts as answered in the worst way."""
    return _flagged(trial, policy, missing=unanswered, measured=answered, code=UNANSWERED, what="answer")


def _flagged(trial: Trial, policy: Policy, *, missing: int, measured: int, code: str, what: str) -> Trial:
    """The trial with a flag where rows that lack `what` could turn a requirement.

    Of a share of rows the worst case is counted: every row that lacks it is one that lowers it (or raises it). Of any
    other metric, and of differences between groups, more than `TOLERATED` of the rows are too many.
    """
    if not missing:
        return trial

    def flagged(evidence: Evidence) -> Evidence:
        requirements = [requirement for requirement in policy.require if requirement.claim == evidence.claim]
        metric = METRICS.get(evidence.claim.metric)  # bins of calibration are no metric of a policy
        if metric is None or metric.scope is Scope.DATA:  # of the rows, whatever their labels
            return evidence
        if not any(_could_turn(requirement, evidence, missing, measured) for requirement in requirements):
            return evidence
        every = missing + measured
        detail = (
            f"{missing:,} of {every:,} rows ({missing / every:.1%}) have no {what}, and by those that they lack "
            "this could fail"
        )
        return replace(evidence, flags=(*evidence.flags, Flag(code, detail)))

    return replace(trial, evidence=tuple(map(flagged, trial.evidence)))


def _could_turn(requirement: Requirement, evidence: Evidence, missing: int, measured: int) -> bool:
    worst = _worst_case(requirement, evidence, missing)
    if worst is None:
        return missing > TOLERATED * (missing + measured)
    low, high = worst
    return (requirement.at_least is not None and low < requirement.at_least) or (
        requirement.at_most is not None and high > requirement.at_most
    )


def _worst_case(requirement: Requirement, evidence: Evidence, missing: int) -> tuple[float, float] | None:
    """The bounds, had every row that lacks it the least value or the largest; None where no count tells."""
    metric = METRICS.get(evidence.claim.metric)
    if metric is None or metric.name not in _MEANS_OF_ROWS or requirement.no_worse_than is not None:
        return None
    if evidence.claim.family not in (Family.ALL, Family.GROUPS):
        return None
    every = evidence.rows + missing
    share = evidence.rows / every
    return share * evidence.low + (1 - share) * metric.low, share * evidence.high + (1 - share) * metric.high
