"""The model beside others on the same rows: what runs now, and the baselines that anything should beat. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.report.words import metric_title, number, numbers, reference_title, slice_label
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured
from seatrial.verdicts.metrics import METRICS, Better
from seatrial.verdicts.trial import Trial

# Conditions of a paired difference: what it is a difference of, and what the reference is.
MODEL, REFERENCE, DESCRIBED, FITTED_ON = "model_estimate", "reference_estimate", "reference", "reference_fitted_on"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric beside that of a reference model; `surely` says which is better, where the bounds leave no doubt."""

    metric: str
    where: str  # "" overall
    reference: str
    fitted_on: str  # "" for a model of its own
    own: str  # the two numbers that the difference is of; "" where they are not known
    other: str
    difference: str
    bounds: str
    surely: str  # "better", "worse" or ""


def comparisons(trial: Trial) -> tuple[Comparison, ...]:
    """Every paired difference that was measured, in the trial's order."""
    return tuple(_compared(trial))


def reference_of(result: Evidence | NotMeasured) -> str:
    """What the model is compared with: "the baseline: majority class <=50K"."""
    name, described = reference_title(result.claim.against or ""), _described(result)
    return f"{name}: {described}" if described else name


def reference_sentences(trial: Trial) -> Iterator[str]:
    """The model's number beside what the others reach: "87 % accurate" says little next to 85 %."""
    by_metric: dict[str, list[Evidence | NotMeasured]] = {}
    numbered: tuple[Evidence | NotMeasured, ...] = (*trial.evidence, *trial.not_measured)
    for result in numbered:
        if result.claim == Claim(result.claim.metric, against=result.claim.against) and REFERENCE in result.conditions:
            by_metric.setdefault(result.claim.metric, []).append(result)
    for metric, compared in by_metric.items():
        others = (
            f"{_described(result) or reference_title(result.claim.against or '')}: {_number_of(result, REFERENCE)}"
            for result in compared
        )
        yield f"{metric_title(metric)} {_number_of(compared[0], MODEL)}; {'; '.join(others)}"


def _described(result: Evidence | NotMeasured) -> str:
    described = result.conditions.get(DESCRIBED, "")
    if REFERENCE in result.conditions:  # then its own number, at the end, is known by itself
        described = described.rpartition(", ")[0]  # nothing is left of a model that is known by its name alone
    return described


def _compared(trial: Trial) -> Iterator[Comparison]:
    for evidence in trial.evidence:
        if evidence.claim.against is None:
            continue
        shown = numbers(evidence)
        yield Comparison(
            metric=metric_title(evidence.claim.metric),
            where="" if evidence.claim.family is Family.ALL else slice_label(evidence.claim, evidence.slice),
            reference=reference_of(evidence),
            fitted_on=evidence.conditions.get(FITTED_ON, ""),
            own=_number_of(evidence, MODEL),
            other=_number_of(evidence, REFERENCE),
            difference=shown.estimate,
            bounds=shown.bounds,
            surely=_surely(evidence),
        )


def _number_of(result: Evidence | NotMeasured, condition: str) -> str:
    try:
        return number(float(result.conditions[condition]))
    except (KeyError, ValueError):
        return ""


def _surely(evidence: Evidence) -> str:
    metric = METRICS.get(evidence.claim.metric)
    if metric is None or metric.better is Better.NEITHER or evidence.low <= 0 <= evidence.high:
        return ""
    return "better" if (evidence.low > 0) == (metric.better is Better.HIGHER) else "worse"
