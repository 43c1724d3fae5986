"""Every point estimate, of every task, weighted or not, against scikit-learn and Fairlearn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations, takewhile
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairlearn.metrics import (  # type: ignore[import-untyped]  # it ships none
    MetricFrame,
    false_positive_rate,
    mean_prediction,
    selection_rate,
    true_positive_rate,
)
from numpy.typing import NDArray
from sklearn import metrics as learn

from seatrial.assessors.assessor import Subject
from seatrial.assessors.run_trial import ASSESSORS
from seatrial.verdicts.evidence import Claim, Family
from seatrial.verdicts.metrics import LOG_LOSS_CLIP, METRICS, UNDER_ATTACK, Scope

Subjects = Callable[..., Subject]
Array = NDArray[Any]
SEEDS = (1, 2)
EXACT = 1e-12
YES, KINDS = ">50K", ("ant", "bee", "cat")
WEIGHTS = pytest.mark.parametrize("weight", [None, "weight"], ids=["each once", "weighted"])
SEEDED = pytest.mark.parametrize("seed", SEEDS)


def measured(subject: Subject, claim: Claim) -> dict[str, float]:
    """The estimates of all slices of a claim."""
    (assessor,) = (each for _, each in ASSESSORS if claim.metric in getattr(each, "METRICS", ()))
    found = assessor.assess(subject, [claim], confidence=0.9, seed=7, budget_s=60)
    asked = takewhile(lambda item: item.claim == claim, found)  # what is asked comes first
    return {item.slice: item.estimate for item in asked if item.estimate is not None}


def drawn(
    of_task: Subjects, task: str, seed: int, weight: str | None
) -> tuple[Subject, Array, Any, Array | None, Array]:
    """A subject; its labels, its predictions, weights and sexes."""
    subject = replace(of_task(task, 2000, seed, groups=("sex",)), weight=weight)
    table = subject.tables["test"]
    weights = None if weight is None else table.column(weight).to_numpy()
    actual, sex = table.column(subject.label).to_numpy(), table.column("sex").to_numpy()
    return subject, actual, subject.predictor.predict(table), weights, sex


def rates(truth: Array, answer: Array, weights: Array | None, **named: Any) -> dict[str, float]:
    """What scikit-learn makes of the answers."""
    given: Mapping[str, Any] = {"sample_weight": weights}
    return {
        "true_positive_rate": learn.recall_score(truth, answer, **given, **named),
        "precision": learn.precision_score(truth, answer, **given, **named),
        "f1": learn.f1_score(truth, answer, **given, **named),
    }


@WEIGHTS
@SEEDED
def test_rates_of_two_classes(of_task: Subjects, seed: int, weight: str | None) -> None:
    subject, actual, said, weights, _ = drawn(of_task, "binary", seed, weight)
    truth, answer = actual == YES, said.labels == YES
    expected = {
        **rates(truth, answer, weights),
        "accuracy": learn.accuracy_score(truth, answer, sample_weight=weights),
        "balanced_accuracy": learn.balanced_accuracy_score(truth, answer, sample_weight=weights),
        "selection_rate": selection_rate(truth, answer, sample_weight=weights),
        "false_positive_rate": false_positive_rate(truth, answer, sample_weight=weights),
    }
    for metric, value in expected.items():
        assert measured(subject, Claim(metric))["all"] == pytest.approx(value, abs=EXACT), metric


@WEIGHTS
@SEEDED
def test_probabilities_of_two_classes(of_task: Subjects, seed: int, weight: str | None) -> None:
    subject, actual, said, weights, _ = drawn(of_task, "binary", seed, weight)
    truth, score = actual == YES, said.probabilities[:, 1]
    given = np.where(truth, score, 1 - score).clip(LOG_LOSS_CLIP, 1)
    expected = {
        "roc_auc": learn.roc_auc_score(truth, score, sample_weight=weights),
        "average_precision": learn.average_precision_score(truth, score, sample_weight=weights),
        "log_loss": learn.log_loss(truth, np.where(truth, given, 1 - given), sample_weight=weights),
        "brier_score": learn.brier_score_loss(truth, score, sample_weight=weights),
    }
    for metric, value in expected.items():
        assert measured(subject, Claim(metric))["all"] == pytest.approx(value, abs=EXACT), metric


@WEIGHTS
@SEEDED
def test_ties_of_scores_count_as_they_do_there(of_task: Subjects, seed: int, weight: str | None) -> None:
    subject, actual, _, weights, _ = drawn(of_task, "binary", seed, weight)
    table = subject.tables["test"]
    score = np.round(table.column("score").to_numpy(), 1)
    subject = replace(subject, tables={"test": table.set_column(0, "score", pa.array(score))})
    for metric, other in (("roc_auc", learn.roc_auc_score), ("average_precision", learn.average_precision_score)):
        expected = other(actual == YES, score, sample_weight=weights)
        assert measured(subject, Claim(metric))["all"] == pytest.approx(expected, abs=EXACT), metric


@WEIGHTS
@SEEDED
def test_means_over_all_classes(of_task: Subjects, seed: int, weight: str | None) -> None:
    subject, actual, said, weights, _ = drawn(of_task, "multiclass", seed, weight)
    given: Mapping[str, Any] = {"sample_weight": weights, "average": "macro"}
    onehot = (actual[:, None] == np.array(KINDS)).astype(float)
    label_probability = np.maximum((onehot * said.probabilities).sum(axis=1), LOG_LOSS_CLIP)
    expected = {
        **rates(actual, said.labels.astype(str), weights, average="macro"),
        "accuracy": learn.accuracy_score(actual, said.labels.astype(str), sample_weight=weights),
        "balanced_accuracy": learn.balanced_accuracy_score(actual, said.labels.astype(str), sample_weight=weights),
        "roc_auc": learn.roc_auc_score(onehot, said.probabilities, **given),
        "average_precision": learn.average_precision_score(onehot, said.probabilities, **given),
        "log_loss": np.average(-np.log(label_probability), weights=weights),
        "brier_score": learn.brier_score_loss(
            actual, said.probabilities, labels=KINDS, sample_weight=weights, scale_by_half=False
        ),
    }
    for metric, value in expected.items():
        assert measured(subject, Claim(metric))["all"] == pytest.approx(value, abs=EXACT), metric


@WEIGHTS
@SEEDED
@pytest.mark.parametrize("code", range(3), ids=KINDS)
def test_one_class_against_the_rest(of_task: Subjects, seed: int, weight: str | None, code: int) -> None:
    subject, actual, said, weights, _ = drawn(of_task, "multiclass", seed, weight)
    truth, answer, score = actual == KINDS[code], said.labels == KINDS[code], said.probabilities[:, code]
    expected = {
        **rates(truth, answer, weights),
        "selection_rate": selection_rate(truth, answer, sample_weight=weights),
        "false_positive_rate": false_positive_rate(truth, answer, sample_weight=weights),
        "roc_auc": learn.roc_auc_score(truth, score, sample_weight=weights),
        "average_precision": learn.average_precision_score(truth, score, sample_weight=weights),
    }
    for metric, value in expected.items():
        assert measured(subject, Claim(metric, of_class=KINDS[code]))["all"] == pytest.approx(value, abs=EXACT), metric


@WEIGHTS
@SEEDED
def test_errors_of_a_regression(of_task: Subjects, seed: int, weight: str | None) -> None:
    subject, actual, said, weights, _ = drawn(of_task, "regression", seed, weight)
    subject = replace(subject, quantile=0.8)
    low, high = said.interval.T
    expected = {
        "mae": learn.mean_absolute_error(actual, said.labels, sample_weight=weights),
        "rmse": learn.root_mean_squared_error(actual, said.labels, sample_weight=weights),
        "mean_error": np.average(said.labels - actual, weights=weights),
        "r2": learn.r2_score(actual, said.labels, sample_weight=weights),
        "quantile_loss": learn.mean_pinball_loss(actual, said.labels, sample_weight=weights, alpha=0.8),
        "interval_coverage": np.average((low <= actual) & (actual <= high), weights=weights),
    }
    for metric, value in expected.items():
        assert measured(subject, Claim(metric))["all"] == pytest.approx(value, abs=EXACT), metric


IN_FRAMES: dict[str, dict[str, Callable[..., float]]] = {
    "binary": {
        "accuracy": learn.accuracy_score,
        "balanced_accuracy": learn.balanced_accuracy_score,
        "selection_rate": selection_rate,
        "true_positive_rate": true_positive_rate,
        "false_positive_rate": false_positive_rate,
        "precision": learn.precision_score,
        "f1": learn.f1_score,
    },
    "regression": {"mae": learn.mean_absolute_error, "rmse": learn.root_mean_squared_error},
}


@WEIGHTS
@pytest.mark.parametrize("task", IN_FRAMES)
def test_groups_their_differences_and_their_ratios_are_those_of_fairlearn(
    of_task: Subjects, task: str, weight: str | None
) -> None:
    subject, actual, said, weights, sex = drawn(of_task, task, 1, weight)
    truth, answer = (actual == YES, said.labels == YES) if task == "binary" else (actual, said.labels)
    for metric, other in IN_FRAMES[task].items():
        parameters = None if weights is None else {"sample_weight": weights}
        frame = MetricFrame(
            metrics=other, y_true=truth, y_pred=answer, sensitive_features=sex, sample_params=parameters
        )
        groups = measured(subject, Claim(metric, Family.GROUPS, "sex"))
        assert groups == pytest.approx({f"sex={name}": value for name, value in frame.by_group.items()}, abs=EXACT)
        (difference,) = measured(subject, Claim(metric, Family.PAIRS, "sex")).values()
        assert abs(difference) == pytest.approx(frame.difference(method="between_groups"), abs=EXACT), metric
        (ratio,) = measured(subject, Claim(metric, Family.RATIOS, "sex")).values()
        assert min(ratio, 1 / ratio) == pytest.approx(frame.ratio(method="between_groups"), abs=EXACT), metric


@WEIGHTS
@SEEDED
def test_mean_errors_between_groups_are_differences_of_mean_predictions_of_fairlearn(
    of_task: Subjects, seed: int, weight: str | None
) -> None:
    subject, actual, said, weights, sex = drawn(of_task, "regression", seed, weight)
    parameters = None if weights is None else {"sample_weight": weights}
    frame = MetricFrame(
        metrics=mean_prediction,
        y_true=actual,
        y_pred=said.labels - actual,
        sensitive_features=sex,
        sample_params=parameters,
    )
    (difference,) = measured(subject, Claim("mean_error", Family.PAIRS, "sex")).values()
    assert abs(difference) == pytest.approx(frame.difference(method="between_groups"), abs=EXACT)


@SEEDED
def test_every_pair_is_first_minus_second_and_first_by_second(of_task: Subjects, seed: int) -> None:
    subject = of_task("binary", 2000, seed)
    table = subject.tables["test"]
    race, answer = table.column("race").to_numpy(), table.column("score").to_numpy() >= 0.5
    rate = {name: answer[race == name].mean() for name in sorted(set(race))}
    pairs = measured(subject, Claim("selection_rate", Family.PAIRS, "race"))
    expected = {f"race: {one} − {two}": rate[one] - rate[two] for one, two in combinations(rate, 2)}
    assert pairs == pytest.approx(expected, abs=EXACT)
    for name, ratio in measured(subject, Claim("selection_rate", Family.RATIOS, "race")).items():
        one, two = name.removeprefix("race: ").split(" ÷ ")
        assert ratio == pytest.approx(rate[one] / rate[two], abs=EXACT)


@WEIGHTS
@SEEDED
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_difference_from_a_reference_is_the_difference_of_both_estimates(
    of_task: Subjects, task: str, seed: int, weight: str | None
) -> None:
    subject = replace(of_task(task, 1500, seed), weight=weight)
    other: Any = _Muddled(subject)
    compared = replace(subject, references={"other": other})
    turned = replace(subject, predictor=other)
    metrics = {
        "binary": ("accuracy", "true_positive_rate", "precision", "f1", "roc_auc", "log_loss", "brier_score"),
        "multiclass": ("accuracy", "balanced_accuracy", "f1", "roc_auc", "log_loss", "brier_score"),
        "regression": ("mae", "rmse", "r2"),
    }[task]
    for metric in metrics:
        expected = measured(subject, Claim(metric))["all"] - measured(turned, Claim(metric))["all"]
        found = measured(compared, Claim(metric, against="other"))
        assert found == pytest.approx({"all": expected}, abs=EXACT), metric


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_row_of_weight_three_is_three_rows(of_task: Subjects, task: str) -> None:
    subject = replace(of_task(task, 300, 3), weight="weight", quantile=0.5 if task == "regression" else None)
    table = subject.tables["test"]
    often = np.repeat(np.arange(300), table.column("weight").to_numpy())
    repeated = replace(subject, weight=None, tables={"test": table.take(often)})
    of_class = "bee" if task == "multiclass" else None
    elsewhere = UNDER_ATTACK | {
        "one_column_accuracy",
        "counterfactual_flip_rate",
        "trigger_rate",
    }  # not from answers and weights alone
    for name, metric in METRICS.items():
        if metric.fits(task) and metric.scope is not Scope.DATA and name not in elsewhere:
            claim = Claim(name, of_class=of_class if metric.scope is Scope.CLASS else None)
            assert measured(subject, claim) == pytest.approx(measured(repeated, claim), abs=EXACT), name


class _Muddled:
    """Gives every fifth row the answers for the row before."""

    def __init__(self, subject: Subject) -> None:
        self.signature = subject.predictor.signature
        self._predictor = subject.predictor

    def predict(self, rows: Any) -> Any:
        order = np.arange(rows.num_rows)
        order[5::5] -= 1
        return self._predictor.predict(rows.take(order))
