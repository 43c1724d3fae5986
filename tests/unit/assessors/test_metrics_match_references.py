"""Every estimate and every exact bound against scikit-learn, SciPy and pandas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import beta
from sklearn.metrics import log_loss, roc_auc_score

from seatrial.assessors.assessor import Assessor, Subject
from seatrial.assessors.classification import calibration, confusion, probability, ranking
from seatrial.verdicts.bounds.differences import Count, proportion_differences
from seatrial.verdicts.evidence import Claim, Evidence, Family
from seatrial.verdicts.metrics import LOG_LOSS_CLIP

SEEDS = (1, 2, 3)
CONFIDENCE = 0.975
EXACT = 1e-12
YES = ">50K"


def evidence(assessor: Assessor, subject: Subject, claim: Claim) -> dict[str, Evidence]:
    found = assessor.assess(subject, [claim], confidence=CONFIDENCE, seed=7, budget_s=60)
    return {item.slice: item for item in found if isinstance(item, Evidence) and item.claim == claim}


def frame(table: pa.Table) -> pd.DataFrame:
    people = table.to_pandas()
    people["actual"] = people["income"] == YES
    people["answered"] = people["score"] >= 0.5
    return people


@pytest.mark.parametrize("seed", SEEDS)
def test_roc_auc_is_scikit_learns_for_everybody_and_in_each_group(
    people: Callable[..., pa.Table], subject: Callable[..., Subject], seed: int
) -> None:
    table = people(800, seed)
    table = table.set_column(0, "score", pa.array(np.round(table.column("score").to_numpy(), 2)))  # ties count half
    rows = frame(table)
    found = evidence(ranking, subject(table), Claim("roc_auc"))["all"]
    assert found.estimate == pytest.approx(roc_auc_score(rows["actual"], rows["score"]), abs=EXACT)
    by_sex = evidence(ranking, subject(table), Claim("roc_auc", Family.GROUPS, "sex"))
    assert set(by_sex) == {"sex=Female", "sex=Male"}
    for name, group in rows.groupby("sex"):
        expected = roc_auc_score(group["actual"], group["score"])
        assert by_sex[f"sex={name}"].estimate == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("seed", SEEDS)
def test_log_loss_is_scikit_learns_on_the_clipped_probabilities(
    people: Callable[..., pa.Table], subject: Callable[..., Subject], seed: int
) -> None:
    table = people(800, seed)
    rows = frame(table)
    found = evidence(probability, subject(table), Claim("log_loss"))["all"]
    given = rows["score"].where(rows["actual"], 1 - rows["score"]).clip(LOG_LOSS_CLIP, 1)
    expected = log_loss(rows["actual"], given.where(rows["actual"], 1 - given))
    assert found.estimate == pytest.approx(expected, abs=EXACT)
    outside = (given == LOG_LOSS_CLIP).sum()
    assert found.conditions["clip"] == "0.001"
    assert found.conditions["rows_clipped"] == str(outside)


@pytest.mark.parametrize("seed", SEEDS)
def test_bounds_of_groups_are_clopper_pearsons_of_scipy_at_bonferronis_confidence(
    people: Callable[..., pa.Table], subject: Callable[..., Subject], seed: int
) -> None:
    table = people(500, seed)
    found = evidence(confusion, subject(table), Claim("accuracy", Family.GROUPS, "race"))
    alpha = (1 - CONFIDENCE) / 4
    for name, group in frame(table).groupby("race"):
        right, rows = int((group["actual"] == group["answered"]).sum()), len(group)
        item = found[f"race={name}"]
        low = 0.0 if right == 0 else beta.ppf(alpha, right, rows - right + 1)
        high = 1.0 if right == rows else beta.ppf(1 - alpha, right + 1, rows - right)
        assert (item.low, item.high) == pytest.approx((low, high), abs=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_bounds_of_gaps_are_those_of_each_pair_alone_at_bonferronis_confidence(
    people: Callable[..., pa.Table], subject: Callable[..., Subject], seed: int
) -> None:
    table = people(900, seed)
    found = evidence(confusion, subject(table), Claim("selection_rate", Family.PAIRS, "race"))
    groups = frame(table).groupby("race")["answered"].agg(["sum", "size"])
    counts = {name: Count(int(row["sum"]), int(row["size"])) for name, row in groups.iterrows()}
    assert len(found) == 6
    for name, item in found.items():
        first, second = (counts[each] for each in name.removeprefix("race: ").split(" − "))
        alone = proportion_differences([(first, second)], confidence=1 - (1 - CONFIDENCE) / 6)[0]
        assert item.method == alone.method
        bounds = pytest.approx((alone.estimate, alone.low, alone.high), abs=1e-10)
        assert (item.estimate, item.low, item.high) == bounds


def test_calibration_gaps_are_those_of_quantile_bins_of_the_validation_scores(
    people: Callable[..., pa.Table], subject: Callable[..., Subject]
) -> None:
    table, validation = people(3000, 5), people(2000, 6)
    rows = frame(table)
    edges = np.quantile(validation.column("score").to_numpy(), np.linspace(0, 1, 11)[1:-1])
    bins = rows.groupby(np.searchsorted(edges, rows["score"], side="right")).agg(
        score=("score", "mean"), observed=("actual", "mean"), size=("actual", "size")
    )
    trial = subject(table, validation)
    gaps = evidence(calibration, trial, Claim("calibration_gap"))
    assert len(gaps) == 10
    for item, (_, row) in zip(gaps.values(), bins.iterrows(), strict=True):
        assert item.estimate == pytest.approx(abs(row["observed"] - row["score"]), abs=EXACT)
        assert float(item.conditions["mean_confidence"]) == pytest.approx(row["score"], abs=EXACT)
        assert float(item.conditions["observed_rate"]) == pytest.approx(row["observed"], abs=EXACT)
        assert item.rows == row["size"]
    error = evidence(calibration, trial, Claim("calibration_error"))["all"]
    expected = float(((bins["observed"] - bins["score"]).abs() * bins["size"]).sum() / len(rows))
    assert error.estimate == pytest.approx(expected, abs=EXACT)
    assert [float(edge) for edge in error.conditions["bin_edges"].split()] == pytest.approx(edges, rel=1e-5)
    assert error.conditions["bins_from"] == "quantiles of the validation scores"


def test_without_validation_data_the_bins_have_equal_widths(
    people: Callable[..., pa.Table], subject: Callable[..., Subject]
) -> None:
    error = evidence(calibration, subject(people(500, 8)), Claim("calibration_error"))["all"]
    assert error.conditions["bin_edges"] == "0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9"
    assert error.conditions["bins_from"] == "equal widths, for lack of validation data"
