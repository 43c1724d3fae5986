"""Rates of right and wrong answers: counted by group and class, or row by row where rows stand for several people.

Which rates there are, and how they come from counts, is in `rates.py`; here they are asked of a model and its answers,
and compared with those of other models on the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

from seatrial.assessors.answers.model_answers import ClassAnswers, Unmeasurable, class_answers
from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import claims_to_measure, dependence, unmeasured
from seatrial.assessors.classification.rates import (
    METRICS,
    RateCounts,
    metric_and_class,
    of_jaccard,
    rate_of,
    rows_named,
    share_of,
)
from seatrial.assessors.contingency.grouping import Grouping, Rows, count
from seatrial.assessors.quantities.means import (
    Among,
    Terms,
    average,
    estimate_conditions,
    mean,
    measurement_of,
    minus,
    or_else,
    paired,
    paired_shares,
)
from seatrial.assessors.quantities.slices import MeasurementResult, Quantity, over_slices
from seatrial.assessors.references.reference_answers import against, reference_answers
from seatrial.verdicts.bounds.paired_statistics import paired_ratio
from seatrial.verdicts.contingency import ConfusionTable
from seatrial.verdicts.evidence import Claim, Evidence, NotMeasured
from seatrial.verdicts.metrics import METRICS as KNOWN
from seatrial.verdicts.metrics.computed import OfConfusion


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,
    budget_s: float,  # noqa: ARG001 - the Assessor contract; counting takes milliseconds
) -> Iterator[Evidence | NotMeasured]:
    """Each rate overall, for each group of each column and between groups; exact bounds where rows count once."""
    selected = claims_to_measure(claims, subject, METRICS)
    answers = class_answers(subject) if selected else Unmeasurable("nothing is asked")
    if isinstance(answers, Unmeasurable):
        yield from (unmeasured(claim, answers.reason) for claim in selected)
        return
    quantity_of = _Measuring(subject, answers, seed).quantity
    parameters = {} if answers.weights is None else {"seed": str(seed)}
    yield from over_slices(
        subject, selected, quantity_of, confidence=confidence, flags=dependence(subject), parameters=parameters
    )


class _Measuring:
    """The answers of a trial and of its references, counted once for each column."""

    def __init__(self, subject: Subject, answers: ClassAnswers, seed: int) -> None:
        self._subject, self._answers, self._seed = subject, answers, seed
        self._count = cache(count)

    def quantity(self, claim: Claim, groups: Grouping) -> Quantity | Unmeasurable:
        code = self._answers.code_of(claim.of_class)
        if isinstance(code, Unmeasurable):
            return code
        about = metric_and_class(claim, code)
        if isinstance(about, Unmeasurable):
            return about
        metric, code = about
        if claim.against is None:
            return self._of(self._answers, metric, code, groups)
        compared = reference_answers(claim, self._subject, class_answers)
        if isinstance(compared, Unmeasurable):
            return compared
        return against(self._paired(compared.answers, metric, code, groups), compared.baseline)

    def _of(self, answers: ClassAnswers, metric: str, code: int | None, groups: Grouping) -> Quantity:
        if answers.weights is None or isinstance(KNOWN[metric].computed, OfConfusion):
            counted = RateCounts(
                self._count(answers, groups), answers.classes, lambda: tables(answers, groups), answers.positive
            )
            return rate_of(counted, metric, code)
        if code is None:
            return average([self._of(answers, metric, each, groups) for each in range(len(answers.classes))])
        share = mean(_terms(metric, answers, code), groups, seed=self._seed)
        return of_jaccard(share) if share_of(metric).as_f1 else share

    def _paired(self, reference: ClassAnswers, metric: str, code: int | None, groups: Grouping) -> Quantity:
        answers = self._answers
        if isinstance(KNOWN[metric].computed, OfConfusion):
            return minus(*(self._of(each, metric, code, groups) for each in (answers, reference)))
        if code is None:
            return average([self._paired(reference, metric, each, groups) for each in range(len(answers.classes))])
        if share_of(metric).among_depends_on_the_answer:
            apart = minus(*(self._of(each, metric, code, groups) for each in (answers, reference)))
            return or_else(self._ratios(reference, metric, code, groups), apart)
        if answers.weights is not None:
            own_terms, their_terms = (_terms(metric, each, code) for each in (answers, reference))
            return paired(own_terms, their_terms, groups, seed=self._seed)
        own, theirs = (share_of(metric).hit_rows(each.actual, each.answered, code) for each in (answers, reference))
        return paired_shares(own, theirs, _among(metric, answers, code), groups)

    def _ratios(self, reference: ClassAnswers, metric: str, code: int, groups: Grouping) -> Quantity:
        """The difference of two rates, each of which is among rows of its own model's choice."""

        def of(group: int, confidence: float) -> MeasurementResult:
            rows = groups.rows[group]
            weights = None if self._answers.weights is None else self._answers.weights[rows]
            parts = []
            for answers in (self._answers, reference):
                actual, answered = answers.actual[rows] == code, answers.answered[rows] == code
                right = (actual & answered).astype(np.float64)
                as_f1 = share_of(metric).as_f1
                parts.append((2 * right, actual * 1.0 + answered) if as_f1 else (right, answered * 1.0))
            (top, bottom), (other_top, other_bottom) = parts
            if not (bottom.any() and other_bottom.any()):
                return Unmeasurable(f'no {_named("precision", self._answers, code)} in group "{groups.names[group]}"')
            interval = paired_ratio(top, bottom, other_top, other_bottom, confidence=confidence, weights=weights)
            people = np.ones(len(rows)) if weights is None else weights
            estimates = (float(people @ numerator / (people @ denominator)) for numerator, denominator in parts)
            return measurement_of(interval, len(rows), {"among": "rows", **estimate_conditions(*estimates)})

        return Quantity(of)


def tables(answers: ClassAnswers, groups: Grouping) -> tuple[ConfusionTable, ...]:
    """Labels by answers in each group: cells counted, or where rows have weights each row as it is."""
    return tuple(_table(answers, rows) for rows in groups.rows)


def _table(answers: ClassAnswers, rows: Rows) -> ConfusionTable:
    classes, actual, answered = len(answers.classes), answers.actual[rows], answers.answered[rows]
    if answers.weights is not None:
        weights = answers.weights[rows]
        return ConfusionTable(classes, actual, answered, np.ones(len(rows)), weights, weights**2)
    cells, sizes = np.unique(actual * classes + answered, return_counts=True)
    counts = sizes.astype(np.float64)
    return ConfusionTable(classes, cells // classes, cells % classes, counts, counts, counts)


def _terms(metric: str, answers: ClassAnswers, code: int) -> Terms:
    hits = share_of(metric).hit_rows(answers.actual, answers.answered, code).astype(np.float64)
    return Terms(hits, (0, 1), _among(metric, answers, code), answers.weights, answers.largest_weight)


def _among(metric: str, answers: ClassAnswers, code: int) -> Among:
    return Among(share_of(metric).among_rows(answers.actual, answers.answered, code), _named(metric, answers, code))


def _named(metric: str, answers: ClassAnswers, code: int) -> str:
    return rows_named(share_of(metric).rows_named, code, answers.classes, answers.positive)
