"""The trial: one model, one table, every assessor, and a record in which no claim of the policy is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from time import monotonic
from typing import Literal

from seatrial.assessors import calibration, classification, fairness, probability, ranking
from seatrial.assessors.answers import check_subject
from seatrial.assessors.assessor import Assessor, Subject
from seatrial.assessors.claims import unmeasured
from seatrial.assessors.predictions import Remembering
from seatrial.errors import InputError
from seatrial.verdicts.evidence import Claim, Evidence, NotMeasured
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.spending import confidence_for_use
from seatrial.verdicts.trial import TestUse, Trial

# The modules are the assessors: none has state.
ASSESSORS: tuple[tuple[str, Assessor], ...] = (
    ("accuracy", classification),
    ("ranking", ranking),
    ("log loss", probability),
    ("calibration", calibration),
    ("rates by group", fairness),
)


def run_trial(
    subject: Subject,
    policy: Policy,
    *,
    data: Literal["test", "validation"],
    use: TestUse | None,
    model: str,
    policy_digest: str,
    seed: int,
    budget_s: float,
    progress: Callable[[str], None],
    assessors: Sequence[tuple[str, Assessor]] = ASSESSORS,
) -> Trial:
    """Measures everything that is known how to measure, first of all what the policy rests on.

    All bounds are at the policy's confidence for this `use` of the test data, or at its plain confidence in a
    rehearsal on validation data, which is no use. `model` and `policy_digest` are digests, for the record; `progress`
    hears what is measured next: "ranking". Raises `InputError` for tables that do not fit the subject, and for a model
    that breaks its form.
    """
    if (use is None) != (data == "validation"):
        raise InputError(f"Data {data!r} with use {use}: test data is counted, validation data never is.", path=data)
    deadline = monotonic() + budget_s
    subject = replace(subject, measured=data)
    check_subject(subject)

    def heed(done: int, rows: int) -> None:
        progress(f"answers, {done:,} of {rows:,} rows")

    subject = replace(subject, predictor=Remembering(subject.predictor, heed=heed))
    confidence = policy.confidence if use is None else confidence_for_use(policy.confidence, use.use)
    claims = tuple(dict.fromkeys(requirement.claim for requirement in policy.require))
    found: list[Evidence | NotMeasured] = []
    late: list[str] = []
    for name, assessor in assessors:
        remaining_s = deadline - monotonic()
        if remaining_s <= 0:
            late.append(name)
            continue
        progress(name)
        found += assessor.assess(subject, claims, confidence=confidence, seed=seed, budget_s=remaining_s)
    found += _unanswered(claims, found, late, budget_s)
    return Trial(
        model=model,
        policy=policy_digest,
        data=data,
        confidence=confidence,
        seed=seed,
        evidence=tuple(item for item in found if isinstance(item, Evidence)),
        not_measured=tuple(item for item in found if isinstance(item, NotMeasured)),
        test_use=use,
    )


def _unanswered(
    claims: Sequence[Claim], found: Sequence[Evidence | NotMeasured], late: Sequence[str], budget_s: float
) -> Iterator[NotMeasured]:
    """The claims of the policy about which nobody said anything."""
    answered = {item.claim for item in found}
    for claim in claims:
        if claim in answered:
            continue
        if late:
            reason = f"the budget of {budget_s:g} s was spent before {', '.join(late)}"
        else:
            reason = f'no assessor measures "{claim.metric}"'
        yield unmeasured(claim, reason)
