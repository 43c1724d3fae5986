"""Beside other models on the same rows: what runs now, the best constant, the best rule of one column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.assessors.answers.model_answers import Unmeasurable
from seatrial.assessors.assessor import Assessor, Subject
from seatrial.assessors.claims import BASELINE, ONE_COLUMN
from seatrial.assessors.classification import confusion, ranking
from seatrial.assessors.references.baselines import Baseline, baseline, constant, one_column_rule
from seatrial.assessors.regression import error_metrics
from seatrial.assessors.run_trial import run_trial
from seatrial.errors import InputError
from seatrial.models.predictor import Predictions, Predictor
from seatrial.models.signature import Column, Signature
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse, Trial
from seatrial.verdicts.verdict import Outcome

Subjects = Callable[..., Subject]
People = Callable[..., pa.Table]
NO, YES = "<=50K", ">50K"


class Says:
    """A binary model that answers what a function of the rows gives as the positive class's probability."""

    def __init__(self, score: Callable[[pa.Table], Any], signature: Signature) -> None:
        self.signature = signature
        self._score = score

    def predict(self, rows: pa.Table) -> Predictions:
        score = np.asarray(self._score(rows), dtype=np.float64)
        labels = np.where(score >= 0.5, YES, NO).astype(object)
        return Predictions(labels, np.column_stack([1 - score, score]))


def worse(subject: Subject, share: float) -> Says:
    """The subject's model, but with a share of its answers turned round."""

    def score(rows: pa.Table) -> Any:
        said = rows.column("score").to_numpy()
        turned = np.random.default_rng(5).random(len(said)) < share
        return np.where(turned, 1 - said, said)

    return Says(score, subject.predictor.signature)


def evidence(assessor: Assessor, subject: Subject, claim: Claim) -> dict[str, Evidence]:
    found = assessor.assess(subject, [claim], confidence=0.975, seed=7, budget_s=60)
    return {item.slice: item for item in found if isinstance(item, Evidence) and item.claim == claim}


def reason(assessor: Assessor, subject: Subject, claim: Claim) -> str:
    found = assessor.assess(subject, [claim], confidence=0.975, seed=7, budget_s=60)
    (said,) = (item.reason for item in found if isinstance(item, NotMeasured) and item.claim == claim)
    return said


def tried(subject: Subject, *require: Requirement, references: Mapping[str, str | None] | None = None) -> Trial:
    return run_trial(
        subject,
        Policy(require=require),
        data="test",
        use=TestUse("d" * 64, subject.tables["test"].num_rows, 1),
        model="m" * 64,
        policy_digest="p" * 64,
        seed=7,
        budget_s=60,
        progress=lambda _line: None,
        references=references or {},
    )


@pytest.mark.parametrize("metric", ["accuracy", "true_positive_rate", "roc_auc", "log_loss"])
def test_a_model_that_is_worse_than_its_reference_is_shown_to_be(of_task: Subjects, metric: str) -> None:
    subject = of_task("binary", 4000)
    planted = replace(subject, predictor=worse(subject, 0.1), references={"newest_passed": subject.predictor})
    limit = Requirement(metric, no_worse_than="newest_passed", margin=0.01)
    trial = tried(planted, limit, references={"newest_passed": "r" * 64})
    assert judge(Policy(require=(limit,)), trial).outcome is Outcome.FAIL


def test_a_model_as_good_as_its_reference_is_no_worse_by_a_little(of_task: Subjects) -> None:
    subject = of_task("binary", 4000)
    little = worse(subject, 0.002)
    limits = tuple(Requirement(metric, no_worse_than="now", margin=0.02) for metric in ("accuracy", "roc_auc"))
    trial = tried(replace(subject, references={"now": little}), *limits, references={"now": "r" * 64})
    assert judge(Policy(require=limits), trial).outcome is Outcome.PASS


def test_pairs_of_answers_give_far_tighter_bounds_than_two_intervals(of_task: Subjects) -> None:
    subject = of_task("binary", 4000)
    compared = replace(subject, references={"now": worse(subject, 0.01)})
    (paired,) = evidence(confusion, compared, Claim("accuracy", against="now")).values()
    (alone,) = evidence(confusion, subject, Claim("accuracy")).values()
    assert paired.high - paired.low < 0.6 * (alone.high - alone.low)


