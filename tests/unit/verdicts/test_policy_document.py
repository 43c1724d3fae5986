from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.stores.documents import from_json, sha256, to_json
from seatrial.verdicts.metrics import ALIASES, METRICS, UNDER_ATTACK, Better
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.policy.document import read_policy
from seatrial.verdicts.thresholds import allowed


def _problems(document: dict[str, object]) -> list[tuple[int | None, str | None, str]]:
    found = read_policy(document, groups=("sex", "race"))
    assert not isinstance(found, Policy)
    return [(item.index, item.key, str(item.error)) for item in found]


def _one(**entry: object) -> list[tuple[int | None, str | None, str]]:
    return _problems({"require": [entry]})


def test_a_policy_reads_as_it_is_written() -> None:
    document = {
        "confidence": 0.9,
        "require": [
            {"metric": "accuracy", "at_least": 0.83},
            {"metric": "true_positive_rate", "gap_between": "sex", "at_most": 0.1},
            {"metric": "log_loss", "by": "race", "at_most": 1},
        ],
    }
    assert read_policy(document, groups=("sex", "race")) == Policy(
        0.9,
        (
            Requirement("accuracy", at_least=0.83),
            Requirement("true_positive_rate", at_most=0.1, gap_between="sex"),
            Requirement("log_loss", at_most=1.0, by="race"),
        ),
    )


def test_an_empty_document_is_the_policy_without_requirements() -> None:
    assert read_policy({}) == Policy(0.95, ())


@pytest.mark.parametrize(
    ("entry", "key", "words"),
    [
        ({"metric": "acuracy", "at_least": 0.5}, "metric", 'unknown metric "acuracy". Did you mean "accuracy"?'),
        ({"at_least": 0.5}, "metric", "every requirement needs a metric"),
        ({"metric": 3, "at_least": 0.5}, "metric", "is not the name of a metric"),
        ({"metric": "accuracy", "atleast": 0.5, "at_least": 0.5}, "atleast", 'Did you mean "at_least"?'),
        ({"metric": "accuracy"}, None, "exactly one of at_least and at_most"),
        ({"metric": "selection_rate", "at_least": 0.1, "at_most": 0.2}, None, "exactly one of"),
        ({"metric": "accuracy", "at_least": 0.5, "by": "sx"}, "by", 'unknown group column "sx". Did you mean "sex"?'),
        ({"metric": "accuracy", "at_least": 83}, "at_least", "83 is outside the range of accuracy, 0 to 1"),
        ({"metric": "accuracy", "at_least": "0.8"}, "at_least", "'0.8' is not a number"),
        ({"metric": "accuracy", "at_least": float("nan")}, "at_least", "nan is not a number"),
        ({"metric": "accuracy", "at_least": True}, "at_least", "True is not a number"),
        ({"metric": "accuracy", "at_least": 0.1, "gap_between": "sex"}, "at_least", "only be limited from above"),
        ({"metric": "accuracy", "at_most": -0.1, "gap_between": "sex"}, "at_most", "outside the range"),
        ({"metric": "accuracy", "at_most": 0.1, "by": "race", "gap_between": "sex"}, "gap_between", "not go with by"),
        ({"metric": "accuracy", "at_most": 0.8}, "at_most", "better when higher"),
        ({"metric": "calibration_error", "at_least": 0.1}, "at_least", "better when lower"),
    ],
)
def test_each_mistake_is_named_at_its_key(entry: dict[str, object], key: str | None, words: str) -> None:
    ((index, found, message),) = _one(**entry)
    assert (index, found) == (0, key)
    assert words in message


@pytest.mark.parametrize("confidence", [0.5, 1.0, 95, "high", None])
def test_a_confidence_that_is_none_is_refused(confidence: object) -> None:
    ((index, key, _),) = _problems({"confidence": confidence})
    assert (index, key) == (None, "confidence")


def test_all_mistakes_come_at_once_each_with_its_requirement() -> None:
    found = _problems(
        {
            "confidance": 0.9,
            "require": [{"metric": "accuracy", "at_least": 2}, "accuracy", {"metric": "roc_acu", "at_least": 0.5}],
        }
    )
    assert [(index, key) for index, key, _ in found] == [
        (None, "confidance"),
        (0, "at_least"),
        (1, None),
        (2, "metric"),
    ]
    assert found[3][2].startswith('policy.require[2].metric: unknown metric "roc_acu"')


