"""The metrics that a policy may name: what each measures, its range, and which way is better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

LOG_LOSS_CLIP = (
    0.001  # probabilities below 0.1 % count as 0.1 %: the mean then has a range, and so a finite-sample bound
)
LOG_LOSS_CEILING = -math.log(LOG_LOSS_CLIP)


class Kind(StrEnum):
    """How a metric is bounded."""

    PROPORTION = "proportion"
    AUC = "auc"
    BOUNDED_MEAN = "bounded mean"
    CALIBRATION = "calibration"


class Better(StrEnum):
    """Which way a metric is better."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric."""

    name: str
    kind: Kind
    low: float  # the range of its values
    high: float
    better: Better
    description: str


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric(
                "accuracy",
                Kind.PROPORTION,
                0.0,
                1.0,
                Better.HIGHER,
                "Share of rows whose predicted class is the label.",
            ),
            Metric("selection_rate", Kind.PROPORTION, 0.0, 1.0, Better.NEITHER, "Share of rows predicted positive."),
            Metric(
                "true_positive_rate", Kind.PROPORTION, 0.0, 1.0, Better.HIGHER, "Share of positives predicted positive."
            ),
            Metric(
                "false_positive_rate", Kind.PROPORTION, 0.0, 1.0, Better.LOWER, "Share of negatives predicted positive."
            ),
            Metric(
                "roc_auc", Kind.AUC, 0.0, 1.0, Better.HIGHER, "Probability that a positive scores above a negative."
            ),
            Metric(
                "log_loss",
                Kind.BOUNDED_MEAN,
                0.0,
                LOG_LOSS_CEILING,
                Better.LOWER,
                f"Mean of −log of the label's probability, which counts as at least {LOG_LOSS_CLIP:g}.",
            ),
            Metric(
                "calibration_error",
                Kind.CALIBRATION,
                0.0,
                1.0,
                Better.LOWER,
                "Expected |accuracy − confidence| over bins fixed on validation.",
            ),
        )
    }
)
