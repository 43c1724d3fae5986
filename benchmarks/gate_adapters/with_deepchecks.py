"""deepchecks' full suite with its default conditions, and a condition for each threshold that is stated.

As its page on CI/CD has it (https://docs.deepchecks.com/stable/general/usage/ci_cd.html): the default suites, and a
pipeline stops unless `suite_result.passed()`, warnings included. The answers are given as precomputed predictions.
`SingleDatasetPerformance` carries the stated thresholds on the metrics that its scorers have; of data, copies and
unknown texts get the stated share. Groups have no condition of their own: weak segments are searched for by the suite.
Of cases with more rows a sample of 2,000 is checked: 8,000 take up to a minute.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from contract import Case, probabilities, serve, thinned
from deepchecks.tabular import Dataset
from deepchecks.tabular.checks import (
    DataDuplicates,
    NewCategoryTrainTest,
    PercentOfNulls,
    SingleDatasetPerformance,
    TrainTestSamplesMix,
)
from deepchecks.tabular.suites import full_suite
from sklearn.metrics import make_scorer, mean_pinball_loss

MOST_ROWS = 2000
# Their names (https://docs.deepchecks.com/stable/general/guides/metrics_guide.html).
BINARY = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "roc_auc": "roc_auc",
    "average_precision": "average_precision",
    "precision": "precision",
    "true_positive_rate": "recall",
}
SEVERAL = {"accuracy": "accuracy", "balanced_accuracy": "recall_macro"}  # the same of several classes
VALUES = {"mae": "neg_mae", "r2": "r2", "quantile_loss": "quantile_loss"}


def decide(whole: Case) -> tuple[bool, str]:
    case = thinned(whole, MOST_ROWS)
    suite = full_suite()
    outside = [requirement["metric"] for requirement in case.requirements if not add(suite, case, requirement)]
    answers = (case.train_answers, case.answers)
    probable = [None, None] if case.task == "regression" else [probabilities(case, each) for each in answers]
    result = suite.run(
        dataset_of(case, case.train),
        dataset_of(case, case.test),
        with_display=False,
        y_pred_train=answers[0]["prediction"].to_numpy(),
        y_pred_test=answers[1]["prediction"].to_numpy(),
        y_proba_train=probable[0],
        y_proba_test=probable[1],
        model_classes=case.classes or None,
    )
    for check in result.get_not_ran_checks():
        if check.get_header().startswith("Single Dataset Performance"):  # what is stated has to be measured
            raise RuntimeError(f"{check.get_header()} did not run: {check.exception}")
    failed = [
        f"{check.get_header()}: {'; '.join(each.details for each in check.conditions_results if not each.is_pass())}"
        for check in result.get_not_passed_checks()
    ]
    told = " | ".join(failed) or f"{len(result.results)} checks"
    return result.passed(), told + (f" | not a metric here: {', '.join(outside)}" if outside else "")


def add(suite: Any, case: Case, requirement: dict[str, Any]) -> bool:
    """Adds the stated condition to the suite; False where deepchecks has nothing for it."""
    metric = requirement["metric"]
    if metric == "duplicate_share":
        suite.add(DataDuplicates().add_condition_ratio_less_or_equal(requirement["at_most"]))
        return True
    if metric == "test_overlap":
        suite.add(TrainTestSamplesMix().add_condition_duplicates_ratio_less_or_equal(requirement["at_most"]))
        return True
    if metric == "unknown_values":
        suite.add(NewCategoryTrainTest().add_condition_new_category_ratio_less_or_equal(requirement["at_most"]))
        return True
    if metric == "unlabelled_share":
        suite.add(PercentOfNulls().add_condition_percent_of_nulls_not_greater_than(requirement["at_most"]))
        return True
    names = {"binary": BINARY, "multiclass": SEVERAL, "regression": VALUES}[case.task]
    if metric not in names or requirement.get("by") or requirement.get("gap_between"):
        return False
    scorer: Any = [names[metric]]
    if metric == "quantile_loss":
        loss = make_scorer(mean_pinball_loss, greater_is_better=False, alpha=case.about["quantile"])
        scorer = {"quantile_loss": loss}
    least = requirement["at_least"] if "at_least" in requirement else -requirement["at_most"]
    check = SingleDatasetPerformance(scorers=scorer).add_condition_greater_than(np.nextafter(least, -np.inf))
    suite.add(check)
    return True


def dataset_of(case: Case, rows: pd.DataFrame) -> Dataset:
    frame = rows[[*case.features, case.about["label"]]]
    texts = [name for name in case.features if frame[name].dtype == object]
    kind = "regression" if case.task == "regression" else case.task
    return Dataset(frame, label=case.about["label"], features=case.features, cat_features=texts, label_type=kind)


if __name__ == "__main__":
    serve(decide)