def test_the_same_requirement_twice_is_a_mistake() -> None:
    same = {"metric": "accuracy", "at_least": 0.5}
    assert [(index, key) for index, key, _ in _problems({"require": [same, same]})] == [(1, None)]


def test_requirements_that_are_no_list_are_named() -> None:
    assert [(index, key) for index, key, _ in _problems({"require": {"metric": "accuracy"}})] == [(None, "require")]


def test_the_newer_kinds_of_requirement_read_as_they_are_written() -> None:
    document = {
        "require": [
            {"metric": "selection_rate", "ratio_between": "sex", "at_least": 0.8},
            {"metric": "f1", "of_class": "cat", "at_least": 0.6},
            {"metric": "roc_auc", "no_worse_than": "newest_passed", "margin": 0.01},
            {"metric": "log_loss", "no_worse_than": "census@3", "by": "race"},
            {"metric": "precision", "of_class": "cat", "gap_between": "sex", "at_most": 0.1},
        ],
    }
    assert read_policy(document, groups=("sex", "race"), task="multiclass") == Policy(
        0.95,
        (
            Requirement("selection_rate", at_least=0.8, ratio_between="sex"),
            Requirement("f1", at_least=0.6, of_class="cat"),
            Requirement("roc_auc", no_worse_than="newest_passed", margin=0.01),
            Requirement("log_loss", by="race", no_worse_than="census@3"),
            Requirement("precision", at_most=0.1, gap_between="sex", of_class="cat"),
        ),
    )


@pytest.mark.parametrize(
    ("entry", "key", "words"),
    [
        ({"metric": "accuracy", "ratio_between": "sex", "at_most": 1.2}, "at_most", "0.8 means within 0.8 and 1.25"),
        ({"metric": "accuracy", "ratio_between": "sex", "at_least": 1.2}, "at_least", "not a ratio between 0 and 1"),
        ({"metric": "accuracy", "ratio_between": "sex", "at_least": 0}, "at_least", "not a ratio between 0 and 1"),
        ({"metric": "accuracy", "ratio_between": "sex"}, None, "exactly one of at_least and at_most"),
        ({"metric": "accuracy", "ratio_between": "sx", "at_least": 0.8}, "ratio_between", 'Did you mean "sex"?'),
        ({"metric": "mean_error", "ratio_between": "sex", "at_least": 0.8}, "ratio_between", "can be negative"),
        ({"metric": "accuracy", "ratio_between": "sex", "at_least": 1}, "at_least", "not a ratio between 0 and 1"),
        ({"metric": "accuracy", "ratio_between": "sex", "by": "sex", "at_least": 0.8}, "ratio_between", "go with by"),
        ({"metric": "accuracy", "of_class": "cat", "at_least": 0.8}, "of_class", "accuracy is not about one class"),
        ({"metric": "mae", "of_class": "cat", "at_most": 3}, "of_class", "mae is not about one class"),
        ({"metric": "f1", "of_class": 3, "at_least": 0.8}, "of_class", 'not the name of a class. Write "3".'),
        ({"metric": "f1", "of_class": "", "at_least": 0.8}, "of_class", "'' is not the name of a class"),
        ({"metric": "accuracy", "no_worse_than": "a", "at_least": 0.8}, "at_least", "not go with no_worse_than"),
        ({"metric": "accuracy", "no_worse_than": "a", "at_most": 0.8}, "at_most", "not go with no_worse_than"),
        ({"metric": "accuracy", "no_worse_than": "a", "gap_between": "sex"}, "gap_between", "not go with"),
        ({"metric": "accuracy", "no_worse_than": "a", "ratio_between": "sex"}, "ratio_between", "not go with"),
        ({"metric": "selection_rate", "no_worse_than": "a"}, "no_worse_than", "neither better nor worse"),
        ({"metric": "mean_error", "no_worse_than": "a"}, "no_worse_than", "neither better nor worse"),
        ({"metric": "accuracy", "no_worse_than": True}, "no_worse_than", "True is not the name of a model"),
        ({"metric": "accuracy", "no_worse_than": "a", "margin": -0.01}, "margin", "-0.01 is negative"),
        ({"metric": "accuracy", "no_worse_than": "a", "margin": 1}, "margin", "1 is the whole range of accuracy"),
        ({"metric": "accuracy", "no_worse_than": "a", "margin": "1 %"}, "margin", "'1 %' is not a number"),
        ({"metric": "accuracy", "at_least": 0.8, "margin": 0.1}, "margin", "belongs to no_worse_than"),
        ({"metric": "accuracy", "no_worse_then": "a", "at_least": 0.5}, "no_worse_then", '"no_worse_than"?'),
        ({"metric": "r2", "at_least": 1.5}, "at_least", "1.5 is outside the range of r2, -inf to 1"),
        ({"metric": "rmse", "at_most": -1}, "at_most", "-1 is outside the range of rmse"),
        ({"metric": "rmse", "at_least": 1}, "at_least", "better when lower"),
    ],
)
def test_each_mistake_of_the_newer_kinds_is_named_at_its_key(
    entry: dict[str, object], key: str | None, words: str
) -> None:
    ((index, found, message),) = _one(**entry)
    assert (index, found) == (0, key)
    assert words in message


