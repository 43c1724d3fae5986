"""MLflow's mlflow.models.evaluate, validated by mlflow.validate_evaluation_results against the stated thresholds.

A static data set with the model's answers and the default evaluator, as in
https://mlflow.org/docs/latest/ml/evaluation/dataset-eval/ and https://mlflow.org/docs/latest/ml/evaluation/model-eval/
(model validation). Metrics that the evaluator reports only for a model that it can call (the areas under curves), and
those that scikit-learn has besides, are given as extra metrics, as its page on custom metrics does. Metrics by group
and claims about data are not part of it. The charts are left to it; SHAP is off.
"""

from __future__ import annotations

import tempfile
from typing import Any

import mlflow
import pandas as pd
from contract import Case, positive_probability, serve
from mlflow.exceptions import MlflowException
from mlflow.models import MetricThreshold, make_metric
from sklearn import metrics

BUILT_IN = {
    "accuracy": "accuracy_score",
    "precision": "precision_score",
    "true_positive_rate": "recall_score",
    "mae": "mean_absolute_error",
    "r2": "r2_score",
}


def decide(case: Case) -> tuple[bool, str]:
    thresholds, extra, outside = {}, [], []
    for requirement in case.requirements:
        metric = requirement["metric"]
        function = extra_function(case, metric)
        grouped = requirement.get("by") or requirement.get("gap_between")
        if grouped or (metric not in BUILT_IN and function is None):
            outside.append(metric + (f" by {grouped}" if grouped else ""))
            continue
        name = BUILT_IN.get(metric, metric)
        higher = "at_least" in requirement
        thresholds[name] = MetricThreshold(
            threshold=requirement["at_least" if higher else "at_most"], greater_is_better=higher
        )
        if function is not None:
            extra.append(make_metric(eval_fn=function, greater_is_better=higher, name=metric))
    told = f"not a metric here: {', '.join(outside)}" if outside else ""
    if not thresholds:
        return True, told
    result = evaluated(case, extra)
    try:
        mlflow.validate_evaluation_results(validation_thresholds=thresholds, candidate_result=result)
    except MlflowException as error:
        return False, f"{error.message} {told}"
    return True, " ".join([", ".join(f"{name} {result.metrics[name]:.3f}" for name in thresholds), told])


def evaluated(case: Case, extra: list[Any]) -> Any:
    frame = case.test[case.features].copy()
    frame["prediction"], frame["target"] = case.predicted, case.actual
    settings: dict[str, Any] = {"log_model_explainability": False, "log_explainer": False}
    if case.task == "binary":
        positive = case.about["positive"]
        frame["prediction"] = (frame["prediction"] == positive).astype(int)
        frame["target"] = (frame["target"] == positive).astype(int)
        settings["pos_label"] = 1
    if case.about["weight"]:
        settings["sample_weights"] = case.test[case.about["weight"]].to_numpy()
    with mlflow.start_run():
        return mlflow.models.evaluate(
            data=frame,
            targets="target",
            predictions="prediction",
            model_type="regressor" if case.task == "regression" else "classifier",
            evaluators="default",
            evaluator_config=settings,
            extra_metrics=extra,
        )


def extra_function(case: Case, metric: str) -> Any:
    """A function of MLflow's predictions and targets, for what its evaluator does not report of a static data set.

    MLflow tries it on the first row alone before it asks about all.
    """
    if metric in {"roc_auc", "average_precision"}:
        scores = positive_probability(case, case.answers)
        function = metrics.roc_auc_score if metric == "roc_auc" else metrics.average_precision_score
        return lambda predictions, targets, metrics: float(function(targets, scores[: len(targets)]))  # noqa: ARG005
    if metric == "balanced_accuracy":
        return lambda predictions, targets, metrics: balanced(targets, predictions)  # noqa: ARG005
    if metric == "quantile_loss":
        quantile = case.about["quantile"]
        return lambda predictions, targets, metrics: pinball(targets, predictions, quantile)  # noqa: ARG005
    return None


def balanced(targets: pd.Series, predictions: pd.Series) -> float:
    return float(metrics.balanced_accuracy_score(targets, predictions))


def pinball(targets: pd.Series, predictions: pd.Series, quantile: float) -> float:
    return float(metrics.mean_pinball_loss(targets, predictions, alpha=quantile))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="gates-mlflow-") as place:
        mlflow.set_tracking_uri(f"sqlite:///{place}/runs.db")
        mlflow.create_experiment("gates", artifact_location=f"file://{place}/artifacts")
        mlflow.set_experiment("gates")
        serve(decide)
