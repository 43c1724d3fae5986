"""The numbers overall, and those about the measured rows themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.report.calibration import METRIC as BIN_METRIC
from seatrial.report.words import Numbers, count, in_units, metric_meaning, metric_title, number, numbers
from seatrial.verdicts.evidence import Claim, Evidence, NotMeasured
from seatrial.verdicts.metrics import METRICS, Scope
from seatrial.verdicts.trial import Trial

# What a number cannot be read without, and how it is said.
_SHOWN = {
    "clip": "clip {}",
    "rows_clipped": "rows clipped: {}",
    "bins": "{} bins",
    "bins_from": "{}",
    "cluster": "cluster {}",
    "average": "{} average over the classes",
    "rule": "{}",
    "fitted_on": "fitted on {}",
    "column": "most of them in {}",
}


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table."""

    title: str
    detail: str
    method: str
    numbers: Numbers
    doubts: tuple[str, ...]


def overall_metrics(trial: Trial, *, unit: str = "") -> tuple[Metric, ...]:
    """All that was measured of the model for all rows together; errors are in the unit of the label, `unit`."""
    return tuple(
        _metric(evidence, unit) for evidence in _plain(trial) if not about_rows(evidence.claim.metric)
    ) + tuple(_metric(gap, unit) for gap in estimates_without_bounds(trial) if gap.claim == Claim(gap.claim.metric))


def of_the_rows(trial: Trial) -> tuple[Metric, ...]:
    """What was measured of the rows themselves."""
    return tuple(_metric(evidence, "") for evidence in _plain(trial) if about_rows(evidence.claim.metric))


def estimates_without_bounds(trial: Trial) -> Iterator[NotMeasured]:
    """Numbers of the measured rows that no bound holds on, but for those beside other models."""
    return (gap for gap in trial.not_measured if gap.claim.against is None and gap.estimate is not None)


def about_rows(metric: str) -> bool:
    """Whether the metric says something of the data, and nothing of the model."""
    return metric in METRICS and METRICS[metric].scope is Scope.DATA


def base_rate(trial: Trial) -> str:
    """The share of positives among the measured rows: "1 881 of 8 000 rows (23.5 %)"; "" where it is not known.

    It is what the rates of a classifier are read beside: "always no" is right in 1 minus that.
    """
    by_claim = {evidence.claim: evidence for evidence in trial.evidence}
    positives, all_rows = by_claim.get(Claim("true_positive_rate")), by_claim.get(Claim("accuracy"))
    if positives is None or all_rows is None or not all_rows.rows:
        return ""
    share = number(100 * positives.rows / all_rows.rows, digits=1)
    return f"{count(positives.rows)} of {count(all_rows.rows)} rows ({share}\N{NARROW NO-BREAK SPACE}%)"


def _plain(trial: Trial) -> Iterator[Evidence]:
    return (
        evidence
        for evidence in trial.evidence
        if evidence.claim == Claim(evidence.claim.metric) and evidence.claim.metric != BIN_METRIC
    )


def _metric(result: Evidence | NotMeasured, unit: str) -> Metric:
    shown = [form.format(result.conditions[name]) for name, form in _SHOWN.items() if name in result.conditions]
    meaning = metric_meaning(result.claim.metric)
    if unit and in_units(result.claim.metric):
        meaning = f"{meaning.rstrip('.')}, in the unit of {unit}."
    return Metric(
        title=metric_title(result.claim.metric),
        detail=" · ".join(part for part in (meaning, *shown) if part),
        method=result.method if isinstance(result, Evidence) else "of these rows alone",
        numbers=numbers(result),
        doubts=tuple(flag.detail for flag in result.flags) if isinstance(result, Evidence) else (),
    )
