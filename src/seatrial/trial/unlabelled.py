"""Rows without a label are rows that nobody measured: whether they could turn a pass."""

from __future__ import annotations

from dataclasses import replace

from seatrial.verdicts.evidence import Evidence, Family, Flag
from seatrial.verdicts.metrics import METRICS, Scope
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import Trial

TOLERATED = 0.01  # of the rows, where no count tells how far the missing labels could move the metric
FLAG = "unlabelled-rows"
_MEANS_OF_ROWS = frozenset(
    {
        *("accuracy", "robust_accuracy", "counterfactual_flip_rate", "selection_rate", "true_positive_rate"),
        *("false_positive_rate", "precision", "log_loss", "brier_score", "interval_coverage"),
    }
)


def flag_unlabelled(trial: Trial, policy: Policy, *, unlabelled: int, labelled: int) -> Trial:
    """The trial, in which evidence that the missing labels could turn carries a flag: nothing passes by it.

    Of a share of rows the worst case is counted: every row without a label is one that lowers it (or raises it). Of any
    other metric, and of differences between groups, more than `TOLERATED` of the rows without a label are too many.
    """
    if not unlabelled:
        return trial

    def flagged(evidence: Evidence) -> Evidence:
        requirements = [one for one in policy.require if one.claim == evidence.claim]
        metric = METRICS.get(evidence.claim.metric)  # bins of calibration are no metric of a policy
        if metric is None or metric.scope is Scope.DATA:  # of the rows, whatever their labels
            return evidence
        if not any(_could_turn(one, evidence, unlabelled, labelled) for one in requirements):
            return evidence
        every = unlabelled + labelled
        detail = (
            f"{unlabelled:,} of {every:,} rows ({unlabelled / every:.1%}) have no label, and by those that they lack "
            "this could fail"
        )
        return replace(evidence, flags=(*evidence.flags, Flag(FLAG, detail)))

    return replace(trial, evidence=tuple(map(flagged, trial.evidence)))


def _could_turn(requirement: Requirement, evidence: Evidence, unlabelled: int, labelled: int) -> bool:
    worst = _worst_case(requirement, evidence, unlabelled)
    if worst is None:
        return unlabelled > TOLERATED * (unlabelled + labelled)
    low, high = worst
    return (requirement.at_least is not None and low < requirement.at_least) or (
        requirement.at_most is not None and high > requirement.at_most
    )


def _worst_case(requirement: Requirement, evidence: Evidence, unlabelled: int) -> tuple[float, float] | None:
    """The bounds, had every row without a label the least value or the largest; None where no count tells."""
    metric = METRICS.get(evidence.claim.metric)
    if metric is None or metric.name not in _MEANS_OF_ROWS or requirement.no_worse_than is not None:
        return None
    if evidence.claim.family not in (Family.ALL, Family.GROUPS):
        return None
    every = evidence.rows + unlabelled
    known = evidence.rows / every
    return known * evidence.low + (1 - known) * metric.low, known * evidence.high + (1 - known) * metric.high
