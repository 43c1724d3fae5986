"""The Matthews correlation coefficient: scikit-learn's estimate, and bounds that hold as often as they promise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn.metrics import matthews_corrcoef

import seatrial
from seatrial.verdicts.bounds.interval import Interval, NoInterval
from seatrial.verdicts.bounds.matthews import matthews_correlation
from seatrial.verdicts.contingency import ConfusionTable

pytestmark = pytest.mark.simulation

ACTUAL, ANSWERED = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
DRAWS = 2_000
BAD_LUCK = 1e-4  # that the test fails although the bounds hold


def of_counts(counts: NDArray[np.int64]) -> ConfusionTable:
    sums = counts.astype(np.float64)
    return ConfusionTable(2, ACTUAL, ANSWERED, sums, sums, sums)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_estimate_is_scikit_learns(classes: int, weighted: bool) -> None:
    random = np.random.default_rng(classes)
    actual = random.integers(0, classes, 600)
    answered = np.where(random.random(600) < 0.7, actual, random.integers(0, classes, 600))
    weights = random.uniform(0.5, 3, 600) if weighted else np.ones(600)
    found = matthews_correlation(
        ConfusionTable(classes, actual, answered, np.ones(600), weights, weights**2), confidence=0.975
    )
    assert isinstance(found, Interval)
    assert found.estimate == pytest.approx(matthews_corrcoef(actual, answered, sample_weight=weights), abs=1e-12)
    assert -1 < found.low < found.estimate < found.high < 1


@pytest.mark.parametrize("confidence", [0.975, 0.9983])
@pytest.mark.parametrize(
    ("rows", "positives", "true_positives", "false_positives"),
    [
        (100, 0.5, 0.9, 0.05),
        (300, 0.5, 0.98, 0.01),
        (300, 0.2, 0.3, 0.9),
        (1000, 0.2, 0.9, 0.05),
        (1000, 0.05, 0.3, 0.5),
    ],
)
def test_bounds_that_are_stated_miss_no_more_than_they_promise(
    rows: int, positives: float, true_positives: float, false_positives: float, confidence: float
) -> None:
    cells = np.array([(1 - positives) * (1 - false_positives), (1 - positives) * false_positives])
    cells = np.append(cells, [positives * (1 - true_positives), positives * true_positives])
    tn, fp, fn, tp = cells
    truth = (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    random = np.random.default_rng(7)
    tables, times = np.unique(random.multinomial(rows, cells, DRAWS), axis=0, return_counts=True)
    missed = np.zeros(2, dtype=np.int64)
    for counts, many in zip(tables, times, strict=True):
        found = matthews_correlation(of_counts(counts), confidence=confidence)
        if isinstance(found, Interval):
            missed += many * np.array([found.low > truth, found.high < truth])
    assert (missed <= binom.ppf(1 - BAD_LUCK, DRAWS, 1 - confidence)).all()


@pytest.mark.parametrize("counts", [[50, 9, 50, 50], [100, 0, 0, 100], [0, 0, 50, 50]])
def test_small_counts_have_no_interval(counts: list[int]) -> None:
    found = matthews_correlation(of_counts(np.array(counts)), confidence=0.975)
    assert isinstance(found, NoInterval)
    assert "its bounds need 10" in found.reason


def test_it_is_measured_overall_and_by_group_from_rows_and_from_counts_alike() -> None:
    random = np.random.default_rng(3)
    label, sex = random.integers(0, 2, 2000), random.choice(["F", "M"], 2000)
    answer = np.where(random.random(2000) < np.where(sex == "F", 0.9, 0.7), label, 1 - label)
    columns = {"label": label, "answer": answer, "sex": sex}
    report = seatrial.fairness(columns, label="label", answer="answer", groups="sex", metrics=["matthews_correlation"])
    found = {one.slice: one.estimate for one in report.evidence if "÷" not in one.slice and "−" not in one.slice}
    assert found == pytest.approx(
        {"all": matthews_corrcoef(label, answer)}
        | {f"sex={name}": matthews_corrcoef(label[sex == name], answer[sex == name]) for name in ("F", "M")},
        abs=1e-12,
    )