def test_differences_by_group_find_the_group_that_lost(of_task: Subjects) -> None:
    subject = of_task("binary", 6000)
    flipped = Says(
        lambda rows: np.where(
            rows.column("sex").to_numpy() == "Female", 1 - rows.column("score").to_numpy(), rows.column("score")
        ),
        subject.predictor.signature,
    )
    planted = replace(subject, predictor=flipped, references={"now": subject.predictor})
    found = evidence(confusion, planted, Claim("accuracy", Family.GROUPS, "sex", against="now"))
    assert found["sex=Female"].high < -0.5
    assert found["sex=Male"].low <= 0 <= found["sex=Male"].high


def test_evidence_says_what_both_models_have(of_task: Subjects) -> None:
    subject = of_task("binary", 2000)
    compared = replace(subject, references={"now": worse(subject, 0.2)})
    (item,) = evidence(confusion, compared, Claim("accuracy", against="now")).values()
    assert item.conditions["reference"] == f"{float(item.conditions['reference_estimate']):.4g}"
    difference = float(item.conditions["model_estimate"]) - float(item.conditions["reference_estimate"])
    assert item.estimate == pytest.approx(difference, abs=1e-12)


def test_a_reference_with_its_classes_in_another_order_is_the_same_model(of_task: Subjects) -> None:
    subject = of_task("binary", 500)
    signature = replace(subject.predictor.signature, classes=(YES, NO))

    class Turned:
        def __init__(self) -> None:
            self.signature = signature

        def predict(self, rows: pa.Table) -> Predictions:
            said = subject.predictor.predict(rows)
            return replace(said, probabilities=np.asarray(said.probabilities)[:, ::-1])

    compared = replace(subject, references={"turned": Turned()})
    for assessor, metric in ((confusion, "accuracy"), (ranking, "roc_auc")):
        (item,) = evidence(assessor, compared, Claim(metric, against="turned")).values()
        assert item.estimate == 0


def test_a_reference_of_other_classes_or_another_task_is_not_compared_with(of_task: Subjects) -> None:
    subject = replace(
        of_task("binary", 300),
        references={"kinds": of_task("multiclass").predictor, "price": of_task("regression").predictor},
    )
    assert "its classes are" in reason(confusion, subject, Claim("accuracy", against="kinds"))
    assert "its classes are" in reason(confusion, subject, Claim("accuracy", against="price"))


def test_a_reference_that_is_missing_is_named_with_those_that_are_given(of_task: Subjects) -> None:
    subject = of_task("binary", 300)
    subject = replace(subject, references={"now": subject.predictor})
    said = reason(confusion, subject, Claim("accuracy", against="newest_passed"))
    assert said == 'the reference model "newest_passed" was not given; given is "now"'


def test_a_reference_that_needs_another_column_says_which(of_task: Subjects) -> None:
    class Needy:
        def __init__(self, like: Predictor) -> None:
            self.signature = like.signature

        def predict(self, rows: pa.Table) -> Predictions:
            raise InputError('There is no column "wage".', path="test", hint="Add it.")

    subject = of_task("binary", 300)
    subject = replace(subject, references={"now": Needy(subject.predictor)})
    said = reason(confusion, subject, Claim("accuracy", against="now"))
    assert said.startswith('the reference model "now" cannot answer: ')
    assert '"wage"' in said


def test_gaps_between_groups_are_not_compared_with_a_reference(of_task: Subjects) -> None:
    subject = replace(of_task("binary", 300), references={})
    said = reason(confusion, subject, Claim("accuracy", Family.PAIRS, "sex", against=BASELINE))
    assert said == "a difference between groups is not compared with a reference"


def test_a_model_is_never_compared_with_itself(of_task: Subjects) -> None:
    subject = of_task("binary", 300)
    limit = Requirement("accuracy", no_worse_than="newest_passed")
    same = replace(subject, references={"newest_passed": subject.predictor})
    trial = tried(same, limit, references={"newest_passed": "m" * 64})
    assert [item.reason for item in trial.not_measured if item.claim == limit.claim] == [
        "newest_passed is this very model (mmmmmmmmmmmm…): nothing is compared with itself"
    ]
    assert judge(Policy(require=(limit,)), trial).outcome is Outcome.INCONCLUSIVE


