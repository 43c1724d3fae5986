"""Means of losses of the stated probabilities: how far they are from what happened.

A mean has bounds only where its values have: a row whose label got less than the clip is charged as if it got the clip.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

from seatrial.assessors.answers.model_answers import ClassAnswers, Unmeasurable, class_answers
from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import claims_to_measure, dependence, unmeasured
from seatrial.assessors.contingency.grouping import Grouping, Rows
from seatrial.assessors.quantities.means import Terms, mean, paired
from seatrial.assessors.quantities.slices import Quantity, over_slices
from seatrial.assessors.references.reference_answers import against, reference_answers
from seatrial.verdicts.evidence import Claim, Evidence, NotMeasured
from seatrial.verdicts.metrics import METRICS as KNOWN
from seatrial.verdicts.metrics.computed import MeanLoss

LOSSES = {name: metric.computed for name, metric in KNOWN.items() if isinstance(metric.computed, MeanLoss)}
METRICS = tuple(LOSSES)


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,
    budget_s: float,  # noqa: ARG001 - the Assessor contract; a mean takes milliseconds
) -> Iterator[Evidence | NotMeasured]:
    """Clipped log loss in nats, and the Brier score, overall; by group and between groups where asked."""
    selected = claims_to_measure(claims, subject, LOSSES)
    answers = class_answers(subject) if selected else Unmeasurable("nothing is asked")
    if isinstance(answers, Unmeasurable):
        yield from (unmeasured(claim, answers.reason) for claim in selected)
        return

    @cache
    def terms(metric: str) -> Terms | Unmeasurable:
        return _terms(answers, LOSSES[metric])

    def quantity_of(claim: Claim, groups: Grouping) -> Quantity | Unmeasurable:
        if claim.of_class is not None:
            return Unmeasurable("it is about all classes at once")
        own = terms(claim.metric)
        if isinstance(own, Unmeasurable):
            return own
        if claim.against is None:
            return mean(own, groups, seed=seed)
        compared = reference_answers(claim, subject, class_answers)
        if isinstance(compared, Unmeasurable):
            return compared
        theirs = _terms(compared.answers, LOSSES[claim.metric])
        if isinstance(theirs, Unmeasurable):
            return Unmeasurable(f'of the reference model "{claim.against}": {theirs.reason}')
        return against(paired(own, theirs, groups, seed=seed), compared.baseline)

    yield from over_slices(
        subject, selected, quantity_of, confidence=confidence, flags=dependence(subject), parameters={"seed": str(seed)}
    )


def _terms(answers: ClassAnswers, computed: MeanLoss) -> Terms | Unmeasurable:
    if answers.probabilities is None:
        return Unmeasurable("the model gives no probabilities")
    values = computed.loss(answers.probabilities, answers.actual, answers.positive)
    if computed.clip is None:
        return Terms(
            values, computed.limits(answers.positive), weights=answers.weights, largest_weight=answers.largest_weight
        )
    clip = computed.clip
    clipped = answers.probabilities[np.arange(len(answers.actual)), answers.actual] < clip

    def note(rows: Rows) -> dict[str, str]:
        return {"clip": f"{clip:g}", "rows_clipped": str(int(clipped[rows].sum()))}

    return Terms(
        values,
        computed.limits(answers.positive),
        weights=answers.weights,
        largest_weight=answers.largest_weight,
        note=note,
    )
