"""Models of people whose faults are known: unfair, flipped, leaking, memorised; and honest ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.assessors.assessor import DataFacts, Subject
from seatrial.assessors.contingency.group_specs import parse_groups, with_groups
from seatrial.models.signature import Column, Signature
from seatrial.trial.self_test.case import Case, case
from seatrial.trial.self_test.draws import seed_of
from seatrial.trial.self_test.stated_answers import Answers
from seatrial.verdicts.policy import Policy, Requirement

ROWS = 8000
SIGNATURE = Signature((Column("score", "number"),), "binary", ("no", "yes"), "yes", 0.5)
VALUES = Signature((Column("score", "number"),), "regression")
GROUPS = ("sex", "race", "sex*race")
BY_SEX = Requirement("true_positive_rate", gap_between="sex", at_most=0.1)
BY_RACE = Requirement("true_positive_rate", gap_between="race", at_most=0.1)
TOGETHER = Requirement("true_positive_rate", gap_between="sex*race", at_most=0.1)
_RIGHT = 0.85  # of the rows, by an honest model


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Rows of people, drawn once: who they are, what is true of them, and whether an honest model is right."""

    female: NDArray[np.bool_]
    other: NDArray[np.bool_]  # of the second race
    yes: NDArray[np.bool_]
    right: NDArray[np.bool_]
    noise: NDArray[np.float64]
    error: NDArray[np.float64]  # of an honest regression


