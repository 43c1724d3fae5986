"""What the assessors really measure, on the page: nothing of it is lost on the way."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest

from seatrial.assessors.assessor import Subject
from seatrial.assessors.run_trial import run_trial
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.report.html import render_report
from seatrial.report.view import ReportView
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse, Trial
from tests.report_sample import PROVENANCE

POLICY = Policy(
    0.95, (Requirement("accuracy", at_least=0.6), Requirement("true_positive_rate", at_most=0.3, gap_between="sex"))
)


class ScoreReader:
    """A model whose probability of "yes" stands in the column `score`."""

    signature = Signature((Column("score", "number"),), "binary", ("no", "yes"), "yes", 0.5)

    def predict(self, rows: pa.Table) -> Predictions:
        score = rows.column("score").to_numpy()
        labels = np.where(score >= 0.5, "yes", "no").astype(object)
        return Predictions(labels, np.stack([1 - score, score], axis=1))


def people(rows: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    score = random.beta(1, 2, rows)
    race = random.choice(["Black", "White"], rows, p=[0.1, 0.9])
    race[:12] = "Other"
    happened = random.random(rows) < score
    happened[:12] = False
    return pa.table(
        {
            "score": score.tolist(),
            "income": np.where(happened, "yes", "no").tolist(),
            "sex": random.choice(["Female", "Male"], rows).tolist(),
            "race": race.tolist(),
        }
    )


@pytest.fixture(scope="module")
def trial() -> Trial:
    subject = Subject(
        ScoreReader(), {"validation": people(2_000, 1), "test": people(3_000, 2)}, "income", "binary", "yes",
        groups=("sex", "race"),
    )  # fmt: skip
    return run_trial(
        subject,
        POLICY,
        data="test",
        use=TestUse("d" * 64, 3_000, 2),
        model="m" * 64,
        policy_digest="p" * 64,
        seed=7,
        budget_s=60,
        progress=lambda _claim: None,
    )


@pytest.fixture(scope="module")
def page(trial: Trial) -> str:
    return render_report(
        ReportView(
            "census", 2, "r" * 64, "2026-11-24T12:00:00Z", judge(POLICY, trial), POLICY, trial, PROVENANCE, "0.1"
        )
    )


def test_every_bin_of_the_calibration_is_drawn(page: str) -> None:
    section = page[page.index('id="calibration"') : page.index('id="not-measured"')]
    assert section.count('class="interval thin"') == 10


def test_a_group_without_positive_rows_is_said_not_to_be_measured(page: str) -> None:
    assert "no positive rows in group &#34;Other&#34;" in page


def test_every_group_of_every_column_has_its_place(page: str) -> None:
    for group in ("Female", "Male", "Black", "White", "Other"):
        assert f"<bdi>{group}</bdi>" in page


def test_every_method_that_was_used_is_explained_with_its_source(page: str, trial: Trial) -> None:
    methods = page[page.index('id="methods"') : page.index('id="provenance"')]
    for name in {one.method for one in trial.evidence}:
        assert f"<dt>{name}</dt>" in methods
    assert "docstring" not in methods


def test_the_second_use_of_the_data_is_held_to_more(page: str) -> None:
    assert re.search(r"k = 2 that is 99\.17\u202f% confidence", page)


def test_weights_and_clip_are_stated(page: str) -> None:
    assert "Results are unweighted" in page
    assert "clip 0.001" in page
