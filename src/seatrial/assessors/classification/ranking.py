"""How well scores put rows of a class above the others: the areas under the ROC and the precision-recall curve."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.assessors.answers.model_answers import ClassAnswers, Unmeasurable, class_answers
from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import claims_to_measure, dependence, unmeasured
from seatrial.assessors.contingency.grouping import Grouping, Rows
from seatrial.assessors.quantities.means import average, estimate_conditions, measurement_of, minus, or_else
from seatrial.assessors.quantities.slices import MeasurementResult, Quantity, over_slices
from seatrial.assessors.references.reference_answers import against, reference_answers
from seatrial.verdicts.bounds.auc import roc_auc
from seatrial.verdicts.bounds.paired import paired_auc
from seatrial.verdicts.bounds.paired_statistics import paired_average_precision
from seatrial.verdicts.bounds.ranking import (
    average_precision,
    average_precision_parts,
    ranked_rows,
    roc_auc_parts,
    weighted_roc_auc,
)
from seatrial.verdicts.evidence import Claim, Evidence, NotMeasured
from seatrial.verdicts.metrics import measured_by

AREA = "roc_auc"
METRICS = measured_by("ranking")


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,  # noqa: ARG001 - the Assessor contract; nothing is drawn
    budget_s: float,  # noqa: ARG001 - the Assessor contract; sorting takes milliseconds
) -> Iterator[Evidence | NotMeasured]:
    """Both areas overall, that under the ROC curve for each group; more where the policy asks."""
    selected = claims_to_measure(claims, subject, METRICS)
    answers = class_answers(subject) if selected else Unmeasurable("nothing is asked")
    if not isinstance(answers, Unmeasurable) and answers.probabilities is None:
        answers = Unmeasurable("the model gives no probabilities")
    if isinstance(answers, Unmeasurable):
        yield from (unmeasured(claim, answers.reason) for claim in selected)
        return
    clusters = None
    if subject.cluster is not None:
        column = subject.tables[subject.measured].column(subject.cluster)
        if pa.types.is_dictionary(column.type):  # texts are, and index_in does not take them
            column = column.cast(column.type.value_type)
        clusters = np.asarray(pc.index_in(column, pc.unique(column)).to_numpy(), dtype=np.int64)
    quantity_of = _Measuring(subject, answers, clusters).quantity
    yield from over_slices(subject, selected, quantity_of, confidence=confidence, flags=dependence(subject))


class _Measuring:
    """The scores of a trial, sorted once a class, so that what sorts a group's rows finds them in order."""

    def __init__(self, subject: Subject, answers: ClassAnswers, clusters: NDArray[np.int64] | None) -> None:
        self._subject, self._answers, self._clusters = subject, answers, clusters
        self._order = cache(self._sorted)
        self._rows = cache(self._along)

    def quantity(self, claim: Claim, groups: Grouping) -> Quantity | Unmeasurable:
        code = self._answers.code_of(claim.of_class)
        if isinstance(code, Unmeasurable):
            return code
        if claim.against is None:
            return self._over(code, lambda each: self._of(self._answers, claim.metric, each, groups))
        compared = reference_answers(claim, self._subject, class_answers)
        if isinstance(compared, Unmeasurable):
            return compared
        theirs = compared.answers
        if theirs.probabilities is None:
            return Unmeasurable(f'the reference model "{claim.against}" gives no probabilities')

        def difference(each: int) -> Quantity:
            together = self._paired(theirs, claim.metric, each, groups)
            if claim.metric == AREA:
                return together
            return or_else(
                together,
                minus(*(self._of(answers, claim.metric, each, groups) for answers in (self._answers, theirs))),
            )

        return against(self._over(code, difference), compared.baseline)

    def _over(self, code: int | None, quantity_of: Callable[[int], Quantity]) -> Quantity:
        """Of one class, or the mean over all of them."""
        if code is not None:
            return quantity_of(code)
        return average([quantity_of(each) for each in range(len(self._answers.classes))])

    def _of(self, answers: ClassAnswers, metric: str, code: int, groups: Grouping) -> Quantity:
        heeds = metric == AREA and answers.weights is None

        def of(group: int, confidence: float) -> MeasurementResult:
            rows = self._rows(code, groups)[group]
            positive, scores = answers.actual[rows] == code, _scores(answers, code)[rows]
            lacking = self._lacking(positive, code)
            if lacking is not None:
                return lacking
            weights = None if answers.weights is None else answers.weights[rows]
            within = None if self._clusters is None else self._clusters[rows]
            if metric != AREA:
                interval = average_precision(positive, scores, confidence=confidence, weights=weights)
            elif weights is not None:
                interval = weighted_roc_auc(positive, scores, weights, confidence=confidence)
            else:
                interval = roc_auc(positive, scores, confidence=confidence, clusters=within)
            independent = len(np.unique(within)) if heeds and within is not None else len(rows)
            return measurement_of(interval, independent, {"positive_rows": str(int(positive.sum()))})

        return Quantity(of, heeds_clusters=heeds)

    def _paired(self, reference: ClassAnswers, metric: str, code: int, groups: Grouping) -> Quantity:
        def of(group: int, confidence: float) -> MeasurementResult:
            rows = self._rows(code, groups)[group]
            positive = self._answers.actual[rows] == code
            lacking = self._lacking(positive, code)
            if lacking is not None:
                return lacking
            within = None if self._clusters is None else self._clusters[rows]
            both = [_scores(each, code)[rows] for each in (self._answers, reference)]
            weights = None if self._answers.weights is None else self._answers.weights[rows]
            if metric == AREA:
                interval = paired_auc(positive, *both, confidence=confidence, clusters=within, weights=weights)
            else:
                interval = paired_average_precision(positive, *both, confidence=confidence, weights=weights)
            parts_of = roc_auc_parts if metric == AREA else average_precision_parts
            estimates = (float(parts_of(*ranked_rows(positive, each, weights))[0]) for each in both)
            independent = len(rows) if within is None or metric != AREA else len(np.unique(within))
            conditions = {"positive_rows": str(int(positive.sum())), **estimate_conditions(*estimates)}
            return measurement_of(interval, independent, conditions)

        return Quantity(of, heeds_clusters=metric == AREA)

    def _lacking(self, positive: NDArray[np.bool_], code: int) -> Unmeasurable | None:
        words = ("positive", "negative")
        if code != self._answers.positive:
            words = (f'"{self._answers.classes[code]}"', "other")
        for present, name in ((positive.any(), words[0]), (not positive.all(), words[1])):
            if not present:
                return Unmeasurable(f"no {name} rows")
        return None

    def _sorted(self, code: int) -> Rows:
        return np.argsort(_scores(self._answers, code), kind="stable")

    def _along(self, code: int, groups: Grouping) -> tuple[Rows, ...]:
        return groups.rows_along(self._order(code))


def _scores(answers: ClassAnswers, code: int) -> NDArray[np.float64]:
    if answers.probabilities is None:
        raise ValueError("scores are probabilities")
    return answers.probabilities[:, code]
