"""Giskard's scan, and its own tests for the thresholds that are stated.

As its page on CI/CD has it (https://legacy-docs.giskard.ai/en/stable/integrations/cicd/pipeline.html): the pipeline
stops where the scan finds a vulnerability. The scan states no thresholds; its catalogue of tests
(https://legacy-docs.giskard.ai/en/stable/knowledge/catalogs/test-catalog/performance/index.html) has some of the
stated metrics, which are tested besides. The model is asked itself, for whatever rows the scan makes up. Of cases with
more rows a sample of 2,000 is scanned: 8,000 take half a minute.
"""

from __future__ import annotations

import logging
from typing import Any

import giskard
import numpy as np
import pandas as pd
from contract import Case, holds, serve, thinned
from giskard import testing

MOST_ROWS = 2000
BY_NAME = {
    "accuracy": testing.test_accuracy,
    "roc_auc": testing.test_auc,
    "precision": testing.test_precision,
    "true_positive_rate": testing.test_recall,
    "mae": testing.test_mae,
    "r2": testing.test_r2,
}


def decide(case: Case) -> tuple[bool, str]:
    logging.disable(logging.CRITICAL)
    texts = [name for name in case.features if case.test[name].dtype == object]
    frame = thinned(case, MOST_ROWS).test[[*case.features, case.about["label"]]]
    data = giskard.Dataset(frame, target=case.about["label"], cat_columns=texts, validation=False)
    model = giskard.Model(
        model=lambda rows: answered(case, rows),
        model_type="regression" if case.task == "regression" else "classification",
        feature_names=case.features,
        classification_labels=case.classes or None,
    )
    found = giskard.scan(model, data, verbose=False)
    told = [f"{issue.level.value} {issue.group.name}: {issue.slicing_fn or ''}" for issue in found.issues]
    passed = not found.has_issues()
    outside = []
    for requirement in case.requirements:
        test = BY_NAME.get(requirement["metric"])
        if test is None or requirement.get("by") or requirement.get("gap_between"):
            outside.append(requirement["metric"])
            continue
        measured = float(test(model=model, dataset=data).execute().metric)
        if not holds(requirement, measured):
            passed = False
            told.append(f"{requirement['metric']} {measured:.3f}")
    words = "; ".join(told) or "no issue found"
    return passed, words + (f"; not a metric here: {', '.join(outside)}" if outside else "")


def answered(case: Case, rows: pd.DataFrame) -> Any:
    answers = case.ask(rows)
    if case.task == "regression":
        return answers["prediction"].to_numpy()
    return np.nan_to_num(answers[[f"p{place}" for place in range(len(case.classes))]].to_numpy(), nan=0.0)


if __name__ == "__main__":
    serve(decide)
