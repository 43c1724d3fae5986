import pytest

from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.policy_document import read_policy


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
        ({"metric": "acuracy", "at_least": 0.5}, "metric", 'acuracy: no such metric. Did you mean "accuracy"?'),
        ({"at_least": 0.5}, "metric", "is missing"),
        ({"metric": 3, "at_least": 0.5}, "metric", "is not the name of a metric"),
        ({"metric": "accuracy", "atleast": 0.5, "at_least": 0.5}, "atleast", 'Did you mean "at_least"?'),
        ({"metric": "accuracy"}, None, "exactly one of at_least and at_most"),
        ({"metric": "selection_rate", "at_least": 0.1, "at_most": 0.2}, None, "exactly one of"),
        ({"metric": "accuracy", "at_least": 0.5, "by": "sx"}, "by", 'sx: no such group column. Did you mean "sex"?'),
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
    assert found[3][2].startswith("policy.require[2].metric: roc_acu")


def test_the_same_requirement_twice_is_a_mistake() -> None:
    same = {"metric": "accuracy", "at_least": 0.5}
    assert [(index, key) for index, key, _ in _problems({"require": [same, same]})] == [(1, None)]


def test_requirements_that_are_no_list_are_named() -> None:
    assert [(index, key) for index, key, _ in _problems({"require": {"metric": "accuracy"}})] == [(None, "require")]
