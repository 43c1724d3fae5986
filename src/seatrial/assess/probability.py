"""Log loss: how far the stated probabilities are from what happened."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from seatrial.assess.answers import Unmeasurable, measured_answers
from seatrial.assess.assessor import Subject
from seatrial.assess.cells import Grouping
from seatrial.assess.claims import claims_of, dependence, in_order, unmeasured
from seatrial.assess.slices import Measure, Measured, Rows, of_rows, over_slices
from seatrial.verdicts.bounded import bounded_mean
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured

# A mean has bounds only where its values have: probabilities are taken within [CLIP, 1 − CLIP], so that no row costs
# more than 6.9 nats. A model that is wrong and surer than 1 in 1,000 is not charged for the rest.
CLIP = 0.001


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,
    budget_s: float,  # noqa: ARG001 - the Assessor contract; a mean takes milliseconds
) -> Iterator[Evidence | NotMeasured]:
    """Log loss in nats for everybody; by group and between groups where the policy asks."""
    wanted = in_order(claims, claims_of("log_loss", subject, Family.ALL))
    answers = measured_answers(subject)
    if isinstance(answers, Unmeasurable):
        yield from (unmeasured(claim, answers.reason) for claim in wanted)
        return
    given = np.where(answers.actual, answers.score, 1 - answers.score)  # the probability of what happened
    losses = -np.log(np.clip(given, CLIP, 1 - CLIP))
    clipped = (given < CLIP) | (given > 1 - CLIP)

    def mean(rows: Rows, confidence: float) -> Measured | Unmeasurable:
        if len(rows) == 0:
            return Unmeasurable("no rows")
        interval = bounded_mean(
            losses[rows], floor=-math.log(1 - CLIP), ceiling=-math.log(CLIP), confidence=confidence, seed=seed
        )
        return Measured(interval, len(rows), {"rows_clipped": str(int(clipped[rows].sum()))})

    def measure_of(_metric: str, groups: Grouping) -> Measure:
        return of_rows(groups, mean)

    parameters = {"clip": f"{CLIP:g}", "seed": str(seed)}
    yield from over_slices(
        subject, wanted, measure_of, confidence=confidence, flags=dependence(subject), parameters=parameters
    )
