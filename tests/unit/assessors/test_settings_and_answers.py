"""What is refused before anything is measured, and which answers leave something, or nothing, to measure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from seatrial.assessors.answers.model_answers import ClassAnswers, Unmeasurable, class_answers, value_answers
from seatrial.assessors.assessor import Subject
from seatrial.assessors.run_trial import ASSESSORS
from seatrial.assessors.subject_checks import check_subject
from seatrial.errors import InputError, Problems
from seatrial.models.predictor import Predictions
from seatrial.verdicts.evidence import Claim, Evidence, NotMeasured

Subjects = Callable[..., Subject]
Spoil = Callable[[Predictions], Predictions]


class Spoiled:
    """The model of a subject, whose answers are changed on their way."""

    def __init__(self, subject: Subject, spoil: Spoil) -> None:
        self.signature = subject.predictor.signature
        self._predictor = subject.predictor
        self._spoil = spoil

    def predict(self, rows: pa.Table) -> Predictions:
        return self._spoil(self._predictor.predict(rows))


def spoiled(subject: Subject, spoil: Spoil) -> Subject:
    return replace(subject, predictor=Spoiled(subject, spoil))


def with_column(subject: Subject, name: str, values: pa.Array[Any]) -> Subject:
    table = subject.tables["test"]
    if name in table.column_names:
        table = table.set_column(table.column_names.index(name), name, values)
    else:
        table = table.append_column(name, values)
    return replace(subject, tables={**subject.tables, "test": table})


def said(subject: Subject, *claims: Claim) -> Iterator[Evidence | NotMeasured]:
    for _, assessor in ASSESSORS:
        yield from assessor.assess(subject, claims, confidence=0.9, seed=7, budget_s=60)


@pytest.mark.parametrize(
    ("task", "changed", "path", "message"),
    [
        ("binary", {"weight": "wieght"}, "data.test", 'not have a column "wieght". Did you mean "weight"?'),
        ("binary", {"cluster": "person"}, "data.test", 'not have a column "person"'),
        ("binary", {"groups": ("gender",)}, "data.test", 'not have a column "gender"'),
        ("binary", {"positive": "rich"}, "data.positive", '"rich" is none of the model\'s two classes'),
        ("binary", {"clip": 3.0}, "data.clip", "clip belongs to a regression"),
        ("binary", {"quantile": 0.5}, "data.quantile", "predicts no quantile"),
        ("binary", {"task": "regression"}, "data.task", "The task is regression, and the model is for binary"),
        (
            "multiclass",
            {"positive": "ant"},
            "data.positive",
            "belongs to a binary model; this one is a multiclass model",
        ),
        (
            "regression",
            {"positive": "ant"},
            "data.positive",
            "belongs to a binary model; this one is a regression model",
        ),
        ("regression", {"clip": 0.0}, "data.clip", "0 is not a positive number"),
        ("regression", {"clip": float("nan")}, "data.clip", "nan is not a positive number"),
        ("regression", {"quantile": 1.0}, "data.quantile", "1 is not between 0 and 1"),
        ("regression", {"label": "sex"}, "test.sex", "The labels are string, and a regression needs numbers"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_where_it_stands(
    of_task: Subjects, task: str, changed: dict[str, Any], path: str, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        check_subject(replace(of_task(task), **changed))
    assert caught.value.path == path
    assert message in str(caught.value)
    assert caught.value.hint


def test_all_mistakes_are_named_at_once(of_task: Subjects) -> None:
    subject = with_column(of_task("regression"), "weight", pa.array([0.0] * 400))
    with pytest.raises(Problems) as caught:
        check_subject(replace(subject, weight="weight", clip=-1.0, quantile=2.0, groups=("race",)))
    told = str(caught.value)
    for part in (
        "-1 is not a positive",
        "2 is not between",
        'not have a column "race"',
        "400 of 400 weights are not positive",
    ):
        assert part in told


def test_a_positive_class_may_be_written_as_the_label_is(of_task: Subjects) -> None:
    subject = of_task("binary", 100)
    labels = pa.array([label == ">50K" for label in subject.tables["test"].column("income").to_pylist()])
    signature = replace(subject.predictor.signature, classes=("0", "1"), positive=None)

    class Numbered:
        def __init__(self) -> None:
            self.signature = signature

        def predict(self, rows: pa.Table) -> Predictions:
            score = rows.column("score").to_numpy()
            return Predictions(np.where(score >= 0.5, 1, 0).astype(object), np.column_stack([1 - score, score]))

    numbered = replace(with_column(subject, "income", labels), predictor=Numbered(), positive="true")
    check_subject(numbered)
    one, two = class_answers(subject), class_answers(numbered)
    assert isinstance(one, ClassAnswers)
    assert isinstance(two, ClassAnswers)
    assert (one.actual.tolist(), one.answered.tolist()) == (two.actual.tolist(), two.answered.tolist())
    assert two.positive == 1


def changed(row: int, value: float) -> Spoil:
    def spoil(predictions: Predictions) -> Predictions:
        probabilities = np.asarray(predictions.probabilities).copy()
        probabilities[row, 1] = value
        return replace(predictions, probabilities=probabilities)

    return spoil


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "the model gives no probability for 1 of 400 rows of the test table, first nan at row 17"),
        (1.5, "the model gives no probability for 1 of 400 rows of the test table, first 1.5 at row 17"),
        (-0.2, "the model gives no probability for 1 of 400 rows of the test table, first -0.2 at row 17"),
    ],
)
def test_one_answer_that_is_no_probability_leaves_no_evidence(
    of_task: Subjects, task: str, value: float, reason: str
) -> None:
    found = list(said(spoiled(of_task(task), changed(17, value)), Claim("accuracy"), Claim("roc_auc")))
    assert not any(isinstance(item, Evidence) for item in found)
    reasons = {
        item.reason for item in found if isinstance(item, NotMeasured) and item.claim.metric != "robust_accuracy"
    }
    assert reason in reasons


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_probabilities_that_do_not_sum_to_one_are_none(of_task: Subjects, task: str) -> None:
    def halved(predictions: Predictions) -> Predictions:
        return replace(predictions, probabilities=np.asarray(predictions.probabilities) / 2)

    answers = class_answers(spoiled(of_task(task), halved))
    assert answers == Unmeasurable(
        "the probabilities of 400 of 400 rows of the test table do not sum to 1, first 0.5 at row 0"
    )


def test_probabilities_computed_in_single_precision_or_rounded_to_three_digits_are_taken(of_task: Subjects) -> None:
    def rounded(predictions: Predictions) -> Predictions:
        return replace(predictions, probabilities=np.round(np.asarray(predictions.probabilities), 3))

    def a_little_over(predictions: Predictions) -> Predictions:
        probabilities = np.asarray(predictions.probabilities).copy()
        probabilities[3] = [-1e-7, 1 + 1e-7]
        return replace(predictions, probabilities=probabilities)

    for task, spoil in (("multiclass", rounded), ("binary", a_little_over)):
        answers = class_answers(spoiled(of_task(task), spoil))
        assert isinstance(answers, ClassAnswers)
        assert answers.probabilities is not None
        assert answers.probabilities.min() >= 0
        assert answers.probabilities.max() <= 1


def test_a_model_without_probabilities_is_measured_by_its_answers(of_task: Subjects) -> None:
    silent = spoiled(of_task("binary"), lambda predictions: replace(predictions, probabilities=None))
    found = list(said(silent))
    measured = {item.claim.metric for item in found if isinstance(item, Evidence)}
    lacking = {item.claim.metric for item in found if isinstance(item, NotMeasured)}
    assert {"accuracy", "f1", "selection_rate"} <= measured
    assert {"roc_auc", "average_precision", "log_loss", "brier_score", "calibration_error"} <= lacking - measured
    assert {item.reason for item in found if isinstance(item, NotMeasured) and item.claim == Claim("roc_auc")} == {
        "the model gives no probabilities"
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_prediction_that_is_no_number_leaves_a_regression_unmeasured(of_task: Subjects, value: float) -> None:
    def ill(predictions: Predictions) -> Predictions:
        labels = np.array(predictions.labels, dtype=np.float64)
        labels[5] = value
        return replace(predictions, labels=labels)

    answers = value_answers(spoiled(of_task("regression"), ill))
    assert answers == Unmeasurable(
        f"the model gives no number for 1 of 400 rows of the test table, first {value} at row 5"
    )


def test_an_interval_that_ends_before_it_begins_leaves_a_regression_unmeasured(of_task: Subjects) -> None:
    def turned(predictions: Predictions) -> Predictions:
        return replace(predictions, interval=np.asarray(predictions.interval)[:, ::-1])

    answers = value_answers(spoiled(of_task("regression"), turned))
    assert isinstance(answers, Unmeasurable)
    assert "gives no interval for 400 of 400 rows" in answers.reason


def test_what_a_regression_lacks_is_said_with_what_it_would_need(of_task: Subjects, guesses: Any) -> None:
    subject = replace(of_task("regression"), predictor=guesses(interval=False))
    claims = [Claim("interval_coverage"), Claim("quantile_loss")]
    reasons = {item.claim.metric: item.reason for item in said(subject, *claims) if isinstance(item, NotMeasured)}
    assert "needs a model that predicts an interval" in reasons["interval_coverage"]
    assert "needs the quantile that the model predicts" in reasons["quantile_loss"]


@pytest.mark.parametrize("weight", [None, "weight"])
def test_without_a_clip_errors_have_an_estimate_no_bound_and_a_hint(of_task: Subjects, weight: str | None) -> None:
    subject = replace(of_task("regression"), weight=weight)
    for metric in ("mae", "rmse", "mean_error", "r2"):
        (item,) = (one for one in said(subject) if one.claim == Claim(metric))
        assert isinstance(item, NotMeasured)
        assert item.estimate is not None
        assert "too rare to be drawn" in item.reason
        assert "clipped_mae" in item.reason
        assert "for instance 30" in item.reason  # labels lie within 20 to 30 of each other


def test_a_difference_of_errors_from_a_reference_without_a_clip_has_no_bound_either(of_task: Subjects) -> None:
    (item,) = (one for one in said(of_task("regression")) if one.claim == Claim("mae", against="baseline"))
    assert isinstance(item, NotMeasured)
    model, reference = (float(item.conditions[name]) for name in ("model_estimate", "reference_estimate"))
    assert item.estimate == pytest.approx(model - reference)


def test_with_a_clip_clipped_errors_count_as_at_most_that_and_the_bounds_hold_at_every_size(of_task: Subjects) -> None:
    subject = replace(of_task("regression"), clip=1.5)
    table = subject.tables["test"]
    errors = np.clip(table.column("guess").to_numpy() - table.column("price").to_numpy(), -1.5, 1.5)
    expected = {"mae": np.abs(errors).mean(), "rmse": np.sqrt((errors**2).mean()), "mean_error": errors.mean()}
    for metric, value in expected.items():
        (item,) = (one for one in said(subject) if one.claim == Claim(f"clipped_{metric}"))
        assert isinstance(item, Evidence)
        assert item.estimate == pytest.approx(value, abs=1e-12)
        assert item.method.startswith("betting")
        assert item.conditions["clip"] == "1.5"
        assert item.conditions["rows_clipped"] == str(int((np.abs(errors) == 1.5).sum()))
        plain, unclipped = (
            next(one for one in said(each) if one.claim == Claim(metric)) for each in (of_task("regression"), subject)
        )
        assert plain.estimate == unclipped.estimate


def test_a_multiclass_trial_of_one_label_is_not_measured(of_task: Subjects) -> None:
    subject = of_task("multiclass")
    alike = with_column(subject, "kind", pa.array(["bee"] * 400))
    assert class_answers(alike) == Unmeasurable('every row of the test table has the label "bee"')


def test_a_class_without_rows_leaves_the_means_over_classes_open_and_the_others_measured(of_task: Subjects) -> None:
    subject = of_task("multiclass")
    two = subject.tables["test"].filter(pa.array(subject.tables["test"].column("kind").to_numpy() != "cat"))
    found = list(said(replace(subject, tables={"test": two})))
    by_claim = {item.claim: item for item in found}
    assert isinstance(by_claim[Claim("accuracy")], Evidence)
    assert isinstance(by_claim[Claim("true_positive_rate", of_class="ant")], Evidence)
    mean = by_claim[Claim("balanced_accuracy")]
    assert isinstance(mean, NotMeasured)
    assert mean.reason == 'no "cat" rows in group "all"'


def test_of_more_than_twenty_classes_none_gets_claims_of_its_own_unasked(of_task: Subjects) -> None:
    names = tuple(f"kind {number:02}" for number in range(21))
    random = np.random.default_rng(1)
    table = pa.table({"kind": pa.array(random.choice(names, 900))})

    class Many:
        signature = replace(of_task("multiclass").predictor.signature, classes=names)

        def predict(self, rows: pa.Table) -> Predictions:
            shares = np.random.default_rng(2).dirichlet(np.ones(21), rows.num_rows)
            return Predictions(np.array(names, dtype=object)[shares.argmax(axis=1)], shares)

    subject = Subject(Many(), {"test": table}, label="kind", task="multiclass")
    asked = Claim("f1", of_class="kind 03")
    assert {item.claim for item in said(subject, asked) if item.claim.of_class is not None} == {asked}
