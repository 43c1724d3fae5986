"""The geometry of an interval plot: marks, thresholds and the region that passes, in percent of the width. Pure.

The templates draw it; nothing here knows SVG. Places are percentages, so that one drawing fits a phone and a page and
its text is never scaled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.report.scale import Scale, scale_over
from seatrial.report.words import bound, count, is_signed, number, numbers, size_of, slice_label, ticks_text
from seatrial.verdicts.evidence import Claim, Evidence, Family
from seatrial.verdicts.metrics import METRICS
from seatrial.verdicts.policy import Requirement
from seatrial.verdicts.thresholds import allowed, outcome

FREE = "free"  # nothing is required of it
_EDGE = 3.0  # percent: text nearer to an edge is anchored there, so that it stays inside


@dataclass(frozen=True, slots=True)
class Note:
    """A labelled place: a tick or a threshold."""

    at: float
    text: str

    @property
    def anchor(self) -> str:
        """The SVG text-anchor that keeps the text inside the drawing."""
        return "start" if self.at < _EDGE else "end" if self.at > 100 - _EDGE else "middle"


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of the width."""

    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Mark:
    """One interval: where it starts, where the estimate is, where it ends; and the same in text."""

    label: str
    start: float
    at: float
    end: float
    stands: str  # the outcome for this slice alone, or FREE; each has its own shape
    estimate: str
    bounds: str
    size: str  # the rows behind it, and what kind of rows
    rows: str  # only their number
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IntervalPlot:
    """Intervals on one scale, against what is required of them, if anything is."""

    marks: tuple[Mark, ...]
    ticks: tuple[Note, ...]
    thresholds: tuple[Note, ...]
    passes: Band | None
    neutral: float | None  # where groups or models are alike
    summary: str  # what a reader who cannot see the drawing should be told


def limits(requirement: Requirement) -> tuple[float | None, float | None]:
    """The lowest and the highest value that the requirement allows, None where it sets no bound."""
    least, most = allowed(requirement)
    return (least if math.isfinite(least) else None), (most if math.isfinite(most) else None)


def interval_plot(evidence: Sequence[Evidence], requirement: Requirement | None = None) -> IntervalPlot:
    """The plot of these pieces of evidence (of one claim), in their order, on one scale that shows every threshold."""
    signed, ratios = (any(test(interval.claim) for interval in evidence) for test in (is_signed, _is_ratio))
    neutral = 0.0 if signed else 1.0 if ratios else None
    least, most = (None, None) if requirement is None else limits(requirement)
    thresholds = [value for value in (least, most) if value is not None]
    shown = [value for interval in evidence for value in (interval.low, interval.estimate, interval.high)] + thresholds
    rate = neutral is None and all(_is_share(interval.claim.metric) for interval in evidence)
    shown += [] if neutral is None else [neutral]
    scale = scale_over(shown, least=0.0 if rate else None, most=1.0 if rate else None)
    ticks = scale.ticks()
    return IntervalPlot(
        marks=tuple(_mark(interval, scale, requirement) for interval in evidence),
        ticks=tuple(Note(scale.percent(value), text) for value, text in zip(ticks, ticks_text(ticks), strict=True)),
        thresholds=tuple(Note(scale.percent(value), _threshold_text(value, least, most)) for value in thresholds),
        passes=None if requirement is None else _band(scale, least, most),
        neutral=scale.percent(neutral or 0.0) if scale.low < (neutral or 0.0) < scale.high else None,
        summary=_summary(evidence, requirement),
    )


def _is_ratio(claim: Claim) -> bool:
    return claim.family is Family.RATIOS


def _is_share(metric: str) -> bool:
    return metric in METRICS and (METRICS[metric].low, METRICS[metric].high) == (0.0, 1.0)


def _mark(evidence: Evidence, scale: Scale, requirement: Requirement | None) -> Mark:
    shown = numbers(evidence)
    return Mark(
        label=slice_label(evidence.claim, evidence.slice),
        start=scale.percent(evidence.low),
        at=scale.percent(evidence.estimate),
        end=scale.percent(evidence.high),
        stands=FREE if requirement is None else outcome(requirement, evidence).value,
        estimate=shown.estimate,
        bounds=shown.bounds,
        size=size_of(evidence),
        rows=f"n = {count(evidence.rows)}",
        doubts=tuple(flag.detail for flag in evidence.flags),
    )


def _band(scale: Scale, least: float | None, most: float | None) -> Band:
    start = 0.0 if least is None else scale.percent(least)
    end = 100.0 if most is None else scale.percent(most)
    return Band(start, end - start)


def _threshold_text(value: float, least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return bound(value)
    return f"{'≥' if least is not None else '≤'} {bound(value)}"


def _summary(evidence: Sequence[Evidence], requirement: Requirement | None) -> str:
    required = "" if requirement is None else f" Required: {requirement}."
    shown = "; ".join(
        f"{slice_label(interval.claim, interval.slice)} {number(interval.estimate)}, "
        f"bounds {number(interval.low)} to {number(interval.high)}"
        for interval in evidence
    )
    return f"{shown}.{required}"
