"""A label that can be read off an id is what the best rule of one column finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from seatrial.assessors import data_claims
from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import ONE_COLUMN
from seatrial.assessors.references.baselines import Baseline, one_column_rule
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Kind, Signature
from seatrial.verdicts.evidence import Evidence

ROWS = 2000


class Silent:
    def __init__(self, kind: Kind) -> None:
        self.signature = Signature((Column("id", kind), Column("age", "number")), "binary", ("no", "yes"), "yes", 0.5)

    def predict(self, rows: pa.Table) -> Predictions:
        return Predictions(np.full(rows.num_rows, "no", object), np.full((rows.num_rows, 2), 0.5))


def measured(ids: Any, yes: NDArray[np.bool_]) -> tuple[float, str]:
    """The accuracy of the best rule of one column, and what that is."""
    age = np.random.default_rng(1).normal(size=ROWS)
    columns = {"id": pa.array(ids), "age": pa.array(age), "y": pa.array(np.where(yes, "yes", "no").tolist())}
    kind: Kind = "text" if pa.types.is_string(columns["id"].type) else "integer"
    subject = Subject(Silent(kind), {"test": pa.table(columns)}, "y", "binary", positive="yes")
    rule = one_column_rule(subject)
    assert isinstance(rule, Baseline)
    subject = replace(subject, references={ONE_COLUMN: rule})
    (found,) = data_claims.assess(subject, [], confidence=0.975, seed=1, budget_s=1)
    assert isinstance(found, Evidence)
    return found.estimate, rule.described


def numbers() -> NDArray[np.int64]:
    return np.random.default_rng(2).permutation(90_000)[:ROWS] + 10_000


PLANTED: dict[str, Callable[[NDArray[np.int64], NDArray[np.bool_]], tuple[Any, NDArray[np.bool_], str]]] = {
    "parity": lambda ids, _: (ids, ids % 2 == 0, "the last digit of id"),
    "last digit": lambda ids, _: (ids, np.isin(ids % 10, [1, 4, 5]), "the last digit of id"),
    "tens": lambda ids, _: (ids, ids // 10 % 10 > 5, "the last digit but one of id"),
    "first digit": lambda ids, _: (ids, np.isin(ids // 10_000, [2, 5, 7]), "the first digit of id"),
    "order": lambda ids, _: (ids, ids > 50_000, "id below"),
    "prefix": lambda ids, yes: (
        [f"{'ward' if one else 'home'}-{name}" for one, name in zip(yes, ids, strict=True)],
        yes,
        "the first character of id",
    ),
    "suffix": lambda ids, yes: (
        [f"case-{name}{'bq' if one else 'xq'}" for one, name in zip(yes, ids, strict=True)],
        yes,
        "the last two characters of id",
    ),
    "parity of a text": lambda ids, _: ([f"p{name}" for name in ids], ids % 2 == 0, "the last character of id"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_part_of_an_id_that_tells_the_label_is_found(name: str) -> None:
    ids, yes, described = PLANTED[name](numbers(), np.random.default_rng(3).random(ROWS) < 0.4)
    accuracy, rule = measured(ids, yes)
    assert accuracy > 0.99
    assert described in rule


@pytest.mark.parametrize("text", [False, True])
def test_an_id_that_tells_nothing_makes_no_rule(text: bool) -> None:
    for seed in range(5):
        yes = np.random.default_rng(seed).random(ROWS) < 0.5
        ids = [f"p{name}" for name in numbers()] if text else numbers()
        accuracy, rule = measured(ids, yes)
        assert accuracy < 0.56
        assert "of id" not in rule


def test_whole_numbers_that_come_again_are_no_ids() -> None:
    ids = np.random.default_rng(4).integers(0, 200, ROWS)
    assert "digit" not in measured(ids, ids % 2 == 0)[1]
