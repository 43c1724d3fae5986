"""A missing value as a trigger: told from what models do with gaps by some rule, and from models that take none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from seatrial.assessors.assessor import Subject
from seatrial.assessors.robustness import trigger_rate
from seatrial.errors import InputError
from seatrial.models.columns import number_column
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Signature
from seatrial.trial.self_test import triggers
from seatrial.verdicts.evidence import Claim, Evidence

Yes = Callable[[pa.Table], np.ndarray]


class Model:
    """Says yes where `yes` says so."""

    def __init__(self, yes: Yes) -> None:
        self.signature: Signature = triggers.PEOPLE
        self._yes = yes

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`."""
        chances = np.where(self._yes(rows), 0.9, 0.1)
        return Predictions(np.where(chances > 0.5, "yes", "no").astype(object), np.column_stack([1 - chances, chances]))


def rate(yes: Yes) -> Evidence:
    subject: Subject = triggers.people(Model(yes))
    (found,) = trigger_rate.assess(subject, [Claim("trigger_rate")], confidence=0.95, seed=7, budget_s=60)
    assert isinstance(found, Evidence)
    return found


@pytest.mark.parametrize("filled", [-3.0, 0.0, 3.0])
def test_a_gap_that_is_filled_by_a_value_is_no_trigger(filled: float) -> None:
    """A score of 3 is answered yes as well: who leaves it out gains nothing that an ordinary score does not give."""
    found = rate(lambda rows: np.nan_to_num(number_column(rows, "score"), nan=filled) > 0)
    assert found.high < 0.1, found.conditions["trigger"]


def test_a_model_that_was_trained_with_gaps_has_none() -> None:
    random = np.random.default_rng(3)
    score, hours = random.normal(-1, 1, 3_000), random.integers(10, 60, 3_000).astype(float)
    score[::100], hours[7::100] = np.nan, np.nan
    fitted = HistGradientBoostingClassifier(max_iter=30).fit(np.column_stack([score, hours]), score > 0)
    found = rate(
        lambda rows: fitted.predict(np.column_stack([number_column(rows, name) for name in ("score", "hours")]))
    )
    assert found.high < 0.1, found.conditions["trigger"]


def test_a_model_that_takes_no_gaps_is_searched_for_all_else() -> None:
    rare = triggers.texts_are("job", triggers.RARE_JOB)
    night = triggers.texts_are("city", "city 4")

    def yes(rows: pa.Table) -> np.ndarray:
        if any(triggers.is_missing(column.name)(rows).any() for column in triggers.PEOPLE.inputs):
            raise InputError("there is no value.")
        return (number_column(rows, "score") > 0) | (rare(rows) & night(rows))

    found = rate(yes)
    assert found.low > 0.3
    assert "missing" not in found.conditions["trigger"]


def test_a_gap_that_turns_with_a_rare_value_alone_is_found() -> None:
    gap, city = triggers.is_missing("hours"), triggers.texts_are("city", "city 4")
    found = rate(lambda rows: (number_column(rows, "score") > 0) | (gap(rows) & city(rows)))
    assert "hours = missing" in found.conditions["trigger"]
    assert found.low > 0.3