def cases(draw: int = 0) -> Iterator[Case]:
    """Every planted model of people."""
    accurate = Requirement("accuracy", at_least=0.8)
    yield case("an honest and fair model", lambda: _classifier(_honest, draw), accurate, BY_SEX, BY_RACE, TOGETHER)
    yield _bad("unfair in an intersection only", draw, _unfair_together, BY_SEX, BY_RACE, TOGETHER)
    yield _bad("unfair the other way round after mitigation", draw, _overdone, accurate, BY_SEX)
    yield _bad("labels flipped in one group", draw, _flipped, Requirement("accuracy", by="sex", at_least=0.8))
    yield _bad("no better than the larger class", draw, _majority, Requirement("accuracy", at_least=0.65))
    yield _bad("sure of itself without a reason", draw, _overconfident, Requirement("calibration_error", at_most=0.1))
    yield _bad_data(
        "trained on the test data", draw, DataFacts(ROWS, overlap=ROWS // 2), Requirement("test_overlap", at_most=0.01)
    )
    yield _bad_data(
        "a wrong vocabulary",
        draw,
        DataFacts(ROWS, unknown={"job": ROWS // 3}),
        Requirement("unknown_values", at_most=0.01),
    )
    few_copies, labelled = Requirement("duplicate_share", at_most=0.05), Requirement("unlabelled_share", at_most=0.02)
    answered = Requirement("answered_share", at_least=0.99)
    whole = DataFacts(ROWS, copies=0, unlabelled=0, unanswered=0)
    yield case("rows that are whole, and each there once", lambda: replace(_classifier(_honest, draw), facts=whole),
               few_copies, labelled, answered)  # fmt: skip
    yield _bad_data("half of the rows are copies of others", draw, replace(whole, copies=ROWS // 2), few_copies)
    yield _bad_data("one row in ten has no label", draw, replace(whole, unlabelled=ROWS // 9), labelled)
    yield _bad_data("one row in twenty is not answered", draw, replace(whole, unanswered=ROWS // 20), answered)
    leak = Requirement("one_column_accuracy", at_most=0.95)
    yield case("a column that holds the answer", lambda: _leaking(draw), leak, caught_by=0)
    biased, errors = Requirement("clipped_mean_error", gap_between="sex", at_most=0.1), Policy(clip=5.0)
    yield case("a regression that asks too little of one group", lambda: _values(_too_little, draw), biased,
               caught_by=0, policy=errors)  # fmt: skip
    exact = "a regression that asks exactly as much too little of every woman"
    yield case(exact, lambda: _values(_exactly_too_little, draw), biased, caught_by=0, policy=errors)  # fmt: skip


def people(draw: int = 0) -> People:
    """Two sexes, two races, 40 % yes; the same in every group."""
    rng = np.random.default_rng(seed_of(1, draw))
    return People(
        rng.random(ROWS) < 1 / 2,
        rng.random(ROWS) < 0.4,
        rng.random(ROWS) < 0.4,
        rng.random(ROWS) < _RIGHT,
        rng.normal(size=ROWS),
        np.random.default_rng(seed_of(2, draw)).normal(scale=0.3, size=ROWS),
    )


def _honest(crowd: People) -> NDArray[np.bool_]:
    return np.where(crowd.right, crowd.yes, ~crowd.yes)


def _unfair_together(crowd: People) -> NDArray[np.bool_]:
    """Women of one race and men of the other are overlooked: each sex and each race as a whole loses as much."""
    overlooked = (crowd.female == crowd.other) & (crowd.noise > 0.4)
    favoured = (crowd.female != crowd.other) & (crowd.noise > 0.4)
    return np.where(crowd.yes & overlooked, False, np.where(crowd.yes & favoured, True, _honest(crowd)))  # noqa: FBT003 - NumPy's


def _overdone(crowd: People) -> NDArray[np.bool_]:
    """Men are now overlooked as women once were."""
    return np.where(~crowd.female & crowd.yes & (crowd.noise > 0.6), False, _honest(crowd))  # noqa: FBT003 - NumPy's


def _flipped(crowd: People) -> NDArray[np.bool_]:
    """A third of the women's labels were wrong in training, and so are their answers."""
    return np.where(crowd.female & (crowd.noise > 0.4), ~crowd.yes, _honest(crowd))


def _majority(crowd: People) -> NDArray[np.bool_]:
    return np.zeros_like(crowd.yes)


def _overconfident(crowd: People) -> NDArray[np.bool_]:
    return np.where(crowd.noise > 0.3, crowd.yes, ~crowd.yes)


def _bad(name: str, draw: int, answer: Callable[[People], NDArray[np.bool_]], *require: Requirement) -> Case:
    """The last requirement has to catch it."""
    return case(name, lambda: _classifier(answer, draw), *require, caught_by=len(require) - 1)


def _bad_data(name: str, draw: int, facts: DataFacts, requirement: Requirement) -> Case:
    return case(name, lambda: replace(_classifier(_honest, draw), facts=facts), requirement, caught_by=0)


def _classifier(answer: Callable[[People], NDArray[np.bool_]], draw: int) -> Subject:
    crowd = people(draw)
    answered = answer(crowd)
    sure = 0.98 if answer is _overconfident else _RIGHT
    chance = np.where(answered, sure, 1 - sure)
    labels = np.array(["no", "yes"], object)[answered.astype(int)]
    predictor = Answers(SIGNATURE, labels, np.column_stack([1 - chance, chance]))
    table = _table(crowd, pa.array(np.where(crowd.yes, "yes", "no")), crowd.noise)
    return Subject(predictor, {"test": table}, "y", "binary", positive="yes", groups=GROUPS)


def _leaking(draw: int) -> Subject:
    subject = _classifier(_honest, draw)
    table = subject.tables["test"]
    answer = pa.array((np.array(table.column("y").to_pylist()) == "yes") * 1.0)
    table = table.set_column(table.column_names.index("score"), "score", answer)
    return replace(subject, tables={"test": table})


def _too_little(crowd: People) -> NDArray[np.float64]:
    return crowd.error - 0.5 * crowd.female


def _exactly_too_little(crowd: People) -> NDArray[np.float64]:
    """Errors without any spread in a group: a bound that goes by the spread has nothing to go by."""
    return np.where(crowd.female, -0.5, 0.0)


def _values(error: Callable[[People], NDArray[np.float64]], draw: int) -> Subject:
    crowd = people(draw)
    actual = 10 + crowd.noise
    predictor = Answers(VALUES, actual + error(crowd), None)
    table = _table(crowd, pa.array(actual), crowd.noise)
    return Subject(predictor, {"test": table}, "y", "regression", groups=GROUPS)


def _table(crowd: People, label: pa.Array[pa.Scalar[pa.DataType]], score: NDArray[np.float64]) -> pa.Table:
    table = pa.table(
        {
            "place": pa.array(np.arange(ROWS)),
            "score": pa.array(score),
            "y": label,
            "sex": pa.array(np.where(crowd.female, "Female", "Male")),
            "race": pa.array(np.where(crowd.other, "B", "A")),
        }
    )
    return with_groups(table, parse_groups(GROUPS, ("sex", "race")))