def test_without_a_model_that_passed_the_requirement_does_not_apply(of_task: Subjects) -> None:
    limits = (Requirement("accuracy", at_least=0.5), Requirement("accuracy", no_worse_than="newest_passed"))
    trial = tried(of_task("binary", 300), *limits, references={"newest_passed": None})
    assert trial.references == {"newest_passed": None}
    verdict = judge(Policy(require=limits), trial)
    assert (verdict.outcome, verdict.findings[1].outcome) == (Outcome.PASS, Outcome.NOT_APPLICABLE)


def test_each_reference_is_asked_once_a_row(of_task: Subjects) -> None:
    subject = of_task("binary", 300)
    other = of_task("binary", 300).predictor
    limits = [Requirement(metric, no_worse_than="now") for metric in ("accuracy", "roc_auc", "log_loss")]
    tried(replace(subject, references={"now": other}), *limits, references={"now": "r" * 64})
    assert other.asked_rows == 300  # type: ignore[attr-defined]  # the stand-in counts


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_trial_puts_the_model_beside_the_baselines(of_task: Subjects, task: str) -> None:
    trial = tried(of_task(task, 600))
    # The rule of one column has so few very large errors that its RMSE has no bound: that is said, too.
    claims = [item.claim for item in trial.evidence] + [item.claim for item in trial.not_measured]
    beside = {(claim.metric, claim.against) for claim in claims if claim.against is not None}
    metrics = ("mae", "rmse") if task == "regression" else ("accuracy",)
    assert beside == {(metric, name) for metric in metrics for name in (BASELINE, ONE_COLUMN)}


def test_the_baseline_is_named_with_what_it_reaches(of_task: Subjects) -> None:
    subject = of_task("binary", 1000)
    share = np.mean(subject.tables["test"].column("income").to_numpy() == NO)
    (item,) = evidence(confusion, subject, Claim("accuracy", against=BASELINE)).values()
    assert item.conditions["reference"] == f"majority class <=50K, {share:.4g}"
    assert item.conditions["reference_fitted_on"] == "the measured rows, in hindsight"


def test_a_model_that_is_the_majority_class_is_exactly_as_good_as_the_baseline(of_task: Subjects) -> None:
    subject = of_task("binary", 1000)
    constant_model = replace(subject, predictor=Says(lambda rows: np.full(rows.num_rows, 0.3), _signature(subject)))
    (item,) = evidence(confusion, constant_model, Claim("accuracy", against=BASELINE)).values()
    assert item.estimate == 0
    assert item.low < 0 < item.high


def test_a_model_that_knows_something_is_surely_better_than_the_baseline(of_task: Subjects) -> None:
    for task, assessor, metric in (("binary", confusion, "accuracy"), ("multiclass", confusion, "accuracy")):
        (item,) = evidence(assessor, of_task(task, 1500), Claim(metric, against=BASELINE)).values()
        assert item.low > 0, task
    for metric in ("clipped_mae", "clipped_rmse"):
        subject = replace(of_task("regression", 1500), clip=10.0)
        (item,) = evidence(error_metrics, subject, Claim(metric, against=BASELINE)).values()
        assert item.high < 0, metric


def test_a_baseline_is_fitted_on_training_data_where_there_is_any(of_task: Subjects) -> None:
    subject = of_task("binary", 300)
    table = subject.tables["test"]
    rich = table.set_column(table.column_names.index("income"), "income", pa.array([YES] * 300))
    made = baseline(replace(subject, tables={**subject.tables, "train": rich, "validation": table}))
    assert isinstance(made, Baseline)
    assert (made.described, made.fitted_on) == ("majority class >50K", "the train table")


def test_the_best_constant_depends_on_the_metric_of_a_regression(of_task: Subjects) -> None:
    subject = replace(of_task("regression", 500), quantile=0.9)
    price = subject.tables["test"].column("price").to_numpy()
    for metric, value in (
        ("mae", np.median(price)),
        ("rmse", price.mean()),
        ("quantile_loss", np.quantile(price, 0.9)),
    ):
        made = constant(subject, metric)
        assert isinstance(made, Baseline)
        assert made.predict(subject.tables["test"]).labels[0] == pytest.approx(value)


