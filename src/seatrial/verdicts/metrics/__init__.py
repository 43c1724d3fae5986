"""The metrics that there are, one record each, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from seatrial.verdicts.metrics.classification import CLASSIFICATION, LOG_LOSS_CEILING, LOG_LOSS_CLIP
from seatrial.verdicts.metrics.data import OF_THE_DATA
from seatrial.verdicts.metrics.metric import Better, Metric, ReportScopes, Scope
from seatrial.verdicts.metrics.regression import REGRESSION_METRICS

__all__ = [
    "ALIASES",
    "LOG_LOSS_CEILING",
    "LOG_LOSS_CLIP",
    "METRICS",
    "UNDER_ATTACK",
    "Better",
    "Metric",
    "ReportScopes",
    "Scope",
    "measured_by",
]

METRICS: Mapping[str, Metric] = MappingProxyType(
    {metric.name: metric for metric in (*CLASSIFICATION, *REGRESSION_METRICS, *OF_THE_DATA)}
)
ALIASES: Mapping[str, str] = MappingProxyType(
    {alias: metric.name for metric in METRICS.values() for alias in metric.aliases}
)
UNDER_ATTACK = frozenset(metric.name for metric in METRICS.values() if metric.under_attack)


def measured_by(assessor: str) -> tuple[str, ...]:
    """The names of the metrics that an assessor answers for."""
    return tuple(metric.name for metric in METRICS.values() if metric.computed.assessor == assessor)
