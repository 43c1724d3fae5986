"""Claims about the measured rows themselves: what a model was trained on, never saw, or could read off one column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.assessors.answers.model_answers import ClassAnswers, Unmeasurable, answered_beside, class_answers
from seatrial.assessors.assessor import DataFacts, Subject
from seatrial.assessors.claims import ONE_COLUMN, conditions, dependence, unmeasured
from seatrial.assessors.quantities.means import weight_flags
from seatrial.assessors.quantities.slices import Measurement, MeasurementResult
from seatrial.assessors.references.reference_answers import baseline_of
from seatrial.verdicts.bounds.interval import Interval, simultaneous_confidence
from seatrial.verdicts.bounds.proportions import proportion
from seatrial.verdicts.bounds.weighted_mean import weight_assumption, weighted_mean
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured

_ROWS = {"weights": "unweighted"}  # what is counted while rows are read is counted by rows
OVERLAP, DUPLICATES = "test_overlap", "duplicate_share"
UNLABELLED, ANSWERED = "unlabelled_share", "answered_share"
UNKNOWN, ONE_COLUMN_ACCURACY = "unknown_values", "one_column_accuracy"
_MEASURED = (OVERLAP, DUPLICATES, UNLABELLED, ANSWERED, UNKNOWN, ONE_COLUMN_ACCURACY)
_COUNTED = (OVERLAP, DUPLICATES, UNLABELLED)  # not estimated: they are about these rows


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,
    budget_s: float,  # noqa: ARG001 - the Assessor contract; everything was counted while the rows were read
) -> Iterator[Evidence | NotMeasured]:
    """Each claim overall; those that are not asked for only where they can be told."""
    for metric in _MEASURED:
        selected = [claim for claim in claims if claim.metric == metric]
        for claim in selected or [Claim(metric)]:
            if claim.family is not Family.ALL:
                yield unmeasured(claim, "it is measured for all rows together only")
                continue
            measured = _measure(metric, subject, confidence, seed)
            if not isinstance(measured, Unmeasurable):
                yield Evidence(
                    claim,
                    "all",
                    measured.interval.estimate,
                    measured.interval.low,
                    measured.interval.high,
                    confidence,
                    subject.tables[subject.measured].num_rows,
                    measured.interval.method,
                    {**conditions(subject), **measured.conditions},
                    () if metric in _COUNTED else (*dependence(subject), *measured.flags),
                )
            elif selected:
                yield unmeasured(claim, measured.reason)


def _measure(metric: str, subject: Subject, confidence: float, seed: int) -> MeasurementResult:
    if metric == ONE_COLUMN_ACCURACY:
        return _one_column(subject, confidence, seed)
    facts = subject.facts
    if metric == OVERLAP:
        counted = None if facts is None else facts.overlap
        return _counted(counted, facts, "it needs the training data: name it")
    if metric == DUPLICATES:
        return _counted(None if facts is None else facts.copies, facts, "the rows were not compared with each other")
    if metric == UNLABELLED:
        unlabelled = None if facts is None else facts.unlabelled
        return _counted(unlabelled, facts, "the rows without a label were not counted", beside=unlabelled or 0)
    if metric == ANSWERED:
        return _answered(facts, confidence)
    return _unknown(facts, confidence)


def _counted(rows: int | None, facts: DataFacts | None, missing: str, *, beside: int = 0) -> MeasurementResult:
    """A share of these rows, and of those `beside` them; `missing` says why there is none."""
    if rows is None or facts is None:
        return Unmeasurable(missing)
    every = facts.rows + beside
    share = rows / max(every, 1)
    counted = "counted" if facts.exact else "counted-on-a-sample"
    return Measurement(Interval(share, share, share, counted), every, {**_ROWS, "counts": f"{rows} of {every}"})


def _answered(facts: DataFacts | None, confidence: float) -> MeasurementResult:
    if facts is None or facts.unanswered is None:
        return Unmeasurable("the answers were not counted")
    answered = facts.rows - facts.unanswered
    counts = {**_ROWS, "counts": f"{answered} of {facts.rows}"}
    return Measurement(proportion(answered, facts.rows, confidence=confidence), facts.rows, counts)


def _unknown(facts: DataFacts | None, confidence: float) -> MeasurementResult:
    """The column with most of them stands for all."""
    if facts is None or facts.unknown is None:
        return Unmeasurable("the model's vocabulary is not known: it needs a codec, or the training data")
    if not facts.unknown:
        return Unmeasurable("the model takes no texts")
    column, rows = max(facts.unknown.items(), key=lambda item: item[1])
    column_conditions = {**_ROWS, "column": column, "counts": f"{rows} of {facts.rows}"}
    each = simultaneous_confidence(confidence, len(facts.unknown))  # which of them has most is seen in these rows
    return Measurement(proportion(rows, facts.rows, confidence=each), facts.rows, column_conditions)


def _one_column(subject: Subject, confidence: float, seed: int) -> MeasurementResult:
    rule = subject.references.get(ONE_COLUMN)
    if subject.task == "regression" or rule is None:
        return Unmeasurable("there is no rule of one column to measure")
    answers = class_answers(subject)
    if isinstance(answers, Unmeasurable):
        return answers
    ruled = answered_beside(answers, subject, subject.measured, rule)
    if not isinstance(ruled, ClassAnswers):
        return ruled
    hits, rows = int((ruled.answered == ruled.actual).sum()), len(ruled.actual)
    baseline = baseline_of(rule)
    described = {} if baseline is None else {"rule": baseline.described, "fitted_on": baseline.fitted_on}
    if ruled.weights is not None:
        values = (ruled.answered == ruled.actual) * 1.0
        supposed = weight_assumption(ruled.weights, subject.largest_weight)
        bounds = weighted_mean(
            values, ruled.weights, low=0, high=1, confidence=confidence, seed=seed, heaviest=supposed.largest
        )
        return Measurement(bounds, rows, {**described, "seed": str(seed), **supposed.stated}, weight_flags(supposed))
    counts = f"{hits} of {rows}"
    return Measurement(proportion(hits, rows, confidence=confidence), rows, {**described, "counts": counts})
