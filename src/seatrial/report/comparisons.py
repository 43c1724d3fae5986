"""The model beside others on the same rows: what runs now, and the baselines that anything should beat. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.report.words import metric_title, number, reference_title, slice_label
from seatrial.verdicts.evidence import Evidence, Family
from seatrial.verdicts.metrics import METRICS, Better
from seatrial.verdicts.trial import Trial


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric beside that of a reference model; `surely` says which is better, where the bounds leave no doubt."""

    metric: str
    where: str  # "" for everybody
    reference: str
    difference: str
    bounds: str
    surely: str  # "better", "worse" or ""


def comparisons(trial: Trial) -> tuple[Comparison, ...]:
    """Every paired difference that was measured, in the trial's order."""
    return tuple(_compared(trial))


def _compared(trial: Trial) -> Iterator[Comparison]:
    for one in trial.evidence:
        if one.claim.against is None:
            continue
        described = one.conditions.get("reference")
        name = reference_title(one.claim.against)
        yield Comparison(
            metric=metric_title(one.claim.metric),
            where="" if one.claim.family is Family.ALL else slice_label(one.claim, one.slice),
            reference=name if described is None else f"{name}: {described}",
            difference=number(one.estimate, signed=True),
            bounds=f"{number(one.low, signed=True)} to {number(one.high, signed=True)}",
            surely=_surely(one),
        )


def _surely(one: Evidence) -> str:
    metric = METRICS.get(one.claim.metric)
    if metric is None or metric.better is Better.NEITHER or one.low <= 0 <= one.high:
        return ""
    return "better" if (one.low > 0) == (metric.better is Better.HIGHER) else "worse"
