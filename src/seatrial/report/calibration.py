"""The calibration plot from the evidence for each bin. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seatrial.report.plots import Note
from seatrial.report.words import count, number
from seatrial.verdicts.evidence import Evidence
from seatrial.verdicts.trial import Trial

METRIC = "calibration_gap"  # one piece of evidence a bin; where the bin stands is among its conditions
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_SMALLEST, _LARGEST = 3.5, 7.5  # radii in pixels; the area grows with the rows


@dataclass(frozen=True, slots=True)
class Bin:
    """One dot: places in percent from the lower left corner, and the same in text."""

    label: str
    x: float
    at: float
    start: float
    end: float
    radius: float
    rows: str
    estimate: str
    bounds: str


@dataclass(frozen=True, slots=True)
class CalibrationPlot:
    """Stated against observed, bin by bin."""

    bins: tuple[Bin, ...]
    ticks: tuple[Note, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class _Observed:
    confidence: float
    rate: float
    low: float
    high: float
    rows: int


def calibration_plot(trial: Trial) -> CalibrationPlot | None:
    """The plot, or None where no bins were measured."""
    observations = sorted(
        (observation for evidence in trial.evidence if (observation := _observed(evidence)) is not None),
        key=lambda observation: observation.confidence,
    )
    if not observations:
        return None
    most = max(observation.rows for observation in observations)
    bins = "; ".join(
        f"stated {observation.confidence:.2f}, happened {observation.rate:.2f}" for observation in observations
    )
    return CalibrationPlot(
        bins=tuple(_bin(observation, most) for observation in observations),
        ticks=tuple(Note(100 * value, f"{value:g}") for value in _TICKS),
        summary=f"Calibration: {bins}.",
    )


def _observed(evidence: Evidence) -> _Observed | None:
    if evidence.claim.metric != METRIC:
        return None
    names = ("mean_confidence", "observed_rate", "observed_low", "observed_high")
    try:
        confidence, rate, low, high = (float(evidence.conditions[name]) for name in names)
    except (KeyError, ValueError):
        return None
    return _Observed(confidence, rate, low, high, evidence.rows)


def _bin(observation: _Observed, most: int) -> Bin:
    return Bin(
        label=number(observation.confidence),
        x=_percent(observation.confidence),
        at=_percent(observation.rate),
        start=_percent(observation.low),
        end=_percent(observation.high),
        radius=round(_SMALLEST + (_LARGEST - _SMALLEST) * math.sqrt(observation.rows / most), 1),
        rows=count(observation.rows),
        estimate=number(observation.rate),
        bounds=f"{number(observation.low)} to {number(observation.high)}",
    )


def _percent(value: float) -> float:
    return 100.0 * min(1.0, max(0.0, value))