def test_a_margin_in_the_unit_of_an_unbounded_metric_has_no_upper_limit() -> None:
    entry = {"metric": "rmse", "no_worse_than": "newest_passed", "margin": 250.0}
    assert isinstance(read_policy({"require": [entry]}, task="regression"), Policy)


@pytest.mark.parametrize(
    ("name", "ours"), [("recall", "true_positive_rate"), ("auc", "roc_auc"), ("mean_absolute_error", "mae")]
)
def test_a_metrics_other_name_is_answered_with_ours(name: str, ours: str) -> None:
    ((_, key, message),) = _one(metric=name, at_least=0.5)
    assert key == "metric"
    assert f'It is called "{ours}" here.' in message


def test_every_other_name_is_none_of_ours_and_leads_to_one() -> None:
    assert set(ALIASES.values()) <= set(METRICS)
    assert not set(ALIASES) & set(METRICS)


@pytest.mark.parametrize(
    ("task", "metric", "bound"),
    [("regression", "accuracy", "at_least"), ("binary", "rmse", "at_most"), ("multiclass", "r2", "at_least")],
)
def test_a_metric_that_the_task_has_not_is_named_with_those_it_has(task: str, metric: str, bound: str) -> None:
    found = read_policy({"require": [{"metric": metric, bound: 0.5}]}, task=task)
    assert not isinstance(found, Policy)
    ((problem,)) = found
    assert problem.key == "metric"
    assert f"a {task} model has none" in str(problem.error)
    assert ("mae" if task == "regression" else "accuracy") in str(problem.error)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_metric_of_a_task_can_be_required_in_every_way_that_suits_it(task: str) -> None:
    for metric in METRICS.values():
        if not metric.fits(task) or metric.name in UNDER_ATTACK or not metric.in_policies:
            continue
        right = "at_least" if metric.better is Better.HIGHER else "at_most"
        entries: list[dict[str, object]] = [
            {"metric": metric.name, right: 0.5},
            {"metric": metric.name, right: 0.5, "by": "sex"},
            {"metric": metric.name, "at_most": 0.5, "gap_between": "sex"},
        ]
        if metric.low >= 0:
            entries.append({"metric": metric.name, "at_least": 0.8, "ratio_between": "sex"})
        if metric.better is not Better.NEITHER:
            entries.append({"metric": metric.name, "no_worse_than": "baseline", "margin": 0.01})
        settings = {"clip": 10, "quantile": 0.9} if metric.needs else {}
        found = read_policy({**settings, "require": entries}, groups=("sex",), task=task)
        assert isinstance(found, Policy), found


