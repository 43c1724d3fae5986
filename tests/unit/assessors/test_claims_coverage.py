"""From rows to bounds: of every kind of claim the truths of all slices lie within, together, often enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, norm

from seatrial.assessors.assessor import Assessor, Subject
from seatrial.assessors.classification import confusion
from seatrial.assessors.regression import error_metrics
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.verdicts.bounds.calibration_error import calibration_error
from seatrial.verdicts.evidence import Claim, Evidence, Family

pytestmark = pytest.mark.simulation

CONFIDENCE = 0.9  # of the lows of a claim together, and of its highs together
DRAWS = 150
BAD_LUCK = 1e-4  # the chance that sound bounds fail one of these tests; the seeds are fixed
NO, YES = "no", "yes"
GROUPS = ("a", "b", "c")
ROWS = {"a": 200, "b": 90, "c": 40}
POSITIVE = {"a": 0.5, "b": 0.4, "c": 0.5}  # shares of the population
FOUND = {"a": 0.8, "b": 0.7, "c": 0.9}  # true positive rates
WRONGLY = {"a": 0.1, "b": 0.3, "c": 0.2}  # false positive rates
KEPT = {"a": 0.9, "b": 0.8, "c": 0.95}  # rows whose answer the reference shares; it turns the others round
SIGNATURE = Signature((Column("answer", "number"),), task="binary", classes=(NO, YES), positive=YES, threshold=0.5)


@dataclass(frozen=True, slots=True)
class Column01:
    """A classifier whose answer, 0 or 1, stands in a column."""

    column: str
    signature: Signature = SIGNATURE

    def predict(self, rows: pa.Table) -> Predictions:
        answer = rows.column(self.column).to_numpy().astype(np.int64)
        return Predictions(np.array([NO, YES], dtype=object)[answer], None)


def by_group(values: Mapping[str, float], group: NDArray[np.str_]) -> NDArray[np.float64]:
    return np.array([values[name] for name in GROUPS])[np.searchsorted(GROUPS, group)]


def drawn(random: np.random.Generator) -> Subject:
    """A sample of the population. Positives that are found weigh 1 or 3, all others 1."""
    group = np.repeat(GROUPS, [ROWS[name] for name in GROUPS])
    positive = random.random(len(group)) < by_group(POSITIVE, group)
    chance = np.where(positive, by_group(FOUND, group), by_group(WRONGLY, group))
    answer = random.random(len(group)) < chance
    other = answer ^ (random.random(len(group)) >= by_group(KEPT, group))
    weight = 1 + 2 * (positive & answer & (random.random(len(group)) < 0.5))
    columns = {"group": group, "label": np.where(positive, YES, NO), "answer": answer * 1, "other": other * 1}
    table = pa.table({name: pa.array(values) for name, values in {**columns, "weight": weight}.items()})
    return Subject(Column01("answer"), {"test": table}, "label", "binary", references={"other": Column01("other")})


def rate(metric: str, name: str) -> float:
    """The truth about a group."""
    positive, found, wrongly = POSITIVE[name], FOUND[name], WRONGLY[name]
    right, selected = positive * found, positive * found + (1 - positive) * wrongly
    return {
        "accuracy": right + (1 - positive) * (1 - wrongly),
        "selection_rate": selected,
        "true_positive_rate": found,
        "precision": right / selected,
        "f1": 2 * right / (positive + selected),
        "weighted": 2 * found / (1 + found),  # those who are found weigh 2 on average
    }[metric]


def of_groups(truth: Callable[[str], float]) -> dict[str, float]:
    return {f"group={name}": truth(name) for name in GROUPS}


def of_pairs(metric: str) -> dict[str, float]:
    return {f"group: {a} − {b}": rate(metric, a) - rate(metric, b) for a in GROUPS for b in GROUPS}


def of_ratios(metric: str) -> dict[str, float]:
    return {f"group: {a} ÷ {b}": rate(metric, a) / rate(metric, b) for a in GROUPS for b in GROUPS}


def beyond_reference(name: str) -> float:
    """The reference is right where its answer is the model's and right, or neither: accuracy by what it keeps."""
    accuracy = rate("accuracy", name)
    return accuracy - (accuracy * KEPT[name] + (1 - accuracy) * (1 - KEPT[name]))


CLAIMS: dict[str, tuple[Claim, str | None, dict[str, float]]] = {
    "ratios of selection rates": (
        Claim("selection_rate", Family.RATIOS, "group"),
        None,
        of_ratios("selection_rate"),
    ),
    "F1 of groups": (Claim("f1", Family.GROUPS, "group"), None, of_groups(lambda name: rate("f1", name))),
    "gaps of F1": (Claim("f1", Family.PAIRS, "group"), None, of_pairs("f1")),
    "gaps of precision": (Claim("precision", Family.PAIRS, "group"), None, of_pairs("precision")),
    "weighted balanced accuracy of groups": (
        Claim("balanced_accuracy", Family.GROUPS, "group"),
        "weight",
        of_groups(lambda name: (rate("weighted", name) + 1 - WRONGLY[name]) / 2),
    ),
    "accuracy beyond a reference's": (
        Claim("accuracy", Family.GROUPS, "group", against="other"),
        None,
        of_groups(beyond_reference),
    ),
    "weighted rates of groups": (
        Claim("true_positive_rate", Family.GROUPS, "group"),
        "weight",
        of_groups(lambda name: rate("weighted", name)),
    ),
    "gaps of weighted rates": (Claim("true_positive_rate", Family.PAIRS, "group"), "weight", of_pairs("weighted")),
}


