"""The calibration plot from the evidence for each bin. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seatrial.report.plots import Note
from seatrial.report.words import count, number
from seatrial.verdicts.evidence import Evidence
from seatrial.verdicts.trial import Trial

METRIC = "observed_rate"  # the bins' claim; conditions["mean_probability"] is where a bin stands
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


def calibration_plot(trial: Trial) -> CalibrationPlot | None:
    """The plot, or None where no bins were measured."""
    found = sorted((one for one in trial.evidence if _stated(one) is not None), key=lambda one: _stated(one) or 0.0)
    if not found:
        return None
    most = max(one.rows for one in found)
    bins = tuple(_bin(one, _stated(one) or 0.0, most) for one in found)
    said = "; ".join(f"stated {number(_stated(one) or 0.0, digits=2)}, happened {one.estimate:.2f}" for one in found)
    return CalibrationPlot(bins, tuple(Note(100 * value, f"{value:g}") for value in _TICKS), f"Calibration: {said}.")


def _stated(evidence: Evidence) -> float | None:
    if evidence.claim.metric != METRIC:
        return None
    try:
        return float(evidence.conditions["mean_probability"])
    except (KeyError, ValueError):
        return None


def _bin(evidence: Evidence, stated: float, most: int) -> Bin:
    share = math.sqrt(evidence.rows / most) if most else 0.0
    return Bin(
        label=number(stated, digits=2),
        x=_percent(stated),
        at=_percent(evidence.estimate),
        start=_percent(evidence.low),
        end=_percent(evidence.high),
        radius=round(_SMALLEST + (_LARGEST - _SMALLEST) * share, 1),
        rows=count(evidence.rows),
        estimate=number(evidence.estimate),
        bounds=f"{number(evidence.low)} to {number(evidence.high)}",
    )


def _percent(value: float) -> float:
    return 100.0 * min(1.0, max(0.0, value))
