"""The trial: one model, one table, every assessor, and a record in which no claim of the policy is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from types import MappingProxyType
from typing import Literal

from seatrial.assessors import data_claims
from seatrial.assessors.answers.cached_predictions import CachedPredictions
from seatrial.assessors.answers.model_answers import Unmeasurable
from seatrial.assessors.assessor import Assessor, Subject
from seatrial.assessors.claims import BASELINE, ONE_COLUMN, unmeasured
from seatrial.assessors.classification import calibration, confusion, probability, ranking
from seatrial.assessors.references.baselines import one_column_rule
from seatrial.assessors.references.reference_answers import baseline_of, reference_of
from seatrial.assessors.regression import error_metrics
from seatrial.assessors.robustness import counterfactual_flips, robust_accuracy, trigger_rate
from seatrial.assessors.subject_checks import check_subject
from seatrial.errors import InputError
from seatrial.models.predictor import Predictor
from seatrial.verdicts.alpha_spending import confidence_for_use
from seatrial.verdicts.evidence import Claim, Evidence, NotMeasured
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.trial import TestUse, Trial

SHORT = 12  # characters of a digest: enough to recognise it

# The modules are the assessors: none has state.
ASSESSORS: tuple[tuple[str, Assessor], ...] = (
    ("rates", confusion),
    ("ranking", ranking),
    ("probabilities", probability),
    ("calibration", calibration),
    ("errors", error_metrics),
    ("data", data_claims),
    ("counterfactuals", counterfactual_flips),
    ("robustness", robust_accuracy),
    ("triggers", trigger_rate),
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
    references: Mapping[str, str | None] = MappingProxyType({}),
    assessors: Sequence[tuple[str, Assessor]] = ASSESSORS,
) -> Trial:
    """Measures everything that is known how to measure, first of all what the policy rests on.

    All bounds are at the policy's confidence for this `use` of the test data, or at its plain confidence in a
    rehearsal on validation data, which is no use. `model` and `policy_digest` are digests, for the record; `progress`
    hears what is measured next: "ranking". `references` gives the digest of each model that the policy names to compare
    with, or None where there is none yet; the models themselves are the subject's. Raises `InputError` for tables that
    do not fit the subject, and for a model that breaks its form.
    """
    if (use is None) != (data == "validation"):
        raise InputError(f"Data {data!r} with use {use}: test data is counted, validation data never is.", path=data)
    deadline = monotonic() + budget_s
    subject = replace(subject, measured=data)
    check_subject(subject)

    def on_progress(done: int, rows: int) -> None:
        progress(f"answers, {done:,} of {rows:,} rows")

    claims = tuple(dict.fromkeys(requirement.claim for requirement in policy.require))
    absent = dict(_absent(claims, references, model))
    subject = replace(
        subject,
        predictor=_cached(subject.predictor, on_progress),
        references=_cached_references(subject),
    )
    confidence = policy.confidence if use is None else confidence_for_use(policy.confidence, use.use)
    measurable = tuple(claim for claim in claims if claim not in absent)
    results: list[Evidence | NotMeasured] = [unmeasured(claim, reason) for claim, reason in absent.items()]
    late: list[str] = []
    for name, assessor in assessors:
        remaining_s = deadline - monotonic()
        if remaining_s <= 0:
            late.append(name)
            continue
        progress(name)
        results += assessor.assess(subject, measurable, confidence=confidence, seed=seed, budget_s=remaining_s)
    results += _unanswered(claims, results, late, budget_s)
    return Trial(
        model=model,
        policy=policy_digest,
        data=data,
        confidence=confidence,
        seed=seed,
        evidence=tuple(item for item in results if isinstance(item, Evidence)),
        not_measured=tuple(item for item in results if isinstance(item, NotMeasured)),
        test_use=use,
        references=_recorded(claims, references, subject),
    )


def _absent(claims: Sequence[Claim], references: Mapping[str, str | None], model: str) -> Iterator[tuple[Claim, str]]:
    """The claims that compare with no model, or with this very one."""
    for claim in claims:
        if claim.against is None or claim.against not in references:
            continue
        digest = references[claim.against]
        if digest is None:
            yield claim, f"{claim.against} does not exist, so nothing can be compared with it"
        elif digest == model:
            yield claim, f"{claim.against} is this very model ({digest[:SHORT]}…): nothing is compared with itself"


def _cached(predictor: Predictor, on_progress: Callable[[int, int], None] = lambda _done, _rows: None) -> Predictor:
    """The predictor, asked once a table; as it is where its answers were recorded while the rows were scored."""
    if isinstance(predictor, CachedPredictions):
        return predictor
    return CachedPredictions(predictor, on_progress=on_progress)


def _cached_references(subject: Subject) -> dict[str, Predictor]:
    """Each reference model, asked once for the measured rows; and the rule of one column, fitted once."""
    by_name: dict[str, Predictor] = {name: _cached(predictor) for name, predictor in subject.references.items()}
    if ONE_COLUMN not in by_name:
        rule = one_column_rule(subject)
        if not isinstance(rule, Unmeasurable):
            by_name[ONE_COLUMN] = _cached(rule)
    return by_name


def _recorded(claims: Sequence[Claim], references: Mapping[str, str | None], subject: Subject) -> dict[str, str | None]:
    """The digest of each reference; a baseline that the policy names is one, whoever fitted it."""
    digests = dict(references)
    for claim in claims:
        if claim.against in (BASELINE, ONE_COLUMN) and claim.against not in digests:
            reference = reference_of(claim.against, claim.metric, subject)
            baseline = None if isinstance(reference, Unmeasurable) else baseline_of(reference)
            if baseline is not None:
                digests[claim.against] = baseline.digest
    return digests


def _unanswered(
    claims: Sequence[Claim], results: Sequence[Evidence | NotMeasured], late: Sequence[str], budget_s: float
) -> Iterator[NotMeasured]:
    """The claims of the policy about which nobody said anything."""
    answered = {item.claim for item in results}
    for claim in claims:
        if claim in answered:
            continue
        if late:
            reason = f"the budget of {budget_s:g} s was spent before {', '.join(late)}"
        else:
            reason = f'no assessor measures "{claim.metric}"'
        yield unmeasured(claim, reason)
