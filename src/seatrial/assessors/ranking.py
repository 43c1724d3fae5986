"""ROC AUC: how well scores put positive rows above negative ones, for everybody and within groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow.compute as pc

from seatrial.assessors.answers import Unmeasurable, measured_answers
from seatrial.assessors.assessor import Subject
from seatrial.assessors.cells import Grouping
from seatrial.assessors.claims import claims_of, in_order, unmeasured
from seatrial.assessors.slices import Measure, Measured, Rows, of_rows, over_slices
from seatrial.verdicts.auc import roc_auc
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,  # noqa: ARG001 - the Assessor contract; nothing is drawn
    budget_s: float,  # noqa: ARG001 - the Assessor contract; sorting takes milliseconds
) -> Iterator[Evidence | NotMeasured]:
    """ROC AUC for everybody and for each group; between groups where the policy asks."""
    wanted = in_order(claims, claims_of("roc_auc", subject, Family.ALL, Family.GROUPS))
    answers = measured_answers(subject)
    if isinstance(answers, Unmeasurable):
        yield from (unmeasured(claim, answers.reason) for claim in wanted)
        return
    clusters = None
    if subject.cluster is not None:
        column = subject.tables[subject.measured].column(subject.cluster)
        clusters = pc.index_in(column, pc.unique(column)).to_numpy()

    def area(rows: Rows, confidence: float) -> Measured | Unmeasurable:
        actual = answers.actual[rows]
        for present, name in ((actual.any(), "positive"), (not actual.all(), "negative")):
            if not present:
                return Unmeasurable(f"no {name} rows")
        within = None if clusters is None else clusters[rows]
        interval = roc_auc(actual, answers.score[rows], confidence=confidence, clusters=within)
        independent = len(rows) if within is None else len(np.unique(within))
        return Measured(interval, independent, {"positive_rows": str(int(actual.sum()))})

    def measure_of(_metric: str, groups: Grouping) -> Measure:
        return of_rows(groups, area)

    yield from over_slices(subject, wanted, measure_of, confidence=confidence)
