"""Fairlearn's MetricFrame against the stated thresholds.

Metrics are those of fairlearn.metrics and of scikit-learn, as the user guide has it
(https://fairlearn.org/main/user_guide/assessment/perform_fairness_assessment.html): overall, the worst group by
`by_group`, gaps by `difference(method="between_groups")`. A point estimate against a threshold; no interval. For a
mean error's gap, which neither library has, `mean_prediction` is compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from contract import Case, holds, positive_probability, serve, worded
from fairlearn import metrics as fair
from sklearn import metrics

LOWER_IS_BETTER = {"mae", "quantile_loss"}


def decide(case: Case) -> tuple[bool, str]:
    told, passed = [], True
    for requirement in case.requirements:
        scored = function_of(case, requirement["metric"])
        if scored is None:
            told.append(f"{requirement['metric']}: not a metric here")
            continue
        function, answers = scored
        value = measured(case, requirement, function, answers)
        if not holds(requirement, value):
            passed = False
        told.append(worded(requirement, value))
    return passed, "; ".join(told)


def measured(case: Case, requirement: dict[str, Any], function: Callable[..., float], answers: Any) -> float:
    column = requirement.get("by") or requirement.get("gap_between")
    groups = case.groups[column] if column else pd.Series("all", index=case.test.index)
    weight = case.about["weight"]
    parameters = {"sample_weight": case.test[weight]} if weight else None
    actual: Any = case.actual
    if case.task == "binary":
        actual = np.where(case.actual.isna(), None, case.actual)  # a missing label is an error, as it is in daily use
        if None not in actual:
            actual = (actual == case.about["positive"]).astype(int)
    frame = fair.MetricFrame(
        metrics=function, y_true=actual, y_pred=answers, sensitive_features=groups, sample_params=parameters
    )
    if requirement.get("gap_between"):
        return float(frame.difference(method="between_groups"))
    if requirement.get("by"):
        worst = frame.group_max() if requirement["metric"] in LOWER_IS_BETTER else frame.group_min()
        return float(worst)
    return float(frame.overall)


def function_of(case: Case, metric: str) -> tuple[Callable[..., float], Any] | None:
    """The function, and which of the answers it takes."""
    if case.task == "regression":
        functions = {
            "mae": metrics.mean_absolute_error,
            "r2": metrics.r2_score,
            "quantile_loss": lambda actual, answered: metrics.mean_pinball_loss(
                actual, answered, alpha=case.about["quantile"]
            ),
            "mean_error": fair.mean_prediction,
            "clipped_mean_error": fair.mean_prediction,
        }
        return (functions[metric], case.predicted) if metric in functions else None
    if case.task == "multiclass":
        several = {"accuracy": metrics.accuracy_score, "balanced_accuracy": metrics.balanced_accuracy_score}
        return (several[metric], case.predicted) if metric in several else None
    ranked = {"roc_auc": metrics.roc_auc_score, "average_precision": metrics.average_precision_score}
    if metric in ranked:
        return ranked[metric], positive_probability(case, case.answers)
    labelled = {
        "accuracy": metrics.accuracy_score,
        "balanced_accuracy": metrics.balanced_accuracy_score,
        "precision": lambda actual, answered: metrics.precision_score(actual, answered, zero_division=0),
        "true_positive_rate": fair.true_positive_rate,
        "selection_rate": fair.selection_rate,
    }
    if metric not in labelled:
        return None
    return labelled[metric], (case.predicted == case.about["positive"]).astype(int)


if __name__ == "__main__":
    serve(decide)
