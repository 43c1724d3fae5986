"""How answers and errors fall on groups: selection rate, true and false positive rate, and every pairwise difference.

The differences are those of demographic parity and of equalised odds (Hardt, Price & Srebro 2016).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import claims_of, in_order
from seatrial.assessors.rates import Rate, assess_rates
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured

RATES = {
    "selection_rate": Rate(
        hits=lambda counts: counts[:, :, 1].sum(axis=1), rows=lambda counts: counts.sum(axis=(1, 2)), among="rows"
    ),
    "true_positive_rate": Rate(
        hits=lambda counts: counts[:, 1, 1], rows=lambda counts: counts[:, 1].sum(axis=1), among="positive rows"
    ),
    "false_positive_rate": Rate(
        hits=lambda counts: counts[:, 0, 1], rows=lambda counts: counts[:, 0].sum(axis=1), among="negative rows"
    ),
}


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,  # noqa: ARG001 - the Assessor contract; exact bounds draw nothing
    budget_s: float,  # noqa: ARG001 - the Assessor contract; counting takes milliseconds
) -> Iterator[Evidence | NotMeasured]:
    """Each rate for everybody, for each group of each column, and for each pair of its groups."""
    own = (claim for metric in RATES for claim in claims_of(metric, subject, Family.ALL, Family.GROUPS, Family.PAIRS))
    yield from assess_rates(subject, in_order(claims, own), RATES, confidence=confidence)
