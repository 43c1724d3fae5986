"""The models that a claim compares with: those that the trial was given, and the baselines, which it makes itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from seatrial.assessors.answers.cached_predictions import CachedPredictions
from seatrial.assessors.answers.model_answers import Unmeasurable
from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import BASELINE, ONE_COLUMN
from seatrial.assessors.quantities.means import REFERENCE
from seatrial.assessors.quantities.slices import MeasurementResult, Quantity
from seatrial.assessors.references.baselines import Baseline, constant, one_column_rule, quantile_of
from seatrial.errors import SeatrialError
from seatrial.models.predictor import Predictor
from seatrial.verdicts.evidence import Claim, Family

Answers = TypeVar("Answers")


@dataclass(frozen=True, slots=True)
class ReferenceAnswers(Generic[Answers]):
    """A reference's answers for the measured rows, and which baseline it is, where it is one."""

    answers: Answers
    baseline: Baseline | None


def reference_answers(
    claim: Claim, subject: Subject, ask: Callable[[Subject, Predictor], Answers | Unmeasurable]
) -> ReferenceAnswers[Answers] | Unmeasurable:
    """What the reference of a claim answers, by `ask`, which names the rows and the form."""
    name = str(claim.against)
    if claim.family in (Family.PAIRS, Family.RATIOS):
        return Unmeasurable("a difference between groups is not compared with a reference")
    try:
        reference = reference_of(name, claim.metric, subject)
        if isinstance(reference, Unmeasurable):
            return reference
        answers = ask(subject, reference)
    except SeatrialError as error:
        return Unmeasurable(f'the reference model "{name}" cannot answer: {error}')
    if isinstance(answers, Unmeasurable):
        return Unmeasurable(f'of the reference model "{name}": {answers.reason}')
    return ReferenceAnswers(answers, baseline_of(reference))


def against(quantity: Quantity, baseline: Baseline | None) -> Quantity:
    """The quantity, whose evidence says what it was compared with: "majority class No, 0.764"."""

    def of(group: int, confidence: float) -> MeasurementResult:
        measured = quantity.of(group, confidence)
        if REFERENCE not in measured.conditions:
            return measured
        estimate = f"{float(measured.conditions[REFERENCE]):.4g}"
        comparison = {"reference": estimate}
        if baseline is not None:
            comparison = {"reference": f"{baseline.described}, {estimate}", "reference_fitted_on": baseline.fitted_on}
        return replace(measured, conditions={**measured.conditions, **comparison})

    return replace(quantity, of=of)


def reference_of(name: str, metric: str, subject: Subject) -> Predictor | Unmeasurable:
    """The model of that name; a baseline is made where none was given."""
    key = rule_key(metric, subject.quantile) if name == ONE_COLUMN and subject.task == "regression" else name
    if key in subject.references:
        return subject.references[key]
    if name == BASELINE:
        return constant(subject, metric)
    if name == ONE_COLUMN:
        return one_column_rule(subject, metric)
    names = ", ".join(f'"{reference}"' for reference in subject.references) or "none"
    return Unmeasurable(f'the reference model "{name}" was not given; given is {names}')


def rule_key(metric: str, quantile: float | None) -> str:
    """Under which name a subject of a regression holds the rule of one column that is the best for `metric`."""
    share = quantile_of(metric, quantile)
    return ONE_COLUMN if share is None else f"{ONE_COLUMN} of quantiles {share:g}"


def baseline_of(reference: Predictor) -> Baseline | None:
    """The reference as a baseline, if it is one."""
    while isinstance(reference, CachedPredictions):
        reference = reference.model
    return reference if isinstance(reference, Baseline) else None
