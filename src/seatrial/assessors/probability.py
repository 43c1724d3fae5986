"""Log loss: how far the stated probabilities are from what happened.

A mean has bounds only where its values have: a row whose label got less than the clip is charged as if it got the clip.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from seatrial.assessors.answers import Unmeasurable, measured_answers
from seatrial.assessors.assessor import Subject
from seatrial.assessors.cells import Grouping
from seatrial.assessors.claims import claims_of, dependence, in_order, unmeasured
from seatrial.assessors.slices import Measure, Measured, Rows, of_rows, over_slices
from seatrial.verdicts.bounded import bounded_mean
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured
from seatrial.verdicts.metrics import LOG_LOSS_CEILING, LOG_LOSS_CLIP


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,
    budget_s: float,  # noqa: ARG001 - the Assessor contract; a mean takes milliseconds
) -> Iterator[Evidence | NotMeasured]:
    """Clipped log loss in nats for everybody; by group and between groups where the policy asks."""
    wanted = in_order(claims, claims_of("log_loss", subject, Family.ALL))
    answers = measured_answers(subject)
    if isinstance(answers, Unmeasurable):
        yield from (unmeasured(claim, answers.reason) for claim in wanted)
        return
    given = np.where(answers.actual, answers.score, 1 - answers.score)  # the probability of what happened
    losses = -np.log(np.maximum(given, LOG_LOSS_CLIP))
    clipped = given < LOG_LOSS_CLIP

    def mean(rows: Rows, confidence: float) -> Measured | Unmeasurable:
        if len(rows) == 0:
            return Unmeasurable("no rows")
        interval = bounded_mean(losses[rows], ceiling=LOG_LOSS_CEILING, confidence=confidence, seed=seed)
        return Measured(interval, len(rows), {"rows_clipped": str(int(clipped[rows].sum()))})

    def measure_of(_metric: str, groups: Grouping) -> Measure:
        return of_rows(groups, mean)

    parameters = {"clip": f"{LOG_LOSS_CLIP:g}", "seed": str(seed)}
    yield from over_slices(
        subject, wanted, measure_of, confidence=confidence, flags=dependence(subject), parameters=parameters
    )
