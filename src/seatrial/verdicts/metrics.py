"""The metrics that a policy may name: what each measures, its range, which way is better, for which tasks."""

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


class Better(StrEnum):
    """Which way a metric is better."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


class Scope(StrEnum):
    """What a metric is about."""

    CLASSES = "classes"  # all classes of a classifier at once
    CLASS = "class"  # one class against the rest: the positive one, `of_class`, or of more than two the mean over all
    VALUES = "values"  # a regression
    DATA = "data"  # the measured rows themselves


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric."""

    name: str
    scope: Scope
    low: float  # the range of its values
    high: float
    better: Better
    description: str

    def fits(self, task: str) -> bool:
        """Whether a model of this task ("binary", "multiclass", "regression") has it."""
        return self.scope is Scope.DATA or (task == "regression") == (self.scope is Scope.VALUES)


def _share(name: str, scope: Scope, better: Better, description: str) -> Metric:
    return Metric(name, scope, 0.0, 1.0, better, description)


_ALL = (
    _share("accuracy", Scope.CLASSES, Better.HIGHER, "Share of rows whose predicted class is the label."),
    _share(
        "balanced_accuracy", Scope.CLASSES, Better.HIGHER, "Mean over the classes of the share that is predicted right."
    ),
    _share(
        "robust_accuracy",
        Scope.CLASSES,
        Better.HIGHER,
        "Share of rows that are answered right whatever an attacker within the threat model was found to do: an upper "
        "bound, since a stronger attack may exist.",
    ),
    _share(
        "counterfactual_flip_rate",
        Scope.CLASSES,
        Better.LOWER,
        "Share of rows whose answer changes when a group column that the model takes in has another of its values, and "
        "everything else is as it was.",
    ),
    _share("selection_rate", Scope.CLASS, Better.NEITHER, "Share of rows predicted positive."),
    _share("true_positive_rate", Scope.CLASS, Better.HIGHER, "Recall: share of positives predicted positive."),
    _share("false_positive_rate", Scope.CLASS, Better.LOWER, "Share of negatives predicted positive."),
    _share("precision", Scope.CLASS, Better.HIGHER, "Share of rows predicted positive that are."),
    _share("f1", Scope.CLASS, Better.HIGHER, "Harmonic mean of precision and recall."),
    _share("roc_auc", Scope.CLASS, Better.HIGHER, "Probability that a positive scores above a negative."),
    _share(
        "average_precision", Scope.CLASS, Better.HIGHER, "Precision at each score of a positive, averaged over them."
    ),
    Metric(
        "log_loss",
        Scope.CLASSES,
        0.0,
        LOG_LOSS_CEILING,
        Better.LOWER,
        f"Mean of −log of the label's probability, which counts as at least {LOG_LOSS_CLIP:g}.",
    ),
    Metric(
        "brier_score",
        Scope.CLASSES,
        0.0,
        2.0,
        Better.LOWER,
        "Mean squared distance of the probabilities from what happened; of two classes that of the positive alone.",
    ),
    _share(
        "calibration_error",
        Scope.CLASSES,
        Better.LOWER,
        "Expected |accuracy − confidence| over bins fixed beforehand.",
    ),
    _share(
        "one_column_accuracy",
        Scope.CLASSES,
        Better.LOWER,
        "Accuracy of the best rule on one column alone: near 1, that column holds the answer.",
    ),
    Metric("mae", Scope.VALUES, 0.0, math.inf, Better.LOWER, "Mean absolute error."),
    Metric("rmse", Scope.VALUES, 0.0, math.inf, Better.LOWER, "Root of the mean squared error."),
    Metric("mean_error", Scope.VALUES, -math.inf, math.inf, Better.NEITHER, "Mean of prediction minus label."),
    Metric(
        "r2", Scope.VALUES, -math.inf, 1.0, Better.HIGHER, "Share of the label's variance that the prediction explains."
    ),
    Metric(
        "quantile_loss",
        Scope.VALUES,
        0.0,
        math.inf,
        Better.LOWER,
        "Mean pinball loss of a model that predicts a quantile.",
    ),
    _share(
        "interval_coverage",
        Scope.VALUES,
        Better.HIGHER,
        "Share of rows whose label lies in the interval that the model predicts.",
    ),
    _share("test_overlap", Scope.DATA, Better.LOWER, "Share of the measured rows that are in the training data too."),
    _share(
        "unknown_values", Scope.DATA, Better.LOWER, "Share of the measured rows with a text that the model never saw."
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
UNDER_ATTACK = frozenset({"robust_accuracy"})  # metrics that a threat model belongs to