def test_the_majority_class_states_the_shares_of_the_classes(of_task: Subjects) -> None:
    subject = of_task("multiclass", 500)
    made = baseline(subject)
    assert isinstance(made, Baseline)
    kind = subject.tables["test"].column("kind").to_numpy()
    expected = [float(np.mean(kind == name)) for name in subject.predictor.signature.classes]
    said = made.predict(subject.tables["test"])
    assert np.asarray(said.probabilities)[7].tolist() == pytest.approx(expected)


def test_the_baseline_of_weighted_rows_is_the_best_for_the_people_they_stand_for() -> None:
    table = pa.table({"x": [1.0, 2.0, 3.0, 4.0], "y": [NO, NO, NO, YES], "w": [1, 1, 1, 9]})
    signature = Signature((Column("x", "number"),), task="binary", classes=(NO, YES), positive=YES)
    subject = Subject(Says(lambda rows: rows, signature), {"test": table}, label="y", task="binary", weight="w")
    made = baseline(subject)
    assert isinstance(made, Baseline)
    assert made.described == "majority class >50K"
    assert np.asarray(made.predict(table).probabilities)[0].tolist() == [0.25, 0.75]
    prices = replace(
        subject,
        predictor=Says(lambda rows: rows, Signature((Column("x", "number"),), task="regression")),
        label="x",
        task="regression",
    )
    for metric, value in (("mae", 4.0), ("rmse", 3.5)):
        best = constant(prices, metric)
        assert isinstance(best, Baseline)
        assert best.predict(table).labels.tolist() == [value] * 4


def _signature(subject: Subject) -> Signature:
    return subject.predictor.signature


def ruled(table: pa.Table, columns: Mapping[str, str], task: str = "binary") -> Baseline:
    inputs = tuple(Column(name, kind) for name, kind in columns.items())  # type: ignore[arg-type]  # of the parameters
    classes = () if task == "regression" else (NO, YES)
    signature = Signature(inputs, task=task, classes=classes)  # type: ignore[arg-type]  # of the parameters
    subject = Subject(Says(lambda rows: rows, signature), {"test": table}, label="y", task=task)  # type: ignore[arg-type]
    made = one_column_rule(subject)
    assert isinstance(made, Baseline)
    return made


def test_the_rule_of_one_column_finds_the_limit_that_decides() -> None:
    random = np.random.default_rng(3)
    age, noise = random.integers(18, 80, 500), random.normal(size=500)
    label = pa.array(np.where(age < 40, NO, YES))
    table = pa.table({"age": pa.array(age), "noise": pa.array(noise), "y": label})
    made = ruled(table, {"noise": "number", "age": "number"})
    assert made.described == "by age below 39.5 or not"
    assert made.predict(table).labels.tolist() == table.column("y").to_pylist()


def test_the_rule_of_one_column_finds_the_value_that_decides() -> None:
    drawn = np.random.default_rng(3).integers(0, 4, 500)
    job = pa.array(["cook", "judge", "smith", None]).take(drawn)
    table = pa.table({"job": job, "y": pa.array(np.where(drawn == 1, YES, NO))})
    made = ruled(table, {"job": "text"})
    assert made.described == "by job alone"
    assert made.predict(table).labels.tolist() == table.column("y").to_pylist()


def test_a_value_that_the_rule_never_saw_gets_the_answer_for_everybody() -> None:
    table = pa.table({"job": ["cook", "cook", "judge"], "y": [NO, NO, YES]})
    made = ruled(table, {"job": "text"})
    assert made.predict(pa.table({"job": ["pilot"]})).labels.tolist() == [NO]


def test_a_column_with_a_value_a_row_makes_no_rule() -> None:
    table = pa.table({"id": [f"n{row}" for row in range(300)], "sex": ["f", "m", "m"] * 100, "y": [NO, YES, YES] * 100})
    assert ruled(table, {"id": "text", "sex": "text"}).described == "by sex alone"


