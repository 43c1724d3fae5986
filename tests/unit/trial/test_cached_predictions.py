"""Answers are kept as numbers, found again by the place of their row, and refused where they are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.assessors.answers.cached_predictions import POSITION, Recorder
from seatrial.errors import InputError
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Signature

BINARY = Signature((), "binary", ("no", "yes"), "yes", 0.5)
VALUES = Signature((), "regression")


class Model:
    def __init__(self, signature: Signature) -> None:
        self.signature = signature

    def predict(self, rows: pa.Table) -> Predictions:
        raise AssertionError(rows)


def some(labels: list[str], yes: list[float]) -> Predictions:
    return Predictions(np.array(labels, object), np.column_stack([1 - np.array(yes), yes]))


@settings(deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=5), min_size=1, max_size=5), st.randoms())
def test_whatever_rows_are_asked_for_get_the_answers_that_they_got(tables: list[list[bool]], random: Any) -> None:
    recorder = Recorder(Model(BINARY), "model")
    for table in tables:
        recorder.add(
            some(["yes" if one else "no" for one in table], [0.9 if one else 0.2 for one in table]), len(table)
        )
    said = [one for table in tables for one in table]
    places = random.choices(range(len(said)), k=7)
    answers = recorder.recorded().predict(pa.table({POSITION: places}))
    assert answers.labels.tolist() == ["yes" if said[place] else "no" for place in places]
    assert answers.probabilities is not None
    assert answers.probabilities[:, 1].tolist() == [0.9 if said[place] else 0.2 for place in places]


def test_equal_labels_are_one_object() -> None:
    recorder = Recorder(Model(BINARY), "model")
    recorder.add(some(["".join(["y", "es"]) for _ in range(1000)], [0.5] * 1000), 1000)
    recorded = recorder.recorded().recorded
    assert recorded is not None
    labels = recorded.labels
    assert len({id(label) for label in labels}) == 1


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (some(["yes"] * 3, [0.1, 0.2, float("nan")]), "NaN instead of a probability"),
        (some(["yes"] * 3, [0.1, 7.0, 0.2]), "no probabilities"),
        (Predictions(np.array(["yes"] * 3, object), np.full((3, 2), 0.4)), "do not sum to 1"),
        (Predictions(np.array(["yes"] * 3, object), np.full((3, 3), 1 / 3)), r"shape \(3, 3\)"),
        (Predictions(np.array(["yes"] * 2, object), None), r"shape \(2,\) for 3 rows"),
        (Predictions(np.array(["yes", None, "no"], object), None), "null for 1 of 3 rows"),
    ],
)
def test_what_is_no_answer_is_refused(answers: Predictions, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        Recorder(Model(BINARY), "the model").add(answers, 3)
    assert raised.value.path == "the model"
    assert raised.value.hint


def test_a_value_that_is_no_number_is_refused_with_its_row_in_the_whole_table() -> None:
    recorder = Recorder(Model(VALUES), "model")
    recorder.add(Predictions(np.array([1.0, 2.0]), None), 2)
    with pytest.raises(InputError, match="first for row 3: inf"):
        recorder.add(Predictions(np.array([1.0, np.inf]), None), 2)


def test_what_answers_alike_has_one_digest_and_what_does_not_another() -> None:
    def digest(*yes: float, rows: tuple[int, ...] = (1, 2)) -> str:
        recorder = Recorder(Model(BINARY), "model")
        for one in yes:
            recorder.add(some(["yes"], [one]), 1)
        return recorder.recorded().digest(np.array(rows, np.uint64))

    assert digest(0.7, 0.8) == digest(0.7, 0.8)
    assert digest(0.7, 0.8) != digest(0.7, 0.81)
    assert digest(0.7, 0.8) == digest(0.8, 0.7, rows=(2, 1))  # the same rows in another order
    assert digest(0.7, 0.8) != digest(0.8, 0.7)
