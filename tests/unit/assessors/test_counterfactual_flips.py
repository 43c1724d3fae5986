"""Counterfactual flips: counted exactly, of every value of every group column that is an input, and of no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from seatrial.assessors.assessor import Subject
from seatrial.assessors.contingency.group_specs import parse_groups, with_groups
from seatrial.assessors.robustness import counterfactual_flips
from seatrial.assessors.robustness.under_attack import UnderAttack
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.verdicts.bounds.proportions import clopper_pearson
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured

CONFIDENCE = 0.95
ROWS = 400
SIGNATURE = Signature(
    inputs=(Column("score", "number"), Column("sex", "text"), Column("age", "number")),
    task="binary",
    classes=("no", "yes"),
    positive="yes",
    probabilities=False,
)


class Leans:
    """Answers yes above a threshold that is lower for men; and whoever is older than 90 gets a no."""

    signature = SIGNATURE

    def __init__(self, lean: float = 0.2) -> None:
        self._lean = lean

    def predict(self, rows: pa.Table) -> Predictions:
        score, age = (rows.column(name).to_numpy().astype(np.float64) for name in ("score", "age"))
        men = np.array(rows.column("sex").to_pylist()) == "Male"
        answered = (score > np.where(men, 0.5 - self._lean, 0.5)) & (age <= 90)
        return Predictions(np.where(answered, "yes", "no").astype(object), None)


def people(groups: tuple[str, ...]) -> pa.Table:
    random = np.random.default_rng(2)
    table = pa.table(
        {
            "score": pa.array(random.random(ROWS)),
            "sex": pa.array(random.choice(["Female", "Male"], ROWS)),
            "race": pa.array(random.choice(["Black", "White"], ROWS)),
            "age": pa.array(random.integers(20, 60, ROWS)),
            "label": pa.array(random.choice(["no", "yes"], ROWS)),
        }
    )
    return with_groups(table, parse_groups(groups))


def subject(*groups: str, lean: float = 0.2) -> Subject:
    table = people(groups)
    names = tuple(spec.name for spec in parse_groups(groups))
    under = UnderAttack(Leans(lean), table, of_rows=5000, threats={})
    return Subject(Leans(lean), {"test": table}, "label", "binary", "yes", groups=names, under_attack=under)


def measured(of: Subject, *claims: Claim) -> dict[tuple[Claim, str], Evidence | NotMeasured]:
    found = counterfactual_flips.assess(of, claims, confidence=CONFIDENCE, seed=7, budget_s=60)
    return {(item.claim, item.slice): item for item in found}


def evidence(of: Subject, claim: Claim, place: str = "all") -> Evidence:
    item = measured(of, claim)[claim, place]
    assert isinstance(item, Evidence)
    return item


OVERALL, BY_SEX = Claim(counterfactual_flips.METRIC), Claim(counterfactual_flips.METRIC, Family.GROUPS, "sex")


def test_the_rows_that_flip_are_those_between_the_two_thresholds() -> None:
    of = subject("sex")
    score = of.tables["test"].column("score").to_numpy()
    count = int(((score > 0.3) & (score <= 0.5)).sum())
    found = evidence(of, OVERALL)
    low, high = clopper_pearson(count, ROWS, confidence=CONFIDENCE)
    assert (found.estimate, found.low, found.high) == (count / ROWS, float(low), float(high))
    assert found.conditions["changed"] == "sex"
    assert found.conditions["sample"] == "400 of 5000 rows"


def test_flips_are_told_by_group_with_bounds_that_hold_together() -> None:
    of = subject("sex")
    sexes = np.array(of.tables["test"].column("sex").to_pylist())
    score = of.tables["test"].column("score").to_numpy()
    between = (score > 0.3) & (score <= 0.5)
    for sex in ("Female", "Male"):
        found = evidence(of, BY_SEX, f"sex={sex}")
        assert found.estimate == between[sexes == sex].mean()
        assert found.conditions["simultaneous_slices"] == "2"


def test_no_row_is_asked_again_with_its_own_value_nor_once_it_has_flipped() -> None:
    asked: list[int] = []

    class Counts(Leans):
        def predict(self, rows: pa.Table) -> Predictions:
            asked.append(rows.num_rows)
            return super().predict(rows)

    table = people(("sex",))
    under = UnderAttack(Counts(), table, of_rows=ROWS, threats={})
    evidence(Subject(Counts(), {"test": table}, "label", "binary", "yes", groups=("sex",), under_attack=under), OVERALL)
    assert asked[0] == ROWS  # as they are; then women as men, and men as women
    assert sum(asked[1:]) == ROWS


def test_a_model_that_heeds_no_group_never_flips_and_is_bounded_away_from_certainty() -> None:
    found = evidence(subject("sex", lean=0.0), OVERALL)
    assert found.estimate == 0
    assert 0 < found.high < 0.01


def test_bins_are_groups_of_the_column_and_every_value_anywhere_is_tried() -> None:
    of = subject("age:40", lean=0.0)
    assert evidence(of, OVERALL).estimate == 0
    old = pa.table({"age": pa.array([95]), "label": pa.array(["no"])})
    assert of.under_attack is not None
    seen = replace(of, under_attack=replace(of.under_attack, seen=old))
    yes = np.array(Leans(0.0).predict(of.tables["test"]).labels) == "yes"
    assert evidence(seen, OVERALL).estimate == yes.mean()
    assert evidence(seen, Claim(counterfactual_flips.METRIC, Family.GROUPS, "age"), "age=under 40").rows < ROWS


def test_an_intersection_changes_its_inputs_one_at_a_time() -> None:
    claim = Claim(counterfactual_flips.METRIC, Family.GROUPS, "sex*race")
    found = evidence(subject("sex*race"), claim, "sex*race=Female × Black")
    assert found.conditions["changed"] == "sex"


def test_without_being_asked_it_is_measured_where_a_group_column_is_an_input() -> None:
    assert {claim for claim, _ in measured(subject("sex", "race"))} == {OVERALL, BY_SEX}
    assert measured(subject("race")) == {}


WHY_NOT: dict[str, tuple[Subject, Claim, str]] = {
    "no input": (subject("race"), OVERALL, "no group column is an input"),
    "a group that is no input": (subject("race"), replace(BY_SEX, column="race"), "the model takes no race"),
    "answers alone": (replace(subject("sex"), under_attack=None), OVERALL, "not its answers alone"),
    "a regression": (replace(subject("sex"), task="regression"), OVERALL, "answers with a number"),
    "a comparison": (subject("sex"), replace(OVERALL, against="baseline"), "whichever they are"),
}


@pytest.mark.parametrize("case", WHY_NOT)
def test_what_cannot_be_told_says_why(case: str) -> None:
    of, claim, words = WHY_NOT[case]
    (item,) = measured(of, claim).values() if case != "a comparison" else [measured(of, claim)[claim, "all"]]
    assert isinstance(item, NotMeasured)
    assert words in item.reason


def test_a_column_of_one_value_or_too_many_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counterfactual_flips, "MOST_VALUES", 1)
    item = measured(subject("sex"), OVERALL)[OVERALL, "all"]
    assert isinstance(item, NotMeasured)
    assert item.reason == 'column "sex" has 2 values, more than 1'
    of = subject("sex")
    men = of.tables["test"].filter(pa.array([sex == "Male" for sex in of.tables["test"].column("sex").to_pylist()]))
    assert of.under_attack is not None
    alone = replace(of, tables={"test": men}, under_attack=replace(of.under_attack, rows=men))
    item = measured(alone, OVERALL)[OVERALL, "all"]
    assert isinstance(item, NotMeasured)
    assert item.reason == 'column "sex" has no other value to change to'


def test_a_budget_that_is_spent_is_said() -> None:
    found = list(counterfactual_flips.assess(subject("sex"), [OVERALL], confidence=CONFIDENCE, seed=7, budget_s=-1.0))
    assert isinstance(found[0], NotMeasured)
    assert "was spent" in found[0].reason
