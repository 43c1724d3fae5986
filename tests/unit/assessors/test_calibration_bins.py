"""Bins come from the validation scores, and each of them is answered for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa

from seatrial.assessors.assessor import Subject
from seatrial.assessors.classification import calibration
from seatrial.models.predictor import Predictions
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured

People = Callable[..., pa.Table]
Subjects = Callable[..., Subject]
ERROR, GAP = Claim("calibration_error"), Claim("calibration_gap")


def measured(subject: Subject, *claims: Claim) -> list[Evidence | NotMeasured]:
    return list(calibration.assess(subject, claims, confidence=0.95, seed=7, budget_s=60))


def test_a_bin_without_rows_is_not_measured_and_the_others_are(people: People, subject: Subjects) -> None:
    test = people(400, 1)
    low = test.filter(pa.array(test.column("score").to_numpy() < 0.9))
    gaps = [item for item in measured(subject(low)) if item.claim == GAP]
    assert len(gaps) == 10
    assert gaps[-1] == NotMeasured(GAP, "bin 10: 0.9 ≤ score ≤ 1", "no rows in this bin")
    assert all(isinstance(item, Evidence) for item in gaps[:-1])


def test_the_bounds_of_a_gap_contain_it_and_are_not_negative(people: People, subject: Subjects) -> None:
    for item in measured(subject(people(400, 1), people(300, 2))):
        assert isinstance(item, Evidence)
        assert 0 <= item.low <= item.estimate <= item.high <= 1


def test_nan_on_the_validation_data_leaves_calibration_open(people: People, subject: Subjects) -> None:
    def ill(rows: pa.Table, said: Predictions) -> Predictions:
        probabilities = np.asarray(said.probabilities).copy()
        if rows.num_rows == 200:
            probabilities[3] = np.nan
        return Predictions(said.labels, probabilities)

    found = measured(subject(people(300, 1), people(200, 2), spoil=ill))
    assert {item.claim for item in found} == {ERROR, GAP}
    assert all(isinstance(item, NotMeasured) and "validation table" in item.reason for item in found)


def test_in_a_rehearsal_the_bins_are_quantiles_of_the_scores_alone(people: People, subject: Subjects) -> None:
    rehearsed = replace(subject(people(300, 1), people(200, 2)), measured="validation")
    gaps = [item for item in measured(rehearsed) if isinstance(item, Evidence) and item.claim == GAP]
    assert [item.rows for item in gaps] == [20] * 10


def test_gaps_of_bins_by_group_are_refused_by_name(people: People, subject: Subjects) -> None:
    by_sex = Claim("calibration_gap", Family.GROUPS, "sex")
    found = measured(subject(people(300, 1)), by_sex)
    assert found[0] == NotMeasured(by_sex, "all", "the gaps of bins are measured overall only")
