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


def reference_of(one: Evidence | NotMeasured) -> str:
    """What the model is compared with: "the baseline: majority class <=50K"."""
    name, described = reference_title(one.claim.against or ""), _described(one)
    return f"{name}: {described}" if described else name


def beside(trial: Trial) -> Iterator[str]:
    """The model's number beside what the others reach: "87 % accurate" says little next to 85 %."""
    found: dict[str, list[Evidence | NotMeasured]] = {}
    numbered: tuple[Evidence | NotMeasured, ...] = (*trial.evidence, *trial.not_measured)
    for one in numbered:
        if one.claim == Claim(one.claim.metric, against=one.claim.against) and REFERENCE in one.conditions:
            found.setdefault(one.claim.metric, []).append(one)
    for metric, compared in found.items():
        others = (
            f"{_described(one) or reference_title(one.claim.against or '')}: {_stated(one, REFERENCE)}"
            for one in compared
        )
        yield f"{metric_title(metric)} {_stated(compared[0], MODEL)}; {'; '.join(others)}"


def _described(one: Evidence | NotMeasured) -> str:
    described = one.conditions.get(DESCRIBED, "")
    if REFERENCE in one.conditions:  # then its own number, at the end, is known by itself
        described = described.rpartition(", ")[0]  # nothing is left of a model that is known by its name alone
    return described


def _compared(trial: Trial) -> Iterator[Comparison]:
    for one in trial.evidence:
        if one.claim.against is None:
            continue
        shown = numbers(one)
        yield Comparison(
            metric=metric_title(one.claim.metric),
            where="" if one.claim.family is Family.ALL else slice_label(one.claim, one.slice),
            reference=reference_of(one),
            fitted_on=one.conditions.get(FITTED_ON, ""),
            own=_stated(one, MODEL),
            other=_stated(one, REFERENCE),
            difference=shown.estimate,
            bounds=shown.bounds,
            surely=_surely(one),
        )


def _stated(one: Evidence | NotMeasured, condition: str) -> str:
    try:
        return number(float(one.conditions[condition]))
    except (KeyError, ValueError):
        return ""


def _surely(one: Evidence) -> str:
    metric = METRICS.get(one.claim.metric)
    if metric is None or metric.better is Better.NEITHER or one.low <= 0 <= one.high:
        return ""
    return "better" if (one.low > 0) == (metric.better is Better.HIGHER) else "worse"
