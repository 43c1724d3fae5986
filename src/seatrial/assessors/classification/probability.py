"""Log loss and Brier score: how far the stated probabilities are from what happened.

A mean has bounds only where its values have: a row whose label got less than the clip is charged as if it got the clip.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.assessors.answers.model_answers import ClassAnswers, Unmeasurable, class_answers
from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import dependence, unmeasured, wanted
from seatrial.assessors.contingency.grouping import Grouping, Rows
from seatrial.assessors.quantities.means import Terms, mean, paired
from seatrial.assessors.quantities.slices import Quantity, over_slices
from seatrial.assessors.references.reference_answers import against, reference_answers
from seatrial.verdicts.evidence import Claim, Evidence, NotMeasured
from seatrial.verdicts.metrics import LOG_LOSS_CEILING, LOG_LOSS_CLIP
from seatrial.verdicts.metrics import METRICS as KNOWN

METRICS = ("log_loss", "brier_score")


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,
    budget_s: float,  # noqa: ARG001 - the Assessor contract; a mean takes milliseconds
) -> Iterator[Evidence | NotMeasured]:
    """Clipped log loss in nats, and the Brier score, overall; by group and between groups where asked."""
    asked = wanted(claims, subject, METRICS)
    answers = class_answers(subject) if asked else Unmeasurable("nothing is asked")
    terms = answers if isinstance(answers, Unmeasurable) else _all_terms(answers)
    if isinstance(terms, Unmeasurable):
        yield from (unmeasured(claim, terms.reason) for claim in asked)
        return

    def quantity_of(claim: Claim, groups: Grouping) -> Quantity | Unmeasurable:
        if claim.of_class is not None:
            return Unmeasurable("it is about all classes at once")
        own = terms[claim.metric]
        if claim.against is None:
            return mean(own, groups, seed=seed)
        compared = reference_answers(claim, subject, class_answers)
        if isinstance(compared, Unmeasurable):
            return compared
        theirs = _all_terms(compared.answers)
        if isinstance(theirs, Unmeasurable):
            return Unmeasurable(f'of the reference model "{claim.against}": {theirs.reason}')
        return against(paired(own, theirs[claim.metric], groups, seed=seed), compared.baseline)

    yield from over_slices(
        subject, asked, quantity_of, confidence=confidence, flags=dependence(subject), parameters={"seed": str(seed)}
    )


def _all_terms(answers: ClassAnswers) -> dict[str, Terms] | Unmeasurable:
    if answers.probabilities is None:
        return Unmeasurable("the model gives no probabilities")
    given = answers.probabilities[np.arange(len(answers.actual)), answers.actual]  # that of what happened
    clipped = given < LOG_LOSS_CLIP

    def note(rows: Rows) -> dict[str, str]:
        return {"clip": f"{LOG_LOSS_CLIP:g}", "rows_clipped": str(int(clipped[rows].sum()))}

    losses = -np.log(np.maximum(given, LOG_LOSS_CLIP))
    return {
        "log_loss": Terms(losses, (0, LOG_LOSS_CEILING), weights=answers.weights, note=note),
        "brier_score": Terms(*_brier(answers, answers.probabilities, given), weights=answers.weights),
    }


def _brier(
    answers: ClassAnswers, probabilities: NDArray[np.float64], given: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Squared distances from what happened, and their limits: of the positive class alone where there are two."""
    if answers.positive is not None:
        happened = answers.actual == answers.positive
        return (probabilities[:, answers.positive] - happened) ** 2, (0, 1)
    squares = np.einsum("ij,ij->i", probabilities, probabilities)
    others = np.maximum(squares - given**2, 0)
    return others + (1 - given) ** 2, (0, KNOWN["brier_score"].high)
