"""The trial: what it counts, what it never leaves out, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest

from seatrial.assessors.assessor import Subject
from seatrial.assessors.classification import confusion
from seatrial.assessors.run_trial import ASSESSORS, run_trial
from seatrial.errors import InputError, Problems
from seatrial.models.predictor import Predictions, Predictor
from seatrial.models.signature import Task
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured
from seatrial.verdicts.metrics import METRICS, UNDER_ATTACK, Better, Scope
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse, Trial

People = Callable[..., pa.Table]
Subjects = Callable[..., Subject]
POLICY = Policy(
    require=(
        Requirement("accuracy", at_least=0.7),
        Requirement("true_positive_rate", gap_between="sex", at_most=0.1),
        Requirement("calibration_error", at_most=0.1),
    )
)
CLAIMS = [requirement.claim for requirement in POLICY.require]


SETTINGS: Any = {"confidence": 0.9, "seed": 7, "budget_s": 60.0}


class Off:
    """A model like another one, a little worse: every second row has the answers for the row before."""

    def __init__(self, predictor: Predictor) -> None:
        self.signature = predictor.signature
        self._predictor = predictor

    def predict(self, rows: pa.Table) -> Predictions:
        order = np.arange(rows.num_rows)
        order[2::2] -= 1
        return self._predictor.predict(rows.take(order))


def tried(
    subject: Subject,
    policy: Policy = POLICY,
    *,
    data: Literal["test", "validation"] = "test",
    use: int | None = 1,
    budget_s: float = 60,
    progress: Callable[[str], None] = lambda _line: None,
) -> Trial:
    counted = None if use is None else TestUse(digest="d" * 64, rows=subject.tables["test"].num_rows, use=use)
    return run_trial(
        subject,
        policy,
        data=data,
        use=counted,
        model="m" * 64,
        policy_digest="p" * 64,
        seed=7,
        budget_s=budget_s,
        progress=progress,
    )


def reasons(trial: Trial) -> dict[Claim, set[str]]:
    found: dict[Claim, set[str]] = {}
    for item in trial.not_measured:
        found.setdefault(item.claim, set()).add(item.reason)
    return found


def test_the_model_is_asked_once_for_each_row_of_each_table(people: People, subject: Subjects) -> None:
    asked = subject(people(300, 1), people(200, 2))
    tried(asked)
    assert asked.predictor.asked_rows == 500  # type: ignore[attr-defined]  # the stand-in counts


def test_the_record_says_what_was_tried(people: People, subject: Subjects) -> None:
    trial = tried(subject(people(300, 1)), use=3)
    assert (trial.model, trial.policy, trial.data, trial.seed) == ("m" * 64, "p" * 64, "test", 7)
    assert trial.test_use == TestUse("d" * 64, 300, 3)


@pytest.mark.parametrize("use", [1, 2, 5])
def test_use_k_is_measured_at_one_minus_alpha_over_k_times_k_plus_one(
    people: People, subject: Subjects, use: int
) -> None:
    trial = tried(subject(people(300, 1)), use=use)
    expected = 1 - 0.05 / (use * (use + 1))
    assert trial.confidence == pytest.approx(expected, abs=1e-15)
    assert {item.confidence for item in trial.evidence} == {trial.confidence}


def test_a_rehearsal_measures_the_validation_data_at_the_plain_confidence(people: People, subject: Subjects) -> None:
    trial = tried(subject(people(300, 1), people(200, 2)), data="validation", use=None)
    assert (trial.data, trial.confidence, trial.test_use) == ("validation", 0.95, None)
    assert {item.conditions["data"] for item in trial.evidence} == {"validation"}
    assert {item.conditions["rows"] for item in trial.evidence} == {"200"}


def test_a_rehearsal_never_looks_at_the_answers_for_the_test_data(people: People, subject: Subjects) -> None:
    rehearsed = subject(people(300, 1), people(200, 2))
    tried(rehearsed, data="validation", use=None)
    assert rehearsed.predictor.asked_rows == 200  # type: ignore[attr-defined]  # the stand-in counts


@pytest.mark.parametrize(("data", "use"), [("test", None), ("validation", 1)])
def test_test_data_is_counted_and_validation_data_is_not(
    people: People, subject: Subjects, data: Literal["test", "validation"], use: int | None
) -> None:
    with pytest.raises(InputError, match="is counted"):
        tried(subject(people(300, 1), people(200, 2)), data=data, use=use)


def test_what_nobody_asked_for_is_measured_by_each_group_column(people: People, subject: Subjects) -> None:
    trial = tried(subject(people(300, 1), groups=("sex", "race")), Policy())
    measured = {item.claim for item in trial.evidence}
    for column in ("sex", "race"):
        for metric in ("selection_rate", "true_positive_rate", "false_positive_rate"):
            assert {Claim(metric, Family.GROUPS, column), Claim(metric, Family.PAIRS, column)} <= measured
        assert {Claim("accuracy", Family.GROUPS, column), Claim("roc_auc", Family.GROUPS, column)} <= measured


def test_every_claim_of_the_policy_has_evidence_or_a_reason(people: People, subject: Subjects) -> None:
    trial = tried(subject(people(300, 1)))
    answered = {item.claim for item in trial.evidence} | {item.claim for item in trial.not_measured}
    assert answered >= set(CLAIMS)


TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")
ABOUT_DATA = {
    "test_overlap",
    "duplicate_share",
    "unlabelled_share",
    "answered_share",
    "unknown_values",
    "one_column_accuracy",
}  # tested with the assessor of these
WITHOUT_LIMITS = {
    "mae",
    "rmse",
    "mean_error",
    "quantile_loss",
    "r2",
}  # described, never measured: no bound on them holds
NEED_INPUTS = {"counterfactual_flip_rate", "trigger_rate"}  # not answers
ELSEWHERE = UNDER_ATTACK | ABOUT_DATA | WITHOUT_LIMITS | NEED_INPUTS


@pytest.mark.simulation
@pytest.mark.parametrize("weight", [None, "weight"])
@pytest.mark.parametrize(
    ("task", "metric"),
    [(task, name) for task in TASKS for name, metric in METRICS.items() if metric.fits(task) and name not in ELSEWHERE],
)
def test_every_metric_that_a_policy_may_name_is_measured_for_everybody_groups_pairs_ratios_and_against(
    of_task: Subjects, task: Task, metric: str, weight: str | None
) -> None:
    of_class = "bee" if (task, metric) == ("multiclass", "selection_rate") else None
    asked = [
        Claim(metric, family, None if family is Family.ALL else "sex", of_class)
        for family in Family
        if family is not Family.RATIOS or METRICS[metric].low >= 0
    ]
    if METRICS[metric].better is not Better.NEITHER:
        reference = Claim(metric, against="other", of_class=of_class)
        asked += [reference, replace(reference, family=Family.GROUPS, column="sex")]
    if metric == "calibration_gap":
        asked = [Claim(metric)]  # of the bins of all rows alone
    subject = replace(
        of_task(task, 3000),
        weight=weight,
        clip=5.0 if task == "regression" else None,
        quantile=0.5 if task == "regression" else None,
        references={"other": Off(of_task(task, 3000).predictor)},
    )
    (assessor,) = (each for _, each in ASSESSORS if metric in getattr(each, "METRICS", ()))
    found = list(takewhile(lambda item: item.claim in asked, assessor.assess(subject, asked, **SETTINGS)))
    unsaid = {item.claim: item.reason for item in found if isinstance(item, NotMeasured)}
    if metric == "calibration_error":  # of a model that may be calibrated
        assert "has no upper bound" in unsaid.pop(Claim(metric, Family.RATIOS, "sex"), "it has no upper bound")
    unsaid = {claim: reason for claim, reason in unsaid.items() if "no rows in this bin" not in reason}
    assert unsaid == {}
    assert set(asked) - {Claim("calibration_error", Family.RATIOS, "sex")} <= {item.claim for item in found}
    for item in found:
        if isinstance(item, Evidence):
            assert item.low <= item.estimate <= item.high, item
            assert item.conditions["weights"] == (weight or "unweighted")
            assert "clopper" not in item.method or weight is None


@pytest.mark.parametrize("metric", [name for name, metric in METRICS.items() if metric.scope is Scope.CLASS])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_every_metric_of_a_class_is_measured_for_the_class_that_is_named(
    of_task: Subjects, task: Task, metric: str
) -> None:
    subject = of_task(task)
    claims = [Claim(metric, of_class=name) for name in subject.predictor.signature.classes]
    (assessor,) = (each for _, each in ASSESSORS if metric in getattr(each, "METRICS", ()))
    found = list(assessor.assess(subject, claims, **SETTINGS))
    assert set(claims) <= {item.claim for item in found if isinstance(item, Evidence)}


def test_a_class_that_the_model_does_not_have_is_not_measured_and_its_classes_are_named(of_task: Subjects) -> None:
    claim = Claim("f1", of_class="dog")
    found = list(confusion.assess(of_task("multiclass"), [claim], **SETTINGS))
    assert found[0] == NotMeasured(claim, "all", 'the model has no class "dog"; its classes are "ant", "bee", "cat"')


def test_the_mean_selection_rate_of_all_classes_says_nothing_and_asks_for_one(of_task: Subjects) -> None:
    claim = Claim("selection_rate")
    (said, *_) = confusion.assess(of_task("multiclass"), [claim], **SETTINGS)
    assert isinstance(said, NotMeasured)
    assert "names its class, of_class" in said.reason


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "log_loss", "brier_score", "calibration_error"])
def test_what_is_about_all_classes_is_not_measured_of_one(of_task: Subjects, metric: str) -> None:
    claim = Claim(metric, of_class="bee")
    (assessor,) = (each for _, each in ASSESSORS if metric in getattr(each, "METRICS", ()))
    (said, *_) = assessor.assess(of_task("multiclass"), [claim], **SETTINGS)
    assert said == NotMeasured(claim, "all", "it is about all classes at once")


def test_a_claim_that_no_assessor_measures_is_not_measured(people: People, subject: Subjects) -> None:
    trial = tried(subject(people(300, 1)), Policy(require=(Requirement("smoothness", at_least=0.5),)))
    assert reasons(trial)[Claim("smoothness")] == {'no assessor measures "smoothness"'}


def test_a_gap_between_the_groups_of_an_unknown_column_names_the_close_one(people: People, subject: Subjects) -> None:
    policy = Policy(require=(Requirement("accuracy", gap_between="sexes", at_most=0.1),))
    (reason,) = reasons(tried(subject(people(300, 1)), policy))[Claim("accuracy", Family.PAIRS, "sexes")]
    assert reason == 'the test table does not have a column "sexes". Did you mean "sex"?'


def test_a_column_with_too_many_values_is_no_group_column(people: People, subject: Subjects) -> None:
    policy = Policy(require=(Requirement("accuracy", by="score", at_least=0.1),))
    (reason,) = reasons(tried(subject(people(300, 1)), policy))[Claim("accuracy", Family.GROUPS, "score")]
    assert reason == 'column "score" has 300 values, more than 50; put it into bands'


def test_without_any_time_nothing_is_asked_and_every_claim_says_so(people: People, subject: Subjects) -> None:
    asked = subject(people(300, 1))
    trial = tried(asked, budget_s=0)
    assert trial.evidence == ()
    assert set(reasons(trial)) == set(CLAIMS)
    assert all("budget of 0 s was spent" in item.reason for item in trial.not_measured)
    assert asked.predictor.asked_rows == 0  # type: ignore[attr-defined]  # the stand-in counts


def test_progress_names_the_prediction_and_each_kind_of_claim(people: People, subject: Subjects) -> None:
    lines: list[str] = []
    tried(subject(people(300, 1)), progress=lines.append)
    assert lines == ["rates", "answers, 300 of 300 rows", *(name for name, _ in ASSESSORS[1:])]


def test_two_trials_of_one_model_are_equal(people: People, subject: Subjects) -> None:
    table = people(300, 1)
    assert tried(subject(table)) == tried(subject(table))


def test_rows_that_belong_together_flag_every_bound_that_takes_them_as_independent(
    people: People, subject: Subjects
) -> None:
    table = people(2000, 1).append_column("person", pa.array([number // 2 for number in range(2000)]))
    trial = tried(replace(subject(table), cluster="person"))
    flagged = {item.claim.metric for item in trial.evidence if item.flags}
    assert {item.claim.metric for item in trial.evidence} - flagged == {"roc_auc"}
    (area,) = (item for item in trial.evidence if item.claim == Claim("roc_auc"))
    assert (area.method, area.rows) == ("obuchowski-logit", 1000)


def test_a_cluster_column_without_repeats_flags_nothing(people: People, subject: Subjects) -> None:
    table = people(300, 1).append_column("person", pa.array(range(300)))
    assert not any(item.flags for item in tried(replace(subject(table), cluster="person")).evidence)


def labelled(table: pa.Table, labels: list[str | None]) -> pa.Table:
    index = table.column_names.index("income")
    return table.set_column(index, "income", pa.array(labels, pa.string()))


def test_labels_of_another_vocabulary_are_refused_by_name(people: People, subject: Subjects) -> None:
    table = people(300, 1)
    dotted = labelled(table, [f"{label}." for label in table.column("income").to_pylist()])
    with pytest.raises(InputError, match=r'none of the model\'s classes: "(>50K|<=50K)\.", .* classes are "<=50K"'):
        tried(subject(dotted))


def test_rows_without_a_label_are_counted_and_refused(people: People, subject: Subjects) -> None:
    table = people(300, 1)
    with pytest.raises(InputError, match="2 of 300 rows lack a label"):
        tried(subject(labelled(table, [None, None, *table.column("income").to_pylist()[2:]])))


def test_all_missing_columns_are_named_at_once(people: People, subject: Subjects) -> None:
    table = people(300, 1).drop_columns(["income"])
    with pytest.raises(Problems, match=r'(?s)not have a column "income".*not have a column "gender"'):
        tried(subject(table, groups=("gender",)))


def test_a_positive_class_that_the_model_does_not_know_is_refused(people: People, subject: Subjects) -> None:
    with pytest.raises(InputError, match='positive class "rich" is none of'):
        tried(replace(subject(people(300, 1)), positive="rich"))


def test_data_of_one_class_is_not_measured(people: People, subject: Subjects) -> None:
    trial = tried(subject(labelled(people(300, 1), ["<=50K"] * 300)))
    assert trial.evidence == ()
    assert set(reasons(trial)) >= set(CLAIMS)
    assert {reason for each in reasons(trial).values() for reason in each} == {
        'every row of the test table has the label "<=50K"'
    }


def test_a_table_without_rows_is_not_measured(people: People, subject: Subjects) -> None:
    trial = tried(subject(people(300, 1).slice(0, 0)))
    assert trial.evidence == ()
    assert set(reasons(trial)) >= set(CLAIMS)


def _nan(rows: pa.Table, said: Predictions) -> Predictions:
    probabilities = np.asarray(said.probabilities).copy()
    probabilities[17] = np.nan
    return Predictions(said.labels, probabilities)


def test_one_nan_among_the_answers_leaves_no_evidence(people: People, subject: Subjects) -> None:
    trial = tried(subject(people(300, 1), spoil=_nan))
    assert trial.evidence == ()
    assert reasons(trial)[Claim("accuracy")] == {
        "the model gives no probability for 1 of 300 rows of the test table, first nan at row 17"
    }


BROKEN: dict[str, tuple[Callable[[pa.Table, Predictions], Predictions], str]] = {
    "too few labels": (lambda _rows, said: Predictions(said.labels[:-1], said.probabilities), r"\(299,\) for 300 rows"),
    "too few probabilities": (
        lambda _rows, said: Predictions(said.labels, np.asarray(said.probabilities)[:-1]),
        r"\(299, 2\) for 300 rows and 2 classes",
    ),
    "one column for two classes": (
        lambda _rows, said: Predictions(said.labels, np.asarray(said.probabilities)[:, :1]),
        r"\(300, 1\) for 300 rows and 2 classes",
    ),
    "no probabilities": (lambda _rows, said: Predictions(said.labels, None), "no probabilities"),
}


@pytest.mark.parametrize(("spoil", "message"), BROKEN.values(), ids=BROKEN)
def test_a_model_that_breaks_its_form_is_refused(
    people: People, subject: Subjects, spoil: Callable[[pa.Table, Predictions], Predictions], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        tried(subject(people(300, 1), spoil=spoil))


def test_answers_that_are_no_class_leave_no_evidence(people: People, subject: Subjects) -> None:
    def shouts(_rows: pa.Table, said: Predictions) -> Predictions:
        return Predictions(np.full(len(said.labels), "RICH", dtype=object), said.probabilities)

    trial = tried(subject(people(300, 1), spoil=shouts))
    assert trial.evidence == ()
    assert reasons(trial)[Claim("accuracy")] == {'the model answers "RICH" for row 0, which is none of its classes'}