def count_covered(
    assessor: Assessor, claim: Claim, truth: Mapping[str, float], draw: Callable[[np.random.Generator], Subject]
) -> tuple[int, int]:
    """In how many draws all lows of the claim lie at or below the truths, and in how many all highs at or above."""
    random = np.random.default_rng(11)
    lows = highs = 0
    for _ in range(DRAWS):
        found = assessor.assess(draw(random), [claim], confidence=CONFIDENCE, seed=7, budget_s=60)
        evidence = [item for item in takewhile(lambda item: item.claim == claim, found) if isinstance(item, Evidence)]
        assert len(evidence) == len(GROUPS)  # as many pairs as groups, and each is measured
        lows += all(item.low <= truth[item.slice] for item in evidence)
        highs += all(item.high >= truth[item.slice] for item in evidence)
    return lows, highs


@pytest.mark.parametrize(("claim", "weight", "truth"), CLAIMS.values(), ids=CLAIMS)
def test_the_truths_of_all_groups_or_pairs_lie_within_their_bounds_together(
    claim: Claim, weight: str | None, truth: dict[str, float]
) -> None:
    lows, highs = count_covered(confusion, claim, truth, lambda random: replace(drawn(random), weight=weight))
    enough = binom.ppf(BAD_LUCK, DRAWS, CONFIDENCE)
    assert lows >= enough
    assert highs >= enough


def test_bounds_for_other_weights_than_those_of_the_population_are_caught_by_this_count() -> None:
    claim, _, truth = CLAIMS["weighted rates of groups"]
    _, highs = count_covered(confusion, claim, truth, drawn)
    assert highs < binom.ppf(BAD_LUCK, DRAWS, CONFIDENCE)


SPREAD = {"a": 1.0, "b": 2.0, "c": 0.5}
CLIP = 2.0


def clipped_mean(spread: float) -> float:
    """Of min(|e|, CLIP), for normal errors of that standard deviation."""
    limit = CLIP / spread
    return float(2 * spread * (norm.pdf(0) - norm.pdf(limit)) + 2 * CLIP * norm.sf(limit))


class Zero:
    signature = Signature((Column("group", "text"),), task="regression")

    def predict(self, rows: pa.Table) -> Predictions:
        return Predictions(np.zeros(rows.num_rows), None)


def errors(random: np.random.Generator) -> Subject:
    group = np.repeat(GROUPS, [ROWS[name] for name in GROUPS])
    price = random.normal(size=len(group)) * by_group(SPREAD, group)
    table = pa.table({"group": pa.array(group), "price": pa.array(price)})
    return Subject(Zero(), {"test": table}, "price", "regression", clip=CLIP)


def test_the_true_gaps_between_clipped_errors_of_all_pairs_lie_within_their_bounds_together() -> None:
    mean = {name: clipped_mean(SPREAD[name]) for name in GROUPS}
    truth = {f"group: {a} − {b}": mean[a] - mean[b] for a in GROUPS for b in GROUPS}
    lows, highs = count_covered(error_metrics, Claim("clipped_mae", Family.PAIRS, "group"), truth, errors)
    enough = binom.ppf(BAD_LUCK, DRAWS, CONFIDENCE)
    assert lows >= enough
    assert highs >= enough


def test_the_true_weighted_calibration_error_lies_within_its_bounds() -> None:
    """Of rows that score 0.3, 0.4 are positive, of those that score 0.7, 0.9; positives weigh 2, others 1."""
    random = np.random.default_rng(12)
    gaps = [0.5 * (0.4 * 2 * 0.7 - 0.6 * 0.3), 0.5 * (0.9 * 2 * 0.3 - 0.1 * 0.7)]
    truth = sum(gaps) / (1 + 0.5 * (0.4 + 0.9))
    lows = highs = 0
    for _ in range(DRAWS):
        score = random.choice([0.3, 0.7], 300)
        hit = random.random(300) < np.where(score == 0.3, 0.4, 0.9)
        found = calibration_error(score, hit, [0.5], confidence=CONFIDENCE, seed=7, weights=np.where(hit, 2.0, 1.0))
        lows += found.low <= truth
        highs += found.high >= truth
    enough = binom.ppf(BAD_LUCK, DRAWS, CONFIDENCE)
    assert lows >= enough
    assert highs >= enough
