"""Accuracy: the share of right answers, for everybody, by group, and its difference between groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import claims_of, in_order
from seatrial.assessors.rates import Rate, assess_rates
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured

RATES = {
    "accuracy": Rate(
        hits=lambda counts: counts[:, 0, 0] + counts[:, 1, 1], rows=lambda counts: counts.sum(axis=(1, 2)), among="rows"
    )
}


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,  # noqa: ARG001 - the Assessor contract; exact bounds draw nothing
    budget_s: float,  # noqa: ARG001 - the Assessor contract; counting takes milliseconds
) -> Iterator[Evidence | NotMeasured]:
    """Accuracy with exact bounds."""
    own = claims_of("accuracy", subject, Family.ALL, Family.GROUPS)
    yield from assess_rates(subject, in_order(claims, own), RATES, confidence=confidence)