names = st.sampled_from(["accuracy", "f1", "rmse", "selection_rate", "acc", 3, None])
numbers = st.one_of(st.floats(), st.integers(-2, 2), st.booleans(), st.text(max_size=3))
entries = st.fixed_dictionaries(
    {},
    optional={
        "metric": names,
        "at_least": numbers,
        "at_most": numbers,
        "by": st.sampled_from(["sex", "sx", 1]),
        "gap_between": st.sampled_from(["race", ""]),
        "ratio_between": st.sampled_from(["sex", None]),
        "of_class": st.sampled_from(["cat", 1]),
        "no_worse_than": st.sampled_from(["baseline", 2]),
        "margin": numbers,
    },
)


@pytest.mark.simulation
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no finding
@given(st.lists(entries, max_size=3), st.sampled_from([None, "binary", "regression"]))
def test_whatever_is_written_is_a_policy_that_can_be_judged_or_a_list_of_mistakes(
    require: list[dict[str, object]], task: str | None
) -> None:
    found = read_policy({"require": require}, groups=("sex", "race"), task=task)
    if isinstance(found, Policy):
        assert len(found.require) == len(require)
        for requirement in found.require:
            low, high = allowed(requirement)
            assert low <= high
            assert str(requirement)
    else:
        assert found
        assert all(0 <= problem.index < len(require) for problem in found if problem.index is not None)


CLIPPED = {"metric": "clipped_mae", "at_most": 1.0}


@pytest.mark.parametrize(
    ("settings", "require", "problem"),
    [
        ({}, CLIPPED, "clipped_mae needs the policy's clip"),
        ({"clip": 0.5}, CLIPPED, "clipped_mae is between 0 and 0.5 at a clip of 0.5: this cannot fail"),
        ({"clip": 1.0}, {"metric": "clipped_rmse", "at_most": 1.0}, "this cannot fail"),
        ({"clip": 1.0}, {"metric": "clipped_mean_error", "at_least": -1.0}, "this cannot fail"),
        ({"clip": 1.0}, {"metric": "clipped_mean_error", "gap_between": "sex", "at_most": 2.0}, "this cannot fail"),
        ({"clip": 1.0}, {"metric": "clipped_mae", "no_worse_than": "baseline", "margin": 1.0}, "this cannot fail"),
        ({"clip": 2.0, "quantile": 0.5}, {"metric": "clipped_quantile_loss", "at_most": 1.0}, "this cannot fail"),
        ({}, {"metric": "quantile_loss", "at_most": 1.0}, "quantile_loss needs the policy's quantile"),
        ({"clip": 0}, {"metric": "mae", "at_most": 1.0}, "must be positive, got 0"),
        ({"quantile": 1}, {"metric": "mae", "at_most": 1.0}, "must be between 0 and 1, got 1"),
        ({"bins": {"sex": [3, 2]}}, {"metric": "mae", "at_most": 1.0}, "finite numbers that rise"),
        ({"bins": {"sex": "30"}}, {"metric": "mae", "at_most": 1.0}, "finite numbers that rise"),
        ({"bins": [30]}, {"metric": "mae", "at_most": 1.0}, "must be a table of columns"),
    ],
)
def test_what_a_requirement_rests_on_is_stated_and_it_can_fail(
    settings: dict[str, object], require: dict[str, object], problem: str
) -> None:
    found = read_policy({**settings, "require": [require]}, groups=("sex",), task="regression")
    assert not isinstance(found, Policy)
    assert [problem in one.error.problem for one in found] == [True]


def test_bins_clip_and_quantile_are_read() -> None:
    document = {"clip": 2, "quantile": 0.9, "bins": {"age": [30, 50]}, "require": [CLIPPED]}
    found = read_policy(document, task="regression")
    assert isinstance(found, Policy)
    assert (found.clip, found.quantile, found.bins) == (2.0, 0.9, {"age": (30.0, 50.0)})


def test_a_policy_keeps_its_digest_when_policies_learn_something_new() -> None:
    policy = Policy(0.95, (Requirement("accuracy", at_least=0.8),), clip=2.0)
    # trust files and ledgers of test data name policies by this: a setting that is added is left out without a value
    assert sha256(to_json(policy)) == "ce2330646414b960ad20ad5afe870517e2922af56067a603d43b93502cb9dcbf"
    later = replace(policy, time="month", largest_weight=3.0)
    assert sha256(to_json(later)) != sha256(to_json(policy))
    for each in (policy, later):
        assert from_json(Policy, to_json(each), path="policy.json") == each
