"""The metrics of a regression."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from seatrial.verdicts.metrics.computed import ByAssessor, Floats, Limits, MeanError
from seatrial.verdicts.metrics.metric import REGRESSION, WITHOUT_RATIOS, Better, Metric, ReportScopes, Scope

_NO_BOUND = "none: errors have no largest one"
_BETTING = "betting bounds on a bounded mean"
_BY_GROUPS = ("mae", "mean_error")  # reported for groups too, where errors are clipped: else no bound holds


def _absolute(errors: Floats, _quantile: float | None) -> Floats:
    return abs(errors)


def _squared(errors: Floats, _quantile: float | None) -> Floats:
    squares: Floats = errors**2
    return squares


def _signed(errors: Floats, _quantile: float | None) -> Floats:
    return errors


def _pinball(errors: Floats, quantile: float | None) -> Floats:
    import numpy as np

    share = _stated(quantile)
    losses: Floats = np.maximum(-share * errors, (1 - share) * errors)
    return losses


def _pinball_limits(clip: float, quantile: float | None) -> Limits:
    share = _stated(quantile)
    return 0.0, clip * max(share, 1 - share)


def _stated(quantile: float | None) -> float:
    if quantile is None:
        raise ValueError("a pinball loss needs the quantile that is predicted")
    return quantile


_ABSOLUTE = MeanError(_absolute, lambda clip, _quantile: (0.0, clip))
_SQUARED = MeanError(_squared, lambda clip, _quantile: (0.0, clip**2), root=True)
_SIGNED = MeanError(_signed, lambda clip, _quantile: (-clip, clip))
_PINBALL = MeanError(_pinball, _pinball_limits, of_quantile=True)


def _clipped(metric: Metric, computed: MeanError) -> Metric:
    """The same of errors that count as at most a clip: another metric, with bounds that hold at every size."""
    groups = REGRESSION if metric.name in _BY_GROUPS else ()
    return replace(
        metric,
        name=f"clipped_{metric.name}",
        title=f"{metric.title}, clipped",
        description=f"{metric.description.removesuffix('.')}, where each error counts as at most the clip.",
        bound=_BETTING,
        computed=replace(computed, clipped=True),
        aliases=(),
        reported=replace(metric.reported, groups=groups, pairs=groups),
        needs=(*metric.needs, "clip"),
    )


def _metric(name: str, title: str, description: str, **more: Any) -> Metric:
    """A metric of errors in the label's unit, where `more` does not say otherwise."""
    record = {"low": 0.0, "high": math.inf, "better": Better.LOWER, "bound": _NO_BOUND, **more}
    return Metric(name=name, title=title, scope=Scope.VALUES, tasks=REGRESSION, description=description, **record)


_PLAIN = (
    _metric(
        "mae",
        "Mean absolute error",
        "Mean absolute error.",
        computed=_ABSOLUTE,
        aliases=("mean_absolute_error",),
        reported=ReportScopes(REGRESSION, baselines=REGRESSION),
    ),
    _metric(
        "rmse",
        "Root mean squared error",
        "Root of the mean squared error.",
        computed=_SQUARED,
        aliases=("root_mean_squared_error",),
        reported=ReportScopes(REGRESSION, baselines=REGRESSION),
    ),
    _metric(
        "mean_error",
        "Mean error",
        "Mean of prediction minus label.",
        low=-math.inf,
        better=Better.NEITHER,
        computed=_SIGNED,
        families=WITHOUT_RATIOS,
        reported=ReportScopes(REGRESSION),
    ),
    _metric(
        "r2",
        "R²",
        "Share of the label's variance that the prediction explains.",
        low=-math.inf,
        high=1.0,
        better=Better.HIGHER,
        bound=_NO_BOUND,
        computed=ByAssessor("errors"),
        families=WITHOUT_RATIOS,
        aliases=("r2_score",),
        reported=ReportScopes(REGRESSION),
    ),
    _metric(
        "quantile_loss",
        "Quantile loss",
        "Mean pinball loss of a model that predicts the stated quantile.",
        computed=_PINBALL,
        aliases=("pinball_loss",),
        reported=ReportScopes(REGRESSION),
        needs=("quantile",),
    ),
    _metric(
        "interval_coverage",
        "Interval coverage",
        "Share of rows whose label lies in the interval that the model predicts (outputs lower and upper).",
        high=1.0,
        better=Better.HIGHER,
        bound="Clopper–Pearson",
        computed=ByAssessor("errors"),
        reported=ReportScopes(REGRESSION),
        needs=("interval",),
    ),
)

REGRESSION_METRICS = (
    *_PLAIN,
    *(_clipped(metric, metric.computed) for metric in _PLAIN if isinstance(metric.computed, MeanError)),
)
