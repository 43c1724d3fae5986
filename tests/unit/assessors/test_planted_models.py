"""Models with a known fault, which the bounds must show, and sound ones, which must pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from seatrial.assessors.assessor import Assessor, Subject
from seatrial.assessors.classification import calibration, confusion, ranking
from seatrial.models.predictor import Predictions
from seatrial.verdicts.evidence import Claim, Evidence, Family

People = Callable[..., pa.Table]
Subjects = Callable[..., Subject]
NO, YES = "<=50K", ">50K"
RACE_GAP = Claim("true_positive_rate", Family.PAIRS, "race")
SEX_GAP = Claim("true_positive_rate", Family.PAIRS, "sex")


def evidence(assessor: Assessor, subject: Subject, claim: Claim) -> dict[str, Evidence]:
    found = assessor.assess(subject, [claim], confidence=0.975, seed=7, budget_s=60)
    return {item.slice: item for item in found if isinstance(item, Evidence) and item.claim == claim}


def within(rows: pa.Table, column: str, group: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(rows.column(column).to_numpy() == group)


def flipped_for_women(rows: pa.Table, said: Predictions) -> Predictions:
    """Answers women the opposite of what it believes."""
    here = within(rows, "sex", "Female")
    opposite = np.where(said.labels == YES, NO, YES)
    probabilities = np.asarray(said.probabilities)
    turned = np.where(here[:, None], probabilities[:, ::-1], probabilities)
    return Predictions(np.where(here, opposite, said.labels).astype(object), turned)


def stricter_with_black_people(rows: pa.Table, said: Predictions) -> Predictions:
    """Wants 0.95 where 0.5 is enough for everyone else; its probabilities are as good as before."""
    here = within(rows, "race", "Black") & (np.asarray(said.probabilities)[:, 1] < 0.95)
    return Predictions(np.where(here, NO, said.labels).astype(object), said.probabilities)


def overconfident(_rows: pa.Table, said: Predictions) -> Predictions:
    """Doubles its log odds: the order and every answer stay what they were."""
    odds = (np.asarray(said.probabilities)[:, 1] / np.asarray(said.probabilities)[:, 0]) ** 2
    score = odds / (1 + odds)
    return Predictions(said.labels, np.column_stack([1 - score, score]))


def test_a_sound_model_shows_no_gap_beyond_a_tenth_between_the_sexes(people: People, subject: Subjects) -> None:
    for seed in (1, 2, 3):
        (gap,) = evidence(confusion, subject(people(12_000, seed)), SEX_GAP).values()
        assert gap.low >= -0.1
        assert gap.high <= 0.1


def test_a_sound_model_is_right_more_often_than_four_times_in_five(people: People, subject: Subjects) -> None:
    for seed in (1, 2, 3):
        assert evidence(confusion, subject(people(4000, seed)), Claim("accuracy"))["all"].low >= 0.8


def test_answers_flipped_in_one_group_are_shown_by_accuracy_auc_and_the_gap(people: People, subject: Subjects) -> None:
    planted = subject(people(4000, 1), spoil=flipped_for_women)
    accuracy = evidence(confusion, planted, Claim("accuracy", Family.GROUPS, "sex"))
    assert accuracy["sex=Female"].high < 0.5 < accuracy["sex=Male"].low
    area = evidence(ranking, planted, Claim("roc_auc", Family.GROUPS, "sex"))
    assert area["sex=Female"].high < 0.5 < area["sex=Male"].low
    (gap,) = evidence(confusion, planted, SEX_GAP).values()
    assert gap.high < -0.1


def test_unfairness_to_one_group_is_shown_by_its_pairs_and_by_no_other(people: People, subject: Subjects) -> None:
    planted = subject(people(12_000, 1), spoil=stricter_with_black_people)
    gaps = evidence(confusion, planted, RACE_GAP)
    assert {name for name, gap in gaps.items() if gap.low > 0.1 or gap.high < -0.1} == {
        name for name in gaps if "Black" in name
    }


def test_overconfidence_is_shown_by_the_calibration_error_alone(people: People, subject: Subjects) -> None:
    table, validation = people(12_000, 1), people(4000, 2)
    sound, planted = subject(table, validation), subject(table, validation, spoil=overconfident)
    error = Claim("calibration_error")
    assert evidence(calibration, sound, error)["all"].high < 0.03
    assert evidence(calibration, planted, error)["all"].low > 0.03
    area = Claim("roc_auc")
    before, after = evidence(ranking, sound, area)["all"], evidence(ranking, planted, area)["all"]
    assert before.estimate == pytest.approx(after.estimate, abs=1e-4)  # scores next to 1 become ties


def test_a_group_of_a_few_rows_leaves_its_pairs_open(people: People, subject: Subjects) -> None:
    table = people(12_000, 1)
    race = table.column("race").to_numpy().copy()
    positives = np.flatnonzero(table.column("income").to_numpy() == YES)
    race[positives[:13]] = "Amer-Indian"
    table = table.set_column(table.column_names.index("race"), "race", pa.array(race))
    gaps = {name: gap for name, gap in evidence(confusion, subject(table), RACE_GAP).items() if "Amer" in name}
    assert len(gaps) == 4
    assert all(gap.low < -0.1 or gap.high > 0.1 for gap in gaps.values())
