"""Evidently's Report with tests: the stated thresholds, and the drift preset's own tests against the training rows.

Tests as in https://docs.evidentlyai.com/docs/library/tests: a condition for each metric that is stated (`GroupBy` for
metrics by group), and `DataDriftPreset` with `include_tests=True`, whose defaults are those of
https://docs.evidentlyai.com/metrics/preset_data_drift. The generated tests of the other presets ("within 10 % of the
reference") are left out: they know the training rows, and not what is stated.
Of data, missing and repeated rows and unknown texts have metrics, which are tested where they are stated. The model
passes where no test fails.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from contract import Case, positive_probability, probabilities, serve
from evidently import BinaryClassification, DataDefinition, Dataset, MulticlassClassification, Regression, Report
from evidently.metrics import (
    MAE,
    TPR,
    Accuracy,
    DuplicatedRowCount,
    GroupBy,
    MeanError,
    MissingValueCount,
    OutListValueCount,
    Precision,
    R2Score,
    RocAuc,
)
from evidently.presets import DataDriftPreset
from evidently.tests import gte, lte

BY_NAME = {
    "accuracy": Accuracy,
    "precision": Precision,
    "true_positive_rate": TPR,
    "roc_auc": RocAuc,
    "mae": MAE,
    "r2": R2Score,
}


def decide(case: Case) -> tuple[bool, str]:
    tested: list[Any] = [DataDriftPreset(columns=case.features, include_tests=True)]
    outside = []
    for requirement in case.requirements:
        found = tests_of(case, requirement)
        tested += found
        if not found:
            outside.append(requirement["metric"])
    report = Report(tested, include_tests=True)
    definition = definition_of(case)
    current = Dataset.from_pandas(frame_of(case, case.test, case.answers), data_definition=definition)
    reference = Dataset.from_pandas(frame_of(case, case.train, case.train_answers), data_definition=definition)
    results = report.run(current, reference).tests_results
    failed = [f"{each.name}: {each.description}" for each in results if each.status.name in {"FAIL", "ERROR"}]
    told = "; ".join(failed) or f"{len(results)} tests passed"
    return not failed, told + (f"; not a metric here: {', '.join(outside)}" if outside else "")


def tests_of(case: Case, requirement: dict[str, Any]) -> list[Any]:
    """The metric with its condition, or none where Evidently has no such metric."""
    name = requirement["metric"]
    condition = gte(requirement["at_least"]) if "at_least" in requirement else lte(requirement["at_most"])
    if name == "duplicate_share":
        return [DuplicatedRowCount(tests=[lte(int(requirement["at_most"] * len(case.test)))])]
    if name == "unlabelled_share":
        return [MissingValueCount(column="target", share_tests=[condition])]
    if name == "answered_share":
        return [MissingValueCount(column="prediction", share_tests=[lte(1 - requirement["at_least"])])]
    if name == "unknown_values":
        texts = [column for column in case.features if case.train[column].dtype == object]
        return [
            OutListValueCount(column=column, values=sorted(set(case.train[column])), share_tests=[condition])
            for column in texts
        ]
    if name == "mean_error" and not requirement.get("gap_between"):
        return [MeanError(mean_tests=[condition])]
    if name not in BY_NAME or requirement.get("gap_between"):
        return []
    metric = BY_NAME[name](mean_tests=[condition]) if name == "mae" else BY_NAME[name](tests=[condition])
    return [GroupBy(metric, requirement["by"])] if requirement.get("by") else [metric]


def definition_of(case: Case) -> Any:
    texts = [name for name in case.features if case.test[name].dtype == object]
    numbers = [name for name in case.features if name not in texts]
    common = {"numerical_columns": numbers, "categorical_columns": [*texts, *case.groups.columns]}
    if case.task == "regression":
        return DataDefinition(regression=[Regression(target="target", prediction="prediction")], **common)
    if case.task == "binary":
        task = BinaryClassification(
            target="target",
            prediction_labels="prediction",
            prediction_probas="probability",
            pos_label=case.about["positive"],
        )
        return DataDefinition(classification=[task], **common)
    several = MulticlassClassification(
        target="target", prediction_labels="prediction", prediction_probas=list(case.classes)
    )
    return DataDefinition(classification=[several], **common)


def frame_of(case: Case, rows: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    frame = rows[case.features].copy()
    for name in case.about["groups"]:
        frame[name] = rows[name.split("*")].astype(str).agg(", ".join, axis=1)
    frame["target"], frame["prediction"] = rows[case.about["label"]], answers["prediction"]
    if case.task == "binary":
        frame["probability"] = positive_probability(case, answers)
    if case.task == "multiclass":
        frame[case.classes] = probabilities(case, answers)
    return frame


if __name__ == "__main__":
    serve(decide)
