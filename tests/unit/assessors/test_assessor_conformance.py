"""What every assessor must do, and a wrong one for each rule, which the rule must catch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest

from seatrial.assessors.assessor import Assessor, Subject
from seatrial.assessors.classification import calibration, confusion, probability, ranking
from seatrial.assessors.regression import error_metrics
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Task
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured

Finding = Evidence | NotMeasured
ASSESSORS: dict[str, tuple[Assessor, str, Task]] = {
    "a rate": (confusion, "true_positive_rate", "binary"),
    "a mean over classes": (confusion, "f1", "multiclass"),
    "ranking": (ranking, "roc_auc", "binary"),
    "ranking of many classes": (ranking, "roc_auc", "multiclass"),
    "probability": (probability, "log_loss", "binary"),
    "Brier score of many classes": (probability, "brier_score", "multiclass"),
    "calibration": (calibration, "calibration_error", "binary"),
    "calibration of the answers": (calibration, "calibration_error", "multiclass"),
    "errors": (error_metrics, "mae", "regression"),
    "root of squares": (error_metrics, "rmse", "regression"),
    "explained": (error_metrics, "r2", "regression"),
    "cover": (error_metrics, "interval_coverage", "regression"),
}
WEIGHTS = {"each once": None, "weighted": "weight"}


@pytest.fixture
def trial(of_task: Callable[..., Subject]) -> Subject:
    """A binary model."""
    return made(of_task, "binary", None)


def made(of_task: Callable[..., Subject], task: Task, weight: str | None) -> Subject:
    """Two large groups, one of three rows, one of one row, and one that only the validation data has."""
    subject = of_task(task, 400)
    validation = of_task(task, 200, 2).tables["test"]
    tables = {
        "test": regrouped(subject.tables["test"], {0: "Few", 1: "Few", 2: "Few", 3: "One"}),
        "validation": regrouped(validation, {0: "Unseen"}),
    }
    return replace(subject, tables=tables, weight=weight)


def regrouped(table: pa.Table, places: dict[int, str]) -> pa.Table:
    sex = table.column("sex").to_pylist()
    for row, name in places.items():
        sex[row] = name
    return table.set_column(table.column_names.index("sex"), "sex", pa.array(sex))


def run(assessor: Assessor, subject: Subject, claims: Sequence[Claim] = (), confidence: float = 0.9) -> list[Finding]:
    return list(assessor.assess(subject, claims, confidence=confidence, seed=7, budget_s=60))


def asked(metric: str) -> list[Claim]:
    return [Claim(metric, family, "sex") for family in (Family.PAIRS, Family.GROUPS)] + [Claim(metric)]


def bounds_contain_the_estimate(assessor: Assessor, trial: Subject, metric: str) -> None:
    evidence = [item for item in run(assessor, trial, asked(metric)) if isinstance(item, Evidence)]
    assert evidence
    for item in evidence:
        assert item.low <= item.estimate <= item.high, item
        assert math.isfinite(item.low), item
        assert math.isfinite(item.high), item


def every_group_and_every_pair_is_answered_for(assessor: Assessor, trial: Subject, metric: str) -> None:
    names = sorted(["Female", "Male", "Few", "One", "Unseen"])
    found = run(assessor, trial, asked(metric))
    groups = {item.slice for item in found if item.claim == Claim(metric, Family.GROUPS, "sex")}
    pairs = {item.slice for item in found if item.claim == Claim(metric, Family.PAIRS, "sex")}
    assert groups == {f"sex={name}" for name in names}
    assert pairs == {f"sex: {first} − {second}" for first, second in combinations(names, 2)}


def more_confidence_gives_wider_bounds(assessor: Assessor, trial: Subject, metric: str) -> None:
    def widths(confidence: float) -> list[float]:
        found = [item for item in run(assessor, trial, asked(metric), confidence) if isinstance(item, Evidence)]
        assert all(item.confidence == confidence for item in found)
        return [item.high - item.low for item in found]

    little, much = widths(0.7), widths(0.99)
    assert all(one <= two for one, two in zip(little, much, strict=True))
    assert little[-1] < much[-1]


def no_slice_is_answered_twice(assessor: Assessor, trial: Subject, metric: str) -> None:
    found = [(item.claim, item.slice) for item in run(assessor, trial, asked(metric))]
    assert len(found) == len(set(found))


def the_claims_asked_for_come_first(assessor: Assessor, trial: Subject, metric: str) -> None:
    claims = asked(metric)
    order = list(dict.fromkeys(item.claim for item in run(assessor, trial, claims)))
    assert order[: len(claims)] == claims


def claims_about_other_metrics_are_left_to_others(assessor: Assessor, trial: Subject, metric: str) -> None:
    foreign = Claim("smoothness")
    assert foreign not in {item.claim for item in run(assessor, trial, [foreign, *asked(metric)])}


def conditions_name_the_data(assessor: Assessor, trial: Subject, metric: str) -> None:
    for item in run(assessor, trial, asked(metric)):
        if isinstance(item, Evidence):
            assert item.conditions.get("data") == "test"
            assert item.conditions.get("rows") == "400"
            assert item.conditions.get("weights") == (trial.weight or "unweighted")


def a_model_that_answers_nan_gets_reasons_and_no_evidence(assessor: Assessor, trial: Subject, metric: str) -> None:
    found = run(assessor, replace(trial, predictor=_Nan(trial)), asked(metric))
    assert found
    assert all(isinstance(item, NotMeasured) and "400 of 400 rows" in item.reason for item in found)


def another_task_gets_reasons_and_no_evidence(assessor: Assessor, trial: Subject, metric: str) -> None:
    other: Task = "binary" if trial.task == "multiclass" else "multiclass"
    found = run(assessor, replace(trial, task=other), asked(metric))
    assert {item.claim for item in found} >= set(asked(metric))
    assert all(isinstance(item, NotMeasured) and f"the task is {other}" in item.reason for item in found)


def what_is_measured_is_the_measured_table(assessor: Assessor, trial: Subject, metric: str) -> None:
    def estimates(table: pa.Table) -> list[float]:
        changed = replace(trial, tables={**trial.tables, "test": table})
        return [item.estimate for item in run(assessor, changed, [Claim(metric)]) if isinstance(item, Evidence)]

    assert estimates(trial.tables["test"]) != estimates(trial.tables["test"].slice(100))


def rows_in_another_order_give_the_same(assessor: Assessor, trial: Subject, metric: str) -> None:
    order = np.random.default_rng(3).permutation(400)
    turned = replace(trial, tables={**trial.tables, "test": trial.tables["test"].take(order)})
    for one, two in zip(run(assessor, trial, asked(metric)), run(assessor, turned, asked(metric)), strict=True):
        if isinstance(one, Evidence) and isinstance(two, Evidence):
            assert (one.slice, one.rows, one.method) == (two.slice, two.rows, two.method)
            assert one.estimate == pytest.approx(two.estimate, abs=1e-12)
            assert (one.low, one.high) == pytest.approx((two.low, two.high), abs=1e-9)  # found by iteration
        else:
            assert isinstance(one, NotMeasured)
            assert isinstance(two, NotMeasured)
            assert replace(one, estimate=None, conditions={}) == replace(two, estimate=None, conditions={})
            assert one.conditions.keys() == two.conditions.keys()  # some are estimates, and round otherwise
            assert (one.estimate is None) == (two.estimate is None)
            assert one.estimate is None or one.estimate == pytest.approx(two.estimate, abs=1e-12)


Rule = Callable[[Assessor, Subject, str], None]
RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        bounds_contain_the_estimate,
        every_group_and_every_pair_is_answered_for,
        more_confidence_gives_wider_bounds,
        no_slice_is_answered_twice,
        the_claims_asked_for_come_first,
        claims_about_other_metrics_are_left_to_others,
        conditions_name_the_data,
        a_model_that_answers_nan_gets_reasons_and_no_evidence,
        another_task_gets_reasons_and_no_evidence,
        what_is_measured_is_the_measured_table,
        rows_in_another_order_give_the_same,
    )
}


@pytest.mark.simulation
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize(("assessor", "metric", "task"), ASSESSORS.values(), ids=ASSESSORS)
def test_the_assessor_keeps_the_rule(
    assessor: Assessor, metric: str, task: Task, weight: str | None, rule: Rule, of_task: Callable[..., Subject]
) -> None:
    rule(assessor, made(of_task, task, weight), metric)


class _Nan:
    def __init__(self, trial: Subject) -> None:
        self.signature = trial.predictor.signature
        self._predictor = trial.predictor

    def predict(self, rows: pa.Table) -> Predictions:
        said = self._predictor.predict(rows)
        if said.probabilities is None:
            return replace(said, labels=np.full(rows.num_rows, np.nan))
        return replace(said, probabilities=np.full(said.probabilities.shape, np.nan))


@dataclass(frozen=True, slots=True)
class Wrong:
    """The accuracy assessor with one thing spoiled, on its way in or on its way out."""

    before: Callable[[Subject], Subject] = lambda subject: subject
    after: Callable[[list[Finding]], list[Finding]] = lambda found: found
    confidence: float | None = None
    deaf: bool = False

    def assess(
        self, subject: Subject, claims: Sequence[Claim], *, confidence: float, seed: int, budget_s: float
    ) -> Iterator[Finding]:
        found = confusion.assess(
            self.before(subject),
            () if self.deaf else claims,
            confidence=confidence if self.confidence is None else self.confidence,
            seed=seed,
            budget_s=budget_s,
        )
        said = [replace(item, confidence=confidence) if isinstance(item, Evidence) else item for item in found]
        yield from self.after(said)


def _evidence(change: Callable[[Evidence], Evidence]) -> Callable[[list[Finding]], list[Finding]]:
    return lambda found: [change(item) if isinstance(item, Evidence) else item for item in found]


def _half_for_nan(subject: Subject) -> Subject:
    class Filled(_Nan):
        def predict(self, rows: pa.Table) -> Predictions:
            found = self._predictor.predict(rows)
            return Predictions(found.labels, np.nan_to_num(np.asarray(found.probabilities), nan=0.5))

    return replace(subject, predictor=Filled(subject))


def _first_rows(subject: Subject) -> Subject:
    tables = {**subject.tables, "test": subject.tables["test"].slice(0, 350)}
    return replace(subject, tables=tables)


WRONG: dict[str, tuple[Wrong, Rule]] = {
    "bounds beside the estimate": (
        Wrong(after=_evidence(lambda item: replace(item, low=item.estimate + 0.01, high=item.estimate + 0.02))),
        bounds_contain_the_estimate,
    ),
    "bounds that are not numbers": (
        Wrong(after=_evidence(lambda item: replace(item, high=math.inf))),
        bounds_contain_the_estimate,
    ),
    "a small group is dropped": (
        Wrong(after=lambda found: [item for item in found if not isinstance(item, Evidence) or item.rows >= 5]),
        every_group_and_every_pair_is_answered_for,
    ),
    "a group without rows is dropped": (
        Wrong(after=lambda found: [item for item in found if isinstance(item, Evidence)]),
        every_group_and_every_pair_is_answered_for,
    ),
    "the confidence is ignored": (Wrong(confidence=0.9), more_confidence_gives_wider_bounds),
    "a slice is named twice": (
        Wrong(after=lambda found: [replace(item, slice=item.slice.replace("Few", "One")) for item in found]),
        no_slice_is_answered_twice,
    ),
    "deaf to the policy's claims": (Wrong(deaf=True), the_claims_asked_for_come_first),
    "meddles with other metrics": (
        Wrong(after=lambda found: [*found, NotMeasured(Claim("smoothness"), "all", "I would not know")]),
        claims_about_other_metrics_are_left_to_others,
    ),
    "does not say on which data": (
        Wrong(after=_evidence(lambda item: replace(item, conditions={"weights": "unweighted"}))),
        conditions_name_the_data,
    ),
    "takes NaN for an answer": (Wrong(before=_half_for_nan), a_model_that_answers_nan_gets_reasons_and_no_evidence),
    "takes every task for a binary one": (
        Wrong(before=lambda subject: replace(subject, task="binary")),
        another_task_gets_reasons_and_no_evidence,
    ),
    "measures the validation data": (
        Wrong(before=lambda subject: replace(subject, measured="validation")),
        what_is_measured_is_the_measured_table,
    ),
    "leaves out the last rows": (Wrong(before=_first_rows), rows_in_another_order_give_the_same),
}


@pytest.mark.parametrize(("wrong", "rule"), WRONG.values(), ids=WRONG)
def test_the_rule_catches_the_wrong_assessor(wrong: Wrong, rule: Rule, trial: Subject) -> None:
    with pytest.raises(AssertionError):
        rule(wrong, trial, "accuracy")


def test_every_rule_has_a_wrong_assessor_that_it_catches() -> None:
    assert {rule for _, rule in WRONG.values()} == set(RULES.values())
