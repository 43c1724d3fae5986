"""Synthetic people, and models of known quality about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pytest

from seatrial.assessors.assessor import Subject
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature

NO, YES = "<=50K", ">50K"
SIGNATURE = Signature(
    inputs=(Column("score", "number"),), task="binary", classes=(NO, YES), positive=YES, threshold=0.5
)


class Reads:
    """A model whose probability of the positive class stands in the column `score`; it counts how often it is asked."""

    signature = SIGNATURE

    def __init__(self, spoil: Callable[[pa.Table, Predictions], Predictions] = lambda _rows, said: said) -> None:
        self.asked_rows = 0
        self._spoil = spoil

    def predict(self, rows: pa.Table) -> Predictions:
        self.asked_rows += rows.num_rows
        score = rows.column("score").to_numpy().astype(np.float64)
        labels = np.where(score >= 0.5, YES, NO).astype(object)
        return self._spoil(rows, Predictions(labels=labels, probabilities=np.column_stack([1 - score, score])))


def people(rows: int, seed: int, groups: Sequence[str] = ("Female", "Male"), sharpness: float = 4.0) -> pa.Table:
    """Calibrated scores: the label is drawn with the probability that the score states."""
    generator = np.random.default_rng(seed)
    score = 1 / (1 + np.exp(-sharpness * (generator.normal(size=rows) - 0.4)))
    columns = {
        "score": score,
        "income": np.where(generator.random(rows) < score, YES, NO),
        "sex": generator.choice(groups, rows),
        "race": generator.choice(["Asian", "Black", "Other", "White"], rows, p=[0.05, 0.1, 0.02, 0.83]),
        "age_band": generator.choice(["<30", "30-45", "45-60", "60+"], rows),
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def subject(
    test: pa.Table,
    validation: pa.Table | None = None,
    groups: Sequence[str] = (),
    spoil: Callable[[pa.Table, Predictions], Predictions] = lambda _rows, said: said,
) -> Subject:
    tables = {"test": test} if validation is None else {"test": test, "validation": validation}
    return Subject(
        predictor=Reads(spoil), tables=tables, label="income", task="binary", positive=YES, groups=tuple(groups)
    )


@pytest.fixture(name="people")
def _people() -> Callable[..., pa.Table]:
    return people


@pytest.fixture(name="subject")
def _subject() -> Callable[..., Subject]:
    return subject
