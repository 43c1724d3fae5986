"""Models and data that attacks cannot be trusted on: each is named, and never a pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from seatrial.assessors.assessor import Subject
from seatrial.assessors.robustness import robust_accuracy
from seatrial.assessors.robustness.under_attack import UnderAttack
from seatrial.assessors.run_trial import run_trial
from seatrial.errors import Corrupt, InputError
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.policy.threat import ThreatModel
from seatrial.verdicts.verdict import Outcome

SIGNATURE = Signature((Column("x0", "number"), Column("x1", "number")), "multiclass", ("a", "b", "c"))
SQUARE = ThreatModel("linf", 0.05, 0.0, 1.0)
ROBUST = Claim("robust_accuracy", threat="square")
WEIGHTS = np.array([[8.0, -8.0, 0.0], [0.0, 0.0, -9.0]])


@dataclass
class Linear:
    """Scores that are linear in the inputs: its own module too."""

    spoil: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda _points, scores: scores
    signature: Signature = SIGNATURE

    def scores(self, points: np.ndarray) -> np.ndarray:
        return np.asarray((points - 0.5) @ WEIGHTS)

    def predict(self, rows: pa.Table) -> Predictions:
        points = np.column_stack([rows.column(name).to_numpy() for name in ("x0", "x1")])
        powers = np.exp(self.scores(points))
        chances = self.spoil(points, powers / powers.sum(axis=1, keepdims=True))
        answers = np.array(SIGNATURE.classes, object)[np.nan_to_num(chances).argmax(axis=1)]
        return Predictions(answers, chances)

    def scores_and_gradient(
        self, rows: np.ndarray, weigh: Callable[[np.ndarray], np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        scores = self.scores(rows)
        return scores, weigh(scores) @ WEIGHTS.T


def rows(count: int = 60, *, only: str | None = None) -> pa.Table:
    points = np.random.default_rng(3).uniform(0.2, 0.8, (count, 2))
    model = Linear()
    table = pa.table({"x0": pa.array(points[:, 0]), "x1": pa.array(points[:, 1])})
    labels = model.predict(table).labels.astype(str)
    site = np.where(np.arange(count) == 0, "alone", "crowd")
    table = table.append_column("y", pa.array(labels)).append_column("site", pa.array(site))
    return table if only is None else table.filter(pa.array(labels == only))


def subject(model: Any, table: pa.Table | None = None) -> Subject:
    table = rows() if table is None else table
    under = UnderAttack(model, table, table.num_rows, {"square": SQUARE}, differentiated=lambda _space: model)
    return Subject(Linear(), {"test": table}, "y", "multiclass", groups=("site",), under_attack=under)


def tried(subject: Subject, *claims: Claim) -> list[Evidence | NotMeasured]:
    return list(robust_accuracy.assess(subject, claims or (ROBUST,), confidence=0.95, seed=1, budget_s=60))


def verdict(subject: Subject, require: Requirement, *, threats: dict[str, ThreatModel] | None = None) -> Outcome | None:
    policy = Policy(require=(require,), threat={"square": SQUARE} if threats is None else threats)
    trial = run_trial(
        replace(subject, tables={"validation": subject.tables["test"]}, measured="validation"),
        policy,
        data="validation",
        use=None,
        model="m",
        policy_digest="p",
        seed=1,
        budget_s=60,
        progress=lambda _what: None,
        assessors=(("robustness", robust_accuracy),),
    )
    return judge(policy, trial).outcome


EASY = Requirement("robust_accuracy", at_least=0.01, threat="square")


def _raises(error: Exception) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def spoil(_points: np.ndarray, _chances: np.ndarray) -> np.ndarray:
        raise error

    return spoil


@pytest.mark.simulation
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda _points, chances: np.full_like(chances, np.nan), "gives NaN for an example that an attack made"),
        (lambda _points, chances: chances[:, :2], r"shape \(60, 3\), got \(60, 2\)"),
        (lambda _points, chances: chances[:1], r"shape \(60, 3\), got \(1, 3\)"),
        (_raises(InputError("it has no answer.", path="model")), "it has no answer"),
        (_raises(Corrupt("its runtime gave up.", path="model")), "its runtime gave up"),
    ],
    ids=["nan", "a class too few", "one row for all", "raises", "the runtime raises"],
)
def test_a_model_that_breaks_under_attack_is_not_measured_and_does_not_pass(
    spoil: Callable[[np.ndarray, np.ndarray], np.ndarray], words: str
) -> None:
    bad = subject(Linear(spoil))
    (found,) = tried(bad)
    assert isinstance(found, NotMeasured)
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found.reason)
    assert verdict(bad, EASY) is Outcome.INCONCLUSIVE
    assert verdict(subject(Linear()), EASY) is Outcome.PASS  # the same requirement, for a model that answers


def test_a_module_whose_gradients_are_nan_is_not_followed() -> None:
    class Masked(Linear):
        def scores_and_gradient(
            self, rows: np.ndarray, weigh: Callable[[np.ndarray], np.ndarray]
        ) -> tuple[np.ndarray, np.ndarray]:
            scores, gradient = super().scores_and_gradient(rows, weigh)
            return scores, np.full_like(gradient, np.nan)

    (found,) = tried(subject(Masked()))
    assert isinstance(found, NotMeasured)
    assert "gradients are NaN" in found.reason


@pytest.mark.simulation
def test_classes_that_are_missing_from_the_data_are_attacked_without() -> None:
    found = tried(subject(Linear(), rows(only="a")))[0]
    assert isinstance(found, Evidence)
    assert found.rows == rows(only="a").num_rows


@pytest.mark.simulation
def test_a_group_of_one_row_has_the_bounds_of_one_row_and_decides_nothing() -> None:
    by = Claim("robust_accuracy", Family.GROUPS, "site", threat="square")
    found = {one.slice: one for one in tried(subject(Linear()), by) if one.claim == by}
    alone = found["site=alone"]
    assert isinstance(alone, Evidence)
    assert alone.rows == 1
    assert (alone.low <= 0.05) is True
    assert verdict(subject(Linear()), replace(EASY, at_least=0.5, by="site")) is Outcome.INCONCLUSIVE


def test_a_threat_that_leaves_the_range_of_the_data_passes_nothing() -> None:
    narrow = {"square": ThreatModel("linf", 0.05, 0.0, 0.5)}
    whole = subject(Linear())
    assert whole.under_attack is not None
    narrowed = replace(whole, under_attack=replace(whole.under_attack, threats=narrow))
    (found,) = tried(narrowed)
    assert isinstance(found, NotMeasured)
    assert "low and high must cover the data" in found.reason
    assert verdict(narrowed, EASY, threats=narrow) is Outcome.INCONCLUSIVE


def test_a_policy_that_asks_for_a_claim_nobody_measured_passes_nothing() -> None:
    assert verdict(subject(Linear()), Requirement("roc_auc", at_least=0.01)) is Outcome.INCONCLUSIVE
    assert verdict(replace(subject(Linear()), under_attack=None), EASY) is Outcome.INCONCLUSIVE