def test_missing_numbers_follow_the_rule_too() -> None:
    table = pa.table({"age": pa.array([20.0, 30.0, None, float("nan")]), "y": [NO, NO, YES, YES]})
    made = ruled(table, {"age": "number"})
    assert isinstance(made, Baseline)
    assert len(made.predict(table).labels) == 4


def test_the_rule_of_a_regression_is_a_mean_on_either_side(of_task: Subjects) -> None:
    subject = of_task("regression", 800)
    made = one_column_rule(subject)
    assert isinstance(made, Baseline)
    assert made.described.startswith("by guess below")
    table = subject.tables["test"]
    price, said = table.column("price").to_numpy(), np.asarray(made.predict(table).labels)
    assert sorted(set(said)) == pytest.approx([price[said == each].mean() for each in sorted(set(said))])


@pytest.mark.parametrize(("metric", "share"), [("mae", 0.5), ("clipped_mae", 0.5), ("quantile_loss", 0.9)])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_rule_is_no_worse_than_the_constant_in_terms_of_its_metric(
    metric: str, share: float, weighted: bool
) -> None:
    """Heavy tails: the means of either side are far above most labels."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        x = random.normal(size=300)
        price, weight = random.lognormal(0.3 * x, 1.5), random.integers(1, 5, 300).astype(float)
        job = np.array(["cook", "judge", "smith"])[np.digitize(x, [-1, 1])]
        columns = {"x": x, "job": job, "price": price, "weight": weight}
        table = pa.table({name: pa.array(values) for name, values in columns.items()})
        for inputs in ((Column("x", "number"),), (Column("job", "text"),)):
            subject = Subject(
                Says(lambda rows: rows, Signature(inputs, task="regression")),
                {"test": table},
                label="price",
                task="regression",
                quantile=share,
                weight="weight" if weighted else None,
            )
            rule, plain = one_column_rule(subject, metric), constant(subject, metric)
            assert isinstance(rule, Baseline)
            assert isinstance(plain, Baseline)
            errors = [price - np.asarray(one.predict(table).labels, float) for one in (rule, plain)]
            pinball = [np.maximum(share * error, (share - 1) * error) for error in errors]
            of_rule, of_constant = (np.average(loss, weights=weight if weighted else None) for loss in pinball)
            assert of_rule <= of_constant * (1 + 1e-12)


@given(
    rows=st.lists(st.tuples(st.integers(0, 5), st.sampled_from("uvw"), st.booleans()), min_size=2, max_size=25),
)
def test_no_limit_and_no_table_of_values_is_right_more_often_than_the_rule(rows: list[tuple[int, str, bool]]) -> None:
    number, text, positive = (np.array(column) for column in zip(*rows, strict=True))
    if len(set(number)) == len(set(text)) == 1:
        return
    label = np.where(positive, YES, NO)
    table = pa.table({"number": pa.array(number), "text": pa.array(text), "y": pa.array(label)})
    made = ruled(table, {"number": "number", "text": "text"})
    right = int((made.predict(table).labels == label).sum())

    def most(part: Any) -> int:
        return sum(max(positive[part == each].sum(), (~positive[part == each]).sum()) for each in set(part.tolist()))

    assert right == max([most(text), *(most(number < limit) for limit in range(7))])


def test_without_an_input_that_varies_there_is_no_rule() -> None:
    signature = Signature((Column("x", "number"),), task="regression")
    table = pa.table({"x": [1.0, 1.0], "y": [0.0, 1.0]})
    subject = Subject(Says(lambda rows: rows, signature), {"test": table}, label="y", task="regression")
    assert one_column_rule(subject) == Unmeasurable("no input column makes a rule")


def test_a_baseline_that_the_policy_names_is_recorded_with_its_digest(of_task: Subjects) -> None:
    limit = Requirement("accuracy", no_worse_than=BASELINE)
    subject = of_task("binary", 600)
    trial = tried(subject, limit)
    made = baseline(subject)
    assert isinstance(made, Baseline)
    assert trial.references == {BASELINE: made.digest}
    assert judge(Policy(require=(limit,)), trial).outcome is Outcome.PASS
