"""Doubts about every number that rests on answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from seatrial.verdicts.evidence import Evidence, Flag
from seatrial.verdicts.metrics import METRICS, Scope
from seatrial.verdicts.trial import Trial


def flag_answers(trial: Trial, flags: Sequence[Flag]) -> Trial:
    """The trial with the flags on all evidence that rests on answers: nothing of it decides."""
    if not flags:
        return trial
    return replace(trial, evidence=tuple(_flagged(evidence, flags) for evidence in trial.evidence))


def _flagged(evidence: Evidence, flags: Sequence[Flag]) -> Evidence:
    metric = METRICS.get(evidence.claim.metric)
    if metric is not None and metric.scope is Scope.DATA:  # of the rows, whatever their answers
        return evidence
    return replace(evidence, flags=(*evidence.flags, *flags))
