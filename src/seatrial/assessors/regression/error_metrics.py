"""Errors of a regression: absolute, squared, signed, explained variance, pinball loss, and the cover of intervals.

A mean has a bound that holds only where its values have limits (Bahadur & Savage 1956): of plain errors and of R² the
number of these rows is told, and no bound. A clipped error counts as at most the subject's `clip`; its bounds hold at
every size; it is another metric.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seatrial.assessors.answers.model_answers import Unmeasurable, ValueAnswers, value_answers
from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import claims_to_measure, dependence, unmeasured
from seatrial.assessors.contingency.grouping import Grouping, Rows
from seatrial.assessors.quantities.means import (
    Among,
    Terms,
    mean,
    measurement_of,
    minus,
    paired,
    paired_shares,
    shares,
)
from seatrial.assessors.quantities.slices import MeasurementResult, Quantity, over_slices
from seatrial.assessors.references.reference_answers import against, reference_answers
from seatrial.verdicts.bounds.asymptotic import r_squared
from seatrial.verdicts.bounds.interval import root
from seatrial.verdicts.evidence import Claim, Evidence, NotMeasured
from seatrial.verdicts.metrics import METRICS as KNOWN
from seatrial.verdicts.metrics import measured_by
from seatrial.verdicts.metrics.computed import MeanError

COVERAGE = "interval_coverage"
METRICS = measured_by("errors")


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,
    budget_s: float,  # noqa: ARG001 - the Assessor contract; means take milliseconds
) -> Iterator[Evidence | NotMeasured]:
    """Each error overall, mean errors for each group and between groups; more where the policy asks."""
    selected = claims_to_measure(claims, subject, METRICS)
    answers = value_answers(subject) if selected else Unmeasurable("nothing is asked")
    if isinstance(answers, Unmeasurable):
        yield from (unmeasured(claim, answers.reason) for claim in selected)
        return
    clip = None if subject.clip is not None else suggested_clip(answers.actual.min(), answers.actual.max())

    def quantity_of(claim: Claim, groups: Grouping) -> Quantity | Unmeasurable:
        if claim.of_class is not None:
            return Unmeasurable("a regression has no classes")
        if claim.against is None:
            return hinted(_of(answers, claim.metric, subject, groups, seed=seed), clip)
        compared = reference_answers(claim, subject, value_answers)
        if isinstance(compared, Unmeasurable):
            return compared
        quantity = _paired(answers, compared.answers, claim.metric, subject, groups, seed=seed)
        quantity = hinted(quantity, clip)
        return quantity if isinstance(quantity, Unmeasurable) else against(quantity, compared.baseline)

    parameters = {"seed": str(seed)}
    yield from over_slices(
        subject, selected, quantity_of, confidence=confidence, flags=dependence(subject), parameters=parameters
    )


def _of(
    answers: ValueAnswers, metric: str, subject: Subject, groups: Grouping, *, seed: int
) -> Quantity | Unmeasurable:
    if metric == "r2":
        return _explained(answers, groups)
    if metric == COVERAGE:
        return _coverage(answers, groups, seed=seed)
    terms = _terms(answers, metric, subject)
    if isinstance(terms, Unmeasurable):
        return terms
    quantity = mean(terms, groups, seed=seed)
    return _rooted(quantity) if error_of(metric).root else quantity


def _paired(
    answers: ValueAnswers, reference: ValueAnswers, metric: str, subject: Subject, groups: Grouping, *, seed: int
) -> Quantity | Unmeasurable:
    if metric == "r2" or (metric != COVERAGE and error_of(metric).root):  # no means of rows
        own_quantity, their_quantity = (_of(each, metric, subject, groups, seed=seed) for each in (answers, reference))
        if isinstance(own_quantity, Unmeasurable) or isinstance(their_quantity, Unmeasurable):
            return own_quantity if isinstance(own_quantity, Unmeasurable) else their_quantity
        return minus(own_quantity, their_quantity)
    if metric == COVERAGE:
        own, theirs = _covered(answers), _covered(reference)
        if isinstance(own, Unmeasurable):
            return own
        if isinstance(theirs, Unmeasurable):
            return Unmeasurable("the reference model predicts no intervals")
        if answers.weights is None:
            return paired_shares(own, theirs, Among(), groups)
        own_hits, their_hits = (
            Terms(hit.astype(np.float64), (0, 1), weights=answers.weights, largest_weight=answers.largest_weight)
            for hit in (own, theirs)
        )
        return paired(own_hits, their_hits, groups, seed=seed)
    own_terms, their_terms = (_terms(each, metric, subject) for each in (answers, reference))
    if isinstance(own_terms, Unmeasurable):
        return own_terms
    if isinstance(their_terms, Unmeasurable):
        return their_terms
    return paired(own_terms, their_terms, groups, seed=seed)


SUGGESTED_CLIP = "suggested_clip"  # the condition


def hinted(quantity: Quantity | Unmeasurable, clip: float | None) -> Quantity | Unmeasurable:
    """The quantity; where it is not measured for want of a limit, its reason names the metric to require instead.

    `clip` is a limit to suggest, None where one is set.
    """
    if isinstance(quantity, Unmeasurable):
        return quantity
    limit = "" if clip is None else f", and state a clip, the largest error that counts in full, for instance {clip:g}"

    def of(group: int, confidence: float) -> MeasurementResult:
        measured = quantity.of(group, confidence)
        if not isinstance(measured, Unmeasurable) or measured.estimate is None:
            return measured
        reason = f"{measured.reason}; require a clipped metric (clipped_mae){limit}"
        suggested = {} if clip is None else {SUGGESTED_CLIP: f"{clip:g}"}
        return replace(measured, reason=reason, conditions={**measured.conditions, **suggested})

    return replace(quantity, of=of)


def suggested_clip(least: float, largest: float) -> float:
    """The distance between the least and the largest label, rounded up to one digit: for people to think from.

    >>> suggested_clip(-3.1, 20.0), suggested_clip(0.0, 0.0042), suggested_clip(5.0, 5.0)
    (30.0, 0.005, 1.0)
    """
    span = largest - least
    if not 0 < span < math.inf:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(span))
    return float(f"{math.ceil(span / unit) * unit:.1g}")


def error_of(metric: str) -> MeanError:
    """How a metric is computed that is a mean of errors, or its root."""
    computed = KNOWN[metric].computed
    if not isinstance(computed, MeanError):
        raise TypeError(f"{metric} is not a mean of errors")
    return computed


def _terms(answers: ValueAnswers, metric: str, subject: Subject) -> Terms | Unmeasurable:
    """What the mean error is a mean of, within its limits where errors are clipped."""
    computed = error_of(metric)
    clip = subject.clip if computed.clipped else None
    if computed.clipped and clip is None:
        return Unmeasurable("it needs a clip, the largest error that counts in full")
    if computed.of_quantile and subject.quantile is None:
        return Unmeasurable("it needs the quantile that the model predicts")
    errors = answers.predicted - answers.actual
    beyond = None if clip is None else np.abs(errors) > clip
    values = computed.loss(errors if clip is None else np.clip(errors, -clip, clip), subject.quantile)
    limits = None if clip is None else computed.limits(clip, subject.quantile)

    def note(rows: Rows) -> dict[str, str]:
        if beyond is None or clip is None:
            return {}
        return {"clip": f"{clip:g}", "rows_clipped": str(int(beyond[rows].sum()))}

    return Terms(values, limits, weights=answers.weights, largest_weight=answers.largest_weight, note=note)


def _rooted(squares: Quantity) -> Quantity:
    def of(group: int, confidence: float) -> MeasurementResult:
        measured = squares.of(group, confidence)
        if isinstance(measured, Unmeasurable):
            return measured if measured.estimate is None else replace(measured, estimate=math.sqrt(measured.estimate))
        return replace(measured, interval=root(measured.interval))

    return Quantity(of)


def _explained(answers: ValueAnswers, groups: Grouping) -> Quantity:
    def of(group: int, confidence: float) -> MeasurementResult:
        rows = groups.rows[group]
        if len(rows) == 0:
            return Unmeasurable(f'no rows in group "{groups.names[group]}"')
        weights = None if answers.weights is None else answers.weights[rows]
        actual, predicted = answers.actual[rows], answers.predicted[rows]
        interval = r_squared(actual, predicted, confidence=confidence, weights=weights)
        return measurement_of(interval, len(rows))

    return Quantity(of)


def _coverage(answers: ValueAnswers, groups: Grouping, *, seed: int) -> Quantity | Unmeasurable:
    covered = _covered(answers)
    if isinstance(covered, Unmeasurable):
        return covered
    if answers.weights is not None:
        terms = Terms(
            covered.astype(np.float64), (0, 1), weights=answers.weights, largest_weight=answers.largest_weight
        )
        return mean(terms, groups, seed=seed)
    size = len(groups.names)
    hits = np.bincount(groups.codes[covered], minlength=size)
    return shares(hits, np.bincount(groups.codes, minlength=size), groups.names, "rows")


def _covered(answers: ValueAnswers) -> NDArray[np.bool_] | Unmeasurable:
    if answers.interval is None:
        return Unmeasurable("it needs a model that predicts an interval, a lower and an upper value for each row")
    low, high = answers.interval.T
    covered: NDArray[np.bool_] = (low <= answers.actual) & (answers.actual <= high)
    return covered
