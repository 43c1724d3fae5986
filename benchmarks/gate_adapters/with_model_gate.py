"""bdp-model-gate with its default checks, and the stated thresholds in its configuration.

As its README has it (https://vanjy-eng.github.io/model-gate/docs/): a pipeline goes on by itself at PASS alone;
NEEDS_REVIEW stops it for a person. The metric and the threshold of the performance check are set together; a check for
each metric that is stated. Where no metric of the performance is stated, the default one ("roc_auc at least 0.8") is
left out, since nobody asked for it. The model card is filled in, and says that the split was random. Gradients cannot
be handed to it from files; it perturbs at random, with the stated budget where there is one. Its check of SHAP values
by group is left out: it takes 36 seconds of 8,000 rows, and the answers of every planted model with groups hang on no
feature at all, so that it has nothing to find.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from bdp_model_gate import GateConfig, ModelGate, StructuredGateContext
from bdp_model_gate.structured import PerformanceThresholdCheck, ShapSubgroupCheck, default_structured_checks
from contract import Case, positive_probability, serve
from sklearn.metrics import mean_pinball_loss

BY_NAME = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "roc_auc": "roc_auc",
    "average_precision": "average_precision",
    "precision": "precision",
    "true_positive_rate": "recall",
    "mae": "mae",
    "r2": "r2",
}
REPLACED = (PerformanceThresholdCheck, ShapSubgroupCheck)
CARD = {
    "legal_basis": "legitimate interest",
    "data_minimization_justification": "every column is needed",
    "training_data_source": "planted",
    "use_case": "benchmark",
    "validation_strategy": "random_split",
}


def decide(case: Case) -> tuple[bool, str]:
    binary = case.task == "binary"
    config = GateConfig()
    performance, outside = configured(case, config)
    checks = [check for check in default_structured_checks(config) if not isinstance(check, REPLACED)]
    actual = case.actual
    if binary:  # 0 and 1, and NaN where there is no label
        actual = (case.actual == case.about["positive"]).astype(float).where(case.actual.notna())
        actual = actual.astype(int) if case.actual.notna().all() else actual
    context = StructuredGateContext(
        X=case.test[case.features],
        y_true=actual,
        y_pred=positive_probability(case, case.answers) if binary else case.predicted,
        protected_df=protected(case),
        X_train=case.train[case.features],
        model_card=CARD,
        predict_fn=lambda rows: predicted(case, rows),
        predict_proba_fn=(lambda rows: probable(case, rows)) if case.task != "regression" else None,
        task=case.task,
    )
    report = ModelGate(checks=[*checks, *performance], config=config).run(context)
    told = [f"{each.check_name} {each.flag}: {each.detail}" for each in report.flags]
    words = f"{report.gate_status}: {'; '.join(told)}"
    return report.gate_status == "PASS", words + (f"; not a metric here: {', '.join(outside)}" if outside else "")


def configured(case: Case, config: GateConfig) -> tuple[list[PerformanceThresholdCheck], list[str]]:
    """The performance checks of what is stated; the rest goes into `config`, or is named as outside."""
    checks, outside = [], []
    for requirement in case.requirements:
        metric, gap = requirement["metric"], requirement.get("gap_between")
        if metric == "calibration_error" and not requirement.get("by"):
            config.performance.max_ece = requirement["at_most"]
        elif metric == "selection_rate" and gap:
            config.fairness.disparity_threshold = requirement["at_most"]
        elif metric == "true_positive_rate" and gap:
            config.fairness.equalised_odds_threshold = requirement["at_most"]
            config.fairness.intersectional = config.fairness.intersectional or "*" in gap
        elif metric == "test_overlap":
            config.validation.max_split_overlap = requirement["at_most"]
        elif metric == "duplicate_share":
            config.validation.max_duplicate_fraction = requirement["at_most"]
        elif metric == "robust_accuracy":
            config.security.adversarial_epsilon = case.about["threat"][requirement["threat"]]
            config.security.adversarial_flip_rate_threshold = 1 - requirement["at_least"]
        elif (function := function_of(case, metric)) is not None and not requirement.get("by") and not gap:
            own = GateConfig()
            own.performance.metric = function
            if metric == "mae":
                own.performance.max_error = requirement["at_most"]
            elif "at_least" in requirement:
                own.performance.min_score = requirement["at_least"]
            else:
                own.performance.min_score = -requirement["at_most"]
            checks.append(PerformanceThresholdCheck(own.performance, own.uncertainty))
        else:
            outside.append(metric)
    return checks, outside


def function_of(case: Case, metric: str) -> Any:
    if metric == "quantile_loss":
        quantile = case.about["quantile"]

        def negative_pinball(actual: Any, answered: Any) -> float:
            return -float(mean_pinball_loss(actual, answered, alpha=quantile))

        return negative_pinball
    return BY_NAME.get(metric)


def protected(case: Case) -> pd.DataFrame | None:
    """The columns that requirements name, without the crossed ones, which it makes itself."""
    columns = list(dict.fromkeys(column for name in case.about["groups"] for column in name.split("*")))
    return case.test[columns] if columns else None


def predicted(case: Case, rows: pd.DataFrame) -> Any:
    answers = case.ask(rows)
    if case.task == "binary":
        return (answers["prediction"] == case.about["positive"]).to_numpy().astype(int)
    return answers["prediction"].to_numpy()


def probable(case: Case, rows: pd.DataFrame) -> Any:
    answers = case.ask(rows)
    return np.asarray(answers[[f"p{place}" for place in range(len(case.classes))]].to_numpy())


if __name__ == "__main__":
    serve(decide)
